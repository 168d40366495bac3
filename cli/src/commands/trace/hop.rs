//! One message on its way, as the master's `/__trace__` tells of it, and how its parts are named for people.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A message between two actors. Times are nanoseconds since the epoch, each by the clock of the node where it was taken.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Hop {
    pub id: String,
    pub cause: Option<String>,
    pub trace: String,
    pub node: String,
    pub from: String,
    pub to: String,
    pub message: String,
    pub size: u64,
    pub sent: Option<u64>,
    pub received: Option<u64>,
    pub began: Option<u64>,
    pub ended: Option<u64>,
    pub outcome: String,
    /// The same message was sent so often before, for the same cause.
    pub repeats: u64,
    pub tags: BTreeMap<String, Vec<String>>,
}

/// What became of a message, as far as a reader must tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Handled, or on its way to a node whose records say nothing of it.
    Fine,
    /// In a mailbox, or in its handler.
    Pending,
    /// It went nowhere, or its handler failed.
    Failed,
}

impl Hop {
    /// The first that is known of it.
    pub fn start(&self) -> Option<u64> {
        self.sent.or(self.received).or(self.began).or(self.ended)
    }

    /// The last that is known of it.
    pub fn end(&self) -> Option<u64> {
        self.ended.or(self.began).or(self.received).or(self.sent)
    }

    pub fn fate(&self) -> Fate {
        match self.outcome.as_str() {
            "handled" | "sent" | "" => Fate::Fine,
            "waiting" | "handling" => Fate::Pending,
            _ => Fate::Failed,
        }
    }

    /// The message without its packages, and what it says of a task: `Event.UPDATE TASK_RUNNING`.
    pub fn label(&self) -> String {
        let mut label = short(&self.message).to_owned();
        for kind in self.tags.get("kind").into_iter().flatten() {
            label = format!("{label}.{kind}");
        }
        for state in self.tags.get("state").into_iter().flatten() {
            label = format!("{label} {state}");
        }
        printable(&label)
    }

    /// Time on the wire, in the mailbox and in the handler, as far as they are known.
    pub fn stages(&self) -> Vec<String> {
        let mut stages = Vec::new();
        if let (Some(sent), Some(received)) = (self.sent, self.received) {
            stages.push(match received.checked_sub(sent) {
                Some(wire) => format!("wire {}", span(wire)),
                None => format!("wire ? (clocks differ by {})", span(sent - received)),
            });
        }
        if let (Some(received), Some(began)) = (self.received, self.began) {
            stages.push(format!("mailbox {}", span(began.saturating_sub(received))));
        }
        if let (Some(began), Some(ended)) = (self.began, self.ended) {
            stages.push(format!("handler {}", span(ended.saturating_sub(began))));
        }
        stages
    }

    /// What a reader must not miss: that it is stuck, or got lost.
    pub fn mark(&self) -> Option<String> {
        match (self.fate(), self.outcome.as_str()) {
            (Fate::Fine, _) => None,
            (Fate::Pending, "handling") => Some("STILL IN ITS HANDLER".to_owned()),
            (Fate::Pending, _) => Some("STILL IN THE MAILBOX".to_owned()),
            (Fate::Failed, outcome) => Some(printable(outcome).to_uppercase()),
        }
    }
}

/// A message's name from its first segment in capitals on: packages begin small.
fn short(name: &str) -> &str {
    let mut rest = name;
    while let Some((package, inner)) = rest.split_once('.') {
        if package.starts_with(|c: char| c.is_uppercase()) {
            break;
        }
        rest = inner;
    }
    rest
}

/// What others chose, like an actor's name, must neither move the cursor nor break a line.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Cut in the middle: ids differ at their ends, names at their beginnings.
pub fn shortened(text: &str, letters: usize) -> String {
    let count = text.chars().count();
    if count <= letters {
        return text.to_owned();
    }
    let tail = letters / 3;
    let head: String = text.chars().take(letters - tail - 1).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}…{tail}")
}

/// A length of time for people: three digits are enough.
pub fn span(nanoseconds: u64) -> String {
    let (value, unit) = match nanoseconds {
        0..1_000 => return format!("{nanoseconds} ns"),
        1_000..1_000_000 => (nanoseconds as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (nanoseconds as f64 / 1e6, "ms"),
        1_000_000_000..120_000_000_000 => (nanoseconds as f64 / 1e9, "s"),
        _ => return format!("{} min", nanoseconds / 60_000_000_000),
    };
    let decimals = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_left_out_of_a_label_and_kinds_are_added() {
        let hop = |message: &str, tags: &[(&str, &str)]| Hop {
            message: message.into(),
            tags: tags.iter().map(|(k, v)| ((*k).into(), vec![(*v).into()])).collect(),
            ..Hop::default()
        };

        assert_eq!(hop("mesos.internal.RunTaskMessage", &[("task", "t")]).label(), "RunTaskMessage");
        let update = hop("mesos.v1.scheduler.Event", &[("kind", "UPDATE"), ("state", "TASK_RUNNING")]);
        assert_eq!(update.label(), "Event.UPDATE TASK_RUNNING");
        assert_eq!(hop("PONG", &[]).label(), "PONG");
        assert_eq!(hop("lower.case\n", &[]).label(), "case?");
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!((shortened("0123456789", 7), shortened("0123", 7)), ("0123…89".into(), "0123".into()));
    }

    #[test]
    fn spans_have_three_digits() {
        let spans = [7, 1_234, 45_678, 987_654, 1_000_000, 2_500_000_000, 125_000_000_000].map(span);

        assert_eq!(spans, ["7 ns", "1.23 µs", "45.7 µs", "988 µs", "1.00 ms", "2.50 s", "2 min"]);
    }

    #[test]
    fn clocks_that_differ_are_named_instead_of_a_time_before_the_sending() {
        let hop = Hop { sent: Some(5_000), received: Some(2_000), began: Some(2_500), ..Hop::default() };

        assert_eq!(
            hop.stages(),
            ["wire ? (clocks differ by 3.00 µs)".to_owned(), "mailbox 500 ns".to_owned()]
        );
    }
}
