//! Laws that hold for every message type, on arbitrary content.

mod arbitrary;

use arbitrary::{Built, OneOfs, Wish, build};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any},
    prop_assert, prop_assert_eq,
    test_runner::{TestCaseError, TestRunner},
};
use std::fmt::Debug;
use tepui_proto::{
    Described, json, schema,
    wire::{self, DecodeError},
};

/// What can be done with a type, without naming it.
struct Type {
    name: &'static str,
    schema: &'static schema::Message,
    bytes_survive: fn(&Built) -> Result<(), TestCaseError>,
    json_survives: fn(&Built, &Built) -> Result<(), TestCaseError>,
    damage_is_harmless: fn(&Built, &[u8]),
}

macro_rules! each_message {
    ($($name:literal, $($path:ident)::+, $table:ident;)*) => {
        const TYPES: &[Type] = &[$(Type {
            name: $name,
            schema: <tepui_proto::$($path)::+ as Described>::SCHEMA,
            bytes_survive: bytes_survive::<tepui_proto::$($path)::+>,
            json_survives: json_survives::<tepui_proto::$($path)::+>,
            damage_is_harmless: damage_is_harmless::<tepui_proto::$($path)::+>,
        },)*];
    };
}
include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// Content that decides about every field, for every type. Long enough to reach the parts of the parts.
fn for_every_type(law: impl Fn(&Type, &[u8]) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    for of in TYPES {
        let mut runner = TestRunner::new(config.clone());
        if let Err(failure) = runner.run(&vec(any::<u8>(), 0..400), |choices| law(of, &choices)) {
            panic!("{}: {failure}", of.name);
        }
    }
}

#[test]
fn every_table_has_its_rust_type() {
    assert!(TYPES.len() > 500, "only {} types", TYPES.len());
    for of in TYPES {
        assert_eq!(schema::find(of.name).map(|found| found.name), Some(of.name));
        assert_eq!(of.schema.name, of.name);
    }
    println!("{} message types", TYPES.len());
}

#[test]
fn messages_survive_the_wire() {
    let one_ofs = OneOfs::read();
    for_every_type(|of, choices| (of.bytes_survive)(&build(of.schema, choices, &one_ofs, Wish::AsChosen)));
}

#[test]
fn messages_survive_json_and_gain_their_declared_defaults() {
    let one_ofs = OneOfs::read();
    for_every_type(|of, choices| {
        let chosen = build(of.schema, choices, &one_ofs, Wish::AsChosen);
        let filled = build(of.schema, choices, &one_ofs, Wish::WithDefaults);
        (of.json_survives)(&chosen, &filled)
    });
}

#[test]
fn any_required_field_is_missed_by_its_path() {
    let one_ofs = OneOfs::read();
    for_every_type(|of, choices| {
        let whole = build(of.schema, choices, &one_ofs, Wish::AsChosen);
        prop_assert_eq!(wire::check(of.name, &whole.bytes), Ok(()));
        let Some(first) = choices.first().filter(|_| whole.required > 0) else { return Ok(()) };

        let omitted = usize::from(*first) % whole.required;
        let broken = build(of.schema, choices, &one_ofs, Wish::Without(omitted));

        match wire::check(of.name, &broken.bytes) {
            Err(DecodeError::Missing { fields, unlisted: 0, .. }) => {
                prop_assert_eq!(fields, vec![broken.omitted.expect("one field was omitted")]);
            }
            other => prop_assert!(false, "{other:?}"),
        }
        Ok(())
    });
}

#[test]
fn damaged_bytes_and_texts_are_refused_or_read_and_never_more() {
    let one_ofs = OneOfs::read();
    for_every_type(|of, choices| {
        (of.damage_is_harmless)(&build(of.schema, choices, &one_ofs, Wish::AsChosen), choices);
        Ok(())
    });
}

fn decoded<M: Described>(built: &Built) -> Result<M, TestCaseError> {
    wire::decode(&built.bytes).map_err(|error| TestCaseError::fail(error.to_string()))
}

fn bytes_survive<M: Described + PartialEq + Debug>(built: &Built) -> Result<(), TestCaseError> {
    let message: M = decoded(built)?;
    let bytes = message.encode_to_vec();
    if built.canonical {
        prop_assert_eq!(&bytes, &built.bytes);
    }
    let again: M = wire::decode(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&again, &message);
    Ok(())
}

fn json_survives<M: Described + PartialEq + Debug>(
    chosen: &Built,
    filled: &Built,
) -> Result<(), TestCaseError> {
    let message: M = decoded(chosen)?;
    let expected: M = decoded(filled)?;

    let text = json::to_string(&message);
    prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
    let read: M =
        json::from_slice(text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
    prop_assert_eq!(&read, &expected, "{}", text);
    prop_assert_eq!(json::to_string(&read), text);
    Ok(())
}

/// Changes one byte of the bytes and of the text. What is still read can be written again.
fn damage_is_harmless<M: Described>(built: &Built, choices: &[u8]) {
    let [place, byte, ..] = *choices else { return };
    let damaged = |content: &[u8]| {
        let mut content = content.to_vec();
        if let Some(last) = content.len().checked_sub(1) {
            content[usize::from(place).min(last)] = byte;
        }
        content
    };

    let rewritten = wire::decode::<M>(&damaged(&built.bytes)).map(|message| json::to_string(&message));
    if let Ok(text) = rewritten {
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{text}");
    }

    let message: M = wire::decode(&built.bytes).expect("what was built is complete");
    if let Ok(read) = json::from_slice::<M>(&damaged(&json::to_vec(&message))) {
        assert!(wire::check(M::SCHEMA.name, &read.encode_to_vec()).is_ok());
    }
}
