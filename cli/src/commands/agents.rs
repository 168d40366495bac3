//! `tepui agents`: the agents that are registered, and what they have.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::{Master, Shape};
use crate::client::{block_on, list, text};
use crate::columns::columns;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    master: Master,
    #[command(flatten)]
    shape: Shape,
}

pub fn run(Arguments { master, shape }: &Arguments) -> Result<()> {
    let answer = block_on(async { master.client()?.read("/slaves", &[]).await })?;
    let agents: Vec<&Value> = list(&answer, "slaves").iter().collect();
    shape.print(&agents, || {
        let rows: Vec<Vec<String>> = agents.iter().map(|agent| row(agent)).collect();
        columns(&["ID", "HOST", "ADDRESS", "STATE", "CPUS", "MEM", "DISK"], &rows)
    })
}

fn row(agent: &Value) -> Vec<String> {
    let pid = text(agent, "pid");
    let address = pid.split_once('@').map_or(pid, |(_, address)| address);
    let state = if agent["active"] == Value::Bool(true) { "active" } else { "inactive" };
    let mut row: Vec<String> =
        [text(agent, "id"), text(agent, "hostname"), address, state].map(str::to_owned).to_vec();
    row.extend(["cpus", "mem", "disk"].map(|name| used(agent, name)));
    row
}

/// Used, of what there is.
fn used(agent: &Value, name: &str) -> String {
    let amount = |part: &str| agent[part][name].as_f64().unwrap_or_default();
    format!("{}/{}", amount("used_resources"), amount("resources"))
}
