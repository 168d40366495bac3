//! An executor on the v1 executor API, for images of tests: its tasks do what they are called.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tepui_tests::http::{Connection, Request, ask};

const PATH: &str = "/slave(1)/api/v1/executor";

fn main() {
    println!("executor {} says hello", variable("MESOS_EXECUTOR_ID"));
    eprintln!("its sandbox is {}", variable("MESOS_SANDBOX"));
    loop {
        if let Err(error) = listen() {
            eprintln!("{error:#}");
        }
        if variable("MESOS_CHECKPOINT") != "1" {
            return;
        }
        // The agent is away, and will be there again.
        sleep(Duration::from_millis(100));
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn call(kind: &str, more: Value) -> Request {
    let mut call = json!({
        "type": kind,
        "executor_id": { "value": variable("MESOS_EXECUTOR_ID") },
        "framework_id": { "value": variable("MESOS_FRAMEWORK_ID") }
    });
    call[kind.to_lowercase()] = more;
    Request::json(PATH, call.to_string())
}

fn listen() -> Result<()> {
    let mut stream = Connection::open(&variable("MESOS_AGENT_ENDPOINT"))?;
    stream.send(&call("SUBSCRIBE", json!({})))?;
    let head = stream.head()?;
    ensure!(head.status == 200, "the agent answered {}", head.status);
    while let Some(chunk) = stream.chunk()? {
        let chunk = String::from_utf8(chunk)?;
        let (_, record) = chunk.split_once('\n').context("a record has a length")?;
        hear(&serde_json::from_str(record)?)?;
    }
    Ok(())
}

fn hear(event: &Value) -> Result<()> {
    match event["type"].as_str() {
        Some("LAUNCH") => launch(&event["launch"]["task"]),
        Some("KILL") => update(&event["kill"]["task_id"], "TASK_KILLED"),
        Some("SHUTDOWN") => std::process::exit(0),
        _ => Ok(()),
    }
}

fn launch(task: &Value) -> Result<()> {
    let id = &task["task_id"];
    update(id, "TASK_RUNNING")?;
    match id["value"].as_str().unwrap_or_default() {
        "finish" => {
            fs::write(format!("{}/finished", variable("MESOS_SANDBOX")), "yes\n")?;
            update(id, "TASK_FINISHED")
        }
        "leave" => std::process::exit(7),
        "eat" => {
            let mut eaten: Vec<Vec<u8>> = Vec::new();
            loop {
                // Not zeros, which the kernel would give without any memory.
                eaten.push(vec![1; 8 << 20]);
            }
        }
        // It goes on until it is killed.
        _ => Ok(()),
    }
}

fn update(task: &Value, state: &str) -> Result<()> {
    // Any will do that no other update of the same task has.
    let uuid = if state == "TASK_RUNNING" { "AAAAAAAAQACAAAAAAAAAAQ==" } else { "AAAAAAAAQACAAAAAAAAAAg==" };
    let status = json!({ "task_id": task, "state": state, "source": "SOURCE_EXECUTOR", "uuid": uuid });
    let answer = ask(&variable("MESOS_AGENT_ENDPOINT"), &call("UPDATE", json!({ "status": status })))?;
    ensure!(answer.status() == 202, "{state} was refused: {}", answer.text());
    Ok(())
}
