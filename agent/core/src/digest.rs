//! One number for the whole state: two runs that should be the same compare it.

use std::fmt::{self, Write};

use crate::agent::Agent;

/// FNV-1a, 64 bit: order matters, and nothing about it depends on the platform or the build.
struct Fnv(u64);

impl Fnv {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(Fnv::PRIME);
        }
        Ok(())
    }
}

impl Agent {
    /// A hash of everything this agent knows.
    pub fn digest(&self) -> u64 {
        let mut hash = Fnv(Fnv::OFFSET);
        write!(hash, "{self:?}").expect("writing to a hash cannot fail");
        hash.0
    }
}
