//! Messages of one peer to one actor that came in together.
//!
//! They have one look-up of the actor, one piece of memory, one share of what may wait and one place in the mailbox between them.
//! Each has its own header in the flight recorder, its own turn, and its own end.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::actor::Actor;
use crate::context::Context;
use crate::envelope::{End, Handling, Head};
use crate::host::malformed;
use crate::limits::MESSAGE_OVERHEAD;
use crate::pid::Pid;
use crate::registry::{Door, Known};
use crate::routes::Route;
use crate::time::Timestamp;
use crate::trace::recorder::Ticket;
use crate::trace::taps::Seen;
use crate::trace::{Cause, HybridTime, MessageId, Outcome, Recorder, TraceId};

/// Pairs of a sender and a name that one run tells apart. Beyond it another one begins.
const MOST_KINDS: usize = 16;

/// What a run may cost: what is read at once makes one, and its share of what may wait is given back soon.
const MOST_BYTES: usize = 256 << 10;

/// A run of fewer messages takes memory of its own.
const FEW: usize = 16;

/// Runs whose memory a node keeps for the next ones: a few milliseconds of a busy peer, 8 MiB at most.
const SPARE: usize = 32;

/// The memory of runs that are over, for those that come: it is given back on another thread than it is taken.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<(Vec<Arrival>, Vec<u8>)>>);

impl Spare {
    fn take(&self, (messages, bodies): (usize, usize)) -> (Vec<Arrival>, Vec<u8>) {
        let spare = if messages >= FEW { self.lock().pop() } else { None };
        spare.unwrap_or_else(|| (Vec::with_capacity(messages), Vec::with_capacity(bodies)))
    }

    fn give(&self, mut messages: Vec<Arrival>, mut bodies: Vec<u8>) {
        if messages.len() >= FEW {
            messages.clear();
            bodies.clear();
            let mut spare = self.lock();
            if spare.len() < SPARE {
                spare.push((messages, bodies));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Vec<Arrival>, Vec<u8>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is being put together.
pub(crate) struct Arrivals {
    pub(crate) door: Arc<dyn Door>,
    pub(crate) to: Pid,
    kinds: Vec<Kind>,
    messages: Vec<Arrival>,
    // One behind the other: what is small must not keep alive all that was read with it.
    bodies: Vec<u8>,
}

/// What most messages to an actor have in common.
struct Kind {
    from: Pid,
    known: Known,
    name: Cow<'static, str>,
}

#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    kind: u32,
    // Where its body ends among all.
    end: u32,
    ids: Ids,
}

/// The numbers that a message carries.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) trace: TraceId,
    pub(crate) id: MessageId,
    pub(crate) cause: MessageId,
    pub(crate) logical: HybridTime,
}

impl Arrivals {
    /// `like`: how many messages, and bytes of bodies, the one before had.
    pub(crate) fn new(door: Arc<dyn Door>, to: Pid, spare: &Spare, like: (usize, usize)) -> Arrivals {
        let (messages, bodies) = spare.take(like);
        Arrivals { door, to, kinds: Vec::new(), messages, bodies }
    }

    /// Whether one more of so many bytes finds room, where at most `limit` may wait.
    pub(crate) fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.messages.is_empty() || self.cost() + bytes + MESSAGE_OVERHEAD <= MOST_BYTES.min(limit)
    }

    /// What they take until they are handled.
    pub(crate) fn cost(&self) -> usize {
        self.bodies.len() + self.messages.len() * MESSAGE_OVERHEAD
    }

    /// How many there are, and the bytes of their bodies.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.messages.len(), self.bodies.len())
    }

    /// That of the last message.
    pub(crate) fn last_kind(&self) -> Option<usize> {
        self.messages.last().map(|message| message.kind as usize)
    }

    /// The kind of messages from there with that name, if some came already.
    pub(crate) fn kind(&self, from: &[u8], name: &[u8]) -> Option<usize> {
        self.kinds
            .iter()
            .position(|kind| kind.from.name().as_bytes() == from && kind.known.name.as_bytes() == name)
    }

    /// None if there are as many as may be.
    pub(crate) fn add_kind(&mut self, from: Pid, known: Known) -> Option<usize> {
        let place = self.kinds.len();
        if place >= MOST_KINDS {
            return None;
        }
        self.kinds.push(Kind { from, known, name: Cow::Borrowed(known.name) });
        Some(place)
    }

    pub(crate) fn known(&self, kind: usize) -> Known {
        self.kinds[kind].known
    }

    pub(crate) fn push(&mut self, kind: usize, ids: Ids, body: &[u8]) {
        self.bodies.extend_from_slice(body);
        // Bodies are shorter than a run may be, which has far fewer bytes than 32 bits count.
        self.messages.push(Arrival { kind: kind as u32, end: self.bodies.len() as u32, ids });
    }

    /// Memory beyond what they are counted with is given back.
    pub(crate) fn close(&mut self) {
        let memory = self.bodies.capacity() + self.messages.capacity() * size_of::<Arrival>();
        if memory > self.cost() {
            self.bodies.shrink_to_fit();
            self.messages.shrink_to_fit();
        }
    }

    pub(crate) fn times(&self) -> impl Iterator<Item = HybridTime> {
        self.messages.iter().map(|message| message.ids.logical)
    }

    /// Each with the number of its kind.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (usize, Head<'_>)> {
        let mut start = 0;
        self.messages.iter().map(move |message| {
            let size = (message.end - start) as usize;
            start = message.end;
            (message.kind as usize, self.head(message, size))
        })
    }

    fn head(&self, message: &Arrival, size: usize) -> Head<'_> {
        let Kind { from, name, .. } = &self.kinds[message.kind as usize];
        let Ids { trace, id, cause, logical } = message.ids;
        Head { from, to: &self.to, name, size, trace, id, cause, logical }
    }

    /// Which of them the taps of this node may want, with bodies where those are wanted.
    pub(crate) fn seen(&self, recorder: &Recorder, received: Timestamp) -> VecDeque<(usize, Seen)> {
        let mut all = VecDeque::new();
        if recorder.taps.are_off() {
            return all;
        }
        let mut start = 0;
        for (place, message) in self.messages.iter().enumerate() {
            let body = &self.bodies[start..message.end as usize];
            start = message.end as usize;
            let mut seen = recorder.taps.arrives(self.head(message, body.len()), received);
            let type_name = self.kinds[message.kind as usize].known.type_name;
            recorder.taps.keep(&mut seen, type_name, body.len(), || Bytes::copy_from_slice(body));
            if !matches!(seen, Seen::Not) {
                all.push_back((place, seen));
            }
        }
        all
    }
}

/// Where a run is recorded, and what it holds until it is handled.
pub(crate) struct Receipts {
    /// The first one's; the others are behind it.
    pub(crate) first: Ticket,
    pub(crate) recorder: Arc<Recorder>,
    /// By their places, in order.
    pub(crate) seen: VecDeque<(usize, Seen)>,
    pub(crate) spare: Arc<Spare>,
    pub(crate) _share: OwnedSemaphorePermit,
}

/// A run in the mailbox of its actor.
pub(crate) struct Run<A: Actor> {
    kinds: Vec<(Pid, Route<A>)>,
    messages: Vec<Arrival>,
    bodies: Vec<u8>,
    // How many were handed to the actor, and how much of the bodies.
    done: usize,
    start: usize,
    receipts: Receipts,
}

impl<A: Actor> Run<A> {
    pub(crate) fn new(
        arrivals: Arrivals,
        receipts: Receipts,
        route: impl Fn(&'static str) -> Route<A>,
    ) -> Run<A> {
        let Arrivals { kinds, messages, bodies, .. } = arrivals;
        let kinds = kinds.into_iter().map(|kind| (kind.from, route(kind.known.name))).collect();
        Run { kinds, messages, bodies, done: 0, start: 0, receipts }
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// All were handed to the actor.
    pub(crate) fn is_over(&self) -> bool {
        self.done == self.messages.len()
    }

    /// Hands the next one to the actor. It counts as handed also if the actor panics.
    pub(crate) fn open_next(&mut self, actor: &mut A, cx: &mut Context<A>) {
        let Some(Arrival { kind, end, ids }) = self.messages.get(self.done).copied() else { return };
        let receipt = self.next_end();
        let body = self.start..end as usize;
        self.start = end as usize;
        let (from, route) = &self.kinds[kind as usize];
        let handling = Handling::begins(receipt, &self.receipts.recorder);
        cx.begins(Cause { trace: ids.trace, message: ids.id }, route.name);
        let outcome = match (route.receive)(&self.bodies[body], actor, cx, from) {
            Ok(()) => Outcome::Handled,
            Err(error) => malformed(cx.me(), from, route.name, &error),
        };
        handling.settle(outcome);
    }

    fn next_end(&mut self) -> End {
        let (place, receipts) = (self.done, &mut self.receipts);
        self.done += 1;
        let seen = match receipts.seen.front() {
            Some((seen, _)) if *seen == place => receipts.seen.pop_front().map(|(_, seen)| seen),
            _ => None,
        };
        End::new(receipts.first.plus(place), seen.unwrap_or_default())
    }
}

/// Some may be left: the mailbox is dropped with its actor.
impl<A: Actor> Drop for Run<A> {
    fn drop(&mut self) {
        while !self.is_over() {
            let mut end = self.next_end();
            end.is_lost(&self.receipts.recorder);
        }
        self.receipts.spare.give(std::mem::take(&mut self.messages), std::mem::take(&mut self.bodies));
    }
}
