//! `tepui trace tail`: messages of all nodes as they are handled.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use serde::Deserialize as _;
use serde_json::Value;
use tepui_model::duration;

use super::hop::{Hop, printable};
use super::warn_of_what_is_missing;
use crate::client::{Client, block_on};
use crate::commands::Master;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    master: Master,
    /// Only messages from or to this actor, such as master or slave(1)@10.0.0.7:5051
    #[arg(long, value_name = "PID")]
    actor: Option<String>,
    /// Only messages of this name, such as mesos.internal.RunTaskMessage
    #[arg(long, value_name = "NAME")]
    message: Option<String>,
    /// Only messages that took longer, from their sending to the end of their handler
    #[arg(long, value_name = "TIME", value_parser = time)]
    slower_than: Option<Duration>,
    /// Only messages that were lost, dropped, malformed, or whose handler panicked
    #[arg(long)]
    errors: bool,
    /// Print at most so many messages a second; others are counted
    #[arg(long, value_name = "N/s", default_value = "100/s", value_parser = rate)]
    limit: u32,
    /// Stop after this time
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = time)]
    length: Duration,
    /// Print what the messages hold as well, without secrets
    #[arg(long)]
    body: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line for each message
    Text,
    /// One JSON object for each message
    Json,
}

/// The master ends the tail itself. This much later, it is down.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest line taken: a message of the largest size, written as JSON.
const MAX_LINE: usize = 256 << 20;

pub fn run(arguments: &Arguments) -> Result<()> {
    block_on(async {
        let master = arguments.master.client()?;
        let query = arguments.query();
        let query: Vec<(&str, &str)> = query.iter().map(|(key, value)| (*key, value.as_str())).collect();
        follow(&master, &query, arguments).await
    })
}

impl Arguments {
    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("scope", "cluster".to_owned()),
            ("rate", self.limit.to_string()),
            ("seconds", self.length.as_secs().max(1).to_string()),
        ];
        query.extend(self.actor.clone().map(|actor| ("actor", actor)));
        query.extend(self.message.clone().map(|message| ("message", message)));
        query.extend(self.slower_than.map(|time| ("slower_than", duration::print(time).to_string())));
        query.extend(self.errors.then(|| ("errors", "true".to_owned())));
        query.extend(self.body.then(|| ("body", "true".to_owned())));
        query
    }
}

async fn follow(master: &Client, query: &[(&str, &str)], arguments: &Arguments) -> Result<()> {
    let mut answer = master.follow("/__trace__/tail", query, arguments.length + PATIENCE).await?;
    let mut waiting = Vec::new();
    while let Some(chunk) = answer.chunk().await.context("the master ended the tail")? {
        waiting.extend_from_slice(&chunk);
        let Some(end) = waiting.iter().rposition(|byte| *byte == b'\n') else {
            if waiting.len() > MAX_LINE {
                return Err(anyhow!("the master sent a line longer than {MAX_LINE} bytes"));
            }
            continue;
        };
        let lines: Vec<u8> = waiting.drain(..=end).collect();
        if !print(&lines, arguments.format)? {
            return Ok(());
        }
    }
    Ok(())
}

/// False once nobody reads what is printed.
fn print(lines: &[u8], format: Format) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let value: Value = serde_json::from_slice(line).context("the master sent a line that is not JSON")?;
        let text = match format {
            Format::Json => value.to_string(),
            Format::Text => text(&value)?,
        };
        warn_of_what_is_missing(&value);
        if !text.is_empty() && writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A message, or what the master says of the tail itself.
fn text(value: &Value) -> Result<String> {
    if value.get("id").is_none() {
        let left_out = value["left_out"].as_u64().unwrap_or_default();
        return Ok(if left_out == 0 { String::new() } else { format!("({left_out} more were left out)") });
    }
    let hop = Hop::deserialize(value).context("read a message; is the master of another version?")?;
    let mut parts = hop.stages();
    parts.extend(hop.mark());
    let route = printable(&format!("{} → {}", hop.from, hop.to));
    let line = format!("{}  {}  {route}  {}", printable(&hop.id), hop.label(), parts.join(", "));
    Ok(match value.get("body") {
        Some(body) if !body.is_null() => format!("{}\n  {body}", line.trim_end()),
        _ => line.trim_end().to_owned(),
    })
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text)
        .or_else(|_| duration::parse(&format!("{text}ecs")))
        .map_err(|_| format!("'{text}' is no length of time; write one such as 5ms, 10s or 1mins"))
}

fn rate(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    match number.parse() {
        Ok(rate) if rate > 0 => Ok(rate),
        _ => Err(format!("'{text}' is no rate; write one such as 100/s")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_a_line_and_its_body_another() {
        let message = json!({
            "id": "00c0ffee00c0ffee", "from": "a@1.2.3.4:5", "to": "b@1.2.3.4:6", "message": "x.Y", "sent": 1000,
            "received": 3000, "began": 4000, "ended": 9000, "outcome": "panicked", "tags": {}, "body": {"k": "v"},
        });

        let line = text(&message).expect("a line");

        assert_eq!(
            line,
            "00c0ffee00c0ffee  Y  a@1.2.3.4:5 → b@1.2.3.4:6  wire 2.00 µs, mailbox 1.00 µs, handler 5.00 µs, \
             PANICKED\n  {\"k\":\"v\"}"
        );
        assert_eq!(text(&json!({ "left_out": 7 })).expect("a line"), "(7 more were left out)");
    }

    #[test]
    fn rates_and_times_are_read_or_named() {
        assert_eq!((rate("50/s"), rate("7")), (Ok(50), Ok(7)));
        assert_eq!(rate("0/s"), Err("'0/s' is no rate; write one such as 100/s".to_owned()));
        assert_eq!((time("5ms"), time("10s")), (Ok(Duration::from_millis(5)), Ok(Duration::from_secs(10))));
        assert!(time("soon").is_err());
    }
}
