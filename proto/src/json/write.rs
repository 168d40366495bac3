//! Messages to JSON.

use crate::{
    schema::{Default, Described, Enum, Field, Kind, Label, MOST_FIELDS, Message},
    wire::{Cursor, Value},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};
use std::ops::Range;

/// A message that serializes as Mesos' JSON, to be part of something bigger.
#[derive(Clone, Copy, Debug)]
pub struct AsJson<'a, M>(pub &'a M);

impl<M: Described> Serialize for AsJson<'_, M> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.encode_to_vec();
        Object { message: M::SCHEMA, bytes: &bytes }.serialize(to)
    }
}

/// A message as prost encodes it: in the order of numbers, each field's occurrences next to each other.
struct Object<'a> {
    message: &'static Message,
    bytes: &'a [u8],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let places = places(self.message, self.bytes).map_err(S::Error::custom)?;
        let mut object = to.serialize_map(None)?;
        for (field, place) in self.message.fields.iter().zip(&places) {
            let occurrences = Occurrences { bytes: &self.bytes[place.clone()] };
            match field.label {
                Label::Repeated => write_repeated(&mut object, field, occurrences)?,
                _ => write_single(&mut object, field, occurrences)?,
            }
        }
        object.end()
    }
}

/// Where in the bytes each field is, by slot; an empty range for a field that is not there.
fn places(message: &Message, bytes: &[u8]) -> Result<[Range<usize>; MOST_FIELDS], &'static str> {
    let mut places = [const { 0..0 }; MOST_FIELDS];
    let mut cursor = Cursor::new(bytes);
    let mut start = 0;
    while let Some((number, _)) = cursor.next_field()? {
        let end = cursor.position();
        if let Some(slot) = message.slot_numbered(number) {
            let place = &mut places[slot];
            *place = if place.start == place.end { start..end } else { place.start..end };
        }
        start = end;
    }
    Ok(places)
}

fn write_single<O: SerializeMap>(
    object: &mut O,
    field: &Field,
    occurrences: Occurrences<'_>,
) -> Result<(), O::Error> {
    match occurrences.last() {
        Some(value) if is_shown(field, value) => {
            object.serialize_entry(field.name, &Single { kind: field.kind, value })
        }
        // Only in a map's value that prost has left out, see `empty`.
        None if field.label == Label::Required => {
            object.serialize_entry(field.name, &Single { kind: field.kind, value: empty(field.kind) })
        }
        _ => match field.default {
            Some(default) => object.serialize_entry(field.name, &default),
            None => Ok(()),
        },
    }
}

fn write_repeated<O: SerializeMap>(
    object: &mut O,
    field: &Field,
    occurrences: Occurrences<'_>,
) -> Result<(), O::Error> {
    let mut shown = occurrences.clone().filter(|value| is_shown(field, *value));
    if shown.next().is_none() {
        return Ok(());
    }
    match field.kind {
        Kind::Map(entry) => object.serialize_entry(field.name, &Entries { entry, occurrences }),
        _ => object.serialize_entry(field.name, &Elements { field, occurrences }),
    }
}

/// To proto2 an enum's number that nobody knows is an unknown field. A required field has to show something.
fn is_shown(field: &Field, value: Value<'_>) -> bool {
    match (field.kind, value) {
        (Kind::Enum(known), Value::Varint(number)) => {
            field.label == Label::Required || known.name_of(number as i32).is_some()
        }
        _ => true,
    }
}

/// The values of one field. Malformed bytes end it; prost writes none.
#[derive(Clone)]
struct Occurrences<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for Occurrences<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let mut cursor = Cursor::new(self.bytes);
        let (_, value) = cursor.next_field().ok()??;
        self.bytes = &self.bytes[cursor.position()..];
        Some(value)
    }
}

struct Elements<'a> {
    field: &'a Field,
    occurrences: Occurrences<'a>,
}

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        for value in self.occurrences.clone().filter(|value| is_shown(self.field, *value)) {
            list.serialize_element(&Single { kind: self.field.kind, value })?;
        }
        list.end()
    }
}

struct Entries<'a> {
    entry: &'static Message,
    occurrences: Occurrences<'a>,
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_map(None)?;
        for occurrence in self.occurrences.clone() {
            let Value::Bytes(bytes) = occurrence else { continue };
            let places = places(self.entry, bytes).map_err(S::Error::custom)?;
            let [key, content] =
                [0, 1].map(|slot: usize| Occurrences { bytes: &bytes[places[slot].clone()] }.last());
            let kind = self.entry.fields[1].kind;
            let key = Single { kind: Kind::String, value: key.unwrap_or(Value::Bytes(&[])) };
            object.serialize_entry(&key, &Single { kind, value: content.unwrap_or(empty(kind)) })?;
        }
        object.end()
    }
}

/// What prost does not write: a map's value that is the default of its type.
fn empty(kind: Kind) -> Value<'static> {
    match kind {
        Kind::Double => Value::Fixed64(0),
        Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Map(_) => Value::Bytes(&[]),
        Kind::Enum(known) => Value::Varint(known.values.first().map_or(0, |value| i64::from(value.1) as u64)),
        _ => Value::Varint(0),
    }
}

/// One value of a field.
pub(super) struct Single<'a> {
    pub(super) kind: Kind,
    pub(super) value: Value<'a>,
}

impl Serialize for Single<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.kind, self.value) {
            (Kind::Double, Value::Fixed64(bits)) => write_double(f64::from_bits(bits), to),
            (Kind::Int64, Value::Varint(number)) => to.serialize_i64(number as i64),
            (Kind::Uint64, Value::Varint(number)) => to.serialize_u64(number),
            (Kind::Int32, Value::Varint(number)) => to.serialize_i32(number as i32),
            (Kind::Uint32, Value::Varint(number)) => to.serialize_u32(number as u32),
            (Kind::Bool, Value::Varint(number)) => to.serialize_bool(number != 0),
            (Kind::Enum(known), Value::Varint(number)) => write_enum(known, number as i32, to),
            (Kind::String, Value::Bytes(text)) => {
                to.serialize_str(std::str::from_utf8(text).map_err(S::Error::custom)?)
            }
            (Kind::Bytes, Value::Bytes(bytes)) => to.serialize_str(&STANDARD.encode(bytes)),
            (Kind::Message(message), Value::Bytes(bytes)) => Object { message, bytes }.serialize(to),
            _ => Err(S::Error::custom("a field's value has another field's wire type")),
        }
    }
}

impl Serialize for Default {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Default::Bool(value) => to.serialize_bool(value),
            Default::Integer(value) => to.serialize_i64(value),
            Default::Double(value) => to.serialize_f64(value),
            Default::Text(value) => to.serialize_str(value),
        }
    }
}

/// JSON has no word for what is no finite number. Mesos writes the bare words, which no parser takes, and reads strings.
fn write_double<S: Serializer>(number: f64, to: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() {
        to.serialize_f64(number)
    } else if number.is_nan() {
        to.serialize_str("NaN")
    } else if number > 0.0 {
        to.serialize_str("Infinity")
    } else {
        to.serialize_str("-Infinity")
    }
}

fn write_enum<S: Serializer>(known: &Enum, number: i32, to: S) -> Result<S::Ok, S::Error> {
    match known.name_of(number) {
        Some(name) => to.serialize_str(name),
        None => to.serialize_i32(number),
    }
}
