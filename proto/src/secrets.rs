//! Which fields hold secrets, and how they are hidden in the bytes of a message.
//!
//! A secret becomes `<hidden 0123456789abcdef>`: a hash under a key that this process makes up and never tells. So equal
//! secrets stay equal and different ones different, decisions that compare them go the same way when they are replayed,
//! and nobody can try out guesses. What is hidden already stays as it is.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use prost::encoding::{WireType, encode_key, encode_varint};

use crate::schema::{self, Field, Kind, Message};
use crate::wire::{Cursor, Value};

/// Whether nobody who watches, records or replays may see this field.
///
/// The challenge of an authentication and its answer are no secrets, but together they let whoever has them try out guesses.
///
/// Messages go by the ends of their names, so that those of the v1 API and the others are one. The value of an
/// environment's variable is a secret whatever its type says: many are.
pub fn is_secret(message: &str, field: &str) -> bool {
    let of = |name: &str| {
        message.rsplit_once(name).is_some_and(|(package, rest)| rest.is_empty() && package.ends_with('.'))
    };
    match field {
        "secret" => of("Credential"),
        "value" => of("Secret") || of("Environment.Variable"),
        "data" => of("Secret.Value") || of("AuthenticationStartMessage") || of("AuthenticationStepMessage"),
        // A registry's credentials, wherever they are configured.
        "docker_config" => true,
        "config" => of("Image.Docker"),
        _ => false,
    }
}

/// The bytes of a message with its secrets hidden.
pub fn hide(message: &'static Message, bytes: Vec<u8>) -> Vec<u8> {
    match hidden(message, &bytes) {
        Cow::Borrowed(_) => bytes,
        Cow::Owned(hidden) => hidden,
    }
}

fn hidden<'a>(message: &'static Message, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    if !holders().contains(message.name) {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut cursor = Cursor::new(bytes);
    let mut from = 0;
    while let Some((number, value)) = cursor.next_field().expect("prost encodes well-formed bytes") {
        let field = message.slot_numbered(number).map(|slot| &message.fields[slot]);
        let content = match (field, value) {
            (Some(field), Value::Bytes(content)) => match field.kind {
                Kind::Message(inner) | Kind::Map(inner) => Some(hidden(inner, content)),
                _ if is_secret(message.name, field.name) => Some(Cow::Owned(pseudonym(content))),
                _ => None,
            },
            _ => None,
        };
        match content {
            Some(Cow::Owned(content)) => {
                encode_key(number, WireType::LengthDelimited, &mut out);
                encode_varint(content.len() as u64, &mut out);
                out.extend_from_slice(&content);
            }
            Some(Cow::Borrowed(_)) | None => out.extend_from_slice(&bytes[from..cursor.position()]),
        }
        from = cursor.position();
    }
    Cow::Owned(out)
}

/// What stands in the place of a secret. No secret at all is not one.
fn pseudonym(secret: &[u8]) -> Vec<u8> {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    if secret.is_empty() || is_pseudonym(secret) {
        return secret.to_vec();
    }
    let hash = KEY.get_or_init(RandomState::new).hash_one(secret);
    format!("<hidden {hash:016x}>").into_bytes()
}

fn is_pseudonym(text: &[u8]) -> bool {
    let inner = text.strip_prefix(b"<hidden ").and_then(|rest| rest.strip_suffix(b">"));
    inner.is_some_and(|hash| hash.len() == 16 && hash.iter().all(u8::is_ascii_hexdigit))
}

/// The names of all messages that may hold a secret at any depth.
fn holders() -> &'static BTreeSet<&'static str> {
    static HOLDERS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    HOLDERS.get_or_init(|| {
        let mut messages: Vec<&'static Message> = schema::names().filter_map(schema::find).collect();
        let entries =
            messages.iter().flat_map(|message| message.fields).filter_map(|field| match field.kind {
                Kind::Map(entry) => Some(entry),
                _ => None,
            });
        messages.extend(entries.collect::<Vec<_>>());
        let mut holders = BTreeSet::new();
        loop {
            let before = holders.len();
            for message in &messages {
                let holds = |field: &Field| match field.kind {
                    Kind::Message(inner) | Kind::Map(inner) => holders.contains(inner.name),
                    _ => is_secret(message.name, field.name),
                };
                if message.fields.iter().any(holds) {
                    holders.insert(message.name);
                }
            }
            if holders.len() == before {
                return holders;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use crate::schema::Described;
    use crate::{internal, v1};

    fn variable(name: &str, value: &str) -> v1::environment::Variable {
        v1::environment::Variable { name: name.into(), value: Some(value.into()), ..Default::default() }
    }

    fn task_with(variables: Vec<v1::environment::Variable>) -> internal::RunTaskMessage {
        let environment = Some(v1::Environment { variables });
        let command = v1::CommandInfo { environment, value: Some("env".into()), ..Default::default() };
        let task = v1::TaskInfo { name: "t".into(), command: Some(command.into()), ..Default::default() };
        internal::RunTaskMessage { task, pid: Some("after".into()), ..Default::default() }
    }

    fn hidden(message: &internal::RunTaskMessage) -> internal::RunTaskMessage {
        let bytes = super::hide(internal::RunTaskMessage::SCHEMA, message.encode_to_vec());
        internal::RunTaskMessage::decode(&*bytes).unwrap()
    }

    fn values(message: &internal::RunTaskMessage) -> Vec<String> {
        let command = message.task.command.as_ref().unwrap();
        let variables = &command.environment.as_ref().unwrap().variables;
        variables.iter().map(|variable| variable.value().to_owned()).collect()
    }

    #[test]
    fn secrets_are_hidden_deep_inside_and_all_else_stays() {
        let message = task_with(vec![variable("A", "hush"), variable("B", "")]);

        let shown = hidden(&message);

        assert!(values(&shown)[0].starts_with("<hidden "), "{shown:?}");
        assert_eq!(values(&shown)[1], "");
        let mut back = shown.clone();
        back.task.command = message.task.command.clone();
        assert_eq!(back, message);
    }

    #[test]
    fn equal_secrets_stay_equal_and_hiding_twice_is_hiding_once() {
        let message = task_with(vec![variable("A", "one"), variable("B", "one"), variable("C", "two")]);

        let shown = hidden(&message);

        let values = values(&shown);
        assert_eq!(values[0], values[1]);
        assert_ne!(values[0], values[2]);
        assert_eq!(hidden(&shown), shown);
    }

    #[test]
    fn every_field_that_holds_a_secret_exists() {
        for (message, field) in [
            ("mesos.v1.Credential", "secret"),
            ("mesos.v1.Secret", "value"),
            ("mesos.v1.Secret.Value", "data"),
            ("mesos.v1.Environment.Variable", "value"),
            ("mesos.v1.Image.Docker", "config"),
            ("mesos.internal.AuthenticationStartMessage", "data"),
            ("mesos.internal.AuthenticationStepMessage", "data"),
        ] {
            assert!(crate::schema::find(message).unwrap().slot_named(field).is_some(), "{message}.{field}");
            assert!(super::is_secret(message, field), "{message}.{field}");
        }
        for holder in ["mesos.v1.ContainerInfo", "mesos.v1.Image.Docker", "mesos.v1.Volume"] {
            assert!(super::holders().contains(holder), "{holder}");
        }
        assert!(!super::holders().contains("mesos.v1.TaskID"));
    }
}
