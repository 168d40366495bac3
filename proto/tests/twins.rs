//! The unversioned packages are the same bytes as v1, which is why one set of Rust types serves both.

use std::collections::BTreeSet;
use tepui_proto::{
    prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
        field_descriptor_proto::{Label as WireLabel, Type},
    },
    schema::{self, Field, Kind, Label, Message},
};

/// Where the bytes differ, and why one type serves nevertheless.
const DIFFERENCES: [&str; 2] = [
    // Without effect since 1.0; as an unknown field it is skipped.
    "mesos.SlaveInfo.checkpoint",
    // The operator API never spoke v0.
    "mesos.master.Call.DrainAgent.max_grace_period",
];

const TWINS: [&str; 9] = [
    "mesos",
    "agent/agent",
    "allocator/allocator",
    "executor/executor",
    "maintenance/maintenance",
    "master/master",
    "quota/quota",
    "resource_provider/resource_provider",
    "scheduler/scheduler",
];

#[test]
fn unversioned_messages_are_the_same_bytes_as_versioned_ones() {
    let files = TWINS.map(|file| format!("mesos/{file}.proto"));
    let compiled = protox::compile(&files, ["."]).expect("the files compile");

    let mut comparison = Comparison { set: &compiled, differences: BTreeSet::new(), fields: 0 };
    for file in compiled.file.iter().filter(|file| files.iter().any(|twin| twin == file.name())) {
        for message in &file.message_type {
            comparison.message(message, file.package());
        }
    }

    assert_eq!(comparison.differences, DIFFERENCES.map(String::from).into());
    assert!(comparison.fields > 1000, "only {} fields were compared", comparison.fields);
}

struct Comparison<'a> {
    set: &'a FileDescriptorSet,
    differences: BTreeSet<String>,
    fields: usize,
}

impl Comparison<'_> {
    fn message(&mut self, message: &DescriptorProto, scope: &str) {
        let name = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            self.message(nested, &name);
        }
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return;
        }
        let twin = schema::find(&name).unwrap_or_else(|| panic!("{name} is not known"));
        assert!(message.field.len() >= twin.fields.len(), "{name} lacks fields of {}", twin.name);
        for field in &message.field {
            self.fields += 1;
            if !self.same(field, twin) {
                self.differences.insert(format!("{name}.{}", field.name()));
            }
        }
    }

    fn same(&self, field: &FieldDescriptorProto, twin: &Message) -> bool {
        let Some(slot) = twin.slot_numbered(field.number() as u32) else { return false };
        let other = &twin.fields[slot];
        let label = match field.label() {
            WireLabel::Optional => Label::Optional,
            WireLabel::Required => Label::Required,
            WireLabel::Repeated => Label::Repeated,
        };
        label == other.label && self.same_kind(field, other)
    }

    fn same_kind(&self, field: &FieldDescriptorProto, other: &Field) -> bool {
        match (field.r#type(), other.kind) {
            (Type::Message, Kind::Message(of)) => {
                schema::find(&field.type_name()[1..]).is_some_and(|found| found.name == of.name)
            }
            (Type::Message, Kind::Map(_)) => field.type_name().ends_with("Entry"),
            (Type::Enum, Kind::Enum(of)) => {
                self.numbers(field.type_name()) == of.values.iter().map(|value| value.1).collect()
            }
            (scalar, kind) => format!("{scalar:?}") == format!("{kind:?}"),
        }
    }

    fn numbers(&self, full_name: &str) -> BTreeSet<i32> {
        let mut found = None;
        for file in &self.set.file {
            let scope = format!(".{}", file.package());
            let declared = file.enum_type.iter().find(|e| format!("{scope}.{}", e.name()) == full_name);
            let nested =
                || file.message_type.iter().find_map(|message| find_enum(message, &scope, full_name));
            found = found.or(declared).or_else(nested);
        }
        let found = found.unwrap_or_else(|| panic!("{full_name} is not declared"));
        found.value.iter().map(|value| value.number()).collect()
    }
}

fn find_enum<'a>(
    message: &'a DescriptorProto,
    scope: &str,
    full_name: &str,
) -> Option<&'a tepui_proto::prost_types::EnumDescriptorProto> {
    let scope = format!("{scope}.{}", message.name());
    let declared = message.enum_type.iter().find(|e| format!("{scope}.{}", e.name()) == full_name);
    declared.or_else(|| message.nested_type.iter().find_map(|nested| find_enum(nested, &scope, full_name)))
}
