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

thread_local! {
    // When the handler before this one ended, in the same turn of the same actor; zero if there is none.
    static BEFORE: Cell<Timestamp> = const { Cell::new(Timestamp::from_nanos(0)) };
}

/// What is handled next does not go straight on from a recorded message: its beginning is not the end of that one.
pub(crate) fn break_off() {
    BEFORE.set(Timestamp::default());
}

/// A message in a mailbox. Whatever happens to it, the flight recorder hears of its end exactly once.
pub(crate) struct Receipt {
    from: Pid,
    cause: Cause,
    // None once the end is recorded.
    ticket: Option<Ticket>,
    recorder: Arc<Recorder>,
    // Which taps may want it.
    seen: Seen,
}

impl Receipt {
    /// For a message that is about to be put into a mailbox.
    #[inline]
    pub(crate) fn new(ticket: Ticket, header: Header, times: Times, recorder: &Arc<Recorder>) -> Receipt {
        recorder.write(ticket, &header, times, Outcome::Waiting);
        let seen = if recorder.taps.are_off() {
            Seen::Not
        } else {
            recorder.taps.arrives(&header, times.received.unwrap_or_default())
        };
        let cause = Cause { trace: header.trace, message: header.id };
        let recorder = recorder.clone();
        Receipt { from: header.from, cause, ticket: Some(ticket), recorder, seen }
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
        if !matches!(self.seen, Seen::Not) {
            self.recorder.taps.keep(&mut self.seen, type_name, size, body);
        }
    }

    /// Its handler is called now. The clock was read for it if the handler before it has just ended.
    #[inline]
    pub(crate) fn begin(&self) {
        if let Some(ticket) = self.ticket.filter(|ticket| ticket.is_some()) {
            let before = BEFORE.get();
            let at = if before == Timestamp::default() { self.recorder.clock().now() } else { before };
            self.recorder.begin(ticket, at);
        }
    }

    #[inline]
    pub(crate) fn settle(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    #[inline]
    fn end(&mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take().filter(|ticket| ticket.is_some()) {
            let now = self.recorder.clock().now();
            BEFORE.set(now);
            self.recorder.end(ticket, now, outcome);
            if !matches!(self.seen, Seen::Not) {
                self.recorder.show_seen(std::mem::take(&mut self.seen), ticket, outcome, now);
            }
        }
    }
}

impl Drop for Receipt {
    // A mailbox that is dropped with its actor, or a handler that panics.
    fn drop(&mut self) {
        self.end(if std::thread::panicking() { Outcome::Panicked } else { Outcome::ActorEnded });
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
