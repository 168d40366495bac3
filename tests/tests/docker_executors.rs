//! Executors that live in Docker containers themselves.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tepui_tests::docker::{checkpointing, cluster, sandbox, verdict};
use tepui_tests::engine::{self, Engine};
use tepui_tests::framework::{Framework, info, scalar, small};
use tepui_tests::waiting::{secs, until};

/// The image that the executor is in.
const IMAGE: &str = "tepui/executor:1";

/// An engine with it: this machine's libraries, and a program that was linked with them.
fn engine() -> Engine {
    let engine = Engine::start();
    engine.import(IMAGE, |root| {
        let program = Path::new(env!("CARGO_BIN_EXE_test-executor"));
        fs::copy(program, root.join("bin/executor")).expect("the executor can be copied");
        let listed = Command::new("ldd").arg(program).output().expect("ldd can be run").stdout;
        let listed = String::from_utf8(listed).expect("paths are text");
        for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
            let inside = root.join(&library[1..]);
            fs::create_dir_all(inside.parent().expect("libraries lie in folders")).expect("a folder");
            fs::copy(library, inside).expect("a library can be copied");
        }
    });
    engine
}

/// A task of the executor `e`.
fn task(id: &str, image: &str) -> Value {
    let executor = json!({
        "executor_id": { "value": "e" },
        "resources": [scalar("cpus", 0.1), scalar("mem", 64.0)],
        "command": { "shell": false, "value": "/bin/executor" },
        "container": { "type": "DOCKER", "docker": { "image": image } }
    });
    json!({ "task_id": { "value": id }, "name": id, "resources": small(), "executor": executor })
}

#[test]
fn an_executor_in_an_image_runs_its_tasks_and_outlives_its_agent() {
    let engine = engine();
    let mut cluster = cluster(&engine, &["--docker_remove_delay=0secs"]);
    let framework = checkpointing(&cluster);

    framework.launch(&framework.offer(), &[task("finish", IMAGE), task("stay", IMAGE)]);
    framework.await_state("finish", "TASK_FINISHED");
    framework.await_state("stay", "TASK_RUNNING");

    let sandbox = sandbox(&cluster, "e");
    let read = |file: &str| fs::read_to_string(sandbox.join(file)).unwrap_or_default();
    assert_eq!(read("finished"), "yes\n");
    until("its output in the sandbox", secs(20), || {
        let said = read("stdout").contains("executor e says hello");
        (said && read("stderr").contains("its sandbox is /mnt/mesos/sandbox")).then_some(())
    });
    let container = engine.only();
    // The executor's own memory and that of its two tasks.
    assert_eq!(engine.inspect(&container)["HostConfig"]["Memory"], 128 << 20);

    cluster.agents[0].kill();
    assert_eq!(engine.only(), container);
    cluster.agents[0].restart();
    cluster.await_agents(1);
    framework.kill("stay");
    framework.await_state("stay", "TASK_KILLED");
    assert_eq!(engine.only(), container, "the executor waits for more");

    framework.tell("TEARDOWN", json!({}));
    until("the container to be removed", secs(30), || engine.containers().is_empty().then_some(()));
}

#[test]
fn the_end_of_an_executor_in_an_image_is_told_with_its_reason() {
    let engine = engine();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let ended = |id: &str, image: &str| {
        framework.launch(&framework.revived_offer(), &[task(id, image)]);
        verdict(&framework, id)
    };

    let left = ended("leave", IMAGE);
    assert!(left.starts_with("TASK_FAILED REASON_EXECUTOR_TERMINATED"), "{left}");
    let status = |number: usize| {
        let events = framework.events_when(secs(20), |events| {
            events.iter().filter(|event| event["failure"].get("executor_id").is_some()).count() >= number
        });
        let mut failures = events.iter().filter(|event| event["failure"].get("executor_id").is_some());
        failures.next_back().map(|event| event["failure"]["status"].clone())
    };
    assert_eq!(status(1), Some(json!(7 << 8)), "as wait(2) has it");

    let eaten = ended("eat", IMAGE);
    let limit = "TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY Memory limit exceeded: Container exited with";
    assert!(eaten.starts_with(limit), "{eaten}");

    let missing = ended("missing", "tepui/none:1");
    assert!(missing.starts_with("TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED"), "{missing}");
    assert!(missing.contains("pull image tepui/none:1"), "{missing}");
    until("nothing to run", secs(20), || engine.running().is_empty().then_some(()));
}

#[test]
fn an_executor_in_an_image_that_never_comes_is_ended_with_its_container() {
    let engine = Engine::start();
    let flags = ["--executor_registration_timeout=1secs", "--docker_remove_delay=0secs"];
    let cluster = cluster(&engine, &flags);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let mut silent = task("silent", engine::IMAGE);
    // It would go on for ever, whatever it is asked.
    silent["executor"]["command"] = json!({ "value": "trap '' TERM; echo up; while true; do sleep 1; done" });

    framework.launch(&framework.offer(), &[silent]);

    let verdict = verdict(&framework, "silent");
    assert!(verdict.starts_with("TASK_FAILED REASON_EXECUTOR_REGISTRATION_TIMEOUT"), "{verdict}");
    until("the container to be removed", secs(30), || engine.containers().is_empty().then_some(()));
}
