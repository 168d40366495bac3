//! How command tasks live and end: exit statuses, kills, limits, users.

use serde_json::{Value, json};
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, info, scalar, task};
use tepui_tests::waiting::{secs, until};

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Processes whose command line has this text.
fn processes(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(text)).collect()
}

/// Ends and reports what a shell command does.
fn ended(command: &str) -> Vec<Value> {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("ends"));
    framework.launch(&framework.offer(), &[task("t", command)]);
    until("the task to end", secs(30), || {
        let statuses = framework.statuses("t");
        let last = statuses.last()?["state"].as_str()?.to_owned();
        ["TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST"]
            .contains(&last.as_str())
            .then_some(statuses)
    })
}

#[test]
fn a_task_goes_through_its_states_in_order() {
    let states: Vec<Value> = ended("true").iter().map(|status| status["state"].clone()).collect();

    assert_eq!(states, ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]);
}

#[test]
fn the_last_update_says_how_the_command_ended() {
    for (command, state, message) in [
        ("exit 0", "TASK_FINISHED", "Command exited with status 0"),
        ("exit 3", "TASK_FAILED", "Command exited with status 3"),
        ("kill -KILL $$", "TASK_FAILED", "Command terminated with signal Killed"),
        ("no-such-command-anywhere", "TASK_FAILED", "Command exited with status 127"),
    ] {
        let statuses = ended(command);
        let last = statuses.last().expect("it ended");
        assert_eq!((&last["state"], &last["message"]), (&json!(state), &json!(message)), "{command}");
    }
}

#[test]
fn a_command_without_a_shell_gets_its_arguments_as_they_are() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("argv"));
    let mut argv = task("argv", "");
    argv["command"] = json!({ "shell": false, "value": "/bin/sh", "arguments": ["sh", "-c", "test \"$1\" = 'a  b'; exit $?", "sh", "a  b"] });

    framework.launch(&framework.offer(), &[argv]);

    framework.await_state("argv", "TASK_FINISHED");
}

#[test]
fn a_kill_ends_the_whole_tree() {
    let cluster = Cluster::of(1);
    let mark = format!("31{}", std::process::id());
    let framework = Framework::subscribe(cluster.master.address(), info("tree"));
    let command = format!("sleep {mark}.1 & (sleep {mark}.2 & setsid sleep {mark}.3) & wait");
    framework.launch(&framework.offer(), &[task("tree", &command)]);
    framework.await_state("tree", "TASK_RUNNING");
    let sleeping =
        || processes(&format!("sleep {mark}")).iter().filter(|line| line.starts_with("sleep")).count();
    until("the tree to grow", secs(20), || (sleeping() == 3).then_some(()));

    framework.kill("tree");

    framework.await_state("tree", "TASK_KILLED");
    until("the tree to be gone", secs(20), || (sleeping() == 0).then_some(()));
}

#[test]
fn a_task_that_ignores_the_signal_is_ended_after_its_grace_period() {
    let cluster = Cluster::of(1);
    let mut who = info("grace");
    who["capabilities"] = json!([{ "type": "TASK_KILLING_STATE" }]);
    let framework = Framework::subscribe(cluster.master.address(), who);
    let mut stubborn = task("stubborn", "trap '' TERM; echo trapped; while true; do sleep 1; done");
    stubborn["kill_policy"] = json!({ "grace_period": { "nanoseconds": 1_000_000_000 } });
    framework.launch(&framework.offer(), &[stubborn]);
    framework.await_state("stubborn", "TASK_RUNNING");
    let state = cluster.agent().get("/slave(1)/state").json();
    let directory =
        state["frameworks"][0]["executors"][0]["directory"].as_str().unwrap_or_default().to_owned();
    until("the trap to be set", secs(20), || {
        cluster
            .agent()
            .get(&format!("/files/download?path={directory}/stdout"))
            .text()
            .contains("trapped")
            .then_some(())
    });

    let begin = std::time::Instant::now();
    framework.kill("stubborn");

    framework.await_state("stubborn", "TASK_KILLED");
    assert!(begin.elapsed() >= secs(1), "killed after {:?}", begin.elapsed());
    assert_eq!(
        framework.states("stubborn"),
        ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]
    );
}

#[test]
fn a_teardown_ends_all_tasks() {
    let cluster = Cluster::of(1);
    let mark = format!("32{}", std::process::id());
    let framework = Framework::subscribe(cluster.master.address(), info("teardown"));
    let tasks: Vec<Value> =
        (0..3).map(|number| task(&format!("t-{number}"), &format!("exec sleep {mark}"))).collect();
    framework.launch(&framework.offer(), &tasks);
    for number in 0..3 {
        framework.await_state(&format!("t-{number}"), "TASK_RUNNING");
    }

    framework.tell("TEARDOWN", json!({}));

    framework.await_end();
    until("their processes to be gone", secs(20), || {
        processes(&format!("sleep {mark}")).is_empty().then_some(())
    });
    let again = Framework::subscribe(cluster.master.address(), info("next"));
    let cpus =
        again.offer()["resources"].as_array().into_iter().flatten().find(|r| r["name"] == "cpus").cloned();
    assert_eq!(
        cpus.map(|cpus| cpus["scalar"]["value"].clone()),
        Some(json!(4.0)),
        "everything is offered again"
    );
}

#[test]
fn a_task_beyond_its_memory_fails_with_that_reason() {
    if !is_root() {
        println!("memory is limited by control groups, which need root: nothing to see here for others");
        return;
    }
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("memory"));
    let mut hungry = task("hungry", "");
    // `tail` keeps a line until it has seen its end.
    hungry["command"]["value"] = json!("head -c 300000000 /dev/zero | tail -n 1 > /dev/null; sleep 300");
    hungry["resources"] = json!([scalar("cpus", 0.5), scalar("mem", 64.0)]);

    framework.launch(&framework.offer(), &[hungry]);

    let status = framework.await_state("hungry", "TASK_FAILED");
    assert_eq!(status["reason"], "REASON_CONTAINER_LIMITATION_MEMORY", "{status}");
    assert!(status["message"].as_str().unwrap_or_default().contains("emory limit"), "{status}");
}

#[test]
fn a_task_runs_as_the_user_it_names() {
    if !is_root() {
        println!("only root may switch users: nothing to see here for others");
        return;
    }
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("users"));
    let mut nobody = task("nobody", "test $(id -un) = nobody && touch own && test $(stat -c %U .) = nobody");
    nobody["command"]["user"] = json!("nobody");
    let mut unknown = task("unknown", "true");
    unknown["command"]["user"] = json!("no-such-user");

    framework.launch(&framework.offer(), &[nobody, unknown]);

    framework.await_state("nobody", "TASK_FINISHED");
    let status = framework.await_state("unknown", "TASK_FAILED");
    assert!(status["message"].as_str().unwrap_or_default().contains("no-such-user"), "{status}");
}

#[test]
fn an_agent_that_stays_away_is_unreachable_and_comes_back() {
    let plan = Plan::agents(1).master("--agent_ping_timeout=1secs").master("--max_agent_ping_timeouts=2");
    let mut cluster = plan.start();
    let mut who = info("partition");
    who["capabilities"] = json!([{ "type": "PARTITION_AWARE" }]);
    who["checkpoint"] = json!(true);
    let framework = Framework::subscribe(cluster.master.address(), who);
    framework.launch(&framework.offer(), &[task("far", "sleep 300")]);
    framework.await_state("far", "TASK_RUNNING");

    cluster.agents[0].kill();
    let status = framework.await_state("far", "TASK_UNREACHABLE");
    assert_eq!(
        (&status["source"], &status["reason"]),
        (&json!("SOURCE_MASTER"), &json!("REASON_AGENT_REMOVED"))
    );
    assert_eq!(cluster.master.get("/state").json()["unreachable_slaves"], json!(1.0));
    cluster.agents[0].restart();
    cluster.await_agents(1);

    until("the task to be known as running again", secs(30), || {
        let tasks = cluster.master.get("/tasks").json();
        (tasks["tasks"][0]["state"] == "TASK_RUNNING").then_some(())
    });
    framework.kill("far");
    framework.await_state("far", "TASK_KILLED");
}

#[test]
fn two_frameworks_share_the_cluster_fairly() {
    let cluster = Cluster::of(2);
    let one = Framework::subscribe(cluster.master.address(), info("one"));
    let offers = [one.offer(), one.offer()];
    let two = Framework::subscribe(cluster.master.address(), info("two"));

    // The first holds everything; it uses a little of one agent and gives the other back.
    one.launch(&offers[0], &[task("a", "sleep 300")]);
    one.decline(&offers[1], 0.0);

    two.offer();
    one.await_state("a", "TASK_RUNNING");
}
