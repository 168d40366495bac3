//! Builds valid wire bytes of any message type out of arbitrary choices.

use prost::encoding::{WireType, encode_key, encode_varint};
use std::collections::{BTreeMap, BTreeSet};
use tepui_proto::{
    prost_types::{DescriptorProto, FileDescriptorSet},
    schema::{Default, Enum, Field, Kind, Label, Message},
};

/// What to do with the fields.
#[derive(Clone, Copy, PartialEq)]
pub enum Wish {
    AsChosen,
    /// Unset fields that declare a default get it.
    WithDefaults,
    /// The required field of this index is left out.
    Without(usize),
}

pub struct Built {
    pub bytes: Vec<u8>,
    /// Whether prost writes these very bytes. It leaves out some zeros, in maps and in proto3.
    pub canonical: bool,
    /// How many required fields there are, in all parts.
    pub required: usize,
    /// The path of the required field that was left out.
    pub omitted: Option<String>,
}

/// Which fields exclude each other; the tables do not tell.
pub struct OneOfs(BTreeMap<String, BTreeSet<u32>>);

impl OneOfs {
    pub fn read() -> OneOfs {
        let files = ["v1/mesos", "v1/scheduler/scheduler", "slave/containerizer"];
        let files = files.map(|file| format!("mesos/{file}.proto"));
        let FileDescriptorSet { file } = protox::compile(files, ["."]).expect("the files compile");
        let mut found = BTreeMap::new();
        for file in &file {
            for message in &file.message_type {
                collect(message, file.package(), &mut found);
            }
        }
        OneOfs(found)
    }

    fn of(&self, message: &str, field: u32) -> bool {
        self.0.get(message).is_some_and(|fields| fields.contains(&field))
    }
}

fn collect(message: &DescriptorProto, scope: &str, found: &mut BTreeMap<String, BTreeSet<u32>>) {
    let name = format!("{scope}.{}", message.name());
    for nested in &message.nested_type {
        collect(nested, &name, found);
    }
    let exclusive = message.field.iter().filter(|field| field.oneof_index.is_some());
    found.insert(name, exclusive.map(|field| field.number() as u32).collect());
}

pub fn build(message: &'static Message, choices: &[u8], one_ofs: &OneOfs, wish: Wish) -> Built {
    let mut builder = Builder {
        choices: choices.iter().copied().collect(),
        one_ofs,
        wish,
        in_map: false,
        path: Vec::new(),
        built: Built { bytes: Vec::new(), canonical: true, required: 0, omitted: None },
    };
    builder.built.bytes = builder.message(message);
    builder.built
}

struct Builder<'a> {
    choices: std::collections::VecDeque<u8>,
    one_ofs: &'a OneOfs,
    wish: Wish,
    /// prost leaves out a map's value that equals its default, with all the required fields that it has.
    in_map: bool,
    path: Vec<String>,
    built: Built,
}

impl Builder<'_> {
    /// Zero once all choices are used up, so that every message comes to an end.
    fn choose(&mut self) -> u8 {
        self.choices.pop_front().unwrap_or(0)
    }

    fn message(&mut self, message: &'static Message) -> Vec<u8> {
        self.built.canonical &= !message.name.starts_with("google.");
        let mut bytes = Vec::new();
        let mut chose_one = false;
        let mut fields: Vec<&Field> = message.fields.iter().collect();
        fields.sort_by_key(|field| field.number);
        for field in fields {
            let exclusive = self.one_ofs.of(message.name, field.number);
            match field.label {
                Label::Required => self.required(field, &mut bytes),
                Label::Repeated => self.repeated(field, &mut bytes),
                Label::Optional if exclusive && chose_one => {}
                Label::Optional if self.choose() % 2 == 1 => {
                    chose_one |= exclusive;
                    self.field(field, field.name.to_string(), &mut bytes);
                }
                Label::Optional => self.unset(field, &mut bytes),
            }
        }
        bytes
    }

    fn required(&mut self, field: &Field, bytes: &mut Vec<u8>) {
        let index = self.built.required;
        self.built.required += 1;
        if self.wish == Wish::Without(index) {
            let path = self.path.iter().cloned().chain([field.name.to_string()]);
            self.built.omitted = Some(path.collect::<Vec<_>>().join("."));
        } else {
            self.field(field, field.name.to_string(), bytes);
        }
    }

    fn repeated(&mut self, field: &Field, bytes: &mut Vec<u8>) {
        for index in 0..self.choose() % 3 {
            match field.kind {
                Kind::Map(entry) => self.entry(field, entry, index, bytes),
                _ => self.field(field, format!("{}[{index}]", field.name), bytes),
            }
        }
    }

    fn entry(&mut self, field: &Field, entry: &'static Message, index: u8, bytes: &mut Vec<u8>) {
        self.built.canonical = false;
        let key = format!("k{index}");
        let mut content = Vec::new();
        put_bytes(entry.fields[0].number, key.as_bytes(), &mut content);
        let outer = std::mem::replace(&mut self.in_map, true);
        self.field(&entry.fields[1], format!("{}[{key}]", field.name), &mut content);
        self.in_map = outer;
        put_bytes(field.number, &content, bytes);
    }

    fn unset(&mut self, field: &Field, bytes: &mut Vec<u8>) {
        let Some(default) = field.default.filter(|_| self.wish == Wish::WithDefaults) else { return };
        match (field.kind, default) {
            (_, Default::Bool(value)) => put_varint(field.number, u64::from(value), bytes),
            (_, Default::Integer(value)) => put_varint(field.number, value as u64, bytes),
            (_, Default::Double(value)) => put_double(field.number, value, bytes),
            (Kind::Enum(known), Default::Text(name)) => {
                put_varint(field.number, number(known, |value| value.0 == name), bytes);
            }
            (_, Default::Text(text)) => put_bytes(field.number, text.as_bytes(), bytes),
        }
    }

    fn field(&mut self, field: &Field, step: String, bytes: &mut Vec<u8>) {
        match field.kind {
            Kind::Message(inner) => {
                self.path.push(step);
                let content = self.message(inner);
                self.path.pop();
                put_bytes(field.number, &content, bytes);
            }
            Kind::Enum(known) => {
                let values = &known.values[usize::from(self.in_map && known.values.len() > 1)..];
                let chosen = values[usize::from(self.choose()) % values.len()];
                put_varint(field.number, i64::from(chosen.1) as u64, bytes);
            }
            Kind::Double => put_double(field.number, self.double(), bytes),
            Kind::Bool => put_varint(field.number, u64::from(self.choose() % 2), bytes),
            Kind::Int64 => put_varint(field.number, self.integer(), bytes),
            Kind::Uint64 => put_varint(field.number, self.integer(), bytes),
            Kind::Int32 => put_varint(field.number, i64::from(self.integer() as i32) as u64, bytes),
            Kind::Uint32 => put_varint(field.number, u64::from(self.integer() as u32), bytes),
            Kind::String => put_bytes(field.number, self.text().as_bytes(), bytes),
            Kind::Bytes => {
                let content: Vec<u8> = (0..self.choose() % 9).map(|_| self.choose()).collect();
                put_bytes(field.number, &content, bytes);
            }
            Kind::Map(_) => unreachable!("a map is repeated"),
        }
    }

    fn integer(&mut self) -> u64 {
        match self.choose() % 8 {
            0 => 0,
            1 => u64::MAX,
            2 => i64::MAX as u64,
            3 => i64::MIN as u64,
            4 => u64::from(u32::MAX),
            5 => i32::MIN as u64,
            _ => u64::from_le_bytes([0; 8].map(|_: u8| self.choose())),
        }
    }

    fn double(&mut self) -> f64 {
        let plain = [0.0, 0.1, 5.0, -2.25, 1e16, 1e300, -0.0, f64::INFINITY, f64::NEG_INFINITY];
        let choice = usize::from(self.choose()) % (plain.len() + 3);
        let bits = |builder: &mut Self| f64::from_le_bytes([0; 8].map(|_: u8| builder.choose()));
        let chosen = plain.get(choice).copied().unwrap_or_else(|| bits(self));
        // NaN is not equal to itself, and minus zero is a map's default.
        if chosen.is_nan() || self.in_map && chosen == 0.0 && chosen.is_sign_negative() {
            1.5
        } else {
            chosen
        }
    }

    fn text(&mut self) -> String {
        let pieces = ["a", "ü", "\n", "\"", "\\", "\u{0}", "\u{7f}", "𝄞", "*", "role/x", "</script>"];
        (0..self.choose() % 5).map(|_| pieces[usize::from(self.choose()) % pieces.len()]).collect()
    }
}

fn number(known: &Enum, wanted: impl Fn(&(&str, i32)) -> bool) -> u64 {
    let value = known.values.iter().find(|value| wanted(value)).expect("a default is one of the values");
    i64::from(value.1) as u64
}

fn put_varint(number: u32, value: u64, bytes: &mut Vec<u8>) {
    encode_key(number, WireType::Varint, bytes);
    encode_varint(value, bytes);
}

fn put_double(number: u32, value: f64, bytes: &mut Vec<u8>) {
    encode_key(number, WireType::SixtyFourBit, bytes);
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn put_bytes(number: u32, value: &[u8], bytes: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, bytes);
    encode_varint(value.len() as u64, bytes);
    bytes.extend_from_slice(value);
}
