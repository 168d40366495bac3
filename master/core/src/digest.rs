//! A hash of the whole state: two masters that took the same inputs have the same.

use std::fmt::{self, Write};

use crate::master::Master;

/// FNV-1a, because it is the same everywhere and forever, and nobody attacks it here.
struct Fnv(u64);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Master {
    /// A hash of everything the master knows. Costs as much as the cluster is large.
    pub fn digest(&self) -> u64 {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        write!(hash, "{self:?}").expect("hashing does not fail");
        hash.0
    }
}
