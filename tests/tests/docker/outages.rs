//! Engines that are not there, die, hang, or are full.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tepui_tests::docker::{await_file, checkpointing, cluster, read, sandbox, task, verdict};
use tepui_tests::engine::{Engine, Setup};
use tepui_tests::framework::{Framework, info};
use tepui_tests::waiting::{secs, until};

/// Ends well when it is asked to.
const LONG: &str = "trap 'exit 0' TERM; touch $MESOS_SANDBOX/set; while true; do sleep 0.1; done";

#[test]
fn tasks_say_that_the_engine_is_away_and_run_when_it_is_there_again() {
    let mut engine = Engine::start();
    engine.end();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let away = format!(
        "TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED reach the Docker engine at {}: ",
        engine.socket().display()
    );

    framework.launch(&framework.offer(), &[task("early", "true")]);
    let early = verdict(&framework, "early");
    assert!(early.starts_with(&away) && early.ends_with("is --docker_socket right?"), "{early}");

    engine.start_again();
    framework.launch(&framework.revived_offer(), &[task("good", "true"), task("long", LONG)]);
    assert_eq!(verdict(&framework, "good"), "TASK_FINISHED - Container exited with status 0");
    framework.await_state("long", "TASK_RUNNING");

    engine.kill();
    framework.launch(&framework.revived_offer(), &[task("late", "true")]);
    let late = verdict(&framework, "late");
    assert!(late.starts_with(&away), "{late}");
    assert_eq!(framework.states("long").last().map(String::as_str), Some("TASK_RUNNING"));

    // Without live-restore, a new engine ends what it finds.
    engine.start_again();
    // With which status, not even the engine knows for sure.
    let long = verdict(&framework, "long");
    assert!(long.starts_with("TASK_FAILED - Container exited with status "), "{long}");
    assert!(long.ends_with("; the Docker engine ended and took it along"), "{long}");
}

#[test]
fn a_container_that_its_engine_ends_on_its_way_out_has_failed_however_well_it_ended() {
    let mut engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    framework.launch(&framework.offer(), &[task("long", LONG)]);
    framework.await_state("long", "TASK_RUNNING");
    await_file(&cluster, "long", "set");

    // It lets its containers end, and tells of that, before it goes.
    engine.end();
    engine.start_again();

    assert_eq!(
        verdict(&framework, "long"),
        "TASK_FAILED - Container exited with status 0; the Docker engine ended and took it along"
    );
    framework.launch(&framework.revived_offer(), &[task("next", "true")]);
    assert_eq!(verdict(&framework, "next"), "TASK_FINISHED - Container exited with status 0");
}

#[test]
fn nobody_hears_of_an_executors_end_before_its_container_has_ended() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    framework.launch(&framework.offer(), &[task("quick", LONG), task("silent", LONG)]);
    for id in ["quick", "silent"] {
        framework.await_state(id, "TASK_RUNNING");
    }
    let containers = cluster.agent().get("/containers").json();
    // The pids of a task's executor and of its container.
    let pids = |id: &str| {
        let mut all = containers.as_array().expect("containers").iter();
        let found = all.find(|container| container["executor_id"] == id).expect("it runs");
        let executor = found["status"]["executor_pid"].as_i64().expect("a pid");
        let name = format!("mesos-{}", found["container_id"].as_str().expect("an id"));
        (executor, engine.inspect(&name)["State"]["Pid"].as_i64().expect("a pid"))
    };
    let end_executor_of = |id: &str, (executor, container): (i64, i64)| {
        let pid = Pid::from_raw(executor.try_into().expect("pids are small"));
        kill(pid, Signal::SIGKILL).expect("it runs");
        let verdict = verdict(&framework, id);
        assert!(verdict.starts_with("TASK_FAILED REASON_EXECUTOR_TERMINATED"), "{verdict}");
        assert!(!Path::new(&format!("/proc/{container}")).exists(), "{id} goes on");
    };
    let [quick, silent] = ["quick", "silent"].map(pids);

    end_executor_of("quick", quick);

    engine.freeze();
    end_executor_of("silent", silent);
    engine.thaw();
}

#[test]
fn a_container_that_its_engine_does_not_end_is_killed_all_the_same() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    framework.launch(&framework.offer(), &[task("stuck", "trap '' TERM; while true; do sleep 0.1; done")]);
    framework.await_state("stuck", "TASK_RUNNING");
    let name = engine.only();
    let pid = engine.inspect(&name)["State"]["Pid"].as_i64().expect("a pid");

    engine.freeze();
    framework.tell(
        "KILL",
        serde_json::json!({ "kill": {
            "task_id": { "value": "stuck" },
            "kill_policy": { "grace_period": { "nanoseconds": 100_000_000 } },
        } }),
    );

    let stuck = verdict(&framework, "stuck");
    let begin = "TASK_KILLED - Container ended with an unknown status: the Docker engine at ";
    assert!(stuck.starts_with(begin), "{stuck}");
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    engine.thaw();
    until("the engine to notice", secs(20), || engine.running().is_empty().then_some(()));
}

#[test]
fn a_container_goes_on_while_an_engine_with_live_restore_is_away() {
    let mut engine = Engine::with(Setup { live_restore: true, ..Setup::default() });
    let cluster = cluster(&engine, &[]);
    let framework = checkpointing(&cluster);
    let command = "echo before; while ! [ -e $MESOS_SANDBOX/go ]; do sleep 0.1; done; echo after; exit 5";
    framework.launch(&framework.offer(), &[task("steady", command)]);
    framework.await_state("steady", "TASK_RUNNING");
    until("the first word", secs(20), || (read(&cluster, "steady", "stdout") == "before\n").then_some(()));

    engine.end();
    engine.start_again();
    assert_eq!(engine.running().len(), 1);
    File::create(sandbox(&cluster, "steady").join("go")).expect("write into the sandbox");

    assert_eq!(verdict(&framework, "steady"), "TASK_FAILED - Container exited with status 5");
    assert_eq!(read(&cluster, "steady", "stdout"), "before\nafter\n");
}

#[test]
fn a_full_disk_of_the_engine_is_the_tasks_message() {
    let engine = Engine::with(Setup { megabytes: Some(48), ..Setup::default() });
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let mut file = File::create(engine.data().join("everything")).expect("a file can be made");
    let chunk = vec![0; 64 << 10];
    while file.write_all(&chunk).is_ok() {}

    framework.launch(&framework.offer(), &[task("full", "true")]);

    let full = verdict(&framework, "full");
    assert!(full.starts_with("TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED create container mesos-"), "{full}");
    assert!(full.ends_with("no space left on device"), "{full}");
}
