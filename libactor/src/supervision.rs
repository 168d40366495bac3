//! Actors that are put back after a panic: how often, and after which pause.
//!
//! ```text
//!  running ──panic──► pausing ──► running      the same mailbox, the same pid, a new state
//!              └────► ended                    too many panics in the period: Exit::Panicked, and the name is free
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::actor::Actor;
use crate::time::Timestamp;

/// How often, and after which pause, a [supervised](crate::Node::supervise) actor is put back.
///
/// Five panics within a minute are borne, with pauses of 100 ms, 200 ms and so on, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    limit: u32,
    period: Duration,
    first: Duration,
    last: Duration,
}

impl Default for Restart {
    fn default() -> Restart {
        let (period, first, last) =
            (Duration::from_secs(60), Duration::from_millis(100), Duration::from_secs(5));
        Restart { limit: 5, period, first, last }
    }
}

impl Restart {
    /// So many restarts within any period of that length are allowed; the panic after that ends the actor.
    pub fn at_most(mut self, limit: u32, period: Duration) -> Restart {
        (self.limit, self.period) = (limit, period);
        self
    }

    /// The pause before the first restart of a period, on the node's clock; it doubles with each, up to `last`.
    pub fn after(mut self, first: Duration, last: Duration) -> Restart {
        (self.first, self.last) = (first, last);
        self
    }

    /// A panic happened now, after those in `panics`. The pause before the restart; none if there is to be none.
    fn pause(&self, panics: &mut VecDeque<Timestamp>, now: Timestamp) -> Option<Duration> {
        while panics.front().is_some_and(|earlier| now.since(*earlier) >= self.period) {
            panics.pop_front();
        }
        let earlier = u32::try_from(panics.len()).unwrap_or(u32::MAX);
        if earlier >= self.limit {
            return None;
        }
        panics.push_back(now);
        let factor = 1_u32.checked_shl(earlier).unwrap_or(u32::MAX);
        Some(self.first.saturating_mul(factor).min(self.last))
    }
}

/// What makes an actor anew, and when that was needed.
pub(crate) struct Supervision<A: Actor> {
    restart: Restart,
    make: Box<dyn FnMut() -> A>,
    panics: VecDeque<Timestamp>,
}

impl<A: Actor> Supervision<A> {
    pub(crate) fn new(restart: Restart, make: impl FnMut() -> A + 'static) -> Supervision<A> {
        Supervision { restart, make: Box::new(make), panics: VecDeque::new() }
    }

    pub(crate) fn make(&mut self) -> A {
        (self.make)()
    }

    /// The actor panicked now. The pause before the restart; none if there is to be none.
    pub(crate) fn pause(&mut self, now: Timestamp) -> Option<Duration> {
        self.restart.pause(&mut self.panics, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_the_limit_is_for_a_period() {
        let second = Duration::from_secs(1);
        let restart = Restart::default().at_most(4, 60 * second).after(second, 4 * second);
        let mut panics = VecDeque::new();
        let mut at = |now: u32| restart.pause(&mut panics, Timestamp::default() + now * second);

        let pauses = [0, 1, 2, 3].map(&mut at);

        assert_eq!(pauses, [1, 2, 4, 4].map(|seconds| Some(seconds * second)));
        assert_eq!(at(4), None);
        // The first one is a minute ago.
        assert_eq!(at(60), Some(4 * second));
        assert_eq!(at(60), None);
    }

    #[test]
    fn no_restart_is_a_limit_too() {
        let restart = Restart::default().at_most(0, Duration::from_secs(1));

        assert_eq!(restart.pause(&mut VecDeque::new(), Timestamp::default()), None);
    }
}
