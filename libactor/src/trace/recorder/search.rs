//! Records into slots, and the way back: slot by slot, while others write.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::pids::Pids;
use super::slots::{self, RECEIVED, SENT, Slot, Words};
use super::{Recorder, Store, Ticket, Times, span};
use crate::envelope::{Head, Header};
use crate::pid::Pid;
use crate::time::Timestamp;
use crate::trace::{HybridTime, MessageId, Outcome, Query, Record, TraceId};

impl Recorder {
    /// The records that match, oldest first. Looks at every slot unless it is asked for one message that was sent here, which
    /// takes up to a tenth of a second when a million are used: not for a thread that others wait for. Nobody who sends or handles messages
    /// waits for it.
    pub fn query(&self, query: &Query) -> Vec<Record> {
        let Some(store) = &self.store else { return Vec::new() };
        let now = self.clock.now();
        let traces = query.tag.as_ref().map(|(key, value)| store.tags.traces(key, value));
        let kept = store.slots.kept();
        let own = query.id.map(|id| self.ids.slot_of(id.0)).filter(|number| {
            kept.contains(number)
                && store.slots.read(*number).map(|words| words[2]) == query.id.map(|id| id.0)
        });
        let numbers = own.map_or(kept, |number| number..number + 1);
        let mut reader = Reader { store, names: store.pids.names(), pids: HashMap::new() };
        let mut found: Vec<Record> = numbers
            .rev()
            .filter_map(|number| store.slots.read(number))
            .filter(|words| may_match(words, query, traces.as_ref()))
            .filter_map(|words| reader.unpack(&words))
            .filter(|record| query.matches(record, now))
            .take(query.limit.unwrap_or(usize::MAX))
            .collect();
        found.reverse();
        let ids: Vec<MessageId> = found.iter().map(|record| record.header.id).collect();
        let mut tags = store.tags.of(&ids);
        for record in &mut found {
            record.tags = tags.remove(&record.header.id).unwrap_or_default();
        }
        found
    }
}

impl Recorder {
    /// What is kept of one message; none if newer ones took its place.
    pub(crate) fn read(&self, ticket: Ticket) -> Option<Record> {
        let store = self.store.as_ref()?;
        let words = store.slots.read(ticket.0)?;
        let mut reader = Reader { store, names: store.pids.names(), pids: HashMap::new() };
        let mut record = reader.unpack(&words)?;
        record.tags = store.tags.of(&[record.header.id]).remove(&record.header.id).unwrap_or_default();
        Some(record)
    }

    /// See [`Record::took`].
    pub(crate) fn took(&self, ticket: Ticket, now: Timestamp) -> Duration {
        let words = self.store.as_ref().and_then(|store| store.slots.read(ticket.0));
        let Some(words) = words else { return Duration::ZERO };
        span::unpack((words[6] >> 32) as u32).unwrap_or_else(|| now.since(Timestamp::from_nanos(words[5])))
    }
}

/// What the numbers in a slot alone tell.
fn may_match(words: &Words, query: &Query, traces: Option<&BTreeSet<TraceId>>) -> bool {
    let trace = TraceId(words[1]);
    query.trace.is_none_or(|wanted| wanted == trace)
        && (query.traces.is_empty() || query.traces.contains(&trace))
        && traces.is_none_or(|traces| traces.contains(&trace))
        && query.id.is_none_or(|wanted| wanted.0 == words[2])
        && query.since.is_none_or(|since| since.as_nanos() <= words[5])
        && (!query.errors || slots::outcome(words[0]).is_some_and(Outcome::is_error))
}

/// `texts` are sender, receiver and name as [`Pids::pack`] makes one word of them.
#[inline]
pub(super) fn pack(texts: u64, head: &Head<'_>, times: Times, outcome: Outcome) -> Words {
    let base = times.received.or(times.sent).unwrap_or_default();
    let mut first = u64::from(u32::try_from(head.size).unwrap_or(u32::MAX)) | slots::state(outcome);
    if times.sent.is_some() {
        first |= SENT;
    }
    if times.received.is_some() {
        first |= RECEIVED;
    }
    let after = |time: Option<Timestamp>| time.map_or(span::NONE, |time| span::pack(time.since(base)));
    [
        first,
        head.trace.0,
        head.id.0,
        head.cause.0,
        head.logical.0,
        base.as_nanos(),
        spans(after(times.began), after(times.ended)),
        texts,
    ]
}

fn spans(began: u32, ended: u32) -> u64 {
    u64::from(began) | u64::from(ended) << 32
}

/// Word 6 with another beginning.
pub(super) fn with_began(slot: &Slot, at: Timestamp) -> u64 {
    let (base, times) = (slot.load(5), slot.load(6));
    spans(span::pack(at.since(Timestamp::from_nanos(base))), (times >> 32) as u32)
}

/// Word 6 with another end.
pub(super) fn with_ended(slot: &Slot, at: Timestamp) -> u64 {
    let (base, times) = (slot.load(5), slot.load(6));
    spans(times as u32, span::pack(at.since(Timestamp::from_nanos(base))))
}

pub(super) fn is_of(slot: &Slot, id: MessageId) -> bool {
    slot.load(2) == id.0
}

/// Remembers what it found out for one search.
struct Reader<'a> {
    store: &'a Store,
    names: Vec<std::borrow::Cow<'static, str>>,
    pids: HashMap<u64, Option<Pid>>,
}

impl Reader<'_> {
    /// None if one of its pids has given way to newer ones.
    fn unpack(&mut self, words: &Words) -> Option<Record> {
        let name = Pids::unpack_name(words[7]);
        if name >= self.names.len() {
            self.names = self.store.pids.names();
        }
        let (from, to) = Pids::unpack_pids(words[7]);
        let header = Header {
            from: self.pid(from)?,
            to: self.pid(to)?,
            name: self.names.get(name)?.clone(),
            size: words[0] as u32 as usize,
            trace: TraceId(words[1]),
            id: MessageId(words[2]),
            cause: MessageId(words[3]),
            logical: HybridTime(words[4]),
        };
        let base = Timestamp::from_nanos(words[5]);
        let after = |packed: u64| span::unpack(packed as u32).map(|span| base + span);
        Some(Record {
            header,
            sent: (words[0] & SENT != 0).then_some(base),
            received: (words[0] & RECEIVED != 0).then_some(base),
            began: after(words[6]),
            ended: after(words[6] >> 32),
            outcome: slots::outcome(words[0])?,
            tags: Vec::new(),
        })
    }

    fn pid(&mut self, packed: u64) -> Option<Pid> {
        self.pids.entry(packed).or_insert_with(|| self.store.pids.get(packed)).clone()
    }
}
