//! Which fields hold a `Box`: optional sub-messages wider than a `Vec`, so that what is rarely set costs a pointer.
//!
//! A `TaskInfo` without this rule takes some 2 kB, nearly all of it empty.

use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use std::collections::BTreeMap;

/// An optional sub-message up to this many bytes stays inline: the size of a `Vec` or a `String`.
const INLINE: usize = 24;

/// Beyond the rule. Most resources are scalars of no provider; an operation is told apart by its id
/// long before its content is looked at.
const ALSO: [&str; 6] = [
    ".mesos.v1.Resource.disk",
    ".mesos.v1.Resource.provider_id",
    ".mesos.v1.Resource.ranges",
    ".mesos.v1.Resource.set",
    ".mesos.v1.Operation.info",
    ".mesos.v1.Operation.latest_status",
];

/// The full names of the boxed fields.
pub fn fields(set: &FileDescriptorSet) -> Vec<String> {
    let mut messages = BTreeMap::new();
    for file in &set.file {
        for message in &file.message_type {
            index(message, &format!(".{}", file.package()), &mut messages);
        }
    }
    let sizes = Sizes { messages };
    let mut boxed: Vec<String> = ALSO.iter().map(|name| name.to_string()).collect();
    for (name, message) in &sizes.messages {
        let rule = message.field.iter().filter(|field| sizes.is_boxed(name, field));
        boxed.extend(rule.map(|field| format!("{name}.{}", field.name())));
    }
    boxed
}

fn index<'a>(message: &'a DescriptorProto, scope: &str, into: &mut BTreeMap<String, &'a DescriptorProto>) {
    let name = format!("{scope}.{}", message.name());
    for nested in &message.nested_type {
        index(nested, &name, into);
    }
    into.insert(name, message);
}

struct Sizes<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
}

impl Sizes<'_> {
    fn is_boxed(&self, owner: &str, field: &FieldDescriptorProto) -> bool {
        let optional_message = field.label() == Label::Optional && field.r#type() == Type::Message;
        if ALSO.contains(&format!("{owner}.{}", field.name()).as_str()) {
            return true;
        }
        optional_message && field.oneof_index.is_none() && self.size(field.type_name(), 0) > INLINE
    }

    /// About as many bytes as the Rust type takes. A recursive message counts as wide.
    fn size(&self, message: &str, depth: usize) -> usize {
        let Some(found) = self.messages.get(message) else {
            return 16; // google.protobuf.Duration
        };
        if depth > 20 {
            return INLINE + 1;
        }
        found.field.iter().map(|field| self.field_size(message, field, depth)).sum()
    }

    fn field_size(&self, owner: &str, field: &FieldDescriptorProto, depth: usize) -> usize {
        if field.label() == Label::Repeated {
            return 24;
        }
        let optional = field.label() == Label::Optional;
        match field.r#type() {
            Type::Message if ALSO.contains(&format!("{owner}.{}", field.name()).as_str()) => 8,
            Type::Message => match self.size(field.type_name(), depth + 1) {
                wide if optional && wide > INLINE => 8,
                inline => inline,
            },
            Type::String => 24,
            Type::Bytes => 32,
            Type::Bool => 1,
            Type::Enum | Type::Int32 | Type::Uint32 => 4 << u32::from(optional),
            _ => 8 << u32::from(optional),
        }
    }
}
