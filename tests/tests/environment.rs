//! What an executor finds in its environment, and what of the agent's own it does not.

use std::collections::BTreeMap;

use serde_json::json;
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, info, small, task};
use tepui_tests::waiting::{secs, until};

/// The environment of an executor that only writes it down.
fn environment(cluster: &Cluster, framework: &Framework) -> BTreeMap<String, String> {
    let executor = json!({ "executor_id": { "value": "writer" }, "resources": small(), "command": { "value": "env > it && mv it environment; exec sleep 300" } });
    framework.launch(
        &framework.offer(),
        &[json!({ "task_id": { "value": "t" }, "name": "t", "resources": small(), "executor": executor })],
    );
    let text = until("the environment to be written", secs(20), || {
        let state = cluster.agent().get("/slave(1)/state").json();
        let directory = state["frameworks"][0]["executors"][0]["directory"].as_str()?.to_owned();
        let answer = cluster.agent().get(&format!("/files/download?path={directory}/environment"));
        (answer.status() == 200).then(|| answer.text())
    });
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn executors_find_what_mesos_gives_them() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(
        cluster.master.address(),
        json!({ "user": "root", "name": "environment", "checkpoint": true }),
    );
    let found = environment(&cluster, &framework);
    let state = cluster.agent().get("/slave(1)/state").json();
    let directory =
        state["frameworks"][0]["executors"][0]["directory"].as_str().unwrap_or_default().to_owned();
    let agent = cluster.agent().address();

    let expected = [
        ("MESOS_AGENT_ENDPOINT", agent.to_owned()),
        ("MESOS_CHECKPOINT", "1".to_owned()),
        ("MESOS_DIRECTORY", directory.clone()),
        ("MESOS_EXECUTOR_ID", "writer".to_owned()),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs".to_owned()),
        ("MESOS_FRAMEWORK_ID", framework.id.clone()),
        ("MESOS_HTTP_COMMAND_EXECUTOR", "0".to_owned()),
        ("MESOS_RECOVERY_TIMEOUT", "15mins".to_owned()),
        ("MESOS_SANDBOX", directory),
        ("MESOS_SLAVE_ID", state["id"].as_str().unwrap_or_default().to_owned()),
        ("MESOS_SLAVE_PID", format!("slave(1)@{agent}")),
        ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs".to_owned()),
        ("LIBPROCESS_PORT", "0".to_owned()),
    ];
    for (name, value) in expected {
        assert_eq!(found.get(name), Some(&value), "{name}");
    }
    assert!(found.contains_key("PATH"));
}

#[test]
fn the_agents_own_environment_stays_with_it() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("environment"));

    let found = environment(&cluster, &framework);

    assert_eq!(found.get("MESOS_CHECKPOINT").map(String::as_str), Some("0"));
    assert_eq!(found.get("MESOS_RECOVERY_TIMEOUT"), None);
    let foreign: Vec<&String> = found.keys().filter(|name| name.starts_with("CARGO")).collect();
    assert!(foreign.is_empty(), "{foreign:?} came from the agent's environment");
}

#[test]
fn an_operator_may_set_the_environment_of_all_executors() {
    let cluster = Plan::agents(1)
        .agent(r#"--executor_environment_variables={"GREETING":"hello","PATH":"/usr/bin:/bin:/opt/x"}"#)
        .start();
    let framework = Framework::subscribe(cluster.master.address(), info("environment"));

    let found = environment(&cluster, &framework);

    assert_eq!(found.get("GREETING").map(String::as_str), Some("hello"));
    assert_eq!(found.get("PATH").map(String::as_str), Some("/usr/bin:/bin:/opt/x"));
}

#[test]
fn command_tasks_get_their_own_variables_and_the_sandbox() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("environment"));
    let mut good = task(
        "good",
        r#"test "$FOO" = bar && test "$(pwd)" = "$MESOS_SANDBOX" && test "$MESOS_ALLOCATION_ROLE" = '*'"#,
    );
    good["command"]["environment"] = json!({ "variables": [{ "name": "FOO", "value": "bar" }] });

    framework.launch(&framework.offer(), &[good]);

    framework.await_state("good", "TASK_FINISHED");
}

#[test]
fn an_executor_that_fails_is_reported_with_its_raw_status() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("failure"));
    let executor = json!({ "executor_id": { "value": "broken" }, "resources": small(), "command": { "value": "exit 127" } });
    framework.launch(
        &framework.offer(),
        &[json!({ "task_id": { "value": "t" }, "name": "t", "resources": small(), "executor": executor })],
    );

    let events =
        framework.events_when(secs(30), |events| events.iter().any(|event| event["type"] == "FAILURE"));

    let failure = events.iter().find(|event| event["type"] == "FAILURE").expect("it was waited for");
    assert_eq!(failure["failure"]["executor_id"], json!({ "value": "broken" }));
    assert_eq!(failure["failure"]["status"], 127 << 8);
    assert_eq!(framework.await_state("t", "TASK_FAILED")["reason"], "REASON_EXECUTOR_TERMINATED");
}
