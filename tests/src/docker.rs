//! Clusters whose agent runs Docker containers, and the tasks that run in them.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cluster::{Cluster, Plan};
use crate::engine::{Engine, IMAGE};
use crate::framework::{self, Framework, scalar};
use crate::waiting::{secs, until};

/// One agent that runs Docker containers on this engine, and native ones too.
pub fn cluster(engine: &Engine, flags: &[&str]) -> Cluster {
    let socket = format!("--docker_socket={}", engine.socket().display());
    let plan = Plan::agents(1).agent("--containerizers=docker,mesos").agent(&socket);
    flags.iter().fold(plan, |plan, flag| plan.agent(flag)).start()
}

/// A shell command in a container of the engine's own image.
pub fn task(id: &str, command: &str) -> Value {
    let mut task = framework::task(id, command);
    task["container"] = json!({ "type": "DOCKER", "docker": { "image": IMAGE } });
    task
}

/// A framework whose executors outlive their agent.
pub fn checkpointing(cluster: &Cluster) -> Framework {
    let mut info = framework::info("docker");
    info["checkpoint"] = json!(true);
    Framework::subscribe(cluster.master.address(), info)
}

/// Port resources of the task.
pub fn with_ports(mut task: Value, begin: u16, end: u16) -> Value {
    let ranges = json!({ "range": [{ "begin": begin, "end": end }] });
    let ports = json!({ "name": "ports", "type": "RANGES", "ranges": ranges });
    task["resources"] = json!([scalar("cpus", 0.1), scalar("mem", 32.0), ports]);
    task
}

/// The last word on a task.
#[track_caller]
pub fn end(framework: &Framework, id: &str) -> Value {
    let ends = ["TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST"];
    until(format!("{id} to end"), secs(60), || {
        let last = framework.statuses(id).last()?.clone();
        ends.contains(&last["state"].as_str()?).then_some(last)
    })
}

/// Its state, reason and message: `TASK_FAILED REASON_… why`.
#[track_caller]
pub fn verdict(framework: &Framework, id: &str) -> String {
    let end = end(framework, id);
    let text = |key: &str| end[key].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", text("state"), text("reason"), text("message"))
}

/// Where the only agent keeps the sandbox of a task.
#[track_caller]
pub fn sandbox(cluster: &Cluster, task: &str) -> PathBuf {
    until(format!("the sandbox of {task}"), secs(20), || {
        let slaves = cluster.work_dir("agent-1").join("slaves");
        let agents = fs::read_dir(slaves).ok()?.flatten();
        let frameworks = agents.filter_map(|agent| fs::read_dir(agent.path().join("frameworks")).ok());
        let runs = frameworks.flat_map(Iterator::flatten);
        runs.map(|run| run.path().join(format!("executors/{task}/runs/latest"))).find(|path| path.exists())
    })
}

/// Waits until a task has made a file in its sandbox.
#[track_caller]
pub fn await_file(cluster: &Cluster, task: &str, file: &str) {
    let path = sandbox(cluster, task).join(file);
    until(format!("{file} of {task}"), secs(20), || path.exists().then_some(()));
}

/// A file in it.
#[track_caller]
pub fn read(cluster: &Cluster, task: &str, file: &str) -> String {
    fs::read_to_string(sandbox(cluster, task).join(file)).unwrap_or_default()
}
