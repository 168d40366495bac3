//! Who caused what: the ids that travel with every message, through handlers and futures.

mod causes;
mod filter;
mod gather;
pub(crate) mod http;
mod json;
mod merge;
mod outcome;
pub(crate) mod parameters;
mod propagation;
mod record;
pub(crate) mod recorder;
mod search;
pub(crate) mod service;
mod stream;
pub(crate) mod tail;
pub(crate) mod taps;
mod top;
mod tree;
pub(crate) mod wire;

pub use causes::Causes;
pub use filter::Query;
pub use outcome::Outcome;
pub use record::{Entry, Record};
pub use recorder::Recorder;

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use crate::limits::CLOCK_SKEW;
use crate::time::Timestamp;

/// Shared by all messages that follow from the same first one. Printed as 16 hexadecimal digits; zero means none.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub u64);

/// One message. Printed as 16 hexadecimal digits; zero means none.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

/// A hybrid logical time: milliseconds since the epoch in the upper 48 bits, a counter in the lower 16. Later than every
/// time that its node had seen before, and never far from its node's clock.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HybridTime(pub u64);

macro_rules! prints_as_hex {
    ($($id:ty),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

prints_as_hex!(TraceId, MessageId, HybridTime);

/// The message that is being handled: what is sent meanwhile follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// Its trace.
    pub trace: TraceId,
    /// Itself.
    pub message: MessageId,
}

thread_local! {
    static CURRENT: Cell<Cause> = const { Cell::new(Cause { trace: TraceId(0), message: MessageId(0) }) };
}

impl Cause {
    /// What this thread is busy with; all zero outside handlers.
    pub fn current() -> Cause {
        CURRENT.get()
    }

    /// Runs `call` as something that follows from this cause.
    pub fn during<T>(self, call: impl FnOnce() -> T) -> T {
        struct Restore(Cause);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self));
        call()
    }

    /// What follows on this thread follows from this, until somebody says otherwise.
    pub(crate) fn set(self) {
        CURRENT.set(self);
    }

    /// A future whose every step follows from this cause.
    pub fn carry<F: Future>(self, future: F) -> Carried<F> {
        Carried { cause: self, future: Box::pin(future) }
    }
}

/// See [`Cause::carry`].
pub struct Carried<F> {
    cause: Cause,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Carried<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let cause = self.cause;
        cause.during(|| self.future.as_mut().poll(cx))
    }
}

/// Where a node's ids and hybrid times come from.
///
/// Ids look random and are not: those of recorded messages are the numbers of their slots, so that a message is found again by
/// its id; all others are counted from the other end.
pub(crate) struct Ids {
    seed: u64,
    next: AtomicU64,
    time: AtomicU64,
}

impl Ids {
    /// Ids that no other node makes, short of a collision of 64 random bits.
    pub(crate) fn random() -> Ids {
        Ids { seed: random(), next: AtomicU64::new(1 << 63), time: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> u64 {
        self.of_slot(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The id of the message in the slot of that number.
    pub(crate) fn of_slot(&self, number: u64) -> u64 {
        mix(self.seed.wrapping_add(number.wrapping_mul(GOLDEN))).max(1)
    }

    /// The number of the slot with the message of that id, if one of this node has it.
    pub(crate) fn slot_of(&self, id: u64) -> u64 {
        unmix(id).wrapping_sub(self.seed).wrapping_mul(inverse(GOLDEN))
    }

    /// The time of an event here and now.
    pub(crate) fn tick(&self, now: Timestamp) -> HybridTime {
        let physical = hybrid(now);
        let step = |last: u64| Some(physical.max(last + 1));
        let last = self.time.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_default();
        HybridTime(physical.max(last + 1))
    }

    /// A message of another node came in. A clock that runs far ahead is not followed.
    pub(crate) fn observe(&self, sent: HybridTime, now: Timestamp) {
        self.observe_all(std::iter::once(sent), now);
    }

    /// Messages of other nodes came in.
    pub(crate) fn observe_all(&self, sent: impl Iterator<Item = HybridTime>, now: Timestamp) {
        let limit = hybrid(now + CLOCK_SKEW);
        if let Some(last) = sent.map(|sent| sent.0).filter(|sent| *sent <= limit).max() {
            self.time.fetch_max(last, Ordering::Relaxed);
        }
    }
}

/// From the system's randomness, by which the standard library keys its hashers.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn hybrid(time: Timestamp) -> u64 {
    (time.as_nanos() / 1_000_000) << 16
}

/// The step of splitmix64, and the factors of its finalizer.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTORS: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// The finalizer of splitmix64: neighbouring numbers become unrelated ones.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(FACTORS[0]);
    z = (z ^ (z >> 27)).wrapping_mul(FACTORS[1]);
    z ^ (z >> 31)
}

/// The number that became this one.
fn unmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 31) ^ (z >> 62)).wrapping_mul(inverse(FACTORS[1]));
    z = (z ^ (z >> 27) ^ (z >> 54)).wrapping_mul(inverse(FACTORS[0]));
    z ^ (z >> 30) ^ (z >> 60)
}

/// What an odd number is multiplied with to make one, in 64 bits. Each step of Newton's doubles the right digits, of which there are
/// three at first.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut digits = 3;
    while digits < 64 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        digits *= 2;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn hybrid_times_grow_though_the_clock_stands() {
        let ids = Ids::random();
        let now = Timestamp::from_nanos(5_000_000);

        let (first, second) = (ids.tick(now), ids.tick(now));

        assert!(second > first);
        assert_eq!(first.0 >> 16, 5);
    }

    #[test]
    fn a_time_of_another_node_is_followed_unless_it_runs_far_ahead() {
        let ids = Ids::random();
        let now = Timestamp::from_nanos(1_000_000_000);
        let ahead = HybridTime(hybrid(now + Duration::from_secs(10)));
        let absurd = HybridTime(u64::MAX);

        ids.observe(ahead, now);
        ids.observe(absurd, now);

        let next = ids.tick(now);
        assert!(next > ahead && next.0 == ahead.0 + 1);
    }

    #[test]
    fn an_id_tells_its_slot_and_those_without_a_slot_are_others() {
        let ids = Ids::random();

        for number in (0..1000).chain([u64::MAX >> 1]) {
            assert_eq!(ids.slot_of(ids.of_slot(number)), number);
        }
        assert!(ids.slot_of(ids.next()) >= 1 << 63);
    }

    #[test]
    fn a_cause_holds_for_one_call_even_if_it_panics() {
        let cause = Cause { trace: TraceId(1), message: MessageId(2) };

        let _ = std::panic::catch_unwind(|| cause.during(|| panic!("for the test")));

        assert_eq!(Cause::current(), Cause::default());
        assert_eq!(cause.during(Cause::current), cause);
    }
}
