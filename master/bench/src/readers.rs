//! Many readers at once, and what an agent notices of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use libactor::{Actor, Context, Node, Pid, Receive, Routes, Worker};
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit, percentiles};
use tepui_proto::internal::{
    PingSlaveMessage, PongSlaveMessage, RegisterSlaveMessage, SlaveRegisteredMessage,
};
use tokio::sync::oneshot;

use crate::crowd::PATIENCE;
use crate::shape::{Shape, agent_info};
use crate::{recorded, state};

const CLIENTS: usize = 20;
/// Answers that each of them reads.
const ANSWERS: usize = 10;

const SHAPE: Shape = Shape::new([1_000, 5, 2, 5, 2]).with_ended_tasks_shown();

pub fn contest() -> Contest {
    let mean = Row::new(
        "20 clients ask for the state of 10,000 + 10,000 tasks at once: mean",
        Unit::Seconds,
        "mean",
        Target::AtMost(0.4),
    );
    let ping = Row::new(
        "20 clients ask for the state of 10,000 + 10,000 tasks at once: an agent's question, p99",
        Unit::Seconds,
        "p99",
        Target::RatioAtMost(2.0),
    );
    Contest {
        sides: vec![
            Side::new("readers: twenty", || run(CLIENTS)),
            recorded::side("readers: Mesos", &[("mean", Duration::from_millis(960))]),
            Side::new("readers: none", || run(0)),
        ],
        rows: vec![mean.recorded("Mesos 1.7, published", 1), ping.beside("nobody reads", 2)],
    }
}

fn run(clients: usize) -> Result<Figures> {
    libactor::run(async {
        let worker = Worker::start();
        let cluster = state::busy(SHAPE, &worker).await?;
        let address = cluster.master.address();
        let asks = Arc::new(AtomicBool::new(true));
        let questions = ask_again_and_again(cluster.master.node(), &cluster.master_pid, &worker, &asks);
        let reads = move || -> Result<Vec<Duration>> {
            if clients == 0 {
                std::thread::sleep(Duration::from_secs(3));
                return Ok(Vec::new());
            }
            let readers: Vec<_> = (0..clients)
                .map(|_| std::thread::spawn(move || state::times(address, "/state", ANSWERS)))
                .collect();
            let join = |reader: std::thread::JoinHandle<Result<Vec<Duration>>>| {
                reader.join().expect("a reader does not panic")
            };
            readers.into_iter().map(join).collect::<Result<Vec<_>>>().map(|times| times.concat())
        };
        let times = tokio::task::spawn_blocking(reads).await.context("read")??;
        asks.store(false, Ordering::Relaxed);
        let mut rounds = tokio::time::timeout(PATIENCE, questions)
            .await
            .context("wait for an answer")?
            .context("the asker has gone")?;
        let mut figures = percentiles(&mut rounds);
        if let Some(count) = u32::try_from(times.len()).ok().filter(|count| *count > 0) {
            let mean = times.iter().sum::<Duration>() / count;
            figures.insert("mean".to_owned(), mean.as_secs_f64());
        }
        Ok(figures)
    })
}

/// An agent that is registered and has not heard so asks once more: the least that goes through the master's thread, and back.
struct Asker {
    master: Pid,
    asks: Arc<AtomicBool>,
    asked: Instant,
    rounds: Vec<Duration>,
    done: Option<oneshot::Sender<Vec<Duration>>>,
}

/// The time between two questions.
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Clone)]
struct Ask;

impl libactor::Message for Ask {
    type Reply = ();
}

fn ask_again_and_again(
    node: &Node,
    master: &Pid,
    worker: &Worker,
    asks: &Arc<AtomicBool>,
) -> oneshot::Receiver<Vec<Duration>> {
    let (done, questions) = oneshot::channel();
    let (master, asks) = (master.clone(), asks.clone());
    let asker = move || Asker { master, asks, asked: Instant::now(), rounds: Vec::new(), done: Some(done) };
    node.spawn_on(worker, "slave(asker)", asker).tell(Ask);
    questions
}

impl Actor for Asker {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<SlaveRegisteredMessage>().message::<PingSlaveMessage>();
    }
}

impl libactor::Handler<Ask> for Asker {
    fn handle(&mut self, cx: &mut Context<Self>, _: Ask) {
        self.asked = Instant::now();
        let slave = tepui_proto::v1::AgentInfo { id: None, ..agent_info("asker") };
        let version = Some(tepui_master::MESOS_VERSION.into());
        cx.tell(&self.master, RegisterSlaveMessage { slave, version, ..RegisterSlaveMessage::default() });
    }
}

impl Receive<SlaveRegisteredMessage> for Asker {
    fn receive(&mut self, cx: &mut Context<Self>, _: &Pid, _: SlaveRegisteredMessage) {
        self.rounds.push(self.asked.elapsed());
        if self.asks.load(Ordering::Relaxed) {
            cx.after(PAUSE, Ask);
            return;
        }
        // The first one was written into the registry.
        let rounds = self.rounds.split_off(1);
        let _ = self.done.take().map(|done| done.send(rounds));
    }
}

impl Receive<PingSlaveMessage> for Asker {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, _: PingSlaveMessage) {
        cx.tell(from, PongSlaveMessage {});
    }
}
