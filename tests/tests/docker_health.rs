//! Health checks and checks of tasks in Docker containers: from inside them, whatever network they have.

use std::fs;

use serde_json::{Value, json};
use tepui_tests::checks::{await_status, health, set};
use tepui_tests::docker::{cluster, read, sandbox, task, verdict};
use tepui_tests::engine::{Engine, Setup};
use tepui_tests::framework::{Framework, info};
use tepui_tests::waiting::{secs, until};

/// Serves the sandbox at port 8080 of the container's own loopback.
const SERVER: &str = "exec busybox httpd -f -p 127.0.0.1:8080 -h $MESOS_SANDBOX";

fn in_network(mut task: Value, network: &str) -> Value {
    task["container"]["docker"]["network"] = json!(network);
    // The first process of a container ends of no signal that it does not catch.
    task["kill_policy"] = json!({ "grace_period": { "nanoseconds": 0 } });
    task
}

#[test]
fn a_command_is_run_in_the_container_as_its_user_and_ends_a_task_that_falls_ill() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let command = "touch /only-here $MESOS_SANDBOX/well; while true; do sleep 0.1; done";
    let mut ill = in_network(task("ill", command), "NONE");
    ill["command"]["environment"] = json!({ "variables": [{ "name": "OF_TASK", "value": "1" }] });
    let look = "test -e /only-here && test $OF_TASK$OF_CHECK = 12 || exit 9; echo looked; test -e $MESOS_SANDBOX/well";
    let variables = json!({ "variables": [{ "name": "OF_CHECK", "value": "2" }] });
    ill["health_check"] = health(
        "COMMAND",
        json!({ "command": { "value": look, "environment": variables }, "consecutive_failures": 2 }),
    );
    ill["check"] = json!({
        "type": "COMMAND", "delay_seconds": 0.0, "interval_seconds": 0.2,
        "command": { "command": { "shell": false, "value": "sh", "arguments": ["-c", "exit 5"] } }
    });

    framework.launch(&framework.offer(), &[ill]);
    let found =
        |status: &Value| status["check_status"]["command"]["exit_code"] == 5 && status["healthy"] == true;
    let healthy = await_status(&framework, "ill", 0, found);
    fs::remove_file(sandbox(&cluster, "ill").join("well")).expect("the test is root");

    let why = "its health check failed: the command exited with status 1 (failure 2 of 2)";
    assert_eq!(verdict(&framework, "ill"), format!("TASK_KILLED - Container exited with status 137; {why}"));
    assert_eq!(healthy["state"], "TASK_RUNNING");
    let last = framework.statuses("ill").pop().expect("it ended");
    assert_eq!(
        (&last["healthy"], &last["check_status"]),
        (&json!(false), &json!({ "type": "COMMAND", "command": {} }))
    );
    assert!(read(&cluster, "ill", "stderr").contains("looked\n"));
}

#[test]
fn a_server_that_only_its_container_can_reach_is_checked_by_http_and_tcp() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let mut web = in_network(task("web", SERVER), "NONE");
    web["health_check"] =
        health("HTTP", json!({ "http": { "port": 8080, "path": "/page" }, "consecutive_failures": 1000 }));
    web["check"] =
        json!({ "type": "TCP", "tcp": { "port": 8080 }, "delay_seconds": 0.0, "interval_seconds": 0.2 });

    framework.launch(&framework.offer(), &[web]);
    let page = sandbox(&cluster, "web").join("page");
    set(&page, "hello");
    await_status(&framework, "web", 0, |status| {
        status["healthy"] == true && status["check_status"]["tcp"]["succeeded"] == true
    });
    let told = framework.statuses("web").len();
    fs::remove_file(&page).expect("the test is root");

    let ill = await_status(&framework, "web", told, |status| status["healthy"] == false);
    assert_eq!(ill["message"], "health check failed: the answer was HTTP status 404 (failure 1 of 1000)");
    assert_eq!(ill["reason"], "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED");
}

#[test]
fn a_bridged_container_is_checked_in_its_own_network_and_says_where_it_is() {
    let engine = Engine::with(Setup { own_network: true, ..Setup::default() });
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let mut web = in_network(task("web", SERVER), "BRIDGE");
    web["health_check"] = health("TCP", json!({ "tcp": { "port": 8080 } }));

    framework.launch(&framework.offer(), &[web]);

    let healthy = await_status(&framework, "web", 0, |status| status["healthy"] == true);
    let address = &healthy["container_status"]["network_infos"][0]["ip_addresses"][0]["ip_address"];
    assert!(address.as_str().is_some_and(|address| !address.is_empty()), "{healthy}");
}

#[test]
fn an_engine_that_is_away_is_not_the_tasks_fault() {
    let mut engine = Engine::with(Setup { live_restore: true, ..Setup::default() });
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let mut well = in_network(task("well", "while true; do sleep 0.1; done"), "NONE");
    let look = "echo looked; ! [ -e $MESOS_SANDBOX/ill ]";
    well["health_check"] =
        health("COMMAND", json!({ "command": { "value": look }, "consecutive_failures": 1 }));
    framework.launch(&framework.offer(), &[well]);
    await_status(&framework, "well", 0, |status| status["healthy"] == true);
    let looks = || read(&cluster, "well", "stderr").matches("looked\n").count();

    engine.end();
    let missed = "tepui: health check did not look: reach the Docker engine at ";
    until("some looks to be missed", secs(30), || {
        (read(&cluster, "well", "stderr").matches(missed).count() >= 3).then_some(())
    });
    engine.start_again();

    let before = looks();
    until("the next look", secs(30), || (looks() > before).then_some(()));
    assert_eq!(framework.states("well").last().map(String::as_str), Some("TASK_RUNNING"));
    set(&sandbox(&cluster, "well").join("ill"), "");
    assert!(verdict(&framework, "well").starts_with("TASK_KILLED - Container exited with status 137; "));
}

#[test]
fn a_command_that_hangs_in_the_container_is_ended_with_all_it_started() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let mark = format!("34{}", std::process::id());
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let mut hangs = in_network(task("hangs", "while true; do sleep 0.1; done"), "NONE");
    let command = json!({ "value": format!("sleep {mark} & sleep {mark}; wait") });
    hangs["health_check"] = health(
        "COMMAND",
        json!({ "command": command, "timeout_seconds": 1, "grace_period_seconds": 0, "consecutive_failures": 1000 }),
    );
    let sleeping = || {
        let lines = fs::read_dir("/proc").into_iter().flatten().flatten();
        let lines = lines.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| *line == format!("sleep\0{mark}\0").into_bytes()).count()
    };

    framework.launch(&framework.offer(), &[hangs]);
    for failure in 1..=3 {
        let why = format!("the check did not end within 1s (failure {failure} of 1000)");
        await_status(&framework, "hangs", 0, |status| {
            status["message"].as_str().is_some_and(|message| message.ends_with(&why))
        });
        // Those of this look at most: none of an earlier one is left.
        until("the processes of earlier looks to be gone", secs(20), || (sleeping() <= 2).then_some(()));
    }
    assert_eq!(framework.states("hangs").last().map(String::as_str), Some("TASK_RUNNING"));
}
