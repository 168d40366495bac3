//! What travels with every message that has a wire name, and what becomes of it.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::pid::Pid;
use crate::time::Timestamp;
use crate::trace::recorder::{Ticket, Times};
use crate::trace::taps::Seen;
use crate::trace::{Cause, HybridTime, MessageId, Outcome, Recorder, TraceId};

/// The head of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The sender, as the sender gave it.
    pub from: Pid,
    /// The receiver.
    pub to: Pid,
    /// The full protobuf name of the body.
    pub name: Cow<'static, str>,
    /// Bytes of the encoded body.
    pub size: usize,
    /// What the whole chain of messages has in common.
    pub trace: TraceId,
    /// This message.
    pub id: MessageId,
    /// The message in whose handler this one was sent; zero for the first of a trace.
    pub cause: MessageId,
    /// When it was sent, in an order that all nodes agree with.
    pub logical: HybridTime,
}

/// The head of a message that is written down or sent now, its texts where they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) from: &'a Pid,
    pub(crate) to: &'a Pid,
    pub(crate) name: &'a Cow<'static, str>,
    pub(crate) size: usize,
    pub(crate) trace: TraceId,
    pub(crate) id: MessageId,
    pub(crate) cause: MessageId,
    pub(crate) logical: HybridTime,
}

impl<'a> From<&'a Header> for Head<'a> {
    fn from(header: &'a Header) -> Head<'a> {
        let Header { from, to, name, size, trace, id, cause, logical } = header;
        Head { from, to, name, size: *size, trace: *trace, id: *id, cause: *cause, logical: *logical }
    }
}

thread_local! {
    // When the handler before this one ended, in the same turn of the same actor; zero if there is none.
    static BEFORE: Cell<Timestamp> = const { Cell::new(Timestamp::from_nanos(0)) };
}

/// What is handled next does not go straight on from a recorded message: its beginning is not the end of that one.
pub(crate) fn break_off() {
    BEFORE.set(Timestamp::default());
}

/// A message in a mailbox, or in its handler. Whatever happens to it, the flight recorder hears of its end exactly once.
pub(crate) struct Receipt {
    from: Pid,
    cause: Cause,
    recorder: Arc<Recorder>,
    end: End,
}

/// What is still to be recorded of one message: that it was handled, or what became of it instead.
pub(crate) struct End {
    // None once the end is recorded.
    ticket: Option<Ticket>,
    // Which taps may want it.
    seen: Seen,
}

/// A message of several that came together, while its handler runs.
pub(crate) struct Handling<'a> {
    end: End,
    recorder: &'a Recorder,
}

impl Receipt {
    /// For a message that is about to be put into a mailbox.
    #[inline]
    pub(crate) fn new(ticket: Ticket, head: Head<'_>, times: Times, recorder: &Arc<Recorder>) -> Receipt {
        recorder.write(ticket, head, times, Outcome::Waiting);
        let seen = recorder.taps.arrives(head, times.received.unwrap_or_default());
        let cause = Cause { trace: head.trace, message: head.id };
        Receipt { from: head.from.clone(), cause, recorder: recorder.clone(), end: End::new(ticket, seen) }
    }

    pub(crate) fn from(&self) -> &Pid {
        &self.from
    }

    /// What follows from the message.
    pub(crate) fn cause(&self) -> Cause {
        self.cause
    }

    /// Keeps the body for a tap that wants it.
    #[inline]
    pub(crate) fn keep(&mut self, type_name: &'static str, size: usize, body: impl FnOnce() -> Bytes) {
        self.recorder.taps.keep(&mut self.end.seen, type_name, size, body);
    }

    /// Its handler is called now.
    #[inline]
    pub(crate) fn begin(&self) {
        self.end.begins(&self.recorder);
    }

    #[inline]
    pub(crate) fn settle(mut self, outcome: Outcome) {
        self.end.is(&self.recorder, outcome);
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.end.is_lost(&self.recorder);
    }
}

impl End {
    pub(crate) fn new(ticket: Ticket, seen: Seen) -> End {
        End { ticket: Some(ticket), seen }
    }

    /// The handler is called now. The clock was read for it if the handler before it has just ended.
    #[inline]
    fn begins(&self, recorder: &Recorder) {
        if let Some(ticket) = self.ticket.filter(|ticket| ticket.is_some()) {
            let before = BEFORE.get();
            let at = if before == Timestamp::default() { recorder.clock().now() } else { before };
            recorder.begin(ticket, at);
        }
    }

    #[inline]
    fn is(&mut self, recorder: &Recorder, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take().filter(|ticket| ticket.is_some()) {
            let now = recorder.clock().now();
            BEFORE.set(now);
            recorder.end(ticket, now, outcome);
            if !matches!(self.seen, Seen::Not) {
                recorder.show_seen(std::mem::take(&mut self.seen), ticket, outcome, now);
            }
        }
    }

    /// The mailbox is dropped with its actor, or the handler panics.
    #[inline]
    pub(crate) fn is_lost(&mut self, recorder: &Recorder) {
        if self.ticket.is_some() {
            let panics = std::thread::panicking();
            self.is(recorder, if panics { Outcome::Panicked } else { Outcome::ActorEnded });
        }
    }
}

impl<'a> Handling<'a> {
    /// The handler is called now.
    #[inline]
    pub(crate) fn begins(end: End, recorder: &'a Recorder) -> Handling<'a> {
        end.begins(recorder);
        Handling { end, recorder }
    }

    #[inline]
    pub(crate) fn settle(mut self, outcome: Outcome) {
        self.end.is(self.recorder, outcome);
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        self.end.is_lost(self.recorder);
    }
}

/// One text for the process. For the names of types only, whose number the program bounds.
pub(crate) fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.into());
    names.insert(name);
    name
}
