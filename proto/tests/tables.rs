//! The `.proto` files declare what Mesos 1.11 declares: every field, number, label, type, default and enum value, in
//! the same order, and nothing else.
//!
//! The tables in `tests/tables` list one declaration per line. `images.tsv` has the few types that others refer to and
//! that come from elsewhere: image manifests, CNI's DNS settings and the replicated log's entries.

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    field_descriptor_proto::{Label, Type},
};
use std::{collections::BTreeMap, fs, path::Path};
use tepui_proto::prost_types;

/// Lines by the type they are about, in order.
type Lines = BTreeMap<String, Vec<String>>;

#[test]
fn the_proto_files_declare_exactly_what_the_tables_list() {
    let listed = listed();
    let declared = declared();

    let mut differences = Vec::new();
    for name in listed.keys().chain(declared.keys()) {
        let (in_tables, in_files) = (listed.get(name), declared.get(name));
        if in_tables != in_files {
            differences.push(format!("{name}\n  tables: {in_tables:#?}\n  files: {in_files:#?}"));
        }
    }

    let count: usize = listed.values().map(Vec::len).sum();
    println!("{count} declarations of {} types compared", listed.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(count > 4000, "only {count} declarations were compared");
}

fn listed() -> Lines {
    let mut lines = Lines::new();
    for entry in fs::read_dir("tests/tables").expect("the tables are there") {
        let table =
            fs::read_to_string(entry.expect("the directory is readable").path()).expect("a table is text");
        for line in table.lines().skip(1) {
            let name = line.split('\t').nth(1).expect("the second column is the type");
            lines.entry(name.to_string()).or_default().push(line.to_string());
        }
    }
    lines
}

fn declared() -> Lines {
    let mut files = Vec::new();
    find(Path::new("mesos"), &mut files);
    let compiled = protox::compile(files, ["."]).expect("the files compile");
    let mut lines = Lines::new();
    for file in compiled.file.iter().filter(|file| !file.package().starts_with("google.")) {
        declare_file(file, &mut lines);
    }
    lines
}

fn find(dir: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(dir).expect("the directory is there") {
        let path = entry.expect("the directory is readable").path();
        if path.is_dir() {
            find(&path, files);
        } else {
            files.push(path.to_str().expect("our names are ASCII").to_string());
        }
    }
}

fn declare_file(file: &FileDescriptorProto, lines: &mut Lines) {
    for declared in &file.enum_type {
        declare_enum(declared, file.package(), lines);
    }
    for message in &file.message_type {
        declare_message(message, file.package(), lines);
    }
}

fn declare_enum(declared: &EnumDescriptorProto, scope: &str, lines: &mut Lines) {
    let name = format!("{scope}.{}", declared.name());
    let alias = declared.options.as_ref().is_some_and(|options| options.allow_alias());
    let option = if alias { "allow_alias" } else { "" };
    let values = declared.value.iter();
    let values =
        values.map(|value| format!("enum\t{name}\t{}\t\t\t{}\t{option}", value.number(), value.name()));
    lines.insert(name.clone(), values.collect());
}

fn declare_message(message: &DescriptorProto, scope: &str, lines: &mut Lines) {
    let name = format!("{scope}.{}", message.name());
    let fields = message.field.iter().map(|field| field_line(message, &name, field));
    let mut of_message: Vec<String> = fields.collect();
    if of_message.is_empty() {
        of_message.push(format!("message\t{name}\t\t\t\t\t"));
    }
    for nested in &message.nested_type {
        declare_message(nested, &name, lines);
    }
    for declared in &message.enum_type {
        declare_enum(declared, &name, lines);
    }
    lines.insert(name, of_message);
}

fn field_line(message: &DescriptorProto, owner: &str, field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Optional => "optional",
        Label::Required => "required",
        Label::Repeated => "repeated",
    };
    let (number, kind) = (field.number(), type_name(field));
    format!("field\t{owner}\t{number}\t{label}\t{kind}\t{}\t{}", field.name(), options(message, field))
}

fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name()[1..].to_string(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

fn options(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let mut options = Vec::new();
    if let Some(oneof) = field.oneof_index {
        options.push(format!("oneof={}", message.oneof_decl[oneof as usize].name()));
    }
    if let Some(default) = &field.default_value {
        options.push(format!("default={default}"));
    }
    if field.options.as_ref().is_some_and(|options| options.deprecated()) {
        options.push("deprecated".to_string());
    }
    options.join(",")
}
