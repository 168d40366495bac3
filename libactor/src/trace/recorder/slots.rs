//! A ring of slots of one cache line each, written and read without locks.
//!
//! ```text
//!  word 0   bytes of the body 32 · outcome 5 · sent, received, being written 3 · lap 24
//!  1 2 3 4  trace · message · cause · hybrid time
//!  5        nanoseconds since the epoch, when it was sent or received, or both
//!  6        from then to the beginning of its handling 32, to the end 32
//!  7        sender 27 · receiver 27 · name 10
//! ```
//!
//! Who writes a slot marks word 0 first and rewrites it last; who reads one believes what it read if word 0 was unmarked and
//! the same before and after. The lap makes word 0 another one each time that the ring has gone round.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::trace::Outcome;

/// Slots are made so many at a time, when the first of them is used: 64 KiB.
const CHUNK: u64 = 1024;

/// A reader that meets a writer at a slot looks so many times, then leaves the slot out.
const PATIENCE: u32 = 128;

/// A writer that meets another one at its slot spins so many times, then lets other threads run between two looks: the other
/// writer needs some nanoseconds, or was put to sleep in the middle of them.
const SPINS: u32 = 64;

pub(super) type Words = [u64; 8];

/// Word 0 above the size.
pub(super) const SENT: u64 = 1 << 37;
pub(super) const RECEIVED: u64 = 1 << 38;
const WRITING: u64 = 1 << 39;
const OUTCOME: u32 = 32;
const OUTCOME_MASK: u64 = 0b1_1111 << OUTCOME;
const LAP: u32 = 40;

/// A cache line.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Slot([AtomicU64; 8]);

impl Slot {
    /// A word; for who is just changing the slot.
    pub(super) fn load(&self, word: usize) -> u64 {
        self.0[word].load(Ordering::Relaxed)
    }
}

/// Numbered from one ring length on: no slot is of lap 0.
pub(super) struct Slots {
    chunks: Box<[OnceLock<Box<[Slot]>>]>,
    length: u64,
    next: AtomicU64,
}

impl Slots {
    /// Bytes of so many slots, when all are used.
    pub(super) const fn bytes(chunks: usize) -> usize {
        chunks * (CHUNK as usize * size_of::<Slot>() + size_of::<OnceLock<Box<[Slot]>>>())
    }

    pub(super) fn new(chunks: usize) -> Slots {
        let chunks: Box<[_]> = (0..chunks).map(|_| OnceLock::new()).collect();
        let length = chunks.len() as u64 * CHUNK;
        Slots { chunks, length, next: AtomicU64::new(length) }
    }

    #[cfg(test)]
    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Begins to write and goes to sleep; wakes when what this gives is called.
    #[cfg(test)]
    pub(super) fn sleep_in(&self, number: u64) -> impl FnOnce() {
        let word = &self.slot(number).0[0];
        word.fetch_or(WRITING, Ordering::Acquire);
        || {
            word.fetch_and(!WRITING, Ordering::Release);
        }
    }

    /// The number of the next slot, for one writer.
    #[inline]
    pub(super) fn claim(&self) -> u64 {
        self.claim_several(1)
    }

    /// The number of the first of the next slots.
    #[inline]
    pub(super) fn claim_several(&self, count: u64) -> u64 {
        self.next.fetch_add(count, Ordering::Relaxed)
    }

    /// The numbers of the slots that are not overwritten, written or not.
    pub(super) fn kept(&self) -> std::ops::Range<u64> {
        let next = self.next.load(Ordering::Acquire);
        next.saturating_sub(self.length).max(self.length)..next
    }

    /// Fills a claimed slot. Not if its turn is over, which takes a writer that slept for a whole lap.
    #[inline]
    pub(super) fn write(&self, number: u64, words: Words) {
        let slot = self.slot(number);
        let lap = self.lap(number);
        let before = slot.0[0].load(Ordering::Relaxed);
        let newer = lap.wrapping_sub(before & lap_mask()) >> LAP;
        if before & WRITING != 0 || newer == 0 || newer > 1 << 23 {
            return;
        }
        if slot.0[0].compare_exchange(before, before | WRITING, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return;
        }
        fence(Ordering::Release);
        for (slot, word) in slot.0.iter().zip(words).skip(1) {
            slot.store(word, Ordering::Relaxed);
        }
        slot.0[0].store(words[0] & !(lap_mask() | WRITING) | lap, Ordering::Release);
    }

    /// Changes the outcome and word 6, unless the slot has another message by now, or `change` says no.
    #[inline]
    pub(super) fn update(
        &self,
        number: u64,
        change: impl FnOnce(Outcome, &Slot) -> Option<(Outcome, u64)>,
    ) -> bool {
        let (slot, lap) = (self.slot(number), self.lap(number));
        let mut looks = 0;
        let before = loop {
            let before = slot.0[0].load(Ordering::Relaxed);
            if before & lap_mask() != lap {
                return false;
            }
            let free = before & !WRITING;
            if slot.0[0]
                .compare_exchange_weak(free, free | WRITING, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
            {
                break free;
            }
            looks += 1;
            if looks < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        };
        fence(Ordering::Release);
        let changed = outcome(before).and_then(|outcome| change(outcome, slot));
        let after = changed.map_or(before, |(outcome, times)| {
            slot.0[6].store(times, Ordering::Relaxed);
            before & !OUTCOME_MASK | state(outcome)
        });
        slot.0[0].store(after, Ordering::Release);
        changed.is_some()
    }

    /// What a slot holds now. None if it is empty, has another message by now, or is being written.
    pub(super) fn read(&self, number: u64) -> Option<Words> {
        let chunk = self.chunks.get((number % self.length / CHUNK) as usize)?.get()?;
        let slot = &chunk[(number % self.length % CHUNK) as usize];
        for _ in 0..PATIENCE {
            let before = slot.0[0].load(Ordering::Acquire);
            if before & lap_mask() != self.lap(number) {
                return None;
            }
            let words: Words = std::array::from_fn(|index| slot.0[index].load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            let after = slot.0[0].load(Ordering::Relaxed);
            if before & WRITING == 0 && before == after {
                return Some(words);
            }
            std::hint::spin_loop();
        }
        None
    }

    #[inline]
    fn slot(&self, number: u64) -> &Slot {
        let index = number % self.length;
        let chunk = self.chunks[(index / CHUNK) as usize].get_or_init(new_chunk);
        &chunk[(index % CHUNK) as usize]
    }

    fn lap(&self, number: u64) -> u64 {
        (number / self.length) << LAP
    }
}

#[cold]
fn new_chunk() -> Box<[Slot]> {
    std::iter::repeat_with(Slot::default).take(CHUNK as usize).collect()
}

const fn lap_mask() -> u64 {
    u64::MAX << LAP
}

/// The bits of an outcome in word 0.
pub(super) fn state(outcome: Outcome) -> u64 {
    u64::from(outcome.number()) << OUTCOME
}

/// The outcome in word 0.
pub(super) fn outcome(word: u64) -> Option<Outcome> {
    Outcome::of_number(((word & OUTCOME_MASK) >> OUTCOME) as u8)
}
