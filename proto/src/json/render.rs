//! Any encoded message as JSON for people, by its name, with some fields hidden.
//!
//! Apart from the writer because the bytes may be anybody's: fields in any order, malformed, of another version. What cannot be
//! read is said instead of shown, and nothing that is to be hidden comes out in another field's place.

use serde_json::{Map, Value as Json, json};

use super::MAX_DEPTH;
use super::write::Single;
use crate::schema::{self, Field, Kind, Label, Message};
use crate::wire::{Cursor, Value};

/// What stands for a hidden value.
pub const HIDDEN: &str = "(hidden)";

/// The message of that name, unless there is none. `hides` is asked about each field: the name of its message, and its own.
pub fn render(name: &str, body: &[u8], hides: &dyn Fn(&str, &str) -> bool) -> Option<Json> {
    Some(Rendering { hides }.message(schema::find(name)?, body, 0))
}

struct Rendering<'a> {
    hides: &'a dyn Fn(&str, &str) -> bool,
}

impl Rendering<'_> {
    fn message(&self, message: &'static Message, bytes: &[u8], depth: usize) -> Json {
        if depth >= MAX_DEPTH {
            return json!("(nested too deeply)");
        }
        let mut object = Map::new();
        let mut cursor = Cursor::new(bytes);
        loop {
            let (number, value) = match cursor.next_field() {
                Ok(Some(field)) => field,
                Ok(None) => return Json::Object(object),
                Err(fault) => {
                    object.insert("(malformed)".into(), fault.into());
                    return Json::Object(object);
                }
            };
            let Some(slot) = message.slot_numbered(number) else { continue };
            let field = &message.fields[slot];
            if (self.hides)(message.name, field.name) {
                object.insert(field.name.into(), HIDDEN.into());
                continue;
            }
            self.add(&mut object, field, value, depth);
        }
    }

    fn add(&self, object: &mut Map<String, Json>, field: &Field, value: Value<'_>, depth: usize) {
        if let (Kind::Map(entry), Value::Bytes(bytes)) = (field.kind, value) {
            let rendered = self.message(entry, bytes, depth + 1);
            let key = rendered["key"].as_str().unwrap_or_default().to_owned();
            let map = object.entry(field.name).or_insert_with(|| json!({}));
            map[key] = rendered["value"].clone();
            return;
        }
        let shown = self.value(field, value, depth);
        match (field.label, object.get_mut(field.name)) {
            (Label::Repeated, Some(Json::Array(list))) => list.push(shown),
            (Label::Repeated, _) => drop(object.insert(field.name.into(), json!([shown]))),
            // Of a field that comes twice, messages are merged and others replaced.
            (_, Some(Json::Object(earlier))) if shown.is_object() => {
                earlier.extend(shown.as_object().cloned().unwrap_or_default());
            }
            _ => drop(object.insert(field.name.into(), shown)),
        }
    }

    fn value(&self, field: &Field, value: Value<'_>, depth: usize) -> Json {
        match (field.kind, value) {
            (Kind::Message(inner), Value::Bytes(bytes)) => self.message(inner, bytes, depth + 1),
            (kind, value) => serde_json::to_value(Single { kind, value })
                .unwrap_or_else(|fault| json!(format!("(unreadable: {fault})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use serde_json::json;

    use super::*;
    use crate::v1;

    fn no(_: &str, _: &str) -> bool {
        false
    }

    #[test]
    fn a_message_is_found_by_its_name_and_hides_what_is_asked_for() {
        let label = |key: &str| v1::Label { key: key.into(), value: Some("v".into()) };
        let labels = v1::Labels { labels: vec![label("a"), label("b")] };

        let shown = render("mesos.v1.Labels", &labels.encode_to_vec(), &|message, field| {
            message == "mesos.v1.Label" && field == "value"
        });

        let expected =
            json!({ "labels": [{ "key": "a", "value": HIDDEN }, { "key": "b", "value": HIDDEN }] });
        assert_eq!(shown, Some(expected));
        assert_eq!(render("no.such.Message", &[], &no), None);
    }

    #[test]
    fn fields_in_an_odd_order_do_not_show_what_is_hidden() {
        let variable = |name: &str, value: &str| v1::Label { key: name.into(), value: Some(value.into()) };
        // The key, the value, and the key once more.
        let mut bytes = variable("first", "secret").encode_to_vec();
        bytes.extend(v1::TaskId { value: "second".into() }.encode_to_vec());

        let shown = render("mesos.v1.Label", &bytes, &|_, field| field == "value");

        assert_eq!(shown, Some(json!({ "key": "second", "value": HIDDEN })));
    }

    #[test]
    fn malformed_bytes_are_said_to_be() {
        let shown = render("mesos.v1.Label", &[0x0a, 0x7f, b'x'], &no).expect("a message");

        assert!(shown["(malformed)"].is_string(), "{shown}");
    }
}
