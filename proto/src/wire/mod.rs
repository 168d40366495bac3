//! Protobuf from outside: `required` is enforced here, because prost does not.
//!
//! Peers written with C++ protobuf drop or refuse a message that lacks a required field. prost would fill in an empty
//! value instead. So whatever comes from outside goes through [`decode`], or through [`check`] where only the name of
//! the type is known.

mod cursor;
mod error;
mod scan;

pub use error::{DecodeError, MAX_LISTED};
pub use scan::MAX_DEPTH;

pub(crate) use cursor::{Cursor, Value};

use crate::schema::{self, Described};
use bytes::Bytes;

/// Decodes a message and makes sure that all its required fields are there, in all its parts.
///
/// # Errors
///
/// Says which required fields are missing, by their paths, or where the bytes stop making sense.
pub fn decode<M: Described>(bytes: &[u8]) -> Result<M, DecodeError> {
    scan::scan(M::SCHEMA, bytes)?;
    M::decode(bytes)
        .map_err(|cause| DecodeError::Malformed { message: M::SCHEMA.name, detail: cause.to_string() })
}

/// As [`decode`], but `bytes` fields share the given buffer instead of copying it.
pub fn decode_shared<M: Described>(bytes: Bytes) -> Result<M, DecodeError> {
    scan::scan(M::SCHEMA, &bytes)?;
    M::decode(bytes)
        .map_err(|cause| DecodeError::Malformed { message: M::SCHEMA.name, detail: cause.to_string() })
}

/// Whether the bytes are a complete message of the given full name, such as `mesos.internal.RegisterSlaveMessage`.
///
/// Unversioned names (`mesos.executor.Call`) are known as well.
///
/// # Errors
///
/// As [`decode`], or [`DecodeError::UnknownMessage`].
pub fn check(full_name: &str, bytes: &[u8]) -> Result<(), DecodeError> {
    let Some(message) = schema::find(full_name) else {
        return Err(DecodeError::UnknownMessage { name: full_name.chars().take(MAX_NAME).collect() });
    };
    scan::scan(message, bytes)
}

/// An unknown name is repeated in its error up to this length: the longest real one has 60 characters.
const MAX_NAME: usize = 200;
