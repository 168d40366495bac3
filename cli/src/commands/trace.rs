//! `tepui trace`: which message caused which, and where the time went.
//!
//! Only the master is asked; it asks the other nodes. What is drawn of the answer is decided by pure functions, one file for
//! each form.

mod actors;
#[cfg(test)]
mod fixture;
mod hop;
mod html;
mod mermaid;
mod otlp;
mod record;
mod replay;
mod svg;
mod tail;
mod text;
mod top;
mod tree;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use self::hop::Hop;
use self::tree::Tree;
use super::Master;
use crate::client::{block_on, list};

#[derive(Subcommand)]
pub enum Command {
    /// Print messages as they are handled, on all nodes
    Tail(tail::Arguments),
    /// Show one message, what caused it and what followed from it
    Message(MessageArguments),
    /// Show every message about one task
    Task(TaskArguments),
    /// List actors, the busiest first
    Top(top::Arguments),
    /// Record the state of a master or an agent, and every input since, into a file
    Record(record::Arguments),
    /// Feed a recording to the same core in this process, and compare what its state becomes
    Replay(replay::Arguments),
}

#[derive(Args)]
pub struct MessageArguments {
    /// The message's id, 16 hexadecimal digits
    id: String,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args)]
pub struct TaskArguments {
    /// The task's id
    task: String,
    #[command(flatten)]
    shown: Shown,
}

/// How a tree is shown.
#[derive(Args)]
struct Shown {
    #[command(flatten)]
    master: Master,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Send the messages as spans to this OpenTelemetry collector instead of printing them
    #[arg(long, value_name = "http://HOST:4318")]
    otlp: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An indented tree
    Text,
    /// The messages as they were collected
    Json,
    /// A sequence diagram for Markdown
    Mermaid,
    /// A sequence diagram as a picture
    Svg,
    /// A page with the picture and a table
    Html,
}

pub fn run(command: &Command) -> Result<ExitCode> {
    let shown = match command {
        Command::Record(arguments) => return record::run(arguments),
        Command::Replay(arguments) => return replay::run(arguments),
        Command::Tail(arguments) => tail::run(arguments),
        Command::Message(MessageArguments { id, shown }) => {
            if id.is_empty() || id.len() > 16 || !id.chars().all(|c| c.is_ascii_hexdigit()) {
                bail!("'{id}' is no message's id; `tepui trace tail` prints ids of 16 hexadecimal digits");
            }
            show(shown, "message", id, ("id", id))
        }
        Command::Task(TaskArguments { task, shown }) => {
            show(shown, "task", task, ("tag", &format!("task={task}")))
        }
        Command::Top(arguments) => top::run(arguments),
    };
    shown.map(|()| ExitCode::SUCCESS)
}

fn show(shown: &Shown, kind: &str, name: &str, wanted: (&str, &str)) -> Result<()> {
    let answer = block_on(async {
        let master = shown.master.client()?;
        master.read("/__trace__/tree", &[wanted, ("scope", "cluster")]).await
    })?;
    warn_of_what_is_missing(&answer);
    let hops = list(&answer, "hops");
    if hops.is_empty() {
        bail!(
            "no node remembers a message of {kind} '{name}'; recorders forget the oldest messages, and a larger \
             --flight_recorder_size keeps more"
        );
    }
    let title = format!("{kind} {name}");
    let tree = Tree::new(hops_of(hops)?);
    if let Some(collector) = &shown.otlp {
        let sent = block_on(otlp::export(collector, &tree))?;
        println!("sent {sent} spans to {collector}");
        return Ok(());
    }
    print!("{}", drawn(shown.format, &title, kind, name, &tree, hops)?);
    Ok(())
}

fn drawn(format: Format, title: &str, kind: &str, name: &str, tree: &Tree, hops: &[Value]) -> Result<String> {
    Ok(match format {
        Format::Text => text::tree(title, tree),
        Format::Mermaid => mermaid::diagram(title, tree),
        Format::Svg => svg::diagram(title, tree),
        Format::Html => html::page(title, tree),
        Format::Json => {
            let answer = json!({ kind: name, "hops": hops });
            serde_json::to_string_pretty(&answer).context("write JSON")? + "\n"
        }
    })
}

fn hops_of(values: &[Value]) -> Result<Vec<Hop>> {
    let hops = values.iter().map(|value| serde_json::from_value(value.clone()));
    hops.collect::<Result<_, _>>().context("read the master's answer; is it of another version?")
}

/// An answer without some node's part is still an answer, but who reads it must know.
fn warn_of_what_is_missing(answer: &Value) {
    let silent: Vec<&str> = list(&answer["nodes"], "silent").iter().filter_map(Value::as_str).collect();
    if !silent.is_empty() {
        eprintln!("tepui: no answer in time from {}; its messages are missing", silent.join(", "));
    }
    if let Some(nodes) = answer["nodes"]["not_asked"].as_u64() {
        eprintln!("tepui: {nodes} nodes were not asked: there are too many");
    }
    if let (Some(messages), true) = (answer["left_out"].as_u64(), answer.get("hops").is_some()) {
        eprintln!("tepui: {messages} messages were left out: there are too many");
    }
}
