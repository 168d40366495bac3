//! Offers that are no good, reconciliation and kills: the same calls as recorded, the same events in answer.

use serde_json::{Value, json};
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, PATIENCE, info, task};
use tepui_tests::recording::{json_differences, values, without_ids};
use tepui_tests::waiting::secs;

/// What the master itself answered to the recorded call of this name.
fn recorded(name: &str) -> Vec<Value> {
    let case =
        values("offers.json").into_iter().find(|case| case["name"] == name).expect("the recording has it");
    let events = case["events"].as_array().cloned().unwrap_or_default();
    events.into_iter().filter(|event| event["update"]["status"]["source"] == "SOURCE_MASTER").collect()
}

/// Compares what the master answers to `call` with the recording of that name.
#[track_caller]
fn same(framework: &Framework, name: &str, kind: &str, call: Value) {
    let expected = recorded(name);
    let before = framework.events().len();
    framework.tell(kind, call);
    let from_master = |event: &&Value| event["update"]["status"]["source"] == "SOURCE_MASTER";
    let events = framework.events_when(PATIENCE, |events| {
        events[before..].iter().filter(from_master).count() >= expected.len()
    });
    let ours: Vec<&Value> = events[before..].iter().filter(from_master).collect();
    assert_eq!(ours.len(), expected.len(), "{name}: {ours:?}");
    for (recorded, ours) in expected.iter().zip(ours) {
        let (recorded, ours) = (&recorded["update"]["status"], &ours["update"]["status"]);
        let text = |status: &Value| without_ids(status["message"].as_str().unwrap_or_default());
        assert_eq!(text(ours), text(recorded), "{name}");
        assert_eq!(ours["reason"], recorded["reason"], "{name}");
        assert_eq!(ours["task_id"], recorded["task_id"], "{name}");
        if ours["reason"] != "REASON_RECONCILIATION" || ours["state"] == "TASK_LOST" {
            assert_eq!(ours["state"], recorded["state"], "{name}");
        }
        let shape = json_differences(recorded.to_string().as_bytes(), ours.to_string().as_bytes());
        assert!(shape.is_empty(), "{name}: {shape:?}\n{ours}");
    }
}

fn launch(offers: Value, tasks: &[(&str, &Value)]) -> Value {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|(id, agent)| {
            let mut task = task(id, "sleep 300");
            task["agent_id"] = (*agent).clone();
            task
        })
        .collect();
    let operations = json!([{ "type": "LAUNCH", "launch": { "task_infos": tasks } }]);
    json!({ "accept": { "offer_ids": offers, "operations": operations, "filters": { "refuse_seconds": 0 } } })
}

#[test]
fn tasks_on_offers_that_are_no_good_are_lost_with_the_reason() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("offers"));
    let offer = framework.offer();
    let agent = &offer["agent_id"];
    let none = json!({ "value": "none" });

    same(&framework, "unknown offer", "ACCEPT", launch(json!([none]), &[("t-unknown", agent)]));
    same(&framework, "no offers", "ACCEPT", launch(json!([]), &[("t-none", agent)]));
    same(
        &framework,
        "unknown offer, no operations",
        "ACCEPT",
        json!({ "accept": { "offer_ids": [none], "operations": [] } }),
    );
    same(
        &framework,
        "the same offer twice",
        "ACCEPT",
        launch(json!([offer["id"], offer["id"]]), &[("t-twice", agent)]),
    );

    let offer = framework.offer();
    framework.decline(&offer, 0.0);
    same(
        &framework,
        "ACCEPT of a declined offer",
        "ACCEPT",
        launch(json!([offer["id"]]), &[("t-declined", agent)]),
    );
}

#[test]
fn an_offer_belongs_to_one_framework() {
    let cluster = Cluster::of(1);
    let one = Framework::subscribe(cluster.master.address(), info("one"));
    let offer = one.offer();
    let other = Framework::subscribe(cluster.master.address(), info("other"));

    same(
        &other,
        "offer of another framework",
        "ACCEPT",
        launch(json!([offer["id"]]), &[("t-other", &offer["agent_id"])]),
    );
}

#[test]
fn every_task_of_a_group_shares_its_fate() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("group"));
    let offer = framework.offer();
    let group = |tasks: &[&str]| {
        let tasks: Vec<Value> = tasks
            .iter()
            .map(|id| {
                let mut t = task(id, "sleep 300");
                t["agent_id"] = offer["agent_id"].clone();
                t
            })
            .collect();
        let executor = json!({ "type": "DEFAULT", "executor_id": { "value": "g" }, "resources": tepui_tests::framework::small() });
        json!([{ "type": "LAUNCH_GROUP", "launch_group": { "executor": executor, "task_group": { "tasks": tasks } } }])
    };

    let accept =
        json!({ "accept": { "offer_ids": [{ "value": "none" }], "operations": group(&["g-1", "g-2"]) } });
    same(&framework, "unknown offer with a task group", "ACCEPT", accept);
}

#[test]
fn a_task_id_is_used_once() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("duplicates"));
    let offer = framework.offer();
    let agent = &offer["agent_id"];

    same(
        &framework,
        "a task id used twice in one call",
        "ACCEPT",
        launch(json!([offer["id"]]), &[("d-1", agent), ("d-1", agent)]),
    );
    framework.await_state("d-1", "TASK_RUNNING");
    let offer = framework.offer();
    same(&framework, "a task id still running", "ACCEPT", launch(json!([offer["id"]]), &[("d-1", agent)]));
}

#[test]
fn reconciliation_and_kills_of_unknown_tasks_are_answered_as_by_mesos() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("reconcile"));
    let offer = framework.offer();
    let agent = &offer["agent_id"];
    framework.tell("ACCEPT", launch(json!([offer["id"]]), &[("d-1", agent)]));
    framework.await_state("d-1", "TASK_RUNNING");
    let other = json!({ "value": "other" });
    let kill = |task: &str, agent: Option<&Value>| {
        let mut kill = json!({ "task_id": { "value": task } });
        if let Some(agent) = agent {
            kill["agent_id"] = agent.clone();
        }
        kill
    };

    for (name, task, on) in [
        ("KILL of an unknown task", "none", None),
        ("KILL of an unknown task on a known agent", "none", Some(agent)),
        ("KILL of an unknown task on an unknown agent", "none", Some(&other)),
    ] {
        same(&framework, name, "KILL", json!({ "kill": kill(task, on) }));
    }
    for (name, task, on) in [
        ("RECONCILE of a known task", "d-1", None),
        ("RECONCILE of a known task with its agent", "d-1", Some(agent)),
        ("RECONCILE of an unknown task", "none", None),
        ("RECONCILE of an unknown task on a known agent", "none", Some(agent)),
        ("RECONCILE of an unknown task on an unknown agent", "none", Some(&other)),
    ] {
        same(&framework, name, "RECONCILE", json!({ "reconcile": { "tasks": [kill(task, on)] } }));
    }
    same(&framework, "RECONCILE, implicit", "RECONCILE", json!({ "reconcile": { "tasks": [] } }));
    assert_eq!(framework.states("d-1").last().map(String::as_str), Some("TASK_RUNNING"));
}

#[test]
fn a_refused_offer_stays_away_and_comes_back() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("refusals"));

    let offer = framework.offer();
    let begin = std::time::Instant::now();
    framework.decline(&offer, 3.0);
    let offer = framework.offer();
    assert!(begin.elapsed() >= secs(3), "offered again after {:?}", begin.elapsed());

    // As pymesos refuses for ever: far beyond what fits a duration of nanoseconds.
    framework.decline(&offer, 4_294_967_295.0);
    let before = framework.events().len();
    let beat = |event: &Value| event["type"] == "HEARTBEAT";
    let events = framework.events_when(PATIENCE, |events| events[before..].iter().any(beat));
    assert!(events[before..].iter().all(beat), "it was refused for ever: {:?}", &events[before..]);
    framework.tell("REVIVE", json!({}));
    framework.offer_within(secs(5));
}

#[test]
fn an_executor_info_without_resources_type_and_framework_is_accepted() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("bare executor"));
    let offer = framework.offer();
    let mut bare = task("bare", "");
    bare.as_object_mut().expect("a task is an object").remove("command");
    bare["executor"] = json!({ "executor_id": { "value": "bare" }, "command": { "value": "sleep 300" } });

    framework.launch(&offer, &[bare]);

    tepui_tests::waiting::until("the executor to be launched", secs(20), || {
        let state = cluster.agent().get("/slave(1)/state").json();
        (state["frameworks"][0]["executors"][0]["id"] == "bare").then_some(())
    });
    assert!(framework.statuses("bare").is_empty(), "{:?}", framework.statuses("bare"));
}
