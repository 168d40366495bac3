//! The flight recorder: the headers of the last messages of a node, always on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::envelope::Header;
use crate::limits::{RECORDED_HEADERS, RECORDED_TAGS, TAG_BYTES};
use crate::time::Timestamp;
use crate::trace::{Cause, Entry, Ids, MessageId, Outcome, Query, Record, TraceId};

/// Messages of this prefix ask for records: recording them would bury what they ask for.
const UNRECORDED: &str = "libactor.trace.";

/// Where a message is in the recorder, until it is pushed out by newer ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(Option<u64>);

/// The headers of the last messages of a node; the oldest go first.
pub struct Recorder {
    clock: Clock,
    ids: Arc<Ids>,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    // The ticket of the first record.
    first: u64,
    records: VecDeque<Record>,
    tags: VecDeque<Tag>,
}

struct Tag {
    key: String,
    value: String,
    trace: TraceId,
    message: MessageId,
}

impl Recorder {
    pub(crate) fn new(clock: Clock, ids: Arc<Ids>) -> Recorder {
        Recorder { clock, ids, ring: Mutex::default() }
    }

    /// Records a message that libactor did not carry. What the answer is given to, by [`Cause::during`], follows from it:
    ///
    /// ```
    /// # libactor::run(async {
    /// use libactor::trace::{Entry, Outcome};
    ///
    /// let node = libactor::Node::builder().bind().await.unwrap();
    /// let (client, master) = (node.pid("http(F1)"), node.pid("master"));
    ///
    /// let call = node.recorder().record(Entry::received(&client, &master, "scheduler.Call.ACCEPT", 120).tag("task", "t1"));
    /// call.during(|| { /* tell the actor */ });
    /// node.recorder().ended(call.message, Outcome::Handled);
    /// # });
    /// ```
    pub fn record(&self, entry: Entry) -> Cause {
        let now = self.clock.now();
        let (id, at) = (MessageId(self.ids.next()), entry.at.unwrap_or(now));
        let trace = if entry.cause.trace.0 == 0 { TraceId(id.0) } else { entry.cause.trace };
        let header = Header {
            from: entry.from,
            to: entry.to,
            name: entry.name,
            size: entry.size,
            trace,
            id,
            cause: entry.cause.message,
            logical: self.ids.tick(now),
        };
        let is_sent = entry.outcome == Outcome::Sent;
        let ended = entry.ended.or((entry.outcome.is_settled() && !is_sent).then_some(now));
        self.push(Record {
            header,
            sent: is_sent.then_some(at),
            received: (!is_sent).then_some(at),
            began: entry.began,
            ended,
            outcome: entry.outcome,
            tags: Vec::new(),
        });
        for (key, value) in &entry.tags {
            self.tag(trace, id, key, value);
        }
        Cause { trace, message: id }
    }

    /// The message that [`record`](Recorder::record) answered is being handled from now on.
    pub fn began(&self, message: MessageId) {
        let now = self.clock.now();
        self.change(message, |record| (record.began, record.outcome) = (Some(now), Outcome::Handling));
    }

    /// What became, now, of a message that [`record`](Recorder::record) answered.
    pub fn ended(&self, message: MessageId, outcome: Outcome) {
        let now = self.clock.now();
        self.change(message, |record| (record.ended, record.outcome) = (Some(now), outcome));
    }

    /// Says what a message is about. Keys and values beyond 256 bytes are cut. Actors use
    /// [`Context::tag`](crate::Context::tag).
    pub fn tag(&self, trace: TraceId, message: MessageId, key: &str, value: &str) {
        let (key, value) = (cut(key), cut(value));
        let mut ring = self.lock();
        let same = |tag: &Tag| tag.message == message && tag.key == key && tag.value == value;
        let known = ring.tags.iter().rev().take(64).any(same);
        if known {
            return;
        }
        if ring.tags.len() >= RECORDED_TAGS {
            ring.tags.pop_front();
        }
        ring.tags.push_back(Tag { key: key.into(), value: value.into(), trace, message });
    }

    /// The records that match, oldest first.
    pub fn query(&self, query: &Query) -> Vec<Record> {
        let now = self.clock.now();
        let ring = self.lock();
        let traces: Option<BTreeSet<TraceId>> =
            query.tag.as_ref().map(|(key, value)| ring.tagged(key, value));
        let matches = |record: &&Record| {
            traces.as_ref().is_none_or(|traces| traces.contains(&record.header.trace))
                && query.matches(record, now)
        };
        let newest = ring.records.iter().rev().filter(matches).take(query.limit.unwrap_or(usize::MAX));
        let mut found: Vec<Record> = newest.cloned().collect();
        found.reverse();
        for record in &mut found {
            let tags = ring.tags.iter().filter(|tag| tag.message == record.header.id);
            record.tags = tags.map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        }
        found
    }

    /// A message was sent, or put into a mailbox here.
    pub(crate) fn open(
        &self,
        header: &Header,
        sent: Option<Timestamp>,
        received: Option<Timestamp>,
        outcome: Outcome,
    ) -> Ticket {
        if header.name.starts_with(UNRECORDED) {
            return Ticket(None);
        }
        let (header, tags) = (header.clone(), Vec::new());
        Ticket(Some(self.push(Record { header, sent, received, began: None, ended: None, outcome, tags })))
    }

    pub(crate) fn begin(&self, ticket: Ticket, at: Timestamp) {
        self.at(ticket, |record| (record.began, record.outcome) = (Some(at), Outcome::Handling));
    }

    pub(crate) fn end(&self, ticket: Ticket, at: Timestamp, outcome: Outcome) {
        self.at(ticket, |record| (record.ended, record.outcome) = (Some(at), outcome));
    }

    /// A message that was sent turned out not to be delivered.
    pub(crate) fn amend(&self, id: MessageId, outcome: Outcome) {
        self.change(id, |record| record.outcome = outcome);
    }

    fn push(&self, record: Record) -> u64 {
        let mut ring = self.lock();
        let oldest = (ring.records.len() >= RECORDED_HEADERS).then(|| ring.records.pop_front());
        ring.first += u64::from(oldest.is_some());
        ring.records.push_back(record);
        let ticket = ring.first + ring.records.len() as u64 - 1;
        drop(ring);
        drop(oldest);
        ticket
    }

    fn at(&self, ticket: Ticket, change: impl FnOnce(&mut Record)) {
        let Some(ticket) = ticket.0 else { return };
        let mut ring = self.lock();
        let Some(index) = ticket.checked_sub(ring.first) else { return };
        if let Some(record) = ring.records.get_mut(index as usize) {
            change(record);
        }
    }

    fn change(&self, id: MessageId, change: impl FnOnce(&mut Record)) {
        let mut ring = self.lock();
        if let Some(record) = ring.records.iter_mut().rev().find(|record| record.header.id == id) {
            change(record);
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
