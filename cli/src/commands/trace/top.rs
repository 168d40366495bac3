//! `tepui trace top`: which actors have most to do, who is stuck, and who waits for whom.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::Value;

use super::hop::{printable, span};
use super::warn_of_what_is_missing;
use crate::client::block_on;
use crate::columns::columns;
use crate::commands::Master;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    master: Master,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    Text,
    /// Everything that the nodes said
    Json,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    actors: Vec<Actor>,
    waits: Vec<Wait>,
    cycles: Vec<Vec<String>>,
}

/// Ages are nanoseconds, the rate is messages a second, busy is the share of time spent in handlers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Actor {
    node: String,
    actor: String,
    depth: u64,
    age: Option<u64>,
    handled: u64,
    rate: f64,
    busy: f64,
    handling: Option<String>,
    handling_for: Option<u64>,
    stuck: bool,
}

/// Someone asked, and nobody has answered yet.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wait {
    from: String,
    to: String,
    message: String,
    #[serde(rename = "for")]
    time: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let answer = block_on(async {
        let master = arguments.master.client()?;
        master.read("/__trace__/top", &[("scope", "cluster")]).await
    })?;
    warn_of_what_is_missing(&answer);
    match arguments.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&answer).context("write JSON")?),
        Format::Text => print!("{}", text(&answer)?),
    }
    Ok(())
}

/// What is wrong comes first.
fn text(answer: &Value) -> Result<String> {
    let mut answer =
        Answer::deserialize(answer).context("read the master's answer; is it of another version?")?;
    let mut text = String::new();
    for cycle in &answer.cycles {
        let ring: Vec<&str> = cycle.iter().chain(cycle.first()).map(String::as_str).collect();
        text += &format!("WAIT FOR EACH OTHER: {}\n", printable(&ring.join(" → ")));
    }
    for actor in answer.actors.iter().filter(|actor| actor.stuck) {
        let (what, time) = (actor.handling.as_deref().unwrap_or("a message"), actor.handling_for);
        let time = time.map(|time| format!(" for {}", span(time))).unwrap_or_default();
        text += &printable(&format!("STUCK: {} handles {what}{time}", actor.pid()));
        text.push('\n');
    }
    if !text.is_empty() {
        text.push('\n');
    }
    answer.actors.sort_by(|a, b| a.urgency().cmp(&b.urgency()).reverse().then_with(|| a.pid().cmp(&b.pid())));
    let rows: Vec<Vec<String>> = answer.actors.iter().map(Actor::row).collect();
    text += &columns(&["ACTOR", "WAITING", "OLDEST", "HANDLED", "RATE", "BUSY", "NOW"], &rows);
    for Wait { from, to, message, time } in &answer.waits {
        text += &printable(&format!("{from} waits for {to} to answer {message} for {}", span(*time)));
        text.push('\n');
    }
    Ok(text)
}

impl Actor {
    fn pid(&self) -> String {
        if self.actor.contains('@') { self.actor.clone() } else { format!("{}@{}", self.actor, self.node) }
    }

    fn urgency(&self) -> (bool, u64, u64, u64, u64) {
        // Shares and rates are numbers of a printed precision, which order as whole ones.
        (self.stuck, self.depth, self.age.unwrap_or(0), (self.busy * 1000.0) as u64, self.rate as u64)
    }

    fn row(&self) -> Vec<String> {
        let now = match (&self.handling, self.handling_for) {
            (Some(message), Some(time)) => format!("{message} for {}", span(time)),
            (Some(message), None) => message.clone(),
            (None, _) => String::new(),
        };
        vec![
            self.pid(),
            self.depth.to_string(),
            self.age.map(span).unwrap_or_default(),
            self.handled.to_string(),
            format!("{:.1}/s", self.rate),
            format!("{:.1}%", self.busy * 100.0),
            now,
        ]
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_comes_first_then_the_busiest() {
        let actor = |name: &str, depth: u64, stuck: bool| {
            json!({
                "node": "1.2.3.4:5050", "actor": name, "depth": depth, "age": 2_000_000 * depth, "handled": 10,
                "rate": 1.25, "busy": 0.5, "stuck": stuck,
                "handling": if stuck { json!("x.Slow") } else { json!(null) },
                "handling_for": if stuck { json!(2_500_000_000_u64) } else { json!(null) },
            })
        };
        let answer = json!({
            "actors": [actor("idle", 0, false), actor("master", 7, false), actor("slave(1)", 0, true)],
            "waits": [{ "from": "a@1.2.3.4:1", "to": "b@1.2.3.4:2", "message": "x.Ask", "for": 1_500_000_000_u64 }],
            "cycles": [["a@1.2.3.4:1", "b@1.2.3.4:2"]],
        });

        expect![[r#"
            WAIT FOR EACH OTHER: a@1.2.3.4:1 → b@1.2.3.4:2 → a@1.2.3.4:1
            STUCK: slave(1)@1.2.3.4:5050 handles x.Slow for 2.50 s

            ACTOR                  WAITING  OLDEST   HANDLED  RATE   BUSY   NOW
            slave(1)@1.2.3.4:5050  0        0 ns     10       1.2/s  50.0%  x.Slow for 2.50 s
            master@1.2.3.4:5050    7        14.0 ms  10       1.2/s  50.0%
            idle@1.2.3.4:5050      0        0 ns     10       1.2/s  50.0%
            a@1.2.3.4:1 waits for b@1.2.3.4:2 to answer x.Ask for 1.50 s
        "#]]
        .assert_eq(&text(&answer).expect("text"));
    }
}
