//! Which records one asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::time::Timestamp;
use crate::trace::{MessageId, Record, TraceId};

/// Which records one asks for: those that meet every condition given. Empty: all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Of this trace.
    pub trace: Option<TraceId>,
    /// Of one of these traces; of any if there are none.
    pub traces: BTreeSet<TraceId>,
    /// This message.
    pub id: Option<MessageId>,
    /// Of a trace that holds a message with this tag, key and value.
    pub tag: Option<(String, String)>,
    /// From or to this actor: a name, or a whole pid.
    pub actor: Option<String>,
    /// Of this name: the full one, or what follows its last dot.
    pub message: Option<String>,
    /// Which took longer from arrival to end, or to now if they have not ended.
    pub slower_than: Option<Duration>,
    /// Only what was lost, or whose handler panicked.
    pub errors: bool,
    /// Sent or received at this time or later.
    pub since: Option<Timestamp>,
    /// The newest so many; none for all that are kept.
    pub limit: Option<usize>,
}

impl Query {
    /// Whether a record meets every condition but `tag` and `limit`, which one record alone does not tell.
    pub fn matches(&self, record: &Record, now: Timestamp) -> bool {
        let header = &record.header;
        self.trace.is_none_or(|trace| trace == header.trace)
            && (self.traces.is_empty() || self.traces.contains(&header.trace))
            && self.id.is_none_or(|id| id == header.id)
            && self.since.is_none_or(|since| record.received.or(record.sent) >= Some(since))
            && (!self.errors || record.outcome.is_error())
            && self.slower_than.is_none_or(|limit| record.took(now) > limit)
            && self.message.as_deref().is_none_or(|name| is_named(&header.name, name))
            && self
                .actor
                .as_deref()
                .is_none_or(|actor| is_actor(&header.from, actor) || is_actor(&header.to, actor))
    }
}

fn is_named(full: &str, name: &str) -> bool {
    full == name || full.rsplit_once('.').is_some_and(|(_, last)| last == name)
}

fn is_actor(pid: &crate::pid::Pid, actor: &str) -> bool {
    match actor.rsplit_once('@') {
        Some((name, address)) => pid.name() == name && address.parse() == Ok(pid.address()),
        None => pid.name() == actor,
    }
}
