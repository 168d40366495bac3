//! A thread that writes, so that the agent's actor never waits for the disk.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use tepui_agent_core::{Run, Ticket, Write};
use tokio::sync::oneshot;

use super::{collect, write};

/// Orders to the writing thread, performed one after the other. It ends when the last clone is dropped, after the last
/// order.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    orders: mpsc::Sender<Order>,
}

enum Order {
    Write {
        ticket: Ticket,
        writes: Vec<Write>,
        answer: Answer,
    },
    /// Says when everything before it is done.
    Flush(oneshot::Sender<()>),
    /// Deleting runs on this thread too: nothing is deleted while something is written beside it.
    Collect(Run),
}

/// Told when a ticket's writes are done, on the writing thread.
type Answer = Box<dyn FnOnce(Ticket, Result<(), String>) + Send>;

impl Writer {
    pub fn start(work_dir: PathBuf) -> Writer {
        let (orders, inbox) = mpsc::channel();
        let run = move || {
            for order in inbox {
                match order {
                    Order::Write { ticket, writes, answer } => answer(ticket, perform_all(&work_dir, writes)),
                    // Whoever asked may have stopped waiting.
                    Order::Flush(done) => drop(done.send(())),
                    Order::Collect(run) => collect::checkpoints(&work_dir, &run),
                }
            }
        };
        thread::Builder::new().name("checkpoints".into()).spawn(run).expect("the system starts threads");
        Writer { orders }
    }

    pub fn write(
        &self,
        ticket: Ticket,
        writes: Vec<Write>,
        answer: impl FnOnce(Ticket, Result<(), String>) + Send + 'static,
    ) {
        self.send(Order::Write { ticket, writes, answer: Box::new(answer) });
    }

    /// Deletes the checkpoints of a run, and of its executor and framework if it was their last.
    pub fn collect(&self, run: Run) {
        self.send(Order::Collect(run));
    }

    /// Ready when everything ordered before is done.
    pub async fn flush(&self) {
        let (done, is_done) = oneshot::channel();
        self.send(Order::Flush(done));
        let _ = is_done.await;
    }

    fn send(&self, order: Order) {
        self.orders.send(order).expect("the thread lives as long as somebody can give orders");
    }
}

fn perform_all(work_dir: &std::path::Path, writes: Vec<Write>) -> Result<(), String> {
    for one in writes {
        write::perform(work_dir, one).map_err(|why| why.to_string())?;
    }
    Ok(())
}
