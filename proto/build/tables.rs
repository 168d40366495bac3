//! Writes the schema tables: every message with its fields, as Rust statics, one file for each package.

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::Path};

/// Writes `schema.rs`, which includes one file of tables for each package, and `messages.rs`, the list of all messages.
///
/// `aliases` are further names under which a message is found.
pub fn write(set: &FileDescriptorSet, aliases: &[(String, String)], dir: &Path) -> io::Result<()> {
    let mut tables = Tables::default();
    for file in &set.file {
        let package = Scope { names: vec![], package: file.package() };
        for declared in &file.enum_type {
            tables.enumeration(&package, declared);
        }
        for message in &file.message_type {
            tables.message(&package, message);
        }
    }
    fs::create_dir_all(dir.join("schema"))?;
    let mut index = String::new();
    for (package, code) in &tables.packages {
        let path = dir.join("schema").join(format!("{package}.rs"));
        fs::write(&path, code)?;
        writeln!(index, "include!({path:?});").expect("a String takes any text");
    }
    index.push_str(&tables.constants(aliases));
    fs::write(dir.join("schema.rs"), index)?;
    fs::write(dir.join("messages.rs"), tables.messages())
}

#[derive(Default)]
struct Tables {
    /// Package to its Rust code.
    packages: BTreeMap<String, String>,
    /// Full name of a message to the path of its Rust type; none for map entries.
    types: BTreeMap<String, Option<String>>,
    most_fields: usize,
}

/// Where a declaration stands.
struct Scope<'a> {
    package: &'a str,
    names: Vec<&'a str>,
}

impl<'a> Scope<'a> {
    fn inside(&self, name: &'a str) -> Scope<'a> {
        let names = self.names.iter().copied().chain([name]).collect();
        Scope { package: self.package, names }
    }

    fn full_name(&self) -> String {
        format!("{}.{}", self.package, self.names.join("."))
    }

    /// `mesos.v1.Offer.Operation` is `mesos::v1::offer::Operation`.
    fn rust_path(&self) -> String {
        if self.package == "google.protobuf" {
            return format!("prost_types::{}", self.names.join("::"));
        }
        let (last, outer) = self.names.split_last().expect("a declaration has a name");
        let packages = self.package.split('.').map(str::to_string);
        let modules = outer.iter().map(|name| name.to_snake_case());
        packages.chain(modules).chain([last.to_upper_camel_case()]).collect::<Vec<_>>().join("::")
    }
}

impl Tables {
    fn message(&mut self, outer: &Scope<'_>, message: &DescriptorProto) {
        let scope = outer.inside(message.name());
        let full_name = scope.full_name();
        let entries = map_entries(&full_name, message);
        let mut code = format!(
            "pub static {}: Message = Message {{ name: {full_name:?}, fields: &[\n",
            static_name(&full_name)
        );
        for field in &message.field {
            writeln!(code, "    {},", field_literal(field, &entries)).expect("a String takes any text");
        }
        writeln!(code, "], by_name: &{:?}, by_number: &{:?} }};", by_name(message), by_number(message))
            .expect("a String takes any text");

        self.most_fields = self.most_fields.max(message.field.len());
        let path = (!is_map_entry(message)).then(|| scope.rust_path());
        self.types.insert(full_name, path);
        self.packages.entry(scope.package.to_string()).or_default().push_str(&code);
        for declared in &message.enum_type {
            self.enumeration(&scope, declared);
        }
        for nested in &message.nested_type {
            self.message(&scope, nested);
        }
    }

    fn enumeration(&mut self, outer: &Scope<'_>, declared: &EnumDescriptorProto) {
        let full_name = outer.inside(declared.name()).full_name();
        let values: Vec<_> = declared.value.iter().map(|value| (value.name(), value.number())).collect();
        let code = format!(
            "pub static {}: Enum = Enum {{ name: {full_name:?}, values: &{values:?} }};\n",
            static_name(&full_name)
        );
        self.packages.entry(outer.package.to_string()).or_default().push_str(&code);
    }

    fn constants(&self, aliases: &[(String, String)]) -> String {
        let mut named: BTreeMap<&str, &str> = BTreeMap::new();
        named
            .extend(self.types.iter().filter(|(_, path)| path.is_some()).map(|(name, _)| (&**name, &**name)));
        for (alias, name) in aliases {
            if self.types.get(name).is_some_and(Option::is_some) {
                named.entry(alias).or_insert(name);
            }
        }
        let mut code = format!("pub const MOST_FIELDS: usize = {};\n", self.most_fields);
        code.push_str("/// Sorted by name.\npub static BY_NAME: &[(&str, &Message)] = &[\n");
        for (alias, name) in named {
            writeln!(code, "    ({alias:?}, &{}),", static_name(name)).expect("a String takes any text");
        }
        code.push_str("];\n");
        code
    }

    /// `each_message! { "name", rust::path, table; … }`, for whoever defines that macro.
    fn messages(&self) -> String {
        let mut code = String::from("each_message! {\n");
        for (name, path) in &self.types {
            if let Some(path) = path {
                writeln!(code, "    {name:?}, {path}, {};", static_name(name))
                    .expect("a String takes any text");
            }
        }
        code.push_str("}\n");
        code
    }
}

fn field_literal(field: &FieldDescriptorProto, entries: &[String]) -> String {
    let type_name = field.type_name().trim_start_matches('.');
    let kind = match field.r#type() {
        Type::Message if entries.contains(&type_name.to_string()) => {
            format!("Map(&{})", static_name(type_name))
        }
        Type::Message => format!("Message(&{})", static_name(type_name)),
        Type::Enum => format!("Enum(&{})", static_name(type_name)),
        Type::Double => "Double".into(),
        Type::Int64 => "Int64".into(),
        Type::Uint64 => "Uint64".into(),
        Type::Int32 => "Int32".into(),
        Type::Uint32 => "Uint32".into(),
        Type::Bool => "Bool".into(),
        Type::String => "String".into(),
        Type::Bytes => "Bytes".into(),
        other => panic!("{}: the tables know no {other:?}; teach them", field.name()),
    };
    let label = match field.label() {
        Label::Optional => "Optional",
        Label::Required => "Required",
        Label::Repeated => "Repeated",
    };
    format!(
        "Field {{ name: {:?}, number: {}, label: Label::{label}, kind: Kind::{kind}, default: {} }}",
        field.name(),
        field.number(),
        default_literal(field)
    )
}

/// The value to print for an unset field: its declared default, unless the field is deprecated.
fn default_literal(field: &FieldDescriptorProto) -> String {
    let deprecated = field.options.as_ref().is_some_and(|options| options.deprecated());
    let Some(value) = field.default_value.as_deref().filter(|_| !deprecated) else {
        return "None".into();
    };
    match field.r#type() {
        Type::String | Type::Enum => format!("Some(Default::Text({value:?}))"),
        Type::Bool => format!("Some(Default::Bool({value}))"),
        Type::Double => {
            let number: f64 = value.parse().expect("the compiler has checked the default");
            format!("Some(Default::Double({number:?}))")
        }
        Type::Int64 | Type::Uint64 | Type::Int32 | Type::Uint32 => format!("Some(Default::Integer({value}))"),
        other => panic!("{}: a default of type {other:?}", field.name()),
    }
}

/// Slots in the order of their names, for binary search.
fn by_name(message: &DescriptorProto) -> Vec<usize> {
    let mut slots: Vec<usize> = (0..message.field.len()).collect();
    slots.sort_by_key(|slot| message.field[*slot].name());
    slots
}

/// At a field's number its slot plus one; zero where there is no field.
fn by_number(message: &DescriptorProto) -> Vec<usize> {
    let highest = message.field.iter().map(|field| field.number() as usize).max().unwrap_or(0);
    let mut slots = vec![0; highest + 1];
    for (slot, field) in message.field.iter().enumerate() {
        slots[field.number() as usize] = slot + 1;
    }
    slots
}

fn map_entries(full_name: &str, message: &DescriptorProto) -> Vec<String> {
    let entries = message.nested_type.iter().filter(|nested| is_map_entry(nested));
    entries.map(|nested| format!("{full_name}.{}", nested.name())).collect()
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|options| options.map_entry())
}

fn static_name(full_name: &str) -> String {
    full_name.replace('.', "__")
}
