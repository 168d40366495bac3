//! `tepui explain`: why a framework gets no offers. The master answers; here it becomes a table.

use std::fmt::Write;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::Master;
use crate::client::{block_on, list, text};
use crate::columns::columns;

/// Hosts named as examples of a reason.
const EXAMPLES: usize = 3;

#[derive(Args)]
pub struct Arguments {
    /// The framework: its id, the beginning of its id, or its name
    framework: String,
    /// What it wants to run takes this much, such as cpus:2;mem:1024;ports:3; else the least that makes an offer
    #[arg(long, default_value = "")]
    resources: String,
    /// Only in this role
    #[arg(long)]
    role: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    master: Master,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The reasons, the commonest first
    Text,
    /// Every agent with its reason
    Json,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { framework, resources, role, format, master } = arguments;
    let mut query = vec![("framework", framework.as_str()), ("resources", resources.as_str())];
    query.extend(role.as_deref().map(|role| ("role", role)));
    let answer = block_on(async { master.client()?.read("/explain", &query).await })?;
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&answer).context("write JSON")?),
        Format::Text => print!("{}", told(&answer)),
    }
    Ok(())
}

fn told(answer: &Value) -> String {
    let framework = &answer["framework"];
    let mut out = format!("framework {} ({})", text(framework, "name"), text(framework, "id"));
    for (number, (name, amount)) in answer["wanted"].as_object().into_iter().flatten().enumerate() {
        let _ = write!(out, "{} {name}:{amount}", if number == 0 { ", wanted" } else { ";" });
    }
    out.push('\n');
    for role in list(answer, "roles") {
        let _ = writeln!(out, "\nrole {}, {} agents", text(role, "role"), answer["agents"]);
        let rows: Vec<Vec<String>> = list(role, "reasons").iter().map(|reason| row(role, reason)).collect();
        out += &columns(&["AGENTS", "WHY", "FOR EXAMPLE"], &rows);
    }
    out
}

fn row(role: &Value, reason: &Value) -> Vec<String> {
    let is_same = |why: &Value| why["reason"] == reason["reason"] && why["resource"] == reason["resource"];
    let named = list(role, "agents").iter().filter(|agent| is_same(&agent["why"]));
    let examples: Vec<&str> = named.take(EXAMPLES).map(|agent| text(agent, "hostname")).collect();
    vec![reason["agents"].to_string(), text(reason, "message").to_owned(), examples.join(", ")]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn reasons_stand_with_their_numbers_and_examples() {
        let why = |reason: &str, message: &str| json!({ "reason": reason, "message": message });
        let counted = |count: usize, mut why: Value| {
            why["agents"] = json!(count);
            why
        };
        let agent = |host: &str, why: &Value| json!({ "id": host, "hostname": host, "why": why });
        let (busy, drained) = (why("IN_USE", "not enough cpus free"), why("AGENT_INACTIVE", "drained"));
        let answer = json!({
            "framework": { "id": "m-0000", "name": "web" },
            "wanted": { "cpus": 2.0, "mem": 64.0 },
            "agents": 3,
            "roles": [{
                "role": "*",
                "reasons": [counted(2, busy.clone()), counted(1, drained.clone())],
                "agents": [agent("h1", &busy), agent("h2", &drained), agent("h3", &busy)],
            }],
        });

        expect![[r#"
            framework web (m-0000), wanted cpus:2.0; mem:64.0

            role *, 3 agents
            AGENTS  WHY                   FOR EXAMPLE
            2       not enough cpus free  h1, h3
            1       drained               h2
        "#]]
        .assert_eq(&told(&answer));
    }
}
