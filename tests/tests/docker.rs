//! Tasks in Docker containers, on an engine of the test's own.

use std::fs;

use serde_json::{Value, json};
use tepui_tests::docker::{checkpointing, cluster, end, read, sandbox, task, verdict};
use tepui_tests::engine::Engine;
use tepui_tests::framework::{self, Framework, info};
use tepui_tests::waiting::{secs, until};

#[test]
fn docker_and_native_tasks_run_side_by_side_and_leave_their_output_in_their_sandboxes() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let mut argv = task("argv", "");
    argv["command"] = json!({ "shell": false, "value": "/bin/echo", "arguments": ["a  b"] });
    let speaking = task("speaking", "echo out; echo err >&2; echo kept > $MESOS_SANDBOX/file");
    let tasks = [speaking, task("failing", "exit 7"), argv, framework::task("native", "true")];

    framework.launch(&framework.offer(), &tasks);

    assert_eq!(verdict(&framework, "speaking"), "TASK_FINISHED - Container exited with status 0");
    assert_eq!(verdict(&framework, "failing"), "TASK_FAILED - Container exited with status 7");
    assert_eq!(verdict(&framework, "argv"), "TASK_FINISHED - Container exited with status 0");
    assert_eq!(verdict(&framework, "native"), "TASK_FINISHED - Command exited with status 0");
    assert_eq!(framework.states("speaking"), ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]);
    assert_eq!(read(&cluster, "speaking", "stdout"), "out\n");
    assert_eq!(read(&cluster, "speaking", "file"), "kept\n");
    assert_eq!(read(&cluster, "argv", "stdout"), "a  b\n");
    assert!(read(&cluster, "speaking", "stderr").contains("err\n"));
}

#[test]
fn a_kill_ends_the_container_within_its_grace_period_and_the_container_is_removed() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &["--docker_remove_delay=0secs"]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let polite = task("polite", "trap 'exit 3' TERM; while true; do sleep 0.1; done");
    let mut deaf = task("deaf", "trap '' TERM; while true; do sleep 0.1; done");
    deaf["kill_policy"] = json!({ "grace_period": { "nanoseconds": 500_000_000 } });

    framework.launch(&framework.offer(), &[polite, deaf]);
    for id in ["polite", "deaf"] {
        framework.await_state(id, "TASK_RUNNING");
        framework.kill(id);
    }

    assert_eq!(verdict(&framework, "polite"), "TASK_KILLED - Container exited with status 3");
    assert_eq!(verdict(&framework, "deaf"), "TASK_KILLED - Container exited with status 137");
    until("the containers to be removed", secs(30), || engine.containers().is_empty().then_some(()));
}

#[test]
fn a_container_outlives_its_agent_and_is_found_again() {
    let engine = Engine::start();
    let mut cluster = cluster(&engine, &[]);
    let framework = checkpointing(&cluster);
    let waiting = task("waiting", "while ! [ -e $MESOS_SANDBOX/go ]; do sleep 0.1; done; exit 5");
    framework.launch(&framework.offer(), &[waiting]);
    framework.await_state("waiting", "TASK_RUNNING");

    cluster.agents[0].kill();
    assert_eq!(engine.running().len(), 1);
    cluster.agents[0].restart();
    cluster.await_agents(1);
    fs::write(sandbox(&cluster, "waiting").join("go"), "").expect("write into the sandbox");

    assert_eq!(verdict(&framework, "waiting"), "TASK_FAILED - Container exited with status 5");
}

#[test]
fn an_engine_that_ends_takes_its_tasks_along_and_they_say_so() {
    let mut engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    framework.launch(&framework.offer(), &[task("long", "while true; do sleep 0.1; done")]);
    framework.await_state("long", "TASK_RUNNING");

    engine.end();
    engine.start_again();

    let ended: Value = end(&framework, "long");
    assert_eq!(ended["state"], "TASK_FAILED", "{ended}");
}
