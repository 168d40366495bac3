//! Messages and enums in recordings: a message is its bytes, with its secrets hidden; an enum is its number.
//!
//! Apart from the wire, because what is written here is for whoever looks into an incident, not for a peer.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema::Described;
use crate::{secrets, v1};

/// Writes a message. Equal messages are equal bytes: maps are sorted, and fields come in the order of their numbers.
pub(crate) fn write<M: Described, S: Serializer>(message: &M, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(&secrets::hide(M::SCHEMA, message.encode_to_vec()))
}

/// Reads what [`write`] wrote. A field that is required may be missing: cores hold such messages too.
pub(crate) fn read<'de, M: Described, D: Deserializer<'de>>(from: D) -> Result<M, D::Error> {
    from.deserialize_bytes(Bytes(PhantomData))
}

struct Bytes<M>(PhantomData<M>);

impl<M: Described> Visitor<'_> for Bytes<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bytes of a {}", M::SCHEMA.name)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<M, E> {
        M::decode(bytes).map_err(|why| E::custom(format_args!("{}: {why}", M::SCHEMA.name)))
    }
}

/// The enums that cores hold as such; all others are numbers inside of messages.
macro_rules! recorded_enums {
    ($($path:ty),*) => {$(
        impl Serialize for $path {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_i32(*self as i32)
            }
        }
        impl<'de> Deserialize<'de> for $path {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <$path>::try_from(i32::deserialize(from)?).map_err(D::Error::custom)
            }
        }
    )*};
}

recorded_enums!(v1::TaskState, v1::task_status::Reason);
