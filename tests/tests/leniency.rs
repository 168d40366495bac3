//! JSON as clients really write it: each of these is sent by some third-party client, and understood by Mesos.

use serde_json::{Value, json};
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, PATH, info};
use tepui_tests::http::{Connection, Request};
use tepui_tests::waiting::{secs, until};

/// Subscribes with this text in the place of a framework info, and gives what the master knows of it then.
fn subscribed(info: &str) -> Value {
    let cluster = Cluster::of(0);
    let call = format!(r#"{{"type":"SUBSCRIBE","subscribe":{{"framework_info":{info}}}}}"#);
    let mut connection = Connection::open(cluster.master.address()).expect("the master listens");
    connection.send(&Request::json(PATH, call)).expect("sent");
    let head = connection.head().expect("an answer");
    assert_eq!(head.status, 200, "{}", String::from_utf8_lossy(&connection.body(&head).unwrap_or_default()));
    cluster.master.get("/frameworks").json()["frameworks"][0].clone()
}

/// Launches this task and gives its last state.
fn finished(task: Value) -> Vec<Value> {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("lenient"));
    let id = task["task_id"]["value"].as_str().expect("the task has an id").to_owned();
    framework.launch(&framework.offer(), &[task]);
    framework.await_state(&id, "TASK_FINISHED");
    framework.statuses(&id)
}

#[test]
fn unknown_fields_are_ignored() {
    let framework = subscribed(r#"{"user":"root","name":"x","credentials":{"principal":"p"},"slave_id":7}"#);

    assert_eq!(framework["name"], "x");
}

#[test]
fn null_means_unset_even_for_lists() {
    let framework = subscribed(
        r#"{"user":"root","name":"x","id":null,"failover_timeout":null,"capabilities":null,"roles":null,"labels":null}"#,
    );

    assert_eq!((&framework["name"], &framework["role"]), (&json!("x"), &json!("*")));
}

#[test]
fn one_thing_stands_for_a_list_of_one() {
    let framework =
        subscribed(r#"{"user":"root","name":"x","roles":"web","capabilities":{"type":"MULTI_ROLE"}}"#);

    assert_eq!(framework["roles"], json!(["web"]));
    assert_eq!(framework["capabilities"], json!(["MULTI_ROLE"]));
}

#[test]
fn numbers_and_booleans_may_be_texts() {
    let framework = subscribed(r#"{"user":"root","name":"x","failover_timeout":"60.5","checkpoint":"true"}"#);

    assert_eq!((&framework["failover_timeout"], &framework["checkpoint"]), (&json!(60.5), &json!(true)));
}

#[test]
fn an_unknown_enum_name_is_dropped_where_it_may_be_missing() {
    let framework = subscribed(
        r#"{"user":"root","name":"x","capabilities":[{"type":"MULTI_ROLE"},{"type":"FROM_THE_FUTURE"}],"roles":["a"]}"#,
    );

    assert_eq!(framework["roles"], json!(["a"]));
    assert!(framework["capabilities"].as_array().is_some_and(|list| list.contains(&json!("MULTI_ROLE"))));
}

#[test]
fn an_indented_body_is_read() {
    let framework = subscribed("{\n \"user\": \"root\",\n \"name\": \"x\"\n}\n");

    assert_eq!(framework["name"], "x");
}

#[test]
fn missing_required_fields_are_named() {
    let cluster = Cluster::of(0);
    let call = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{}}}"#;

    let answer = cluster.master.ask(&Request::json(PATH, call));

    let expected = "Failed to convert JSON into Call protobuf: \
        Missing required fields: subscribe.framework_info.user, subscribe.framework_info.name";
    assert_eq!((answer.status(), answer.text().as_str()), (400, expected));
}

#[test]
fn a_task_as_the_airflow_provider_writes_it_runs() {
    let mut task = tepui_tests::framework::task("airflow", r#"test "$A" = 1"#);
    task["command"]["shell"] = json!("true");
    task["command"]["environment"] = json!({ "variables": [{ "name": "A", "value": "1" }] });
    task["resources"] = json!([
        { "name": "cpus", "type": "SCALAR", "scalar": { "value": "0.1" } },
        { "name": "mem", "type": "SCALAR", "scalar": { "value": 32 } },
    ]);

    finished(task);
}

#[test]
fn a_task_as_the_npm_client_writes_it_runs() {
    let mut task = tepui_tests::framework::task("npm", "true");
    for field in [
        "executor",
        "kill_policy",
        "data",
        "container",
        "health_check",
        "check",
        "labels",
        "discovery",
        "max_completion_time",
    ] {
        task[field] = Value::Null;
    }
    for field in ["uris", "environment", "arguments", "user"] {
        task["command"][field] = Value::Null;
    }

    finished(task);
}

#[test]
fn a_container_with_one_network_info_that_is_no_list_runs() {
    let mut task = tepui_tests::framework::task("task-processing", "true");
    task["container"] = json!({ "type": "MESOS", "network_infos": {} });

    finished(task);
}

#[test]
fn labels_and_data_come_back_as_they_were_sent() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("labels"));
    let mut task = tepui_tests::framework::task("labels", "sleep 300");
    task["labels"] = json!({ "labels": [{ "key": "k", "value": "ünïcode" }, { "key": "alone" }] });
    framework.launch(&framework.offer(), &[task]);
    framework.await_state("labels", "TASK_RUNNING");

    let seen = until("the task", secs(20), || cluster.master.get("/tasks").json()["tasks"].get(0).cloned());

    assert_eq!(seen["labels"], json!([{ "key": "k", "value": "ünïcode" }, { "key": "alone" }]));
}
