//! `tepui tasks`: the tasks that the master knows.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::Place;
use crate::client::{block_on, list, text};
use crate::columns::columns;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Tasks that have ended too
    #[arg(short, long)]
    all: bool,
}

/// More than any master remembers.
const ALL: &str = "1000000000";

/// States that are not the last: what a task without `--all` is in.
const LIVE: [&str; 5] = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE"];

pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { place, all } = arguments;
    let (tasks, agents) = block_on(async {
        let master = place.client()?;
        Ok((master.read("/tasks", &[("limit", ALL)]).await?, master.read("/slaves", &[]).await?))
    })?;
    let tasks: Vec<&Value> =
        list(&tasks, "tasks").iter().filter(|task| *all || LIVE.contains(&text(task, "state"))).collect();
    place.print(&tasks, || table(&tasks, &hosts(&agents)))
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
