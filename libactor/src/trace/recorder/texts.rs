//! Byte strings, numbered in the order of their arrival; the oldest give way to new ones.
//!
//! One that is asked for while it is among the oldest gets a new number besides: otherwise the end of one that everybody names would
//! be the end of all that names it.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

/// Places of the index that are tried for one text. A text that finds none there replaces another, which is merely kept
/// a second time when it comes again.
const PROBES: usize = 8;

pub(super) struct Texts {
    bytes: VecDeque<u8>,
    // Where each text ends, counted from the first byte that ever was.
    ends: VecDeque<u32>,
    // Where the first text begins, counted so.
    start: u32,
    // The number of the first text.
    first: u64,
    // Who is asked for with a smaller number gets a new one.
    fresh: u64,
    // By hash, the lower half of a number; zero for none.
    index: Vec<u32>,
    hasher: RandomState,
}

impl Texts {
    /// At most `room` bytes of memory, of which nothing is touched before it is used.
    pub(super) fn new(room: usize) -> Texts {
        // A pid takes about 20 bytes besides; the index is never more than two thirds full.
        let index = (room / 24).next_power_of_two() / 2;
        let texts = index / 3 * 2;
        Texts {
            bytes: VecDeque::with_capacity(room - 4 * (index + texts)),
            ends: VecDeque::with_capacity(texts),
            start: 0,
            first: 1,
            fresh: 1,
            index: vec![0; index],
            hasher: RandomState::new(),
        }
    }

    /// Numbers from here on are not replaced when they are asked for again.
    pub(super) fn fresh(&self) -> u64 {
        self.fresh
    }

    /// The number of the oldest text, and the one after the newest.
    pub(super) fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.ends.len() as u64
    }

    /// The number of the text, which is new if the text is, or is among the oldest, or has given way meanwhile.
    pub(super) fn number(&mut self, text: &[u8]) -> u64 {
        let home = self.hasher.hash_one(text) as usize;
        let mut place = home;
        for probe in 0..PROBES {
            let at = home.wrapping_add(probe) & (self.index.len() - 1);
            match self.whole(self.index[at]) {
                Some(number) if self.is(number, text) => {
                    place = at;
                    if number >= self.fresh {
                        return number;
                    }
                    break;
                }
                Some(_) => {}
                None => place = at,
            }
        }
        self.make_room(text.len());
        let number = self.numbers().end;
        self.bytes.extend(text);
        self.ends.push_back(self.start.wrapping_add(self.bytes.len() as u32));
        let place = place & (self.index.len() - 1);
        self.index[place] = number as u32;
        while self.is_old(self.fresh) {
            self.fresh += 1;
        }
        number
    }

    pub(super) fn get(&self, number: u64) -> Option<Vec<u8>> {
        Some(self.bytes.range(self.span(number)?).copied().collect())
    }

    pub(super) fn is(&self, number: u64, text: &[u8]) -> bool {
        self.span(number).is_some_and(|span| span.len() == text.len() && self.bytes.range(span).eq(text))
    }

    /// What all of it takes when it is full.
    #[cfg(test)]
    pub(super) fn most_bytes(&self) -> usize {
        self.bytes.capacity() + size_of::<u32>() * (self.ends.capacity() + self.index.capacity())
    }

    /// The text's number, given its lower half.
    fn whole(&self, half: u32) -> Option<u64> {
        let number = self.first + u64::from(half.wrapping_sub(self.first as u32));
        (half != 0 && self.numbers().contains(&number)).then_some(number)
    }

    fn span(&self, number: u64) -> Option<std::ops::Range<usize>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let end = self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(self.start, |before| self.ends[before]);
        Some(start.wrapping_sub(self.start) as usize..end.wrapping_sub(self.start) as usize)
    }

    /// Whether three quarters of the room were given to later texts.
    fn is_old(&self, number: u64) -> bool {
        let later = (self.numbers().end - number) as usize;
        let bytes = self.span(number).map_or(usize::MAX, |span| self.bytes.len() - span.end);
        number < self.numbers().end
            && (later > self.ends.capacity() / 4 * 3 || bytes > self.bytes.capacity() / 4 * 3)
    }

    fn make_room(&mut self, bytes: usize) {
        while !self.ends.is_empty()
            && (self.ends.len() == self.ends.capacity() || self.bytes.len() + bytes > self.bytes.capacity())
        {
            let end = self.ends.pop_front().unwrap_or(self.start);
            self.bytes.drain(..end.wrapping_sub(self.start) as usize);
            (self.start, self.first) = (end, self.first + 1);
        }
    }
}
