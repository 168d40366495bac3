//! The time of a node: real, or virtual in tests.
//!
//! Every timer of an actor comes from its node's clock. A virtual clock stands still until it is told to
//! [`advance`](Clock::advance), jumps from timer to timer, and lets all actors settle in between. Sockets always keep real
//! time: handshakes, heartbeats and shutdown do not wait for a virtual clock.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use crate::time::Timestamp;

/// Turns of the executor without anything to do in a mailbox after which everything is taken to be at rest. A timer that
/// fires needs two turns to become a message, a future that wakes an actor a few more.
const QUIET_TURNS: u32 = 32;

/// Longer sleeps are cut to this: 30 years, which tokio's timers still hold.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// A source of time and of timers. Clones share it.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    Real { start: Timestamp, since: Instant },
    // `busy`: how many mailboxes hold something to do.
    Virtual { state: Mutex<VirtualState>, busy: AtomicUsize },
}

struct VirtualState {
    now: Timestamp,
    // The number keeps sleepers of the same moment apart, in the order of their arrival.
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<()>>,
    next: u64,
}

impl Clock {
    /// The machine's time, read once now and carried on by its monotonic clock: it never goes backwards, and does not
    /// follow somebody who sets the machine's clock while the process runs.
    pub fn real() -> Clock {
        Clock(Arc::new(Source::Real { start: SystemTime::now().into(), since: Instant::now() }))
    }

    /// A clock that stands at `start` until it is told to advance. Nodes may share it.
    pub fn starting_at(start: Timestamp) -> Clock {
        let state = VirtualState { now: start, sleepers: BTreeMap::new(), next: 0 };
        Clock(Arc::new(Source::Virtual { state: Mutex::new(state), busy: AtomicUsize::new(0) }))
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::Real { start, since } => *start + since.elapsed(),
            Source::Virtual { state, .. } => lock(state).now,
        }
    }

    /// Ready after `duration`, counted from this call and not from the first poll.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        let duration = duration.min(FOREVER);
        let (virtual_sleep, real_until) = match &*self.0 {
            Source::Real { .. } => (None, Some(tokio::time::Instant::now() + duration)),
            Source::Virtual { state, .. } => (Some(lock(state).sleep(duration)), None),
        };
        // Kept alive by its sleepers: a virtual clock that was dropped would wake them all.
        let clock = self.clone();
        async move {
            if let Some(until) = real_until {
                tokio::time::sleep_until(until).await;
            }
            if let Some(woken) = virtual_sleep {
                let _ = woken.await;
            }
            drop(clock);
        }
    }

    /// Moves a virtual clock on by `duration`. Stops at each timer on the way, fires it, and waits until all actors have
    /// handled what follows from it.
    ///
    /// # Panics
    /// The clock is real.
    pub async fn advance(&self, duration: Duration) {
        let Source::Virtual { state, .. } = &*self.0 else { panic!("a real clock cannot be advanced") };
        self.settle().await;
        let target = lock(state).now + duration;
        while let Some(sleeper) = { lock(state).next_until(target) } {
            let _ = sleeper.send(());
            self.settle().await;
        }
        lock(state).now = target;
    }

    /// Waits until every message that was told between actors of this clock's nodes inside this process is handled, but for
    /// those told to an actor that [waits](crate::Context::wait_then) for a future. Does not know of what is under way on a socket.
    ///
    /// # Panics
    /// The clock is real.
    pub async fn settle(&self) {
        let Source::Virtual { busy, .. } = &*self.0 else { panic!("a real clock never settles") };
        let mut quiet = 0;
        while quiet < QUIET_TURNS {
            tokio::task::yield_now().await;
            quiet = if busy.load(Ordering::Acquire) == 0 { quiet + 1 } else { 0 };
        }
    }

    /// Marks a mailbox as one with something to do, until the answer is dropped. Real clocks do not count.
    pub(crate) fn busy(&self) -> Option<Busy> {
        let Source::Virtual { busy, .. } = &*self.0 else { return None };
        busy.fetch_add(1, Ordering::AcqRel);
        Some(Busy(self.clone()))
    }

    /// True if somebody moves it.
    pub(crate) fn is_virtual(&self) -> bool {
        matches!(&*self.0, Source::Virtual { .. })
    }
}

impl VirtualState {
    fn sleep(&mut self, duration: Duration) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        self.sleepers.insert((self.now + duration, self.next), wake);
        self.next += 1;
        woken
    }

    fn next_until(&mut self, target: Timestamp) -> Option<oneshot::Sender<()>> {
        let first = self.sleepers.first_entry()?;
        let due = first.key().0;
        if due > target {
            return None;
        }
        let sleeper = first.remove();
        self.now = self.now.max(due);
        Some(sleeper)
    }
}

/// A mailbox with something to do, as a virtual clock counts it.
pub(crate) struct Busy(Clock);

impl Drop for Busy {
    fn drop(&mut self) {
        if let Source::Virtual { busy, .. } = &*self.0.0 {
            busy.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

fn lock(state: &Mutex<VirtualState>) -> std::sync::MutexGuard<'_, VirtualState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
