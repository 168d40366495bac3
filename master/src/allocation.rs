//! The allocator on a thread of its own, so that a long run does not hold up the master.
//!
//! The thread handles every call that waits before it runs, up to a number, and runs at once when a call asks for it.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use libactor::Message;
use tepui_allocator::{Allocation as Allotted, Allocator, Call, InverseOffer, Settings};
use tepui_model::Time;
use tokio::sync::{Mutex, oneshot};

use crate::actor::wall_clock;
use crate::config::Config;

/// Calls between two runs. Each takes some microseconds, so a run is some hundredths of a second late at most, however fast
/// the calls come; without a bound they could keep it off for ever.
const CALLS_BEFORE_A_RUN: usize = 10_000;

/// Looks at the ledger, and answers by itself.
type Question = Box<dyn FnOnce(&Allocator, Time) + Send>;

/// What the thread is given.
enum Item {
    Call(Call),
    /// Somebody wants to know something. What is answered holds for the calls before it.
    Question(Question),
}

/// The master's end, and that of whoever asks. The thread ends with the last clone.
#[derive(Clone)]
pub(crate) struct Allocation {
    items: mpsc::Sender<Item>,
    /// One question after the other: each may take as long as a run.
    asking: Arc<Mutex<()>>,
}

/// What one run gave out, and whom it asked to leave.
pub(crate) struct Allocated(pub(crate) Vec<Allotted>, pub(crate) Vec<InverseOffer>);

impl Message for Allocated {
    type Reply = ();
}

impl Allocation {
    /// Starts the thread; it ends with the handle. `allocated` is called on it.
    pub(crate) fn start(
        config: &Config,
        allocated: impl Fn(Allocated) + Send + 'static,
    ) -> std::io::Result<Self> {
        let settings = Settings {
            allocation_interval: config.allocation_interval,
            min_allocatable: config.min_allocatable_resources.clone(),
            filter_gpu_resources: config.filter_gpu_resources,
            excluded_from_sharing: config.excluded_from_sharing.clone(),
            role_sorter: config.role_sorter,
            framework_sorter: config.framework_sorter,
            recovery_factor: config.recovery_factor,
            recovery_timeout: config.recovery_timeout,
            ..Settings::new(rand::random())
        };
        let (items, waiting) = mpsc::channel();
        std::thread::Builder::new()
            .name("allocator".into())
            .spawn(move || run(settings, &waiting, allocated))?;
        Ok(Allocation { items, asking: Arc::default() })
    }

    pub(crate) fn call(&self, call: Call) {
        if self.items.send(Item::Call(call)).is_err() {
            // Only a broken ledger ends the thread; deciding on without it would hand out resources twice.
            tracing::error!("the allocator has ended; its panic was logged");
            std::process::abort();
        }
    }

    /// Asks without disturbing the master; `None` if the thread has ended.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Allocator, Time) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, asked) = oneshot::channel();
        let _alone = self.asking.lock().await;
        let question = Box::new(move |allocator: &Allocator, now| {
            // Who asked may have gone, before or meanwhile.
            if !answer.is_closed() {
                let _ = answer.send(question(allocator, now));
            }
        });
        self.items.send(Item::Question(question)).ok()?;
        asked.await.ok()
    }
}

fn run(settings: Settings, waiting: &mpsc::Receiver<Item>, allocated: impl Fn(Allocated)) {
    // The time of day when the thread began, counted on from there: refusals and intervals must not feel an operator
    // setting the clock.
    let (began, since) = (wall_clock(), Instant::now());
    let now = || began + since.elapsed();
    let mut allocator = Allocator::new(settings, began);
    loop {
        let pause = allocator.next_wakeup().since(now());
        match waiting.recv_timeout(pause) {
            Ok(first) => {
                for item in std::iter::once(first).chain(waiting.try_iter().take(CALLS_BEFORE_A_RUN)) {
                    match item {
                        Item::Call(call) => allocator.call(now(), call),
                        Item::Question(question) => {
                            question(&allocator, now());
                            // It may have taken long.
                            break;
                        }
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = now();
        let due = allocator.next_wakeup();
        if due <= now {
            let begin = Instant::now();
            let allocations = allocator.on_timer(now);
            metrics::counter!("allocator/mesos/allocation_runs").increment(1);
            metrics::histogram!("allocator/mesos/allocation_run_ms").record(milliseconds(begin.elapsed()));
            metrics::histogram!("allocator/mesos/allocation_run_latency_ms")
                .record(milliseconds(now.since(due)));
            let inverse = allocator.take_inverse_offers();
            if !(allocations.is_empty() && inverse.is_empty()) {
                allocated(Allocated(allocations, inverse));
            }
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
