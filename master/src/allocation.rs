//! The allocator on a thread of its own, so that a long run does not hold up the master.
//!
//! The thread handles every call that waits before it runs, up to a number, and runs at once when a call asks for it.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

use libactor::Message;
use tepui_allocator::{Allocation as Allotted, Allocator, Call, Settings};

use crate::actor::wall_clock;
use crate::config::Config;

/// Calls between two runs. Each takes some microseconds, so a run is some hundredths of a second late at most, however fast
/// the calls come; without a bound they could keep it off for ever.
const CALLS_BEFORE_A_RUN: usize = 10_000;

/// The master's end.
pub(crate) struct Allocation {
    calls: mpsc::Sender<Call>,
}

/// What one run gave out.
pub(crate) struct Allocated(pub(crate) Vec<Allotted>);

impl Message for Allocated {
    type Reply = ();
}

impl Allocation {
    /// Starts the thread; it ends with the handle. `allocated` is called on it.
    pub(crate) fn start(
        config: &Config,
        allocated: impl Fn(Vec<Allotted>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let settings = Settings {
            allocation_interval: config.allocation_interval,
            min_allocatable: config.min_allocatable_resources.clone(),
            filter_gpu_resources: config.filter_gpu_resources,
            excluded_from_sharing: config.excluded_from_sharing.clone(),
            role_sorter: config.role_sorter,
            framework_sorter: config.framework_sorter,
            ..Settings::new(rand::random())
        };
        let (calls, waiting) = mpsc::channel();
        if !config.weights.is_empty() && calls.send(Call::UpdateWeights(config.weights.clone())).is_err() {
            unreachable!("the other end is here");
        }
        std::thread::Builder::new()
            .name("allocator".into())
            .spawn(move || run(settings, &waiting, allocated))?;
        Ok(Allocation { calls })
    }

    pub(crate) fn call(&self, call: Call) {
        if self.calls.send(call).is_err() {
            // Only a broken ledger ends the thread; deciding on without it would hand out resources twice.
            tracing::error!("the allocator has ended; its panic was logged");
            std::process::abort();
        }
    }
}

fn run(settings: Settings, waiting: &mpsc::Receiver<Call>, allocated: impl Fn(Vec<Allotted>)) {
    // The time of day when the thread began, counted on from there: refusals and intervals must not feel an operator
    // setting the clock.
    let (began, since) = (wall_clock(), Instant::now());
    let now = || began + since.elapsed();
    let mut allocator = Allocator::new(settings, began);
    loop {
        let pause = allocator.next_wakeup().since(now());
        match waiting.recv_timeout(pause) {
            Ok(call) => {
                allocator.call(now(), call);
                for call in waiting.try_iter().take(CALLS_BEFORE_A_RUN) {
                    allocator.call(now(), call);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = now();
        if allocator.next_wakeup() <= now {
            let allocations = allocator.on_timer(now);
            if !allocations.is_empty() {
                allocated(allocations);
            }
        }
    }
}
