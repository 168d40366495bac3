//! `tepui tasks`: the tasks that the master knows.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use serde_json::Value;
use tepui_scheduler::is_terminal;
use tepui_scheduler::v1::TaskState;

use super::{Master, Shape};
use crate::client::{block_on, list, text};
use crate::columns::columns;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    master: Master,
    #[command(flatten)]
    shape: Shape,
    /// Tasks that have ended too
    #[arg(short, long)]
    all: bool,
}

/// More than any master remembers.
const ALL: &str = "1000000000";

pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { master, shape, all } = arguments;
    let (tasks, agents) = block_on(async {
        let master = master.client()?;
        Ok((master.read("/tasks", &[("limit", ALL)]).await?, master.read("/slaves", &[]).await?))
    })?;
    let tasks: Vec<&Value> = list(&tasks, "tasks").iter().filter(|task| *all || !has_ended(task)).collect();
    shape.print(&tasks, || table(&tasks, &hosts(&agents)))
}

/// Whether the task is in its last state; one that nobody knows is no state to wait in.
pub fn has_ended(task: &Value) -> bool {
    TaskState::from_str_name(text(task, "state")).is_none_or(is_terminal)
}

/// Host names by agent id.
fn hosts(agents: &Value) -> BTreeMap<&str, &str> {
    list(agents, "slaves").iter().map(|agent| (text(agent, "id"), text(agent, "hostname"))).collect()
}

fn table(tasks: &[&Value], hosts: &BTreeMap<&str, &str>) -> String {
    let row = |task: &&Value| {
        let agent = text(task, "slave_id");
        [text(task, "id"), text(task, "name"), text(task, "state"), hosts.get(agent).unwrap_or(&agent), agent]
            .into_iter()
            .chain([text(task, "framework_id")])
            .map(str::to_owned)
            .collect()
    };
    let rows: Vec<Vec<String>> = tasks.iter().map(row).collect();
    columns(&["ID", "NAME", "STATE", "HOST", "AGENT", "FRAMEWORK"], &rows)
}
