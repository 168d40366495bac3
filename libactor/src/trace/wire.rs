//! What nodes say to each other about traces, and what clients get that prefer protobuf. `docs/protocol/trace.md` has the schema.
//!
//! Records become [`Message`]s where they were made, and stay so: what other nodes say of actors is passed on, not believed.

use std::net::SocketAddr;

use prost::Message as _;

use crate::time::Timestamp;
use crate::trace::{MessageId, Outcome, Query, Record, TraceId};

/// What is known of one message.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Message {
    /// The receiver's node, or the sender's if nothing is known of the receiver's.
    #[prost(string, tag = "1")]
    pub(crate) node: String,
    #[prost(fixed64, tag = "2")]
    pub(crate) trace: u64,
    #[prost(fixed64, tag = "3")]
    pub(crate) id: u64,
    /// Zero for the first of a trace.
    #[prost(fixed64, tag = "4")]
    pub(crate) cause: u64,
    #[prost(string, tag = "5")]
    pub(crate) from: String,
    #[prost(string, tag = "6")]
    pub(crate) to: String,
    #[prost(string, tag = "7")]
    pub(crate) message: String,
    #[prost(uint64, tag = "8")]
    pub(crate) size: u64,
    #[prost(fixed64, tag = "9")]
    pub(crate) logical: u64,
    /// Times are nanoseconds since the epoch.
    #[prost(fixed64, optional, tag = "10")]
    pub(crate) sent: Option<u64>,
    #[prost(fixed64, optional, tag = "11")]
    pub(crate) received: Option<u64>,
    #[prost(fixed64, optional, tag = "12")]
    pub(crate) began: Option<u64>,
    #[prost(fixed64, optional, tag = "13")]
    pub(crate) ended: Option<u64>,
    /// The number of an [`Outcome`].
    #[prost(uint32, tag = "14")]
    pub(crate) outcome: u32,
    #[prost(message, repeated, tag = "15")]
    pub(crate) tags: Vec<Tag>,
    /// In a tree: how often the same was sent before, for the same cause.
    #[prost(uint32, tag = "16")]
    pub(crate) repeats: u32,
    /// In a tail that asks for it: the body as JSON, without its secrets.
    #[prost(string, optional, tag = "17")]
    pub(crate) body: Option<String>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Message)]
pub(crate) struct Tag {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// Which messages one asks for: those that meet every condition given.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Filter {
    /// Of one of these traces, unless there are none.
    #[prost(fixed64, repeated, tag = "1")]
    pub(crate) traces: Vec<u64>,
    #[prost(fixed64, optional, tag = "2")]
    pub(crate) id: Option<u64>,
    #[prost(message, optional, tag = "3")]
    pub(crate) tag: Option<Tag>,
    #[prost(string, optional, tag = "4")]
    pub(crate) actor: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) message: Option<String>,
    /// Nanoseconds.
    #[prost(uint64, optional, tag = "6")]
    pub(crate) slower_than: Option<u64>,
    #[prost(bool, tag = "7")]
    pub(crate) errors: bool,
    #[prost(fixed64, optional, tag = "8")]
    pub(crate) since: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Kind {
    /// The messages that match.
    Messages = 0,
    /// The traces that hold a message that matches.
    Traces = 1,
    /// The actors, and who waits for whom.
    Top = 2,
}

/// A question to a node, and through it to its peers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Ask {
    /// Random. A node answers a number once.
    #[prost(fixed64, tag = "1")]
    pub(crate) id: u64,
    /// How often it may still be passed on.
    #[prost(uint32, tag = "2")]
    pub(crate) hops: u32,
    /// Milliseconds within which the answer is wanted.
    #[prost(uint32, tag = "3")]
    pub(crate) budget: u32,
    /// Most messages of the answer.
    #[prost(uint32, tag = "4")]
    pub(crate) limit: u32,
    #[prost(enumeration = "Kind", tag = "5")]
    pub(crate) kind: i32,
    #[prost(message, optional, tag = "6")]
    pub(crate) filter: Option<Filter>,
    /// Nodes that are not to be asked: they did not answer a question of the same asker before.
    #[prost(string, repeated, tag = "7")]
    pub(crate) without: Vec<String>,
}

/// To an [`Ask`].
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Answer {
    #[prost(fixed64, tag = "1")]
    pub(crate) id: u64,
    /// An encoded [`Report`], decoded away from the thread of the sockets. None if the node has been asked by another one.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub(crate) report: Option<bytes::Bytes>,
}

/// What a node and those behind it know.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Report {
    #[prost(message, repeated, tag = "1")]
    pub(crate) messages: Vec<Message>,
    #[prost(fixed64, repeated, tag = "2")]
    pub(crate) traces: Vec<u64>,
    /// Messages that matched and did not fit.
    #[prost(uint64, tag = "3")]
    pub(crate) left_out: u64,
    /// The addresses of those who answered, and of those who were asked and did not.
    #[prost(string, repeated, tag = "4")]
    pub(crate) answered: Vec<String>,
    #[prost(string, repeated, tag = "5")]
    pub(crate) silent: Vec<String>,
    /// Peers that were beyond the bounds of a question.
    #[prost(uint64, tag = "6")]
    pub(crate) not_asked: u64,
    #[prost(message, repeated, tag = "7")]
    pub(crate) actors: Vec<ActorLoad>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) waits: Vec<OpenQuestion>,
}

/// How much an actor has to do. Times are nanoseconds.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ActorLoad {
    #[prost(string, tag = "1")]
    pub(crate) node: String,
    #[prost(string, tag = "2")]
    pub(crate) actor: String,
    #[prost(uint64, tag = "3")]
    pub(crate) depth: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) age: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) handled: u64,
    #[prost(double, tag = "6")]
    pub(crate) rate: f64,
    #[prost(double, tag = "7")]
    pub(crate) busy: f64,
    #[prost(string, optional, tag = "8")]
    pub(crate) handling: Option<String>,
    #[prost(uint64, tag = "9")]
    pub(crate) handling_for: u64,
    #[prost(bool, tag = "10")]
    pub(crate) stuck: bool,
}

/// Asked, and not answered yet.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OpenQuestion {
    #[prost(string, tag = "1")]
    pub(crate) from: String,
    #[prost(string, tag = "2")]
    pub(crate) to: String,
    #[prost(string, tag = "3")]
    pub(crate) message: String,
    /// Nanoseconds.
    #[prost(uint64, tag = "4")]
    pub(crate) waited: u64,
    #[prost(bool, tag = "5")]
    pub(crate) blocks: bool,
    #[prost(bool, tag = "6")]
    pub(crate) deferred: bool,
}

/// Actors of which each waits for the next, and the last for the first.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Ring {
    #[prost(string, repeated, tag = "1")]
    pub(crate) actors: Vec<String>,
}

/// What `/__trace__/top` answers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TopAnswer {
    #[prost(message, repeated, tag = "1")]
    pub(crate) actors: Vec<ActorLoad>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) waits: Vec<OpenQuestion>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) cycles: Vec<Ring>,
    #[prost(message, optional, tag = "4")]
    pub(crate) nodes: Option<Nodes>,
    /// Actors with less to do.
    #[prost(uint64, tag = "5")]
    pub(crate) left_out: u64,
}

/// How complete an answer is.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Nodes {
    #[prost(uint64, tag = "1")]
    pub(crate) asked: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) answered: u64,
    #[prost(string, repeated, tag = "3")]
    pub(crate) silent: Vec<String>,
    #[prost(uint64, tag = "4")]
    pub(crate) not_asked: u64,
}

/// What `/__trace__` answers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Messages {
    #[prost(message, repeated, tag = "1")]
    pub(crate) messages: Vec<Message>,
    #[prost(message, optional, tag = "2")]
    pub(crate) nodes: Option<Nodes>,
    #[prost(uint64, tag = "3")]
    pub(crate) left_out: u64,
}

/// What `/__trace__/tree` answers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Tree {
    #[prost(message, repeated, tag = "1")]
    pub(crate) hops: Vec<Message>,
    #[prost(message, optional, tag = "2")]
    pub(crate) nodes: Option<Nodes>,
    #[prost(uint64, tag = "3")]
    pub(crate) left_out: u64,
}

macro_rules! named {
    ($($message:ident),*) => {$(
        impl prost::Name for $message {
            const NAME: &'static str = stringify!($message);
            const PACKAGE: &'static str = "libactor.trace";
        }
    )*};
}

/// Opens a tap on a node, and through it on its peers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OpenTap {
    /// Random. A node opens a number once.
    #[prost(fixed64, tag = "1")]
    pub(crate) id: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) hops: u32,
    /// Milliseconds after which it ends by itself.
    #[prost(uint32, tag = "3")]
    pub(crate) length: u32,
    /// Most messages in a second.
    #[prost(uint32, tag = "4")]
    pub(crate) rate: u32,
    #[prost(message, optional, tag = "5")]
    pub(crate) filter: Option<Filter>,
    /// With bodies as JSON, from nodes that can write them without their secrets.
    #[prost(bool, tag = "6")]
    pub(crate) bodies: bool,
}

/// What was tapped since the last one. The first of each node is empty, and says that it is there.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Tapped {
    #[prost(fixed64, tag = "1")]
    pub(crate) id: u64,
    /// Encoded [`Messages`].
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) messages: bytes::Bytes,
    /// How many messages that are.
    #[prost(uint32, tag = "3")]
    pub(crate) count: u32,
    #[prost(uint64, tag = "4")]
    pub(crate) left_out: u64,
    /// In the first: the node, and the peers to which it passed the tap on.
    #[prost(string, tag = "5")]
    pub(crate) node: String,
    #[prost(string, repeated, tag = "6")]
    pub(crate) asked: Vec<String>,
}

/// Nobody looks any more.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CloseTap {
    #[prost(fixed64, tag = "1")]
    pub(crate) id: u64,
}

/// What `/__trace__/tail` answers, each with its length before it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TailItem {
    #[prost(message, optional, tag = "1")]
    pub(crate) message: Option<Message>,
    #[prost(uint64, tag = "2")]
    pub(crate) left_out: u64,
    /// In the last one: why it ends, and who took part.
    #[prost(string, optional, tag = "3")]
    pub(crate) end: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) nodes: Option<Nodes>,
}

named!(Ask, Answer, OpenTap, Tapped, CloseTap);

impl Message {
    pub(crate) fn new(node: SocketAddr, record: Record) -> Message {
        let header = record.header;
        let mut tags: Vec<Tag> = record.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        tags.sort();
        Message {
            node: node.to_string(),
            trace: header.trace.0,
            id: header.id.0,
            cause: header.cause.0,
            from: header.from.to_string(),
            to: header.to.to_string(),
            message: header.name.into_owned(),
            size: header.size as u64,
            logical: header.logical.0,
            sent: record.sent.map(Timestamp::as_nanos),
            received: record.received.map(Timestamp::as_nanos),
            began: record.began.map(Timestamp::as_nanos),
            ended: record.ended.map(Timestamp::as_nanos),
            outcome: u32::from(record.outcome.number()),
            tags,
            repeats: 0,
            body: None,
        }
    }

    /// None if it is one of a later version.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        u8::try_from(self.outcome).ok().and_then(Outcome::of_number)
    }
}

impl Filter {
    /// The recorder's own words for it.
    pub(crate) fn query(&self, limit: usize) -> Query {
        Query {
            trace: None,
            traces: self.traces.iter().copied().map(TraceId).collect(),
            id: self.id.map(MessageId),
            tag: self.tag.clone().map(|tag| (tag.key, tag.value)),
            actor: self.actor.clone(),
            message: self.message.clone(),
            slower_than: self.slower_than.map(std::time::Duration::from_nanos),
            errors: self.errors,
            since: self.since.map(Timestamp::from_nanos),
            limit: Some(limit),
        }
    }
}

impl Report {
    pub(crate) fn nodes(&self) -> Nodes {
        let (answered, silent) = (self.answered.len() as u64, self.silent.clone());
        Nodes { asked: answered + silent.len() as u64, answered, silent, not_asked: self.not_asked }
    }

    pub(crate) fn to_bytes(&self) -> bytes::Bytes {
        self.encode_to_vec().into()
    }
}
