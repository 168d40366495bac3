//! What travels with every message that has a wire name, and what becomes of it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::{Clock, Undelivered};
use crate::pid::Pid;
use crate::time::Timestamp;
use crate::trace::recorder::{Outcome, Record, Recorder};
use crate::trace::{HybridTime, MessageId, TraceId};

/// The head of a message.
#[derive(Clone, Debug)]
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
    pub sent: HybridTime,
    /// When it came to this node, or was sent by it to another.
    pub queued: Timestamp,
}

/// A message in a mailbox. Whatever happens to it, the flight recorder hears of it exactly once.
pub(crate) struct Receipt {
    // Taken when the outcome is known.
    header: Option<Header>,
    recorder: Arc<Recorder>,
    clock: Clock,
    _undelivered: Undelivered,
}

impl Receipt {
    pub(crate) fn new(header: Header, recorder: &Arc<Recorder>, clock: &Clock) -> Receipt {
        let _undelivered = clock.undelivered();
        Receipt { header: Some(header), recorder: recorder.clone(), clock: clock.clone(), _undelivered }
    }

    pub(crate) fn header(&self) -> &Header {
        self.header.as_ref().expect("a receipt keeps its header until it is settled")
    }

    pub(crate) fn settle(mut self, outcome: Outcome) {
        self.record(outcome);
    }

    fn record(&mut self, outcome: Outcome) {
        if let Some(header) = self.header.take() {
            let handled = Some(self.clock.now());
            self.recorder.record(Record { header, handled, outcome });
        }
    }
}

impl Drop for Receipt {
    // A mailbox that is dropped with its actor.
    fn drop(&mut self) {
        self.record(Outcome::ActorEnded);
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
