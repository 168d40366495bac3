//! What happened, as one number: a hash over every line, and the last lines themselves for whoever must find out why.

use std::collections::VecDeque;
use std::fmt::{self, Display, Write};

use tepui_model::Time;

/// FNV-1a, 128 bit: the same on every machine, and wide enough that equal means equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fnv(u128);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        for byte in text.bytes() {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(PRIME);
        }
        Ok(())
    }
}

/// The record of a run.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    hash: Fnv,
    lines: u64,
    /// The last lines, oldest first; at most `kept`.
    last: VecDeque<String>,
    kept: usize,
}

impl Transcript {
    pub fn new(kept: usize) -> Transcript {
        let offset = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        Transcript { hash: Fnv(offset), lines: 0, last: VecDeque::new(), kept }
    }

    /// One more line: when, who, what.
    pub fn note(&mut self, now: Time, who: impl Display, what: impl Display) {
        self.lines += 1;
        writeln!(self.hash, "{} {who} {what}", now.as_nanos()).expect("hashing does not fail");
        if self.kept > 0 {
            if self.last.len() == self.kept {
                self.last.pop_front();
            }
            self.last.push_back(format!("{now} {who} {what}"));
        }
    }

    pub fn hash(&self) -> u128 {
        self.hash.0
    }

    pub fn lines(&self) -> u64 {
        self.lines
    }

    pub fn last(&self) -> impl Iterator<Item = &str> {
        self.last.iter().map(String::as_str)
    }
}
