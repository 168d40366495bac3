//! A node's own part of an answer: a search of its flight recorder. For threads that nobody waits for.

use std::collections::BTreeSet;

use crate::limits::MOST_TRACED_MESSAGES;
use crate::node::Node;
use crate::trace::Record;
use crate::trace::merge::Merge;
use crate::trace::top::of_node;
use crate::trace::wire::{Ask, Filter, Kind, Message, Report};

pub(crate) fn search(node: &Node, ask: &Ask) -> Report {
    let (filter, limit) = (ask.filter.clone().unwrap_or_default(), ask.limit as usize);
    let mut merge = Merge::new(limit);
    merge.add(match ask.kind() {
        Kind::Messages => messages(node, &filter, limit),
        Kind::Traces => traces(node, &filter),
        Kind::Top => of_node(node.top(), limit),
    });
    merge.add(Report { answered: vec![node.address().to_string()], ..Report::default() });
    merge.report()
}

fn messages(node: &Node, filter: &Filter, limit: usize) -> Report {
    let records = records(node, filter, limit);
    let messages = records.into_iter().map(|record| Message::new(node.address(), record)).collect();
    Report { messages, ..Report::default() }
}

fn traces(node: &Node, filter: &Filter) -> Report {
    let records = records(node, filter, MOST_TRACED_MESSAGES);
    let traces: BTreeSet<u64> = records.iter().map(|record| record.header.trace.0).collect();
    Report { traces: traces.into_iter().collect(), ..Report::default() }
}

/// One more than the limit, if there are more.
fn records(node: &Node, filter: &Filter, limit: usize) -> Vec<Record> {
    node.recorder().query(&filter.query(limit + 1))
}
