//! The one source of chance: everything that could go either way is decided here, from the seed.

use std::ops::Range;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

/// A seeded generator, in the words the world uses.
#[derive(Clone, Debug)]
pub(crate) struct Chance(SmallRng);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(SmallRng::seed_from_u64(seed))
    }

    /// A seed for a core.
    pub fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub fn number(&mut self, range: Range<u64>) -> u64 {
        self.0.random_range(range)
    }

    /// An index of something that has `len` parts.
    pub fn index(&mut self, len: usize) -> usize {
        self.0.random_range(0..len)
    }

    pub fn micros(&mut self, range: Range<u64>) -> Duration {
        Duration::from_micros(self.number(range))
    }

    pub fn millis(&mut self, range: Range<u64>) -> Duration {
        self.micros(range.start * 1000..range.end * 1000)
    }

    /// A pause whose mean is this.
    pub fn about(&mut self, mean: Duration) -> Duration {
        let mean = u64::try_from(mean.as_micros()).unwrap_or(u64::MAX / 4);
        self.micros(0..2 * mean + 1)
    }

    /// True in so many of a thousand cases.
    pub fn per_mille(&mut self, cases: u64) -> bool {
        self.number(0..1000) < cases
    }

    /// 16 random bytes.
    pub fn uuid(&mut self) -> bytes::Bytes {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        bytes::Bytes::copy_from_slice(&bytes)
    }
}
