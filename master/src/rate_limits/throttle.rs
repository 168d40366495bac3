//! How often frameworks may speak: who goes on at once, who waits, and who is one too many. Pure: it is told the time, and tells when
//! it wants to be asked again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tepui_model::Time;

use super::RateLimits;
use super::limits::{HELD_BYTES, HELD_MESSAGES};

/// What waits takes memory.
pub(super) trait Weight {
    fn bytes(&self) -> usize;
}

/// Everybody's place in the queue.
pub(super) struct Throttle<T> {
    /// Of each principal that is named; those without a lane are not limited.
    named: BTreeMap<String, Option<Lane<T>>>,
    /// Of all others together.
    others: Option<Lane<T>>,
}

/// Whose messages: a principal's that is named, or all others'.
pub(super) type Name = Option<String>;

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission<T> {
    /// It goes on.
    Now(T),
    /// It is kept. The first that waits wants to be woken at that time.
    Held { lane: Name, wake: Option<Time> },
    /// So many wait already.
    Full { item: T, capacity: u64 },
}

struct Lane<T> {
    /// Between two messages.
    pause: Duration,
    capacity: Option<u64>,
    /// When the next one may go on.
    ready: Time,
    waiting: VecDeque<Waiting<T>>,
    bytes: usize,
}

struct Waiting<T> {
    item: T,
    /// It only keeps its place, and goes on with the one before it.
    is_free: bool,
}

impl<T: Weight> Throttle<T> {
    pub(super) fn new(limits: &RateLimits) -> Throttle<T> {
        let named = limits
            .named
            .iter()
            .map(|(principal, rate)| (principal.clone(), rate.qps.map(|qps| Lane::new(qps, rate.capacity))));
        let others = limits.others.qps.map(|qps| Lane::new(qps, limits.others.capacity));
        Throttle { named: named.collect(), others }
    }

    /// A framework of this principal says something.
    pub(super) fn admit(&mut self, now: Time, principal: Option<&str>, item: T) -> Admission<T> {
        let name = self.name(principal);
        let Some(lane) = self.lane(&name) else { return Admission::Now(item) };
        if let Some(capacity) = lane.is_full(item.bytes()) {
            return Admission::Full { item, capacity };
        }
        if lane.waiting.is_empty() && lane.ready <= now {
            lane.ready = now + lane.pause;
            return Admission::Now(item);
        }
        let wake = lane.waiting.is_empty().then_some(lane.ready);
        lane.push(item, false);
        Admission::Held { lane: name, wake }
    }

    /// Something happens that must not overtake what a framework has said. It is given back if nothing waits.
    pub(super) fn behind(&mut self, principal: Option<&str>, item: T) -> Option<T> {
        let name = self.name(principal);
        match self.lane(&name) {
            Some(lane) if !lane.waiting.is_empty() => {
                lane.push(item, true);
                None
            }
            Some(_) | None => Some(item),
        }
    }

    /// The time of a wake-up has come: what goes on, and when to come again.
    pub(super) fn due(&mut self, now: Time, lane: &Name) -> (Vec<T>, Option<Time>) {
        let mut released = Vec::new();
        let Some(lane) = self.lane(lane) else { return (released, None) };
        if lane.ready <= now {
            released.extend(lane.pop());
            while lane.waiting.front().is_some_and(|next| next.is_free) {
                released.extend(lane.pop());
            }
            lane.ready = now + lane.pause;
        }
        (released, (!lane.waiting.is_empty()).then_some(lane.ready))
    }

    fn name(&self, principal: Option<&str>) -> Name {
        principal.filter(|principal| self.named.contains_key(*principal)).map(str::to_owned)
    }

    fn lane(&mut self, name: &Name) -> Option<&mut Lane<T>> {
        match name {
            Some(principal) => self.named.get_mut(principal)?.as_mut(),
            None => self.others.as_mut(),
        }
    }
}

impl<T: Weight> Lane<T> {
    fn new(qps: f64, capacity: Option<u64>) -> Lane<T> {
        // A rate that is next to nothing pauses for as long as can be said.
        let pause =
            Duration::try_from_secs_f64(1.0 / qps).unwrap_or(Duration::from_secs(u64::from(u32::MAX)));
        Lane { pause, capacity, ready: Time::ZERO, waiting: VecDeque::new(), bytes: 0 }
    }

    /// How many may wait, if that many do.
    fn is_full(&self, more: usize) -> Option<u64> {
        let waiting = self.waiting.len() as u64;
        let capacity = self.capacity.unwrap_or(HELD_MESSAGES).min(HELD_MESSAGES);
        let too_heavy = !self.waiting.is_empty() && self.bytes + more > HELD_BYTES;
        (waiting >= capacity).then_some(capacity).or(too_heavy.then_some(waiting))
    }

    fn push(&mut self, item: T, is_free: bool) {
        self.bytes += item.bytes();
        self.waiting.push_back(Waiting { item, is_free });
    }

    fn pop(&mut self) -> Option<T> {
        let Waiting { item, .. } = self.waiting.pop_front()?;
        self.bytes -= item.bytes();
        Some(item)
    }
}
