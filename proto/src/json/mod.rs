//! Mesos' JSON, which is its own dialect and not protobuf's.
//!
//! **Output**: field names as declared, in the order of declaration; all integers as numbers; enums by name; `bytes` in
//! Base64; maps as objects; empty lists and maps left out. Of unset fields those with a declared default are printed,
//! unless deprecated. Numbers that JSON cannot say are the strings `"Infinity"`, `"-Infinity"` and `"NaN"`.
//!
//! **Input** forgives what real clients do: unknown fields are skipped; `null` is an unset field; numbers and booleans
//! may be strings; whole numbers may be written as floats; one value stands for a list of one; an enum value that
//! nobody knows leaves an optional field unset; of two equal keys the last one counts. What it does not forgive:
//! missing required fields, numbers out of range, values of the wrong type, more than [`MAX_DEPTH`] levels.
//!
//! Both directions go through the wire format and the tables of [`crate::schema`], so that there is one writer and one
//! reader for all messages, and the rules for required fields are those of [`crate::wire`].

mod error;
mod number;
mod read;
mod render;
mod skip;
mod write;

pub use error::JsonError;
pub use read::{FromJson, MAX_DEPTH, from_slice};
pub use render::{HIDDEN, render};
pub use write::AsJson;

use crate::schema::Described;
use std::io;

/// The message as JSON text.
pub fn to_vec<M: Described>(message: &M) -> Vec<u8> {
    let mut text = Vec::new();
    write(message, &mut text).expect("a Vec takes any text, and prost writes well-formed messages");
    text
}

/// The message as JSON text.
pub fn to_string<M: Described>(message: &M) -> String {
    String::from_utf8(to_vec(message)).expect("JSON is UTF-8")
}

/// Writes the message as JSON.
///
/// # Errors
///
/// Those of `to`.
pub fn write<M: Described>(message: &M, to: impl io::Write) -> io::Result<()> {
    serde_json::to_writer(to, &AsJson(message)).map_err(io::Error::from)
}
