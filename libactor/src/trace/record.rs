//! What the flight recorder gives, and what programs give to it.

use std::borrow::Cow;
use std::time::Duration;

use crate::envelope::Header;
use crate::pid::Pid;
use crate::time::Timestamp;
use crate::trace::{Cause, Outcome};

/// What one node knows of one message.
///
/// A message between two nodes leaves a record at each: the sender's says when it was sent, the receiver's the rest. One that
/// stays inside its node leaves one record. Who collects merges by the message's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The head of the message.
    pub header: Header,
    /// When it was sent; known to the sender's node.
    pub sent: Option<Timestamp>,
    /// When it came off the socket, or was put into a mailbox of its own node; known to the receiver's node.
    pub received: Option<Timestamp>,
    /// When its handler was called.
    pub began: Option<Timestamp>,
    /// When its handler was done, or when the message was given up.
    pub ended: Option<Timestamp>,
    /// What became of it.
    pub outcome: Outcome,
    /// What it is about, in the words of those who handled it: `task`, `t1`.
    pub tags: Vec<(String, String)>,
}

impl Record {
    /// From its arrival, or its sending, to its end; to `now` if it is still waiting or being handled.
    pub fn took(&self, now: Timestamp) -> Duration {
        let Some(start) = self.received.or(self.sent) else { return Duration::ZERO };
        let end = if self.outcome.is_settled() { self.ended } else { Some(now) };
        end.map_or(Duration::ZERO, |end| end.since(start))
    }
}

/// A message that libactor did not carry, such as the call or the event of an HTTP client, for
/// [`Recorder::record`](crate::trace::Recorder::record).
///
/// It follows from what its thread is busy with, and is recorded at the node's time, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) from: Pid,
    pub(crate) to: Pid,
    pub(crate) name: Cow<'static, str>,
    pub(crate) size: usize,
    pub(crate) cause: Cause,
    pub(crate) outcome: Outcome,
    pub(crate) at: Option<Timestamp>,
    pub(crate) began: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) tags: Vec<(String, String)>,
}

impl Entry {
    /// A message of `size` bytes that a client sent to us. It waits, until [`Recorder::ended`](crate::trace::Recorder::ended) or
    /// [`outcome`](Entry::outcome) says what became of it.
    pub fn received(from: &Pid, to: &Pid, name: impl Into<Cow<'static, str>>, size: usize) -> Entry {
        Entry::new(from, to, name.into(), size, Outcome::Waiting)
    }

    /// A message of `size` bytes that we sent to a client.
    pub fn sent(from: &Pid, to: &Pid, name: impl Into<Cow<'static, str>>, size: usize) -> Entry {
        Entry::new(from, to, name.into(), size, Outcome::Sent)
    }

    fn new(from: &Pid, to: &Pid, name: Cow<'static, str>, size: usize, outcome: Outcome) -> Entry {
        Entry {
            from: from.clone(),
            to: to.clone(),
            name,
            size,
            cause: Cause::current(),
            outcome,
            at: None,
            began: None,
            ended: None,
            tags: Vec::new(),
        }
    }

    /// What became of it.
    pub fn outcome(mut self, outcome: Outcome) -> Entry {
        self.outcome = outcome;
        self
    }

    /// When it was sent or received; now if not called.
    pub fn at(mut self, at: Timestamp) -> Entry {
        self.at = Some(at);
        self
    }

    /// When it was handled, from and to.
    pub fn handled(mut self, began: Timestamp, ended: Timestamp) -> Entry {
        (self.began, self.ended, self.outcome) = (Some(began), Some(ended), Outcome::Handled);
        self
    }

    /// The message that it follows from, if not the one that its thread is busy with.
    pub fn caused_by(mut self, cause: Cause) -> Entry {
        self.cause = cause;
        self
    }

    /// What it is about. See [`Context::tag`](crate::Context::tag).
    pub fn tag(mut self, key: &str, value: &str) -> Entry {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }
}
