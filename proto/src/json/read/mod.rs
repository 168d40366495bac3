//! JSON to messages: JSON is turned into wire format as it streams by, then checked and decoded like any wire bytes.

mod build;
mod duration;
mod value;

use super::JsonError;
use crate::{schema::Described, wire};
use build::Builder;
use bytes::Bytes;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _};
use value::Object;

/// How many objects and arrays may stand inside each other, in skipped values as well. Real calls need some fifteen.
pub const MAX_DEPTH: usize = 100;

pub(super) const TOO_DEEP: &str = "nested too deep";

/// Reads a message from JSON text. The rules are in the [module's documentation](super).
///
/// # Errors
///
/// Says which required fields are missing, or which field has a value that does not fit, and where in the text.
pub fn from_slice<M: Described>(text: &[u8]) -> Result<M, JsonError> {
    let mut builder = Builder::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = top::<M>(&mut builder).deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|cause| JsonError::Value {
        message: M::SCHEMA.name,
        path: builder.path(),
        detail: cause.to_string(),
    })?;
    Ok(wire::decode_shared(Bytes::from(builder.into_bytes()))?)
}

/// A message that deserializes from Mesos' JSON, to be part of something bigger.
#[derive(Clone, Debug, PartialEq)]
pub struct FromJson<M>(pub M);

impl<'de, M: Described> Deserialize<'de> for FromJson<M> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut builder = Builder::default();
        top::<M>(&mut builder).deserialize(from)?;
        let message = wire::decode_shared(Bytes::from(builder.into_bytes())).map_err(D::Error::custom)?;
        Ok(FromJson(message))
    }
}

fn top<M: Described>(builder: &mut Builder) -> Object<'_> {
    Object { message: M::SCHEMA, depth: 0, builder }
}
