//! The flight recorder: the headers of the last messages of a node, always on.
//!
//! A header takes one [slot](slots) of 64 bytes in a ring; [pids and names](pids) are numbers there, and [tags](tags) have a ring
//! of their own. A message has its slot from its sending, or its arrival, on; what happens to it is written in its place. Nobody
//! waits for a lock but who names a pid for the first time, and for no longer than that takes: a [search](search) copies slot by
//! slot while they are being written.
//!
//! All of it has one bound in bytes. When the texts of pids use up their part, the oldest pids are forgotten, and with them
//! the records that name them: a node that meets a new pid with each message keeps fewer headers.

mod names;
mod pids;
mod search;
mod slots;
mod span;
mod tags;
#[cfg(test)]
mod tests;
mod texts;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clock::Clock;
use crate::envelope::{Head, Header};
use crate::limits::{LARGEST_RECORDER, SMALLEST_RECORDER};
use crate::time::Timestamp;
use crate::trace::taps::{Seen, Taps};
use crate::trace::{Cause, Entry, Ids, MessageId, Outcome, TraceId};
use pids::Pids;
use slots::Slots;
use tags::Tags;

/// Messages of this prefix ask for records: recording them would bury what they ask for.
pub(crate) const UNRECORDED: &str = "libactor.trace.";

/// Without the feature, all recording is compiled away.
const RECORDS: bool = cfg!(feature = "flight-recorder");

/// Where a message is in the recorder, until it is pushed out by newer ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ticket(u64);

impl Ticket {
    /// Whether the message is recorded.
    pub(crate) fn is_some(self) -> bool {
        RECORDS && self != NO_TICKET
    }

    /// That of the message so many places behind, of several that were [claimed together](Recorder::claim_places).
    pub(crate) fn plus(self, places: usize) -> Ticket {
        if self == NO_TICKET { self } else { Ticket(self.0 + places as u64) }
    }
}

/// Of a message that is not recorded. No slot has this number.
const NO_TICKET: Ticket = Ticket(0);

/// The headers of the last messages of a node; the oldest go first. See [`Builder::flight_recorder`](crate::Builder::flight_recorder).
pub struct Recorder {
    clock: Clock,
    ids: Arc<Ids>,
    // None if nothing is to be kept.
    store: Option<Store>,
    pub(crate) taps: Taps,
}

struct Store {
    slots: Slots,
    pids: Pids,
    tags: Tags,
}

impl Recorder {
    /// Keeps as much as `bytes` hold.
    pub(crate) fn new(bytes: usize, clock: Clock, ids: Arc<Ids>) -> Recorder {
        let bytes = if RECORDS { bytes } else { 0 };
        let store = (bytes > 0).then(|| Store::new(bytes.clamp(SMALLEST_RECORDER, LARGEST_RECORDER)));
        Recorder { clock, ids, store, taps: Taps::new() }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many headers are kept at most.
    pub fn capacity(&self) -> usize {
        self.store.as_ref().map_or(0, |store| store.slots.length() as usize)
    }

    /// Records a message that libactor did not carry. What is sent [during](Cause::during) the answer follows from it:
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
        let (ticket, id) = self.claim(&entry.name);
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
        let at = Some(entry.at.unwrap_or(now));
        let ended = entry.ended.or((entry.outcome.is_settled() && !is_sent).then_some(now));
        let (sent, received) = if is_sent { (at, None) } else { (None, at) };
        self.write(ticket, &header, Times { sent, received, began: entry.began, ended }, entry.outcome);
        for (key, value) in &entry.tags {
            self.tag(trace, id, key, value);
        }
        if entry.outcome.is_settled() {
            self.show(ticket, false);
        }
        Cause { trace, message: id }
    }

    /// The message that [`record`](Recorder::record) answered is being handled from now on.
    pub fn began(&self, message: MessageId) {
        self.begin(self.ticket(message), self.clock.now());
    }

    /// What became, now, of a message that [`record`](Recorder::record) answered. The first outcome stays.
    pub fn ended(&self, message: MessageId, outcome: Outcome) {
        let ticket = self.ticket(message);
        self.end(ticket, self.clock.now(), outcome);
        self.show(ticket, false);
    }

    /// Says what a message is about. Keys and values beyond 256 bytes are cut. Actors use
    /// [`Context::tag`](crate::Context::tag).
    pub fn tag(&self, trace: TraceId, message: MessageId, key: &str, value: &str) {
        if let Some(store) = &self.store {
            store.tags.add(trace, message, key, value);
        }
    }

    /// The id of a message of that name that is sent here now, and its place.
    #[inline]
    pub(crate) fn claim(&self, name: &str) -> (Ticket, MessageId) {
        match &self.store {
            Some(store) if !name.starts_with(UNRECORDED) => {
                let number = store.slots.claim();
                (Ticket(number), MessageId(self.ids.of_slot(number)))
            }
            _ => (NO_TICKET, MessageId(self.ids.next())),
        }
    }

    /// The place of a message of that name that comes from elsewhere.
    #[inline]
    pub(crate) fn claim_place(&self, name: &str) -> Ticket {
        match &self.store {
            Some(store) if !name.starts_with(UNRECORDED) => Ticket(store.slots.claim()),
            _ => NO_TICKET,
        }
    }

    /// The places of so many messages that come from elsewhere together, none of which asks for records: that of the first.
    pub(crate) fn claim_places(&self, count: usize) -> Ticket {
        self.store.as_ref().map_or(NO_TICKET, |store| Ticket(store.slots.claim_several(count as u64)))
    }

    /// Once for each ticket.
    #[inline]
    pub(crate) fn write<'a>(
        &self,
        ticket: Ticket,
        head: impl Into<Head<'a>>,
        times: Times,
        outcome: Outcome,
    ) {
        if let Some(store) = &self.store
            && ticket != NO_TICKET
        {
            let head = head.into();
            let texts = store.pids.pack(head.from, head.to, head.name);
            store.slots.write(ticket.0, search::pack(texts, &head, times, outcome));
        }
    }

    /// Writes messages that came together and wait now. Those of the same number have the same sender, receiver and name.
    pub(crate) fn write_several<'a>(
        &self,
        first: Ticket,
        heads: impl Iterator<Item = (usize, Head<'a>)>,
        received: Timestamp,
    ) {
        let Some(store) = &self.store else { return };
        let mut last = None;
        for (place, (kind, head)) in (first.0..).zip(heads) {
            let texts = match last {
                Some((same, texts)) if same == kind => texts,
                _ => store.pids.pack(head.from, head.to, head.name),
            };
            last = Some((kind, texts));
            let words = search::pack(texts, &head, Times::received(received), Outcome::Waiting);
            store.slots.write(place, words);
        }
    }

    /// The handler of a message that was waiting is called.
    #[inline]
    pub(crate) fn begin(&self, ticket: Ticket, at: Timestamp) {
        self.update(ticket, |outcome, slot| {
            let waits = outcome == Outcome::Waiting;
            waits.then(|| (Outcome::Handling, search::with_began(slot, at)))
        });
    }

    /// What became of a message. Its first settled outcome stays.
    #[inline]
    pub(crate) fn end(&self, ticket: Ticket, at: Timestamp, settled: Outcome) {
        self.update(ticket, |outcome, slot| {
            (!outcome.is_settled()).then(|| (settled, search::with_ended(slot, at)))
        });
    }

    /// A message that was sent turned out not to be delivered. The first such news stays.
    pub(crate) fn amend(&self, id: MessageId, settled: Outcome) {
        let (now, ticket) = (self.clock.now(), self.ticket(id));
        self.update(ticket, |outcome, slot| {
            let is_it = outcome == Outcome::Sent && search::is_of(slot, id);
            is_it.then(|| (settled, search::with_ended(slot, now)))
        });
        self.show(ticket, false);
    }

    /// The node at that address says it did not deliver a message. Nothing happens to a message that was for another.
    pub(crate) fn amend_to(&self, address: SocketAddr, id: MessageId, settled: Outcome) {
        let record = self.read(self.ticket(id));
        if record.is_some_and(|record| record.header.id == id && record.header.to.address() == address) {
            self.amend(id, settled);
        }
    }

    /// Shows a message that has ended to the taps that want it; what leaves for a peer only to those that ask for it.
    #[inline]
    pub(crate) fn show(&self, ticket: Ticket, leaves_for_peer: bool) {
        if !self.taps.are_off()
            && let Some(record) = self.read(ticket)
        {
            self.taps.ends(&record, leaves_for_peer, self.clock.now());
        }
    }

    /// Shows a message that was seen when it arrived, and has ended.
    pub(crate) fn show_seen(&self, seen: Seen, ticket: Ticket, outcome: Outcome, now: Timestamp) {
        self.taps.ended(seen, outcome, now, || self.took(ticket, now), || self.read(ticket));
    }

    #[inline]
    fn update(&self, ticket: Ticket, change: impl FnOnce(Outcome, &slots::Slot) -> Option<(Outcome, u64)>) {
        if let Some(store) = &self.store
            && ticket != NO_TICKET
        {
            store.slots.update(ticket.0, change);
        }
    }

    /// Where a message is that was sent here: its id tells.
    fn ticket(&self, id: MessageId) -> Ticket {
        let number = self.ids.slot_of(id.0);
        let kept = self.store.as_ref().is_some_and(|store| store.slots.kept().contains(&number));
        if kept { Ticket(number) } else { NO_TICKET }
    }
}

/// When what happened to a message. If it was both sent and received here, that was at one time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) sent: Option<Timestamp>,
    pub(crate) received: Option<Timestamp>,
    pub(crate) began: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
}

impl Times {
    /// Of a message for another node.
    pub(crate) fn sent(at: Timestamp) -> Times {
        Times { sent: Some(at), ..Times::default() }
    }

    /// Of a message from another node.
    pub(crate) fn received(at: Timestamp) -> Times {
        Times { received: Some(at), ..Times::default() }
    }

    /// Of a message that stays in its node.
    pub(crate) fn here(at: Timestamp) -> Times {
        Times { sent: Some(at), received: Some(at), ..Times::default() }
    }
}

impl Store {
    /// Nineteen parts in twenty, and more, are slots: the default holds a million and still 1.3 MiB of pids, and as much of tags.
    fn new(bytes: usize) -> Store {
        let besides = bytes / 1000 * 45;
        let chunks = (bytes - besides) / Slots::bytes(1);
        let names = (besides / 16).min(names::MOST_BYTES);
        let pids = (besides - names) / 2;
        let tags = besides - names - pids;
        Store { slots: Slots::new(chunks), pids: Pids::new(pids, names), tags: Tags::new(tags) }
    }

    /// What all of it takes when it is full.
    #[cfg(test)]
    fn most_bytes(&self) -> usize {
        Slots::bytes(self.slots.chunks()) + self.pids.most_bytes() + self.tags.most_bytes()
    }
}
