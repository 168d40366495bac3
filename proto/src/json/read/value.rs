//! Visits JSON values with the schema in hand.

use super::{MAX_DEPTH, TOO_DEEP, build::Builder, duration};
use crate::{
    json::{
        number::{Number, WireNumber},
        skip::Skip,
    },
    schema::{Enum, Field, Kind, Label, Message},
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Some clients leave out the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Expects the fields of a message, this many levels below the top.
pub struct Object<'a> {
    pub message: &'static Message,
    pub depth: usize,
    pub builder: &'a mut Builder,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a JSON object for {}", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Object { message, depth, builder } = self;
        let depth = deeper(depth)?;
        let frame = builder.begin_message();
        while let Some(slot) = entries.next_key_seed(FieldName { message })? {
            let Some(slot) = slot else {
                entries.next_value_seed(Skip { depth })?;
                continue;
            };
            let field = &message.fields[slot];
            let start = builder.begin_field(frame, slot, field.name);
            entries.next_value_seed(FieldValue { field, in_list: false, depth, builder })?;
            builder.end_field(slot, start);
        }
        builder.end_message(frame);
        Ok(())
    }
}

fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    if depth >= MAX_DEPTH { Err(E::custom(TOO_DEEP)) } else { Ok(depth + 1) }
}

/// A key of an object: the slot of its field, or none if there is no such field.
struct FieldName {
    message: &'static Message,
}

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Option<usize>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.message.slot_named(name))
    }
}

/// Expects what a field may hold: a value, a list of values if it is repeated, or null.
struct FieldValue<'a> {
    field: &'static Field,
    /// Whether this is an element of the field's list already.
    in_list: bool,
    depth: usize,
    builder: &'a mut Builder,
}

impl<'de> DeserializeSeed<'de> for FieldValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl FieldValue<'_> {
    fn number<E: Error>(self, number: Number) -> Result<(), E> {
        if !is_number(self.field.kind) {
            return Err(E::custom(format_args!("a number where {} is expected", Expected(self.field))));
        }
        let Some(value) = number.into_kind(self.field.kind) else {
            return Err(E::custom(format_args!("a number out of range for {}", Expected(self.field))));
        };
        self.builder.number(self.field.number, value);
        Ok(())
    }

    fn enumeration<E: Error>(self, known: &Enum, name: &str) -> Result<(), E> {
        match known.number_of(name) {
            // An int32 is sign-extended on the wire.
            Some(number) => {
                self.builder.number(self.field.number, WireNumber::Varint(i64::from(number) as u64));
                Ok(())
            }
            None if self.field.label == Label::Required => {
                Err(E::custom(format_args!("Failed to find enum for '{}'", shortened(name))))
            }
            None => Ok(()),
        }
    }

    fn unexpected_text<E: Error>(&self, text: &str) -> E {
        E::custom(format_args!("the string {:?} where {} is expected", shortened(text), Expected(self.field)))
    }

    fn boolean<E: Error>(self, value: bool) -> Result<(), E> {
        if !matches!(self.field.kind, Kind::Bool) {
            return Err(E::custom(format_args!("a boolean where {} is expected", Expected(self.field))));
        }
        self.builder.number(self.field.number, WireNumber::Varint(u64::from(value)));
        Ok(())
    }
}

impl<'de> Visitor<'de> for FieldValue<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", Expected(self.field))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.boolean(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(Number::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(Number::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(Number::Float(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.field.kind {
            Kind::String => self.builder.bytes(self.field.number, text.as_bytes()),
            Kind::Bytes => {
                let bytes =
                    BASE64.decode(text).map_err(|cause| E::custom(format_args!("no Base64: {cause}")))?;
                self.builder.bytes(self.field.number, &bytes);
            }
            Kind::Enum(known) => return self.enumeration(known, text),
            Kind::Bool => match text.trim() {
                "true" => return self.boolean(true),
                "false" => return self.boolean(false),
                _ => return Err(self.unexpected_text(text)),
            },
            Kind::Message(message) if message.name == duration::NAME => {
                let duration = duration::parse(text).ok_or_else(|| self.unexpected_text(text))?;
                self.builder.bytes(self.field.number, &duration);
            }
            Kind::Message(_) | Kind::Map(_) => return Err(self.unexpected_text(text)),
            Kind::Double | Kind::Int64 | Kind::Uint64 | Kind::Int32 | Kind::Uint32 => {
                let number = Number::parse(text).ok_or_else(|| self.unexpected_text(text))?;
                return self.number(number);
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let FieldValue { field, depth, builder, .. } = self;
        match field.kind {
            Kind::Message(message) => {
                let start = builder.begin_nested(field.number);
                Object { message, depth, builder }.visit_map(entries)?;
                builder.end_nested(start);
            }
            Kind::Map(entry) => {
                let depth = deeper(depth)?;
                while let Some(key) = entries.next_key::<String>()? {
                    let start = builder.begin_nested(field.number);
                    builder.bytes(entry.fields[0].number, key.as_bytes());
                    entries.next_value_seed(FieldValue {
                        field: &entry.fields[1],
                        in_list: false,
                        depth,
                        builder,
                    })?;
                    builder.end_nested(start);
                }
            }
            _ => {
                return Err(A::Error::custom(format_args!(
                    "an object where {} is expected",
                    Expected(field)
                )));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let FieldValue { field, in_list, depth, builder } = self;
        let is_list = field.label == Label::Repeated && !matches!(field.kind, Kind::Map(_));
        if !is_list || in_list {
            return Err(A::Error::custom(format_args!("an array where {} is expected", Expected(field))));
        }
        let depth = deeper(depth)?;
        for index in 0.. {
            builder.at_element(index);
            let element = FieldValue { field, in_list: true, depth, builder: &mut *builder };
            if elements.next_element_seed(element)?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Double | Kind::Int64 | Kind::Uint64 | Kind::Int32 | Kind::Uint32)
}

/// Text from outside is repeated in errors up to this many characters.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// What a field wants, in words.
struct Expected<'a>(&'a Field);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            Kind::Double => out.write_str("a number"),
            Kind::Int64 => out.write_str("an int64"),
            Kind::Uint64 => out.write_str("a uint64"),
            Kind::Int32 => out.write_str("an int32"),
            Kind::Uint32 => out.write_str("a uint32"),
            Kind::Bool => out.write_str("a boolean"),
            Kind::String => out.write_str("a string"),
            Kind::Bytes => out.write_str("a Base64 string"),
            Kind::Enum(known) => write!(out, "the name of a {}", known.name),
            Kind::Message(message) if message.name == duration::NAME => {
                out.write_str("a duration, such as \"600s\" or an object of seconds and nanos,")
            }
            Kind::Message(message) => write!(out, "an object ({})", message.name),
            Kind::Map(_) => out.write_str("an object (a map)"),
        }
    }
}
