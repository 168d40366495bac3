//! `tepui frameworks`: who runs tasks here.

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
    /// Frameworks that have ended too
    #[arg(short, long)]
    all: bool,
}

pub fn run(Arguments { master, shape, all }: &Arguments) -> Result<()> {
    let answer = block_on(async { master.client()?.read("/frameworks", &[]).await })?;
    let ended = if *all { list(&answer, "completed_frameworks") } else { &[] };
    let frameworks: Vec<&Value> = list(&answer, "frameworks").iter().chain(ended).collect();
    shape.print(&frameworks, || {
        let rows: Vec<Vec<String>> = frameworks.iter().map(|framework| row(framework)).collect();
        columns(&["ID", "NAME", "USER", "ROLES", "STATE", "TASKS"], &rows)
    })
}

fn row(framework: &Value) -> Vec<String> {
    let mut row: Vec<String> =
        [text(framework, "id"), text(framework, "name"), text(framework, "user")].map(str::to_owned).to_vec();
    row.extend([roles(framework), state(framework).to_owned(), list(framework, "tasks").len().to_string()]);
    row
}

/// A framework of one role has it in a field of its own.
fn roles(framework: &Value) -> String {
    let roles: Vec<&str> = list(framework, "roles").iter().filter_map(Value::as_str).collect();
    if roles.is_empty() { text(framework, "role").to_owned() } else { roles.join(",") }
}

fn state(framework: &Value) -> &'static str {
    let is = |field: &str| framework[field] == Value::Bool(true);
    match (is("active"), is("connected")) {
        (true, _) => "active",
        (false, true) => "inactive",
        (false, false) if framework["unregistered_time"].as_f64().is_some_and(|time| time > 0.0) => "ended",
        (false, false) => "disconnected",
    }
}
