//! Live taps of a node: what passes a filter is shown to somebody while it happens.
//!
//! Without a tap a message costs one relaxed load. With one, it is looked at when it arrives, by the names in its header, and again
//! when it ends; only what passes, and is not above the rate, is read from the flight recorder and queued.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::envelope::Head;
use crate::limits::{TAPPED_BODIES_BYTES, TAPPED_BODY_BYTES, TAPS};
use crate::time::Timestamp;
use crate::trace::recorder::UNRECORDED;
use crate::trace::wire::Filter;
use crate::trace::{Outcome, Record};

/// What passed a tap.
pub(crate) struct Caught {
    pub(crate) record: Record,
    /// The type of the body, and the body, if the tap wants it and it was kept.
    pub(crate) body: Option<(&'static str, Bytes)>,
}

pub(crate) struct Tap {
    actor: Option<(String, Option<SocketAddr>)>,
    message: Option<String>,
    trace: Option<u64>,
    slower_than: Option<Duration>,
    errors: bool,
    bodies: bool,
    /// Also what leaves for other nodes, which show it themselves where they are asked too.
    leaving: bool,
    rate: Rate,
    left_out: AtomicU64,
    sink: mpsc::Sender<Caught>,
    // The generation with which it was opened.
    opened: u64,
}

/// At most so many in each second.
pub(crate) struct Rate {
    most: u32,
    // The second in the upper half, what it has seen in the lower.
    window: AtomicU64,
}

/// What a tap is opened with.
pub(crate) struct Wish {
    pub(crate) filter: Filter,
    pub(crate) rate: u32,
    pub(crate) bodies: bool,
    pub(crate) leaving: bool,
}

type Slots = [Option<Arc<Tap>>; TAPS];

/// All taps of a node.
pub(crate) struct Taps {
    // Zero without taps; otherwise a number that no other set of taps of the process has.
    generation: AtomicU64,
    slots: RwLock<Arc<Slots>>,
    bodies: Arc<AtomicUsize>,
}

thread_local! {
    /// The set that this thread met last, so that a message takes no lock.
    static MET: RefCell<(u64, Arc<Slots>)> = RefCell::new((0, Arc::new([const { None }; TAPS])));
}

/// Which taps may want a message, once it has ended.
#[derive(Default)]
pub(crate) enum Seen {
    #[default]
    Not,
    By(Mask),
    WithBody(Box<Held>),
}

#[derive(Clone, Copy)]
pub(crate) struct Mask {
    generation: u64,
    taps: u16,
}

/// A body that is kept until its message ends.
pub(crate) struct Held {
    mask: Mask,
    type_name: &'static str,
    body: Bytes,
    all: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.body.len(), Ordering::Relaxed);
    }
}

impl Rate {
    pub(crate) fn new(most: u32) -> Rate {
        Rate { most, window: AtomicU64::new(0) }
    }

    /// Whether there is room for one more in the second of `now`.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let second = (now.as_nanos() / 1_000_000_000) << 32;
        let step = |window: u64| {
            let seen = if window >> 32 == second >> 32 { window & u64::from(u32::MAX) } else { 0 };
            (seen < u64::from(self.most)).then_some(second | (seen + 1))
        };
        self.window.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_ok()
    }
}

impl Tap {
    fn wants(&self, header: Head<'_>) -> bool {
        self.trace.is_none_or(|trace| trace == header.trace.0)
            && self.message.as_deref().is_none_or(|name| {
                **header.name == *name || header.name.rsplit_once('.').is_some_and(|(_, last)| last == name)
            })
            && self.actor.as_ref().is_none_or(|(name, address)| {
                let is = |pid: &crate::pid::Pid| {
                    pid.name() == name && address.is_none_or(|address| address == pid.address())
                };
                is(header.from) || is(header.to)
            })
    }

    /// Nothing of its end decides whether a message passes.
    fn decides_at_once(&self) -> bool {
        !self.errors && self.slower_than.is_none()
    }

    fn wants_end(&self, outcome: Outcome, took: Duration) -> bool {
        (!self.errors || outcome.is_error()) && self.slower_than.is_none_or(|limit| took > limit)
    }

    fn take_turn(&self, now: Timestamp) -> bool {
        let turn = self.rate.take(now);
        if !turn {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        turn
    }

    fn show(&self, caught: Caught) {
        if self.sink.try_send(caught).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many passed the filter since the last call and are not shown.
    pub(crate) fn take_left_out(&self) -> u64 {
        self.left_out.swap(0, Ordering::Relaxed)
    }
}

impl Taps {
    pub(crate) fn new() -> Taps {
        let slots = RwLock::new(Arc::new([const { None }; TAPS]));
        Taps { generation: AtomicU64::new(0), slots, bodies: Arc::default() }
    }

    #[inline]
    pub(crate) fn are_off(&self) -> bool {
        self.generation.load(Ordering::Relaxed) == 0
    }

    /// None if there are as many as may be.
    pub(crate) fn open(&self, wish: Wish, sink: mpsc::Sender<Caught>) -> Option<Arc<Tap>> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let free = slots.iter().position(Option::is_none)?;
        let opened = next_generation();
        let Wish { filter, rate, bodies, leaving } = wish;
        let actor = filter.actor.map(|text| match text.rsplit_once('@') {
            Some((name, address)) if let Ok(address) = address.parse() => (name.to_owned(), Some(address)),
            _ => (text, None),
        });
        let tap = Arc::new(Tap {
            actor,
            message: filter.message,
            trace: filter.traces.first().copied(),
            slower_than: filter.slower_than.map(Duration::from_nanos),
            errors: filter.errors,
            bodies,
            leaving,
            rate: Rate::new(rate),
            left_out: AtomicU64::new(0),
            sink,
            opened,
        });
        let mut changed: Slots = (**slots).clone();
        changed[free] = Some(tap.clone());
        *slots = Arc::new(changed);
        self.generation.store(opened, Ordering::Release);
        Some(tap)
    }

    pub(crate) fn close(&self, tap: &Arc<Tap>) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed: Slots = (**slots).clone();
        for slot in &mut changed {
            if slot.as_ref().is_some_and(|other| Arc::ptr_eq(other, tap)) {
                *slot = None;
            }
        }
        let none = changed.iter().all(Option::is_none);
        *slots = Arc::new(changed);
        self.generation.store(if none { 0 } else { next_generation() }, Ordering::Release);
    }

    /// A message that has not ended: whom it may be shown to.
    #[inline]
    pub(crate) fn arrives<'a>(&self, head: impl Into<Head<'a>>, at: Timestamp) -> Seen {
        if self.are_off() { Seen::Not } else { self.see(head.into(), at) }
    }

    fn see(&self, header: Head<'_>, at: Timestamp) -> Seen {
        if header.name.starts_with(UNRECORDED) {
            return Seen::Not;
        }
        let mask = self.with(|generation, slots| {
            let mut taps = 0;
            for (n, tap) in slots.iter().enumerate() {
                let Some(tap) = tap else { continue };
                if tap.wants(header) && (!tap.decides_at_once() || tap.take_turn(at)) {
                    taps |= 1 << n;
                }
            }
            Mask { generation, taps }
        });
        if mask.taps == 0 { Seen::Not } else { Seen::By(mask) }
    }

    /// Keeps the body of a message that was seen, if somebody wants it.
    #[inline]
    pub(crate) fn keep(
        &self,
        seen: &mut Seen,
        type_name: &'static str,
        size: usize,
        body: impl FnOnce() -> Bytes,
    ) {
        if !matches!(seen, Seen::Not) {
            self.hold(seen, type_name, size, body);
        }
    }

    fn hold(&self, seen: &mut Seen, type_name: &'static str, size: usize, body: impl FnOnce() -> Bytes) {
        let Seen::By(mask) = *seen else { return };
        let wanted = self.with(|_, slots| mask.of(slots).any(|tap| tap.bodies));
        if !wanted || size > TAPPED_BODY_BYTES {
            return;
        }
        if self.bodies.fetch_add(size, Ordering::Relaxed) + size > TAPPED_BODIES_BYTES {
            self.bodies.fetch_sub(size, Ordering::Relaxed);
            return;
        }
        let body = body();
        // What the encoder says and what it writes are the same; the account must be even if not.
        self.bodies.fetch_add(body.len(), Ordering::Relaxed);
        self.bodies.fetch_sub(size, Ordering::Relaxed);
        *seen = Seen::WithBody(Box::new(Held { mask, type_name, body, all: self.bodies.clone() }));
    }

    /// A message that was seen has ended. `record` is only called if somebody is shown it.
    pub(crate) fn ended(
        &self,
        seen: Seen,
        outcome: Outcome,
        now: Timestamp,
        took: impl FnOnce() -> Duration,
        record: impl FnOnce() -> Option<Record>,
    ) {
        let (mask, held) = match seen {
            Seen::Not => return,
            Seen::By(mask) => (mask, None),
            Seen::WithBody(held) => (held.mask, Some(held)),
        };
        self.with(|_, slots| {
            let all_at_once = mask.of(slots).all(|tap| tap.decides_at_once());
            let took = if all_at_once { Duration::ZERO } else { took() };
            let passes = |tap: &&Arc<Tap>| {
                tap.decides_at_once() || (tap.wants_end(outcome, took) && tap.take_turn(now))
            };
            let passed: Vec<&Arc<Tap>> = mask.of(slots).filter(passes).collect();
            if passed.is_empty() {
                return;
            }
            let Some(record) = record() else {
                for tap in passed {
                    tap.left_out.fetch_add(1, Ordering::Relaxed);
                }
                return;
            };
            for tap in passed {
                let body =
                    held.as_ref().filter(|_| tap.bodies).map(|held| (held.type_name, held.body.clone()));
                tap.show(Caught { record: record.clone(), body });
            }
        });
    }

    /// A message that has ended when it is seen first: it was sent, or given up.
    pub(crate) fn ends(&self, record: &Record, leaves_for_peer: bool, now: Timestamp) {
        if record.header.name.starts_with(UNRECORDED) {
            return;
        }
        self.with(|_, slots| {
            for tap in slots.iter().flatten() {
                let passes = tap.wants(Head::from(&record.header))
                    && (!leaves_for_peer || tap.leaving)
                    && tap.wants_end(record.outcome, record.took(now))
                    && tap.take_turn(now);
                if passes {
                    tap.show(Caught { record: record.clone(), body: None });
                }
            }
        });
    }

    fn with<T>(&self, look: impl FnOnce(u64, &Slots) -> T) -> T {
        MET.with_borrow_mut(|(met, slots)| {
            let generation = self.generation.load(Ordering::Acquire);
            if *met != generation || generation == 0 {
                let all = self.slots.read().unwrap_or_else(PoisonError::into_inner);
                // Under the lock, so that the two belong together.
                *met = self.generation.load(Ordering::Acquire);
                *slots = all.clone();
            }
            look(*met, slots)
        })
    }
}

impl Mask {
    /// The taps that were open when the message was seen, and still are.
    fn of(self, slots: &Slots) -> impl Iterator<Item = &Arc<Tap>> {
        let seen = move |(n, tap): (usize, &'_ Option<Arc<Tap>>)| {
            self.taps & (1 << n) != 0 && tap.as_ref().is_some_and(|tap| tap.opened <= self.generation)
        };
        slots.iter().enumerate().filter(move |(n, tap)| seen((*n, *tap))).filter_map(|(_, tap)| tap.as_ref())
    }
}

fn next_generation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Header;
    use crate::trace::{HybridTime, MessageId, TraceId};

    fn header(name: &'static str) -> Header {
        Header {
            from: "a@127.0.0.1:1".parse().unwrap(),
            to: "b@127.0.0.1:2".parse().unwrap(),
            name: name.into(),
            size: 3,
            trace: TraceId(1),
            id: MessageId(2),
            cause: MessageId(0),
            logical: HybridTime(3),
        }
    }

    fn record(name: &'static str, outcome: Outcome) -> Record {
        let at = Some(Timestamp::from_nanos(5));
        Record { header: header(name), sent: at, received: at, began: at, ended: at, outcome, tags: vec![] }
    }

    fn open(taps: &Taps, filter: Filter, rate: u32) -> (Arc<Tap>, mpsc::Receiver<Caught>) {
        let (sink, caught) = mpsc::channel(8);
        (taps.open(Wish { filter, rate, bodies: true, leaving: false }, sink).unwrap(), caught)
    }

    fn passes(taps: &Taps, name: &'static str, outcome: Outcome, at: Timestamp) {
        let mut seen = taps.arrives(&header(name), at);
        taps.keep(&mut seen, name, 3, || Bytes::from_static(b"abc"));
        taps.ended(seen, outcome, at, || Duration::from_millis(2), || Some(record(name, outcome)));
    }

    #[test]
    fn what_passes_the_filter_is_shown_with_its_body_and_nothing_after_the_end() {
        let taps = Taps::new();
        let filter =
            Filter { message: Some("Note".into()), actor: Some("b@127.0.0.1:2".into()), ..Filter::default() };
        let (tap, mut caught) = open(&taps, filter, 10);
        let now = Timestamp::from_nanos(7);

        passes(&taps, "test.Note", Outcome::Handled, now);
        passes(&taps, "test.Riddle", Outcome::Handled, now);
        passes(&taps, "libactor.trace.Ask", Outcome::Handled, now);
        taps.close(&tap);
        passes(&taps, "test.Note", Outcome::Handled, now);

        let one = caught.try_recv().unwrap();
        assert_eq!(
            (&*one.record.header.name, one.body),
            ("test.Note", Some(("test.Note", Bytes::from_static(b"abc"))))
        );
        assert!(caught.try_recv().is_err());
        assert!(taps.are_off());
        assert_eq!(taps.bodies.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn beyond_the_rate_messages_are_counted_until_the_next_second() {
        let taps = Taps::new();
        let (tap, mut caught) = open(&taps, Filter::default(), 2);
        let second = |n: u64| Timestamp::from_nanos(n * 1_000_000_000);

        for _ in 0..5 {
            passes(&taps, "test.Note", Outcome::Handled, second(1));
        }
        passes(&taps, "test.Note", Outcome::Handled, second(2));

        let shown = std::iter::from_fn(|| caught.try_recv().ok()).count();
        assert_eq!((shown, tap.take_left_out(), tap.take_left_out()), (3, 3, 0));
    }

    #[test]
    fn only_errors_or_slow_ones_are_told_at_their_end() {
        let taps = Taps::new();
        let errors = open(&taps, Filter { errors: true, ..Filter::default() }, 9).1;
        let slow = open(&taps, Filter { slower_than: Some(3_000_000), ..Filter::default() }, 9).1;
        let quick = open(&taps, Filter { slower_than: Some(1_000_000), ..Filter::default() }, 9).1;
        let now = Timestamp::from_nanos(7);

        passes(&taps, "test.Note", Outcome::Handled, now);
        passes(&taps, "test.Note", Outcome::Panicked, now);
        taps.ends(&record("test.Note", Outcome::Unreachable), true, now);

        let shown =
            [errors, slow, quick].map(|mut caught| std::iter::from_fn(|| caught.try_recv().ok()).count());
        assert_eq!(shown, [1, 0, 2]);
    }

    #[test]
    fn a_tap_that_opens_meanwhile_takes_nothing_from_another() {
        let taps = Taps::new();
        let (_first, mut caught) = open(&taps, Filter::default(), 9);
        let now = Timestamp::from_nanos(7);

        let seen = taps.arrives(&header("test.Note"), now);
        let (_second, mut later) = open(&taps, Filter::default(), 9);
        taps.ended(
            seen,
            Outcome::Handled,
            now,
            || Duration::ZERO,
            || Some(record("test.Note", Outcome::Handled)),
        );

        assert!(caught.try_recv().is_ok() && later.try_recv().is_err());
    }

    #[test]
    fn there_are_only_so_many_taps() {
        let taps = Taps::new();
        let all: Vec<_> = (0..TAPS).map(|_| open(&taps, Filter::default(), 1)).collect();

        let (sink, _caught) = mpsc::channel(1);
        assert!(
            taps.open(Wish { filter: Filter::default(), rate: 1, bodies: false, leaving: false }, sink)
                .is_none()
        );
        for (tap, _) in &all {
            taps.close(tap);
        }
        assert!(taps.are_off());
    }
}
