//! From launch to end.

use std::fs;

use serde_json::json;
use tepui_tests::docker::{await_file, cluster, read, sandbox, task, verdict};
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
    let polite =
        task("polite", "trap 'exit 3' TERM; touch $MESOS_SANDBOX/set; while true; do sleep 0.1; done");
    let mut deaf = task("deaf", "trap '' TERM; touch $MESOS_SANDBOX/set; while true; do sleep 0.1; done");
    deaf["kill_policy"] = json!({ "grace_period": { "nanoseconds": 500_000_000 } });
    let mut slow = task("slow", "while true; do sleep 0.1; done");
    slow["max_completion_time"] = json!({ "nanoseconds": 1_000_000 });

    framework.launch(&framework.offer(), &[polite, deaf, slow]);
    for id in ["polite", "deaf"] {
        framework.await_state(id, "TASK_RUNNING");
        await_file(&cluster, id, "set");
        framework.kill(id);
    }

    assert_eq!(verdict(&framework, "polite"), "TASK_KILLED - Container exited with status 3");
    assert_eq!(verdict(&framework, "deaf"), "TASK_KILLED - Container exited with status 137");
    let slow = verdict(&framework, "slow");
    assert!(slow.starts_with("TASK_FAILED REASON_MAX_COMPLETION_TIME_REACHED "), "{slow}");
    until("the containers to be removed", secs(30), || engine.containers().is_empty().then_some(()));
}

#[test]
fn output_is_in_the_sandbox_while_the_task_runs() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let command = "printf half; while ! [ -e $MESOS_SANDBOX/go ]; do sleep 0.1; done; echo ' a line'; exit 0";
    let mut terminal = task("terminal", &format!("head -c 40000 /dev/zero | tr '\\0' x; {command}"));
    terminal["container"]["docker"]["parameters"] = json!([{ "key": "tty", "value": "true" }]);

    framework.launch(&framework.offer(), &[task("speaking", &format!("echo live; {command}")), terminal]);

    until("the first line", secs(20), || (read(&cluster, "speaking", "stdout") == "live\n").then_some(()));
    // No line has ended there; the engine passes on what it has in pieces of 16 KiB.
    until("part of a line", secs(20), || {
        (read(&cluster, "terminal", "stdout").len() == 32 << 10).then_some(())
    });
    for id in ["speaking", "terminal"] {
        framework.await_state(id, "TASK_RUNNING");
        fs::write(sandbox(&cluster, id).join("go"), "").expect("write into the sandbox");
    }
    assert_eq!(verdict(&framework, "speaking"), "TASK_FINISHED - Container exited with status 0");
    assert_eq!(read(&cluster, "speaking", "stdout"), "live\nhalf a line\n");
    assert_eq!(verdict(&framework, "terminal"), "TASK_FINISHED - Container exited with status 0");
    let line = format!("{}half a line\r\n", "x".repeat(40_000));
    assert_eq!(read(&cluster, "terminal", "stdout"), line);
}
