//! The flight recorder: the headers of the last messages of a node, always on.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::envelope::Header;
use crate::limits::{RECORDED_HEADERS, RECORDED_TAGS, TAG_BYTES};
use crate::time::Timestamp;
use crate::trace::{MessageId, TraceId};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its handler ran to the end.
    Handled,
    /// Its handler panicked.
    Panicked,
    /// It left for another node.
    Sent,
    /// No actor of that name lives here.
    NoSuchActor,
    /// The actor does not receive messages of that name.
    NoSuchMessage,
    /// The body is not what its name says.
    Malformed,
    /// It is longer than a frame may be.
    TooLarge,
    /// The actor ended with the message still in its mailbox.
    ActorEnded,
    /// The connection it should have taken was lost or could not be made.
    ConnectionLost,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Handled => "handled",
            Outcome::Panicked => "panicked",
            Outcome::Sent => "sent",
            Outcome::NoSuchActor => "no such actor",
            Outcome::NoSuchMessage => "no such message",
            Outcome::Malformed => "malformed",
            Outcome::TooLarge => "too large",
            Outcome::ActorEnded => "actor ended",
            Outcome::ConnectionLost => "connection lost",
        })
    }
}

/// One entry of the recorder.
#[derive(Clone, Debug)]
pub struct Record {
    /// The head of the message.
    pub header: Header,
    /// When its handler was done, or when it was given up; none for what left for another node.
    pub handled: Option<Timestamp>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a trace is about, in the words of those who handle its messages: `task=t1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What kind of thing.
    pub key: String,
    /// Which one.
    pub value: String,
    /// The tagged trace.
    pub trace: TraceId,
}

/// Which records one asks for. Empty: all.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of this trace.
    pub trace: Option<TraceId>,
    /// Of a trace with this tag, key and value.
    pub tag: Option<(String, String)>,
    /// The newest so many; none for all that are kept.
    pub limit: Option<usize>,
}

/// A bounded ring of headers, and of tags; the oldest go first.
pub struct Recorder {
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    records: VecDeque<Record>,
    tags: VecDeque<Tag>,
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder { ring: Mutex::default() }
    }

    /// Adds what happened to a message. Daemons record the calls and events of their HTTP clients with it.
    pub fn record(&self, record: Record) {
        let mut ring = self.lock();
        let oldest = (ring.records.len() >= RECORDED_HEADERS).then(|| ring.records.pop_front());
        ring.records.push_back(record);
        drop(ring);
        drop(oldest);
    }

    /// Says what a trace is about. Keys and values beyond 256 bytes are cut.
    pub fn tag(&self, trace: TraceId, key: &str, value: &str) {
        let (key, value) = (cut(key), cut(value));
        let mut ring = self.lock();
        let known = ring
            .tags
            .iter()
            .rev()
            .take(64)
            .any(|tag| tag.trace == trace && tag.key == key && tag.value == value);
        if known {
            return;
        }
        if ring.tags.len() >= RECORDED_TAGS {
            ring.tags.pop_front();
        }
        ring.tags.push_back(Tag { key: key.into(), value: value.into(), trace });
    }

    /// The records that match, oldest first.
    pub fn query(&self, query: &Query) -> Vec<Record> {
        let ring = self.lock();
        let traces: Option<BTreeSet<TraceId>> =
            query.tag.as_ref().map(|(key, value)| ring.tagged(key, value));
        let matches = |record: &&Record| {
            let trace = record.header.trace;
            query.trace.is_none_or(|wanted| wanted == trace)
                && traces.as_ref().is_none_or(|traces| traces.contains(&trace))
        };
        let newest = ring.records.iter().rev().filter(matches).take(query.limit.unwrap_or(usize::MAX));
        let mut found: Vec<Record> = newest.cloned().collect();
        found.reverse();
        found
    }

    /// A message that was sent turned out not to be delivered.
    pub(crate) fn amend(&self, id: MessageId, outcome: Outcome) {
        let mut ring = self.lock();
        let sent = ring.records.iter_mut().rev().find(|record| record.header.id == id);
        if let Some(record) = sent {
            record.outcome = outcome;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn tagged(&self, key: &str, value: &str) -> BTreeSet<TraceId> {
        let tags = self.tags.iter().filter(|tag| tag.key == key && tag.value == value);
        tags.map(|tag| tag.trace).collect()
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TAG_BYTES)]
}
