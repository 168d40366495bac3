//! Tasks that are refused: state, reason and message of the update, word by word as Mesos words it.

use serde_json::{Value, json};
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, info};
use tepui_tests::recording::{Allowed, Comparison, json_differences, values, without_ids};

const LIMITS: &str = "our agents do not hold tasks to limits yet, and say so first";

const ALLOWED: &[Allowed] = &[
    Allowed {
        case: "negative limit",
        difference: "message *not capable of handling task resource limits*",
        why: LIMITS,
    },
    Allowed {
        case: "limit *",
        difference: "message *not capable of handling task resource limits*",
        why: LIMITS,
    },
];

/// Resources in a message may stand in any order; so sort the words.
fn words(text: &str) -> Vec<String> {
    let text = without_ids(text).replace([';', ','], " ");
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    words.sort();
    words
}

fn differences(recorded: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for key in ["state", "reason", "source"] {
        if recorded[key] != ours[key] {
            found.push(format!("{key} {}, recorded {}", ours[key], recorded[key]));
        }
    }
    let text = |status: &Value| words(status["message"].as_str().unwrap_or_default());
    if text(recorded) != text(ours) {
        found.push(format!("message {}, recorded {}", ours["message"], recorded["message"]));
    }
    if found.is_empty() {
        found = json_differences(recorded.to_string().as_bytes(), ours.to_string().as_bytes());
    }
    found
}

/// The framework the recordings were made with, for texts that name it.
fn with_agent(task: &Value, agent: &Value) -> Value {
    let mut task = task.clone();
    if task["agent_id"] == "${agent}" {
        task["agent_id"] = agent.clone();
    }
    task
}

#[test]
fn invalid_tasks_are_refused_with_the_reasons_mesos_gives() {
    let cluster = Cluster::of(1);
    let mut who = info("recorder");
    who["capabilities"] = json!([{ "type": "TASK_KILLING_STATE" }]);
    let framework = Framework::subscribe(cluster.master.address(), who);
    let mut comparison = Comparison::new(ALLOWED);
    let refused = |case: &&Value| case["event"]["update"]["status"]["state"] == "TASK_ERROR";

    for case in values("task-errors.json").iter().filter(refused) {
        let offer = framework.revived_offer();
        let before = framework.events().len();
        framework.launch(&offer, &[with_agent(&case["task"], &offer["agent_id"])]);
        let is_update = |event: &Value| event["type"] == "UPDATE";
        let events = framework
            .events_when(tepui_tests::framework::PATIENCE, |events| events[before..].iter().any(is_update));
        let update = events[before..].iter().find(|event| is_update(event)).expect("it was waited for");
        let found = differences(&case["event"]["update"]["status"], &update["update"]["status"]);
        comparison.note(case["name"].as_str().unwrap_or_default(), found);
    }

    comparison.finish();
}

#[test]
fn odd_tasks_that_mesos_runs_are_run() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("odd"));
    let runs = ["zero-cpus", "no-cpus", "no-mem", "little-cpus-and-mem"];
    let recorded = values("task-errors.json");

    for case in recorded.iter().filter(|case| runs.iter().any(|id| case["task"]["task_id"]["value"] == *id)) {
        let offer = framework.offer();
        let task = with_agent(&case["task"], &offer["agent_id"]);
        framework.launch(&offer, std::slice::from_ref(&task));
        framework.await_state(task["task_id"]["value"].as_str().unwrap_or_default(), "TASK_FINISHED");
    }
}

#[test]
fn a_resource_of_an_impossible_type_is_refused_and_the_master_lives() {
    let mut cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("text"));
    let offer = framework.offer();
    let mut task = tepui_tests::framework::task("text", "true");
    task["resources"].as_array_mut().expect("a list").push(json!({ "name": "x", "type": "TEXT" }));

    framework.launch(&offer, &[task]);

    let status = framework.await_state("text", "TASK_ERROR");
    assert_eq!(status["reason"], "REASON_TASK_INVALID");
    assert!(cluster.master.is_alive());
}
