//! Values in recordings: how inputs and states of cores are written and read back, and the hash of a state.
//!
//! The form is postcard's: compact, and without names of fields, so that only the build whose types wrote a value is sure
//! to read it. Whoever reads a recording writes what was read once more and compares: types that have changed show.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Time;

/// A core whose inputs can be recorded and replayed: one door, and a state that is a value.
pub trait Core: Serialize + DeserializeOwned {
    /// What happens to it.
    type Input: Serialize + DeserializeOwned + fmt::Debug;
    /// What it asks for.
    type Effect: fmt::Display;

    /// Names it in a recording.
    const NAME: &'static str;

    /// The door: one input at its time, and what is to be done about it.
    fn take(&mut self, now: Time, input: Self::Input) -> Vec<Self::Effect>;

    /// The whole state, secrets hidden.
    fn snapshot(&self) -> Vec<u8> {
        write(self)
    }

    /// A hash of the whole state: two cores that took the same inputs have the same. Costs as much as the state is large.
    fn digest(&self) -> u64 {
        hash(&self.snapshot())
    }
}

/// Why bytes are not the value that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not a value of this build: {0}")]
pub struct Unreadable(String);

/// Writes a value, with secrets in messages hidden.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("values of cores have sizes that are known, and memory takes all bytes")
}

/// Reads a value that fills all the bytes, and makes sure that this build would write it the same way.
///
/// # Errors
///
/// The bytes were written by a build whose types differ, or are damaged.
pub fn read<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    let value: T = postcard::from_bytes(bytes).map_err(|why| Unreadable(why.to_string()))?;
    if write(&value) != bytes {
        return Err(Unreadable("it would write them differently".into()));
    }
    Ok(value)
}

/// FNV-1a, 64 bit: the same on every machine and in every build, and nobody attacks it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(u64);

impl Default for Hash {
    fn default() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    /// With more bytes.
    #[must_use]
    pub fn with(self, bytes: &[u8]) -> Hash {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        Hash(bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME)))
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// The hash of some bytes.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    Hash::default().with(bytes).value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AgentId, Resources, Role};

    #[test]
    fn a_value_is_read_back_and_a_foreign_one_is_refused() {
        let value: (AgentId, Resources) =
            ("a-S1".parse().unwrap(), Resources::parse("cpus:1.5;ports:[1-2,7-9]", &Role::star()).unwrap());

        let bytes = write(&value);

        assert_eq!(read::<(AgentId, Resources)>(&bytes), Ok(value));
        assert!(read::<(AgentId, u8)>(&bytes).is_err());
        assert!(read::<(Resources, AgentId)>(&bytes).is_err());
        assert!(read::<(AgentId, Resources)>(&bytes[..bytes.len() - 1]).is_err());
        assert!(
            read::<(AgentId, Resources)>(&write(&("", 0))).unwrap_err().to_string().contains("not a value")
        );
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
