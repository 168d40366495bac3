//! A tree of messages as a Mermaid sequence diagram.

use std::fmt::Write;

use super::actors::Actors;
use super::hop::{Fate, printable};
use super::tree::Tree;

/// The diagram; it says itself how many hops were left out.
pub fn diagram(title: &str, tree: &Tree) -> String {
    let (actors, rows, left_out) = Actors::of(tree);
    let mut text = format!("sequenceDiagram\n    title {}\n", escape(title));
    for (number, actor) in actors.names.iter().enumerate() {
        let _ = writeln!(text, "    participant a{number} as {}", escape(actor));
    }
    for row in &rows {
        let hop = row.hop;
        let (from, to) = (actors.place(&hop.from), actors.place(&hop.to));
        let arrow = match (hop.fate(), hop.ended) {
            (Fate::Failed, _) => "-x",
            (Fate::Pending, _) => "--)",
            (Fate::Fine, None) => "-)",
            (Fate::Fine, Some(_)) => "->>",
        };
        let mut says = vec![hop.label()];
        says.extend((row.hop.repeats > 0).then(|| format!("retry {}", row.hop.repeats)));
        says.extend(hop.mark());
        says.extend(hop.stages());
        let _ = writeln!(text, "    a{from}{arrow}a{to}: {}", escape(&says.join(", ")));
    }
    if left_out > 0 && !actors.names.is_empty() {
        let _ = writeln!(text, "    Note over a0: {left_out} more messages were left out");
    }
    text
}

/// What means something to Mermaid or to HTML becomes a character reference.
fn escape(text: &str) -> String {
    let escaped = |c: char| match c {
        '#' | ';' | '<' | '>' | '%' | '&' | '"' | '\\' => format!("#{};", c as u32),
        other => other.to_string(),
    };
    printable(text).chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::commands::trace::fixture;

    #[test]
    fn a_tree_is_a_sequence_diagram() {
        expect![[r#"
            sequenceDiagram
                title task web-1
                participant a0 as master@10.0.0.1:5050
                participant a1 as http(6a1c-0001)@10.0.0.1:5050
                participant a2 as slave(1)@10.0.0.7:5051
                participant a3 as executor-#60;1#62;@10.0.0.7:40001
                a0-)a1: Event.OFFERS
                a1->>a0: Call.ACCEPT, mailbox 12.0 µs, handler 310 µs
                a0->>a2: RunTaskMessage, wire 180 µs, mailbox 20.0 µs, handler 1.10 ms
                a2->>a3: Event.LAUNCH, wire 150 µs, mailbox 10.0 µs, handler 250 µs
                a3->>a2: Call.UPDATE TASK_RUNNING, wire ? (clocks differ by 100 µs), mailbox 600 µs, handler 100 µs
                a2-xa0: StatusUpdateMessage TASK_RUNNING, CONNECTION LOST
                a2--)a0: StatusUpdateMessage TASK_RUNNING, retry 1, STILL IN THE MAILBOX, wire 200 µs
        "#]].assert_eq(&diagram("task web-1", &fixture::launch()));
    }

    #[test]
    fn what_means_something_to_mermaid_is_escaped() {
        assert_eq!(escape("a;b#c<d>\n%%"), "a#59;b#35;c#60;d#62;?#37;#37;");
    }
}
