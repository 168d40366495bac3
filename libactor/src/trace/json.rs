//! Answers as JSON: ids are 16 hexadecimal digits, times nanoseconds since the epoch.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::trace::wire::{ActorLoad, Message, Messages, Nodes, OpenQuestion, Tag, TailItem, TopAnswer, Tree};
use crate::trace::{HybridTime, MessageId, Outcome, TraceId};

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("node", &self.node)?;
        map.serialize_entry("trace", &TraceId(self.trace).to_string())?;
        map.serialize_entry("id", &MessageId(self.id).to_string())?;
        let cause = (self.cause != 0).then(|| MessageId(self.cause).to_string());
        map.serialize_entry("cause", &cause)?;
        map.serialize_entry("from", &self.from)?;
        map.serialize_entry("to", &self.to)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("size", &self.size)?;
        map.serialize_entry("logical", &HybridTime(self.logical).to_string())?;
        map.serialize_entry("sent", &self.sent)?;
        map.serialize_entry("received", &self.received)?;
        map.serialize_entry("began", &self.began)?;
        map.serialize_entry("ended", &self.ended)?;
        map.serialize_entry("outcome", self.outcome().map_or("unknown to this version", Outcome::text))?;
        map.serialize_entry("tags", &tags(&self.tags))?;
        if self.repeats > 0 {
            map.serialize_entry("repeats", &self.repeats)?;
        }
        if let Some(body) = &self.body {
            // Another node wrote it: what is no JSON is passed on as text.
            let body = serde_json::from_str(body).unwrap_or_else(|_| serde_json::Value::from(body.as_str()));
            map.serialize_entry("body", &body)?;
        }
        map.end()
    }
}

fn tags(tags: &[Tag]) -> BTreeMap<&str, Vec<&str>> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for tag in tags {
        values.entry(&tag.key).or_default().push(&tag.value);
    }
    values
}

impl Serialize for Nodes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("asked", &self.asked)?;
        map.serialize_entry("answered", &self.answered)?;
        map.serialize_entry("silent", &self.silent)?;
        if self.not_asked > 0 {
            map.serialize_entry("not_asked", &self.not_asked)?;
        }
        map.end()
    }
}

impl Serialize for Messages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        answer(serializer, ("messages", &self.messages), self.left_out, self.nodes.as_ref())
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        answer(serializer, ("hops", &self.hops), self.left_out, self.nodes.as_ref())
    }
}

impl Serialize for ActorLoad {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("node", &self.node)?;
        map.serialize_entry("actor", &self.actor)?;
        map.serialize_entry("depth", &self.depth)?;
        map.serialize_entry("age", &(self.depth > 0).then_some(self.age))?;
        map.serialize_entry("handled", &self.handled)?;
        map.serialize_entry("rate", &self.rate)?;
        map.serialize_entry("busy", &self.busy)?;
        map.serialize_entry("handling", &self.handling)?;
        map.serialize_entry("handling_for", &self.handling.is_some().then_some(self.handling_for))?;
        map.serialize_entry("stuck", &self.stuck)?;
        map.end()
    }
}

impl Serialize for OpenQuestion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("from", &self.from)?;
        map.serialize_entry("to", &self.to)?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("for", &self.waited)?;
        map.serialize_entry("blocks", &self.blocks)?;
        map.serialize_entry("deferred", &self.deferred)?;
        map.end()
    }
}

impl Serialize for TopAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("actors", &self.actors)?;
        map.serialize_entry("waits", &self.waits)?;
        let cycles: Vec<&[String]> = self.cycles.iter().map(|ring| &*ring.actors).collect();
        map.serialize_entry("cycles", &cycles)?;
        if self.left_out > 0 {
            map.serialize_entry("left_out", &self.left_out)?;
        }
        map.serialize_entry("nodes", &self.nodes)?;
        map.end()
    }
}

/// A message, or what is to be said of the tail itself.
impl Serialize for TailItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(message) = &self.message {
            return message.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("left_out", &self.left_out)?;
        if let Some(end) = &self.end {
            map.serialize_entry("end", end)?;
            map.serialize_entry("nodes", &self.nodes)?;
        }
        map.end()
    }
}

fn answer<S: Serializer>(
    serializer: S,
    (name, messages): (&'static str, &[Message]),
    left_out: u64,
    nodes: Option<&Nodes>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry(name, messages)?;
    if left_out > 0 {
        map.serialize_entry("left_out", &left_out)?;
    }
    map.serialize_entry("nodes", &nodes)?;
    map.end()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_written_as_documented() {
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let message = Message {
            node: "127.0.0.1:2".into(),
            trace: 1,
            id: 0xc0_ffee,
            from: "a@127.0.0.1:1".into(),
            to: "b@127.0.0.1:2".into(),
            message: "test.Note".into(),
            size: 3,
            logical: 7,
            sent: Some(5),
            outcome: Outcome::Unreachable.number().into(),
            tags: vec![tag("k", "a"), tag("k", "b")],
            body: Some(r#"{"number":1}"#.into()),
            ..Message::default()
        };

        let written = serde_json::to_value(&message).unwrap();

        assert_eq!(
            written,
            json!({
                "node": "127.0.0.1:2", "trace": "0000000000000001", "id": "0000000000c0ffee", "cause": null,
                "from": "a@127.0.0.1:1", "to": "b@127.0.0.1:2", "message": "test.Note", "size": 3,
                "logical": "0000000000000007", "sent": 5, "received": null, "began": null, "ended": null,
                "outcome": "dropped: node not reached", "tags": {"k": ["a", "b"]}, "body": {"number": 1},
            })
        );
        let later = Message { outcome: 200, body: None, ..message };
        assert_eq!(serde_json::to_value(&later).unwrap()["outcome"], "unknown to this version");
    }
}
