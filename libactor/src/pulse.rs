//! What an actor's thread shows of its work to whoever looks from outside: two words, written without any synchronisation.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::time::Timestamp;

/// One cache line of its own: senders must not pay for it. The first two are written by the actor's thread only, the others by
/// whoever looks; they are here because an actor that nobody looks at should cost nothing elsewhere.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Pulse {
    // Messages that were taken out of the mailbox.
    taken: AtomicU64,
    // The name of what is being handled, zero if nothing is.
    handling: AtomicU64,
    // What had been taken at the last look, and since when.
    seen: AtomicU64,
    since: AtomicU64,
    // One bit for each look, the last one lowest: at work or not.
    history: AtomicU64,
    // Where the measurement of the rate began, in nanoseconds and in messages.
    from: AtomicU64,
    from_taken: AtomicU64,
    rate: AtomicU32,
    looks: AtomicU32,
}

/// What is seen in one look.
pub(crate) struct Beat {
    pub(crate) taken: u64,
    pub(crate) handling: Option<&'static str>,
    /// For how long nothing was taken, at least.
    pub(crate) unchanged: Duration,
    pub(crate) busy: f64,
    pub(crate) rate: f64,
}

/// A message type's name in one word: nothing but a word can be shown to another thread at no cost.
#[derive(Clone, Copy, Default)]
pub(crate) struct Named(u64);

impl Named {
    /// `name` in one word. Cheap from the second time on a thread.
    pub(crate) fn new(name: &'static str) -> Named {
        // Addresses of a user's space have 47 bits.
        let word = name.as_ptr().addr() as u64 ^ ((name.len() as u64) << 48);
        thread_local! {
            static KNOWN: RefCell<HashSet<u64>> = RefCell::default();
        }
        let is_new = KNOWN.with_borrow_mut(|known| known.insert(word));
        if is_new {
            NAMES.write().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(word, name);
        }
        Named(word)
    }
}

static NAMES: RwLock<Option<HashMap<u64, &'static str>>> = RwLock::new(None);

fn name_of(word: u64) -> Option<&'static str> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.as_ref()?.get(&word).copied()
}

impl Pulse {
    /// So many messages were taken out of the mailbox.
    pub(crate) fn takes(&self, taken: u64) {
        self.taken.store(taken, Ordering::Release);
    }

    pub(crate) fn shows(&self, what: Named) {
        self.handling.store(what.0, Ordering::Release);
    }

    pub(crate) fn rests(&self) {
        self.handling.store(0, Ordering::Release);
    }

    /// Looks once.
    pub(crate) fn look(&self, now: Timestamp) -> Beat {
        let taken = self.taken.load(Ordering::Acquire);
        let word = self.handling.load(Ordering::Acquire);
        let looks = self.looks.load(Ordering::Relaxed);
        if looks == 0 || self.seen.swap(taken, Ordering::Relaxed) != taken {
            self.since.store(now.as_nanos(), Ordering::Relaxed);
        }
        if looks == 0 {
            self.seen.store(taken, Ordering::Relaxed);
            self.from.store(now.as_nanos(), Ordering::Relaxed);
            self.from_taken.store(taken, Ordering::Relaxed);
        }
        let history = self.history.load(Ordering::Relaxed) << 1 | u64::from(word != 0);
        self.history.store(history, Ordering::Relaxed);
        let looks = (looks + 1).min(64);
        self.looks.store(looks, Ordering::Relaxed);
        Beat {
            taken,
            handling: if word == 0 { None } else { name_of(word) },
            unchanged: now.since(Timestamp::from_nanos(self.since.load(Ordering::Relaxed))),
            busy: f64::from(history.count_ones()) / f64::from(looks),
            rate: self.measure(now, taken),
        }
    }

    /// Messages per second over the last span of at least one.
    fn measure(&self, now: Timestamp, taken: u64) -> f64 {
        let span = now.since(Timestamp::from_nanos(self.from.load(Ordering::Relaxed)));
        if span < Duration::from_secs(1) {
            return f64::from(f32::from_bits(self.rate.load(Ordering::Relaxed)));
        }
        let rate = taken.saturating_sub(self.from_taken.load(Ordering::Relaxed)) as f64 / span.as_secs_f64();
        self.from.store(now.as_nanos(), Ordering::Relaxed);
        self.from_taken.store(taken, Ordering::Relaxed);
        self.rate.store((rate as f32).to_bits(), Ordering::Relaxed);
        rate
    }
}
