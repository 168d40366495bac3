//! The event stream of the operator API: what happens in a cluster, told to whoever subscribed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Acknowledge, Framework, info, small, task};
use tepui_tests::http::Request;
use tepui_tests::operator::{Subscription, subscribe};
use tepui_tests::recording::{Allowed, Comparison, json_differences, values};
use tepui_tests::waiting::{secs, until};

fn is(kind: &str) -> impl Fn(&Value) -> bool + '_ {
    move |event| event["type"] == kind
}

/// Task ids and states in a list of tasks.
fn states(tasks: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tasks = tasks.as_array().into_iter().flatten();
    tasks.map(|task| (text(&task["task_id"]["value"]), text(&task["state"]))).collect()
}

/// Every task of a state, whether it has ended or not.
fn all_tasks(state: &Value) -> BTreeMap<String, String> {
    let mut all = states(&state["get_tasks"]["tasks"]);
    all.extend(states(&state["get_tasks"]["completed_tasks"]));
    all
}

#[test]
fn a_subscriber_gets_the_state_a_heartbeat_and_then_what_happens() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("here before"));
    let mut operator = Subscription::open(cluster.master.address());

    let subscribed = operator.event().expect("a first event");
    let state = &subscribed["subscribed"]["get_state"];
    assert_eq!(state["get_agents"]["agents"].as_array().map(Vec::len), Some(1), "{state}");
    let there = &state["get_frameworks"]["frameworks"][0]["framework_info"];
    assert_eq!((&there["name"], &there["id"]["value"]), (&json!("here before"), &json!(framework.id)));
    assert_eq!(subscribed["subscribed"]["heartbeat_interval_seconds"], json!(15.0));
    assert_eq!(operator.event(), Some(json!({ "type": "HEARTBEAT" })));

    framework.launch(&framework.offer(), &[task("one", "true")]);
    operator.until(|event| event["task_updated"]["status"]["state"] == "TASK_FINISHED");
    let added = operator.events.iter().find(|event| is("TASK_ADDED")(event)).expect("it was added");
    assert_eq!(added["task_added"]["task"]["framework_id"]["value"], json!(framework.id));
    let told: Vec<String> = operator.of_tasks().iter().map(|told| told.join(" ")).collect();
    assert_eq!(
        told,
        [
            "TASK_ADDED one TASK_STAGING",
            "TASK_UPDATED one TASK_STARTING",
            "TASK_UPDATED one TASK_RUNNING",
            "TASK_UPDATED one TASK_FINISHED"
        ]
    );

    framework.tell("TEARDOWN", json!({}));
    let removed = operator.until(is("FRAMEWORK_REMOVED"));
    assert_eq!(removed["framework_removed"]["framework_info"]["id"]["value"], json!(framework.id));
}

#[test]
fn agents_and_frameworks_are_told_as_they_come_and_go() {
    let plan = Plan::agents(1);
    let mut cluster = plan.clone().start();
    let mut operator = Subscription::open(cluster.master.address());

    let framework = Framework::subscribe(
        cluster.master.address(),
        json!({ "user": "root", "name": "a", "failover_timeout": 600 }),
    );
    let added = operator.until(is("FRAMEWORK_ADDED"));
    let added = &added["framework_added"]["framework"];
    assert_eq!(
        (&added["framework_info"]["id"]["value"], &added["active"]),
        (&json!(framework.id), &json!(true))
    );
    assert!(added.get("offers").is_none() && added.get("offer_constraints").is_none(), "{added}");

    let again =
        json!({ "user": "root", "name": "b", "failover_timeout": 600, "id": { "value": framework.id } });
    let second = Framework::subscribe_with(cluster.master.address(), again, &[], Acknowledge::AtOnce);
    let updated = operator.until(is("FRAMEWORK_UPDATED"));
    assert_eq!(updated["framework_updated"]["framework"]["framework_info"]["name"], "b");

    cluster.add_agent(&plan);
    let added = operator.until(is("AGENT_ADDED"));
    let agent = added["agent_added"]["agent"]["agent_info"]["id"].clone();
    assert!(
        !added["agent_added"]["agent"]["total_resources"].as_array().expect("a list").is_empty(),
        "{added}"
    );

    let gone = json!({ "type": "MARK_AGENT_GONE", "mark_agent_gone": { "agent_id": agent } });
    assert_eq!(cluster.master.ask(&Request::json("/api/v1", gone.to_string())).status(), 200);
    assert_eq!(operator.until(is("AGENT_REMOVED"))["agent_removed"]["agent_id"], agent);

    second.tell("TEARDOWN", json!({}));
    operator.until(is("FRAMEWORK_REMOVED"));
}

/// Subscribers come while tasks start and end. Whatever moment each of them hits, its snapshot and the events behind it are
/// everything, once.
#[test]
fn nothing_is_lost_or_doubled_between_the_snapshot_and_the_events() {
    const TASKS: usize = 12;
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("busy"));
    let tasks: Vec<Value> = (0..TASKS).map(|number| task(&format!("t{number}"), "true")).collect();
    let mut operators = vec![Subscription::open(cluster.master.address())];
    framework.launch(&framework.offer(), &tasks);
    for number in 0..TASKS {
        operators.push(Subscription::open(cluster.master.address()));
        framework.await_state(&format!("t{number}"), "TASK_FINISHED");
    }
    // The end of a task is not final before it is acknowledged.
    until("all acknowledgements", secs(20), || {
        (cluster.operator("GET_TASKS")["get_tasks"]["tasks"] == json!([])).then_some(())
    });
    let mut last = Subscription::open(cluster.master.address());
    let end = all_tasks(&last.event().expect("a snapshot")["subscribed"]["get_state"]);
    assert_eq!(end.len(), TASKS);
    framework.tell("TEARDOWN", json!({}));

    for mut operator in operators {
        let mut tasks = all_tasks(&operator.event().expect("a snapshot")["subscribed"]["get_state"]);
        operator.until(is("FRAMEWORK_REMOVED"));
        for [kind, task, state] in operator.of_tasks() {
            let known = tasks.insert(task.clone(), state);
            assert_eq!(known.is_none(), kind == "TASK_ADDED", "{kind} of {task}, known as {known:?}");
        }
        assert_eq!(tasks, end);
    }
}

#[test]
fn events_have_the_shape_of_mesos() {
    const ALLOWED: &[Allowed] = &[
        Allowed {
            case: "*",
            difference: "*agent_info.checkpoint: missing",
            why: "the v1 API declares no such field: Mesos prints that of its internal message",
        },
        Allowed {
            case: "*",
            difference: "*status.container_status.cgroup_info: *",
            why: "recorded without cgroups",
        },
        Allowed {
            case: "*",
            difference: "task_updated.status.message: *",
            why: "what an executor says is its own affair",
        },
    ];
    let cluster = Cluster::of(1);
    // The recorded master had one framework before, and had ended it.
    let bootstrap = json!({ "user": "root", "name": "bootstrap", "hostname": "vm" });
    Framework::subscribe(cluster.master.address(), bootstrap).tell("TEARDOWN", json!({}));
    let mut comparison = Comparison::new(ALLOWED);
    let recorded = &values("operator-events.json")[0]["response"];
    let mut operator = Subscription::open(cluster.master.address());
    let rich = |more: Value| {
        let mut info = json!({
            "user": "root", "name": "recorder", "roles": ["web", "batch"], "hostname": "client.example",
            "capabilities": [{ "type": "MULTI_ROLE" }, { "type": "TASK_KILLING_STATE" }],
            "labels": { "labels": [{ "key": "a", "value": "b" }] },
            "checkpoint": true, "failover_timeout": 600, "webui_url": "http://x/",
        });
        info.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        info
    };
    let first = Framework::subscribe(cluster.master.address(), rich(json!({})));
    let mut resources = small();
    let ports = json!({ "name": "ports", "type": "RANGES", "ranges": { "range": [{ "begin": 31000, "end": 31001 }] } });
    resources.as_array_mut().expect("a list").push(ports);
    let hold = json!({
        "task_id": { "value": "hold-1" }, "name": "hold", "command": { "value": "sleep 300" },
        "labels": { "labels": [{ "key": "k", "value": "v" }] }, "resources": resources,
    });
    first.launch(&first.offer(), &[hold]);
    first.await_state("hold-1", "TASK_RUNNING");
    let second = Framework::subscribe(cluster.master.address(), rich(json!({ "id": { "value": first.id } })));
    second.tell("TEARDOWN", json!({}));
    operator.until(is("FRAMEWORK_REMOVED"));

    assert_eq!(operator.head.header("Content-Type"), Some("application/json"));
    assert_eq!(operator.head.header("Content-Encoding"), None);
    let record =
        |chunk: &str| chunk.split_once('\n').map_or_else(String::new, |(_, record)| record.to_owned());
    let recorded: Vec<String> =
        recorded["chunks"].as_array().into_iter().flatten().filter_map(Value::as_str).map(record).collect();
    let later_beat = |index: &usize| *index > 1 && operator.events[*index]["type"] == "HEARTBEAT";
    let ours: Vec<String> = (0..operator.chunks.len())
        .filter(|index| !later_beat(index))
        .map(|index| record(&String::from_utf8_lossy(&operator.chunks[index])))
        .collect();
    assert_eq!(ours.len(), recorded.len(), "{ours:#?}\nrecorded {recorded:#?}");
    for (recorded, ours) in recorded.iter().zip(&ours) {
        let kind = serde_json::from_str::<Value>(recorded).expect("it is JSON")["type"].to_string();
        comparison.note(&kind, json_differences(recorded.as_bytes(), ours.as_bytes()));
    }
    comparison.finish();
}

#[test]
fn protobuf_is_for_those_who_ask_for_it() {
    let cluster = Cluster::of(0);
    let request = Request::new("POST", "/api/v1")
        .with("Content-Type", "application/x-protobuf")
        .with("Accept", "application/x-protobuf")
        // A call of type SUBSCRIBE.
        .body([0x08, 18]);

    let mut operator = Subscription::ask(cluster.master.address(), &request);

    assert_eq!(operator.head.header("Content-Type"), Some("application/x-protobuf"));
    let first = operator.chunk().expect("a first record").to_vec();
    let newline = first.iter().position(|byte| *byte == b'\n').expect("a length");
    assert_eq!(String::from_utf8_lossy(&first[..newline]), (first.len() - newline - 1).to_string());
    // Its type, and the field with the state.
    assert_eq!(first[newline + 1..][..3], [0x08, 1, 0x12]);
    assert_eq!(operator.chunk(), Some(b"2\n\x08\x09".as_slice()));
}

#[test]
fn of_more_subscribers_than_the_flag_says_the_oldest_goes() {
    let cluster = Plan::agents(0).master("--max_operator_event_stream_subscribers=2").start();
    let count =
        || cluster.master.get("/metrics/snapshot").json()["master/operator_event_stream_subscribers"].clone();
    let mut operators: Vec<Subscription> =
        (0..3).map(|_| Subscription::open(cluster.master.address())).collect();
    assert_eq!(count(), json!(2.0));

    let _framework = Framework::subscribe(cluster.master.address(), info("f"));
    let mut newer = operators.split_off(1);
    let oldest = &mut operators[0];
    while oldest.event().is_some() {}
    assert!(oldest.events.iter().all(|event| event["type"] != "FRAMEWORK_ADDED"), "{:?}", oldest.events);
    newer.iter_mut().for_each(|operator| drop(operator.until(is("FRAMEWORK_ADDED"))));

    drop(newer);
    until("the last subscribers to be gone", secs(20), || (count() == json!(0.0)).then_some(()));
}

#[test]
fn a_subscription_that_cannot_be_served_is_refused_like_any_call() {
    let cluster = Cluster::of(0);
    let mut request = subscribe();
    request.headers.retain(|(name, _)| name != "Accept");

    let answer = cluster.master.ask(&request.with("Accept", "text/html"));

    assert_eq!(answer.status(), 406, "{}", answer.text());
}

/// Each framework makes two events of a megabyte. 64 MiB of them may wait for a slow reader, and the sockets take some more.
#[test]
fn who_does_not_read_is_cut_off_and_who_does_misses_nothing() {
    const FRAMEWORKS: usize = 45;
    let cluster = Cluster::of(0);
    let label = "x".repeat(1_000_000);
    let large =
        json!({ "user": "root", "name": "large", "labels": { "labels": [{ "key": "k", "value": label }] } });
    let count =
        || cluster.master.get("/metrics/snapshot").json()["master/operator_event_stream_subscribers"].clone();
    let mut slow = Subscription::open(cluster.master.address());
    let mut quick = Subscription::open(cluster.master.address());

    for _ in 0..FRAMEWORKS {
        let framework = Framework::subscribe(cluster.master.address(), large.clone());
        framework.tell("TEARDOWN", json!({}));
        for kind in ["FRAMEWORK_ADDED", "FRAMEWORK_REMOVED"] {
            // Not taken apart: a megabyte of JSON takes a while.
            let wanted = format!("\"type\":\"{kind}\"");
            let event =
                std::iter::from_fn(|| quick.chunk().map(|chunk| String::from_utf8_lossy(chunk).into_owned()))
                    .find(|event| event.contains(&wanted));
            assert!(
                event.expect("the stream goes on").contains(&framework.id),
                "{kind} is of another framework"
            );
        }
        quick.chunks.clear();
    }

    assert_eq!(count(), json!(1.0));
    assert!(cluster.master.log().contains("its reader is too slow"), "{}", cluster.master.log());
    while slow.event().is_some() {}
    assert!(slow.events.len() < 2 * FRAMEWORKS, "everything was read");
}
