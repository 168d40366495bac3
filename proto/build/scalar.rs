//! Lets zero quantities survive in maps.
//!
//! prost leaves out a map's value that equals the default of its type, and with it the required field inside; C++ and
//! Go then refuse the whole message. `Value.Scalar` is what Mesos keeps in maps, and a quota limit of zero is common. So
//! its default becomes minus zero, and its equality one of bits (see `src/scalar.rs`): nothing anyone writes equals it.

use prost_types::FileDescriptorSet;
use std::{fs, io, path::Path};

/// Sets the default that prost gives to `mesos.v1.Value.Scalar.value`.
pub fn give_default(set: &mut FileDescriptorSet) {
    let file = set.file.iter_mut().find(|file| file.name() == "mesos/v1/mesos.proto");
    let values = file.and_then(|file| file.message_type.iter_mut().find(|message| message.name() == "Value"));
    let scalar =
        values.and_then(|value| value.nested_type.iter_mut().find(|nested| nested.name() == "Scalar"));
    let field =
        scalar.and_then(|scalar| scalar.field.first_mut()).expect("mesos.v1.Value.Scalar has a field");
    field.default_value = Some("-0".to_string());
}

/// Removes the derived equality of `Scalar`, which prost cannot be told to leave away.
pub fn drop_equality(out: &Path) -> io::Result<()> {
    let path = out.join("mesos.v1.rs");
    let code = fs::read_to_string(&path)?;
    let derived = "#[derive(Clone, Copy, PartialEq, ::prost::Message)]\n    pub struct Scalar {";
    assert_eq!(code.matches(derived).count(), 1, "prost derives other traits for Value.Scalar than expected");
    fs::write(path, code.replace(derived, &derived.replace("PartialEq, ", "")))
}
