//! Looks through the bytes of a message for required fields that are missing, without decoding it.

use super::{Cursor, DecodeError, MAX_LISTED, Value, cursor::Fault};
use crate::schema::{Field, Kind, Label, MOST_FIELDS, Message};
use std::{borrow::Cow, fmt::Write as _};

/// How deep messages may nest. Protobuf's own limit, in C++ as in prost; real messages need some fifteen.
pub const MAX_DEPTH: usize = 100;

/// Checks that the bytes are a well-formed message with all its required fields.
pub fn scan(message: &'static Message, bytes: &[u8]) -> Result<(), DecodeError> {
    let mut scan = Scan { message, path: Vec::new(), missing: Vec::new(), unlisted: 0 };
    scan.message(message, bytes)?;
    if scan.missing.is_empty() {
        return Ok(());
    }
    Err(DecodeError::Missing { message: message.name, fields: scan.missing, unlisted: scan.unlisted })
}

struct Scan {
    /// The outermost message, for errors.
    message: &'static Message,
    path: Vec<Step>,
    missing: Vec<String>,
    unlisted: usize,
}

/// One step on the way to a message inside a message.
enum Step {
    Field(&'static str),
    Element(&'static str, usize),
    Entry(&'static str, String),
}

impl Scan {
    /// Own missing fields come first, then those of the parts: the order in which C++ lists them.
    fn message(&mut self, message: &'static Message, bytes: &[u8]) -> Result<(), DecodeError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(DecodeError::TooDeep { message: self.message.name, path: self.dotted("") });
        }
        let found = self.find(message, bytes)?;
        for (slot, field) in message.fields.iter().enumerate() {
            if field.label == Label::Required && !found.present[slot] {
                self.miss(field.name);
            }
        }
        for (slot, part) in found.single {
            if let Kind::Message(inner) = message.fields[slot].kind {
                self.step(Step::Field(message.fields[slot].name), inner, &part)?;
            }
        }
        if found.has_repeated { self.repeated(message, bytes) } else { Ok(()) }
    }

    /// One pass over the bytes: which fields there are, and the singular sub-messages.
    fn find<'a>(&self, message: &'static Message, bytes: &'a [u8]) -> Result<Found<'a>, DecodeError> {
        let mut found = Found::default();
        let mut cursor = Cursor::new(bytes);
        while let Some((number, value)) = cursor.next_field().map_err(|fault| self.malformed(fault))? {
            let Some(slot) = message.slot_numbered(number) else { continue };
            let field = &message.fields[slot];
            found.present[slot] |= counts(field, value);
            let (Kind::Message(_) | Kind::Map(_), Value::Bytes(part)) = (field.kind, value) else { continue };
            if field.label == Label::Repeated {
                found.has_repeated = true;
            } else {
                found.merge(slot, part);
            }
        }
        Ok(found)
    }

    /// A second pass, for messages that have repeated sub-messages or maps.
    fn repeated(&mut self, message: &'static Message, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut counts = [0_usize; MOST_FIELDS];
        let mut cursor = Cursor::new(bytes);
        while let Some((number, value)) = cursor.next_field().map_err(|fault| self.malformed(fault))? {
            let Some(slot) = message.slot_numbered(number) else { continue };
            let field = &message.fields[slot];
            let (Label::Repeated, Value::Bytes(part)) = (field.label, value) else { continue };
            match field.kind {
                Kind::Message(inner) => self.step(Step::Element(field.name, counts[slot]), inner, part)?,
                Kind::Map(entry) => self.entry(field, entry, part)?,
                _ => {}
            }
            counts[slot] += 1;
        }
        Ok(())
    }

    /// An entry without a value has an empty one.
    fn entry(&mut self, field: &Field, entry: &'static Message, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut key: &[u8] = &[];
        let mut content: &[u8] = &[];
        let mut cursor = Cursor::new(bytes);
        while let Some((number, value)) = cursor.next_field().map_err(|fault| self.malformed(fault))? {
            match (number, value) {
                (1, Value::Bytes(text)) => key = text,
                (2, Value::Bytes(part)) => content = part,
                _ => {}
            }
        }
        let Kind::Message(inner) = entry.fields[1].kind else { return Ok(()) };
        self.step(Step::Entry(field.name, String::from_utf8_lossy(key).into_owned()), inner, content)
    }

    fn step(&mut self, step: Step, message: &'static Message, bytes: &[u8]) -> Result<(), DecodeError> {
        self.path.push(step);
        self.message(message, bytes)?;
        self.path.pop();
        Ok(())
    }

    fn miss(&mut self, field: &str) {
        if self.missing.len() < MAX_LISTED {
            self.missing.push(self.dotted(field));
        } else {
            self.unlisted += 1;
        }
    }

    fn malformed(&self, fault: Fault) -> DecodeError {
        let place = if self.path.is_empty() { String::new() } else { format!(" in {}", self.dotted("")) };
        DecodeError::Malformed { message: self.message.name, detail: format!("{fault}{place}") }
    }

    /// The path to here, and the field: `offers[0].id.value`.
    fn dotted(&self, field: &str) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) => path.push_str(name),
                Step::Element(name, index) => {
                    write!(path, "{name}[{index}]").expect("a String takes any text")
                }
                Step::Entry(name, key) => write!(path, "{name}[{key}]").expect("a String takes any text"),
            }
            path.push('.');
        }
        path.push_str(field);
        path.trim_end_matches('.').to_string()
    }
}

struct Found<'a> {
    present: [bool; MOST_FIELDS],
    /// Singular sub-messages by slot.
    single: Vec<(usize, Cow<'a, [u8]>)>,
    has_repeated: bool,
}

impl Default for Found<'_> {
    fn default() -> Self {
        Found { present: [false; MOST_FIELDS], single: Vec::new(), has_repeated: false }
    }
}

impl<'a> Found<'a> {
    /// A sub-message that comes twice is merged, and the bytes of a merged message are those of its parts, joined.
    fn merge(&mut self, slot: usize, part: &'a [u8]) {
        match self.single.iter_mut().find(|(earlier, _)| *earlier == slot) {
            Some((_, earlier)) => earlier.to_mut().extend_from_slice(part),
            None => self.single.push((slot, Cow::Borrowed(part))),
        }
    }
}

/// Whether this value sets the field. A value of another wire type does not, nor does an enum's number that nobody
/// knows: proto2 puts both among the unknown fields.
fn counts(field: &Field, value: Value<'_>) -> bool {
    match (field.kind, value) {
        (Kind::Enum(known), Value::Varint(number)) => known.name_of(number as i32).is_some(),
        (Kind::Int64 | Kind::Uint64 | Kind::Int32 | Kind::Uint32 | Kind::Bool, Value::Varint(_)) => true,
        (Kind::Double, Value::Fixed64(_)) => true,
        (Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Map(_), Value::Bytes(_)) => true,
        _ => false,
    }
}
