//! Wire format in the making.

use crate::json::number::WireNumber;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use std::{fmt::Write as _, ops::Range};

/// The bytes of the message so far, and what is needed to take back a field that comes again.
#[derive(Default)]
pub struct Builder {
    bytes: Vec<u8>,
    /// The fields of all unfinished messages; those of the innermost are last.
    fields: Vec<(usize, Range<usize>)>,
    /// The way to the value being read, for errors.
    path: Vec<(&'static str, Option<usize>)>,
}

/// Where the fields of a message begin in the list of fields.
#[derive(Clone, Copy)]
pub struct Frame(usize);

impl Builder {
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The path to the value that was being read when reading stopped.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for (name, index) in &self.path {
            let dot = if path.is_empty() { "" } else { "." };
            write!(path, "{dot}{name}").expect("a String takes any text");
            if let Some(index) = index {
                write!(path, "[{index}]").expect("a String takes any text");
            }
        }
        path
    }

    pub fn begin_message(&self) -> Frame {
        Frame(self.fields.len())
    }

    pub fn end_message(&mut self, frame: Frame) {
        self.fields.truncate(frame.0);
    }

    /// Begins a field. What the same field said before is taken back: of equal keys the last one counts.
    pub fn begin_field(&mut self, frame: Frame, slot: usize, name: &'static str) -> usize {
        self.path.push((name, None));
        let of_message = &self.fields[frame.0..];
        if let Some(found) = of_message.iter().position(|(earlier, _)| *earlier == slot) {
            let (_, taken) = self.fields.remove(frame.0 + found);
            let length = taken.len();
            self.bytes.drain(taken.clone());
            for (_, place) in &mut self.fields[frame.0..] {
                if place.start >= taken.end {
                    *place = place.start - length..place.end - length;
                }
            }
        }
        self.bytes.len()
    }

    pub fn end_field(&mut self, slot: usize, start: usize) {
        self.path.pop();
        if self.bytes.len() > start {
            self.fields.push((slot, start..self.bytes.len()));
        }
    }

    /// Says which element of the field is being read.
    pub fn at_element(&mut self, index: usize) {
        if let Some(last) = self.path.last_mut() {
            last.1 = Some(index);
        }
    }

    pub fn number(&mut self, number: u32, value: WireNumber) {
        match value {
            WireNumber::Varint(value) => {
                encode_key(number, WireType::Varint, &mut self.bytes);
                encode_varint(value, &mut self.bytes);
            }
            WireNumber::Double(value) => {
                encode_key(number, WireType::SixtyFourBit, &mut self.bytes);
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    pub fn bytes(&mut self, number: u32, value: &[u8]) {
        encode_key(number, WireType::LengthDelimited, &mut self.bytes);
        encode_varint(value.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(value);
    }

    /// Begins a field whose length is known only at its end. Answers what [`Builder::end_nested`] wants.
    pub fn begin_nested(&mut self, number: u32) -> usize {
        encode_key(number, WireType::LengthDelimited, &mut self.bytes);
        self.bytes.push(0);
        self.bytes.len()
    }

    /// Nearly all parts are shorter than 128 bytes, so one byte is kept for the length; others move a little.
    pub fn end_nested(&mut self, start: usize) {
        let length = (self.bytes.len() - start) as u64;
        let mut prefix = Vec::with_capacity(encoded_len_varint(length));
        encode_varint(length, &mut prefix);
        if let [byte] = prefix[..] {
            self.bytes[start - 1] = byte;
        } else {
            self.bytes.splice(start - 1..start, prefix);
        }
    }
}
