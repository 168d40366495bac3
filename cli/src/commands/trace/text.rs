//! A tree of messages as indented text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::hop::{Fate, printable, shortened, span};
use super::tree::{Row, Tree};

/// Deeper hops stand below each other: the screen is only so wide.
const MAX_INDENT: usize = 24;

/// Longer names of actors are cut in the middle.
const NAME: usize = 28;

/// A title, then one line is one hop: when, what, from whom to whom, and where the time went; then who the actors are.
pub fn tree(title: &str, tree: &Tree) -> String {
    let rows = tree.by_cause();
    let names = names(&rows);
    let route = |row: &Row<'_>| format!("{} → {}", names[&*row.hop.from], names[&*row.hop.to]);
    let width = |cell: &dyn Fn(&Row<'_>) -> String| rows.iter().map(|row| cell(row).chars().count()).max();
    let (what_width, route_width) = (width(&what).unwrap_or_default(), width(&route).unwrap_or_default());
    let messages = if rows.len() == 1 { "message" } else { "messages" };
    let mut text =
        format!("{}: {} {messages} in {}\n\n", printable(title), rows.len(), span(tree.duration()));
    for row in &rows {
        let at = format!("+{}", span(row.offset));
        let line = format!("{at:>9}  {:what_width$}  {:route_width$}  {}", what(row), route(row), end(row));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let width = names.values().map(|name| name.chars().count()).max().unwrap_or_default();
    text.push('\n');
    for (pid, name) in &names {
        let _ = writeln!(text, "{name:width$} is {}", printable(pid));
    }
    text
}

/// What actors are called in the tree: their names, or all of their pids where two go by the same name.
fn names<'a>(rows: &[Row<'a>]) -> BTreeMap<&'a str, String> {
    let pids: BTreeSet<&str> = rows.iter().flat_map(|row| [&*row.hop.from, &*row.hop.to]).collect();
    let short = |pid: &str| shortened(&printable(pid.rsplit_once('@').map_or(pid, |(name, _)| name)), NAME);
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for pid in &pids {
        *count.entry(short(pid)).or_default() += 1;
    }
    let name = |pid: &'a str| match short(pid) {
        name if count[&name] == 1 => (pid, name),
        _ => (pid, printable(pid)),
    };
    pids.into_iter().map(name).collect()
}

fn what(row: &Row<'_>) -> String {
    match row.depth.min(MAX_INDENT) {
        0 => row.hop.label(),
        depth => format!("{}└ {}", "  ".repeat(depth - 1), row.hop.label()),
    }
}

fn end(row: &Row<'_>) -> String {
    let mut parts = row.hop.stages();
    if row.hop.repeats > 0 {
        parts.push(format!("RETRY {}", row.hop.repeats));
    }
    parts.extend(row.hop.mark());
    if parts.is_empty() && row.hop.fate() == Fate::Fine {
        parts.push("sent".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::commands::trace::fixture;

    #[test]
    fn a_tree_reads_from_top_to_bottom() {
        expect![[r#"
            task web-1: 7 messages in 10.1 s

                +0 ns  Event.OFFERS                                master → http(6a1c-0001)  sent
             +1.20 ms  └ Call.ACCEPT                               http(6a1c-0001) → master  mailbox 12.0 µs, handler 310 µs
             +1.50 ms    └ RunTaskMessage                          master → slave(1)         wire 180 µs, mailbox 20.0 µs, handler 1.10 ms
             +90.0 ms      └ Event.LAUNCH                          slave(1) → executor-<1>   wire 150 µs, mailbox 10.0 µs, handler 250 µs
             +90.4 ms        └ Call.UPDATE TASK_RUNNING            executor-<1> → slave(1)   wire ? (clocks differ by 100 µs), mailbox 600 µs, handler 100 µs
             +91.0 ms          └ StatusUpdateMessage TASK_RUNNING  slave(1) → master         CONNECTION LOST
              +10.1 s          └ StatusUpdateMessage TASK_RUNNING  slave(1) → master         wire 200 µs, RETRY 1, STILL IN THE MAILBOX

            executor-<1>    is executor-<1>@10.0.0.7:40001
            http(6a1c-0001) is http(6a1c-0001)@10.0.0.1:5050
            master          is master@10.0.0.1:5050
            slave(1)        is slave(1)@10.0.0.7:5051
        "#]].assert_eq(&tree("task web-1", &fixture::launch()));
    }

    #[test]
    fn a_tree_of_nothing_says_so() {
        assert_eq!(tree("task t", &Tree::new(Vec::new())), "task t: 0 messages in 0 ns\n\n\n");
    }
}
