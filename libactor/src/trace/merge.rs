//! What several nodes know of the same messages becomes one answer. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::limits::{TRACED_NODES, TRACES_OF_A_TAG};
use crate::trace::Outcome;
use crate::trace::top::{most_urgent, oldest};
use crate::trace::wire::{ActorLoad, Message, OpenQuestion, Report};

/// An answer that grows with each node that reports.
#[derive(Default)]
pub(crate) struct Merge {
    limit: usize,
    messages: HashMap<u64, Message>,
    left_out: u64,
    traces: BTreeSet<u64>,
    answered: BTreeSet<String>,
    silent: BTreeSet<String>,
    not_asked: u64,
    actors: Vec<ActorLoad>,
    waits: Vec<OpenQuestion>,
}

impl Merge {
    /// Of at most `limit` messages, the newest.
    pub(crate) fn new(limit: usize) -> Merge {
        Merge { limit, ..Merge::default() }
    }

    pub(crate) fn add(&mut self, report: Report) {
        for message in report.messages {
            match self.messages.get_mut(&message.id) {
                Some(known) => join(known, message),
                None => {
                    self.messages.insert(message.id, message);
                }
            }
        }
        self.left_out = self.left_out.saturating_add(report.left_out);
        self.actors.extend(report.actors);
        self.waits.extend(report.waits);
        oldest(&mut self.waits);
        if self.actors.len() > self.limit.saturating_mul(2) {
            self.left_out += most_urgent(&mut self.actors, self.limit);
        }
        self.traces.extend(report.traces);
        while self.traces.len() > TRACES_OF_A_TAG {
            self.traces.pop_first();
        }
        for (ours, theirs) in [(&mut self.answered, report.answered), (&mut self.silent, report.silent)] {
            for node in theirs {
                if ours.len() < TRACED_NODES {
                    ours.insert(node);
                } else {
                    self.not_asked = self.not_asked.saturating_add(1);
                }
            }
        }
        self.not_asked = self.not_asked.saturating_add(report.not_asked);
        // Twice the limit, so that not every report is sorted.
        if self.messages.len() > self.limit.saturating_mul(2) {
            self.cut();
        }
    }

    /// A node that was asked and did not answer.
    pub(crate) fn is_silent(&mut self, node: String) {
        self.silent.insert(node);
    }

    pub(crate) fn was_not_asked(&mut self, nodes: usize) {
        self.not_asked += nodes as u64;
    }

    /// Oldest first.
    pub(crate) fn report(mut self) -> Report {
        self.cut();
        self.left_out += most_urgent(&mut self.actors, self.limit);
        let mut messages: Vec<Message> = self.messages.into_values().collect();
        messages.sort_by_key(age);
        // Who was silent on one way may have answered on another.
        let silent = self.silent.difference(&self.answered).cloned().collect();
        Report {
            messages,
            traces: self.traces.into_iter().collect(),
            left_out: self.left_out,
            answered: self.answered.into_iter().collect(),
            silent,
            not_asked: self.not_asked,
            actors: self.actors,
            waits: self.waits,
        }
    }

    fn cut(&mut self) {
        let Some(excess) = self.messages.len().checked_sub(self.limit).filter(|excess| *excess > 0) else {
            return;
        };
        let mut ages: Vec<(u64, u64)> = self.messages.values().map(age).collect();
        ages.select_nth_unstable(excess - 1);
        for (_, id) in &ages[..excess] {
            self.messages.remove(id);
        }
        self.left_out = self.left_out.saturating_add(excess as u64);
    }
}

/// By the time that all nodes agree with.
pub(crate) fn age(message: &Message) -> (u64, u64) {
    (message.logical, message.id)
}

/// Two records of one message: of its sender's node and of its receiver's, or two of the same that came by different ways.
fn join(known: &mut Message, other: Message) {
    let mut other = other;
    if ranks(&other) > ranks(known) {
        std::mem::swap(known, &mut other);
    }
    known.sent = known.sent.or(other.sent);
    known.received = known.received.or(other.received);
    known.began = known.began.or(other.began);
    // What a sender takes for its end is not the end of the message, if it has arrived.
    if known.received.is_none() || other.received.is_some() {
        known.ended = known.ended.or(other.ended);
    }
    known.body = known.body.take().or(other.body);
    let mut tags: BTreeMap<_, ()> = BTreeMap::new();
    for tag in known.tags.drain(..).chain(other.tags) {
        tags.insert(tag, ());
    }
    known.tags = tags.into_keys().collect();
}

/// The receiver's node knows more than the sender's, and what is settled is later than what is not.
fn ranks(message: &Message) -> (bool, bool, bool) {
    let settled = message.outcome().is_none_or(Outcome::is_settled);
    (message.received.is_some(), settled, message.began.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::wire::Tag;

    fn message(id: u64) -> Message {
        let (from, to) = ("a@127.0.0.1:1".to_owned(), "b@127.0.0.1:2".to_owned());
        let outcome = u32::from(Outcome::Sent.number());
        Message { id, logical: id, from, to, outcome, ..Message::default() }
    }

    fn sent(id: u64) -> Message {
        Message { node: "127.0.0.1:1".into(), sent: Some(id), ..message(id) }
    }

    fn handled(id: u64) -> Message {
        let outcome = u32::from(Outcome::Handled.number());
        let (received, began, ended) = (Some(id + 1), Some(id + 2), Some(id + 3));
        Message { node: "127.0.0.1:2".into(), received, began, ended, outcome, ..message(id) }
    }

    fn of(node: &str, messages: Vec<Message>) -> Report {
        Report { messages, answered: vec![node.into()], ..Report::default() }
    }

    fn merged(limit: usize, reports: Vec<Report>) -> Report {
        let mut merge = Merge::new(limit);
        for report in reports {
            merge.add(report);
        }
        merge.report()
    }

    #[test]
    fn the_records_of_sender_and_receiver_become_one_in_whichever_order_they_come() {
        let tag = |value: &str| Tag { key: "task".into(), value: value.into() };
        let ours = Message { tags: vec![tag("t1")], ..sent(10) };
        let theirs = Message { tags: vec![tag("t1"), tag("t2")], ..handled(10) };

        let one = merged(9, vec![of("1", vec![ours.clone()]), of("2", vec![theirs.clone()])]);
        let two = merged(9, vec![of("2", vec![theirs]), of("1", vec![ours])]);

        assert_eq!(one, two);
        let [message] = &one.messages[..] else { panic!("{one:?}") };
        assert_eq!((message.sent, message.received), (Some(10), Some(11)));
        assert_eq!((message.began, message.ended), (Some(12), Some(13)));
        assert_eq!((message.outcome(), &*message.node), (Some(Outcome::Handled), "127.0.0.1:2"));
        assert_eq!(message.tags, [tag("t1"), tag("t2")]);
    }

    #[test]
    fn what_arrived_counts_though_its_sender_holds_it_for_lost() {
        let lost = Message { outcome: Outcome::ConnectionLost.number().into(), ended: Some(99), ..sent(10) };
        let waiting =
            Message { began: None, ended: None, outcome: Outcome::Waiting.number().into(), ..handled(10) };

        let report = merged(9, vec![of("1", vec![lost]), of("2", vec![waiting])]);

        assert_eq!(report.messages[0].outcome(), Some(Outcome::Waiting));
        assert_eq!(report.messages[0].ended, None);
    }

    #[test]
    fn a_record_that_comes_twice_is_the_later_one() {
        let handling = Message { ended: None, outcome: Outcome::Handling.number().into(), ..handled(10) };

        let report = merged(9, vec![of("2", vec![handled(10)]), of("2", vec![handling])]);

        assert_eq!(report.messages, [handled(10)]);
    }

    #[test]
    fn beyond_the_limit_the_oldest_are_left_out_and_counted() {
        let report = merged(3, (1..=10).map(|id| of("1", vec![sent(id)])).collect());

        let ids: Vec<u64> = report.messages.iter().map(|message| message.id).collect();
        assert_eq!((ids, report.left_out), (vec![8, 9, 10], 7));
    }

    #[test]
    fn who_answered_on_any_way_is_not_silent() {
        let mut merge = Merge::new(1);
        merge.is_silent("1".into());
        merge.is_silent("2".into());
        merge.add(of("1", vec![]));

        let report = merge.report();

        assert_eq!((report.answered, report.silent), (vec!["1".to_owned()], vec!["2".to_owned()]));
    }
}
