//! The unversioned (v0) packages are twins of the v1 ones: the same bytes under older names.
//!
//! One set of Rust types serves both. Here every reference to a v0 type is turned to its v1 twin and the
//! v0 types are dropped, but for those of `KEPT`, whose bytes differ.

use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::BTreeSet;

/// The files that define v0 twins.
const TWIN_FILES: [&str; 9] = [
    "mesos/mesos.proto",
    "mesos/agent/agent.proto",
    "mesos/allocator/allocator.proto",
    "mesos/executor/executor.proto",
    "mesos/maintenance/maintenance.proto",
    "mesos/master/master.proto",
    "mesos/quota/quota.proto",
    "mesos/resource_provider/resource_provider.proto",
    "mesos/scheduler/scheduler.proto",
];

/// v0 messages that stay types of their own: `Subscribe` numbers its fields differently from v1, and `Call` contains it.
///
/// Two more differ and are left out on purpose: `mesos.SlaveInfo.checkpoint` has been without effect since 1.0, and
/// `mesos.master.Call.DrainAgent` cannot arrive, since the operator API was born with v1.
const KEPT: [&str; 2] = [".mesos.scheduler.Call", ".mesos.scheduler.Call.Subscribe"];

/// Drops the twins and lets everything else refer to v1. Also answers which v0 name stands for which v1 type.
pub fn merge(compiled: FileDescriptorSet) -> (FileDescriptorSet, Vec<(String, String)>) {
    let twins = names_in(&compiled, |file| TWIN_FILES.contains(&file.name()));
    let others = names_in(&compiled, |file| !TWIN_FILES.contains(&file.name()));
    let rename = |name: &str| -> String {
        if !twins.contains(name) || KEPT.contains(&name) {
            return name.to_string();
        }
        let v1 = v1_name(name);
        assert!(others.contains(&v1), "{name} has no v1 twin {v1}");
        v1
    };

    let mut merged = FileDescriptorSet::default();
    for mut file in compiled.file {
        if TWIN_FILES.contains(&file.name()) && !keep(&mut file) {
            continue;
        }
        for message in &mut file.message_type {
            redirect(message, &rename);
        }
        merged.file.push(file);
    }
    let renamed = twins.iter().filter(|name| !KEPT.contains(&name.as_str()));
    let aliases = renamed.map(|name| (name[1..].to_string(), v1_name(name)[1..].to_string())).collect();
    (merged, aliases)
}

/// The v1 name of a v0 type: `.mesos.SlaveInfo.Capability` is `.mesos.v1.AgentInfo.Capability`.
fn v1_name(v0: &str) -> String {
    v0.replacen(".mesos.", ".mesos.v1.", 1).replace("Slave", "Agent")
}

/// Reduces a twin file to what is `KEPT`; false if nothing is.
fn keep(file: &mut FileDescriptorProto) -> bool {
    let package = format!(".{}", file.package());
    retain(&mut file.message_type, &package);
    file.enum_type.clear();
    // The comments are found by position, and positions have just changed.
    file.source_code_info = None;
    !file.message_type.is_empty()
}

fn retain(messages: &mut Vec<DescriptorProto>, scope: &str) {
    messages.retain(|message| KEPT.contains(&format!("{scope}.{}", message.name()).as_str()));
    for message in messages {
        let scope = format!("{scope}.{}", message.name());
        message.enum_type.clear();
        retain(&mut message.nested_type, &scope);
    }
}

fn redirect(message: &mut DescriptorProto, rename: &dyn Fn(&str) -> String) {
    for field in &mut message.field {
        if let Some(name) = &mut field.type_name {
            *name = rename(name);
        }
    }
    for nested in &mut message.nested_type {
        redirect(nested, rename);
    }
}

fn names_in(set: &FileDescriptorSet, wanted: impl Fn(&FileDescriptorProto) -> bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in set.file.iter().filter(|file| wanted(file)) {
        let scope = format!(".{}", file.package());
        names.extend(file.enum_type.iter().map(|e| format!("{scope}.{}", e.name())));
        for message in &file.message_type {
            collect(message, &scope, &mut names);
        }
    }
    names
}

fn collect(message: &DescriptorProto, scope: &str, names: &mut BTreeSet<String>) {
    let scope = format!("{scope}.{}", message.name());
    names.extend(message.enum_type.iter().map(|e| format!("{scope}.{}", e.name())));
    for nested in &message.nested_type {
        collect(nested, &scope, names);
    }
    names.insert(scope);
}
