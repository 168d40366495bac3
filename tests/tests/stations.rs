//! A framework's life, with everything readable at each of its stations held against Mesos' answers.

use serde_json::{Value, json};
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, scalar};
use tepui_tests::recording::{Allowed, Comparison};
use tepui_tests::waiting::{secs, until};

const CGROUPS: &str = "recorded without cgroups, whose counters are more";

const ALLOWED: &[Allowed] = &[
    Allowed {
        case: "GET /redirect",
        difference: "header Location: //*, recorded //ADDRESS",
        why: "the name of the machine is the set-up's; see `routing.rs`",
    },
    Allowed {
        case: "POST /api/v1 GET_*",
        difference: "*agent_info.checkpoint: missing",
        why: "the v1 API declares no such field: Mesos prints that of its internal message",
    },
    Allowed {
        case: "POST /api/v1 GET_ROLES",
        difference: "get_roles.roles[].resources: missing",
        why: "to which of its roles a framework gets its offers is chance",
    },
    Allowed { case: "GET /slave(1)/*", difference: "[].statistics.*: not in the recording", why: CGROUPS },
    Allowed {
        case: "*GET_CONTAINERS",
        difference: "*.resource_statistics.*: not in the recording",
        why: CGROUPS,
    },
    Allowed {
        case: "*",
        difference: "*.statuses[].message: missing",
        why: "what an executor says is its own affair",
    },
    Allowed {
        case: "*/flags",
        difference: "*",
        why: "flags are compared nowhere: their values are the set-up's",
    },
    Allowed { case: "*GET_FLAGS", difference: "*", why: "as above" },
    Allowed { case: "*metrics/snapshot*", difference: "*", why: "metrics have a test of their own" },
    Allowed { case: "*GET_METRICS", difference: "*", why: "as above" },
    Allowed { case: "*/files/debug", difference: "*", why: "its keys are paths of the set-up" },
    Allowed {
        case: "*",
        difference: "completed_frameworks[].pid: missing",
        why: "the first framework of the recorded master came over libprocess, ours comes over HTTP",
    },
];

/// The recorded master had one framework before, and had ended it.
fn bootstrap() -> Value {
    json!({ "user": "root", "name": "bootstrap", "hostname": "vm" })
}

/// The framework of the recordings.
fn rich() -> Value {
    json!({
        "user": "root", "name": "recorder", "roles": ["web", "batch"], "hostname": "client.example",
        "capabilities": [{ "type": "MULTI_ROLE" }, { "type": "TASK_KILLING_STATE" }],
        "labels": { "labels": [{ "key": "a", "value": "b" }] },
        "checkpoint": true, "failover_timeout": 1.5, "webui_url": "http://x/",
    })
}

/// The task of the recordings.
fn hold() -> Value {
    json!({
        "task_id": { "value": "hold-1" }, "name": "hold",
        "command": { "value": "echo hello from $MESOS_TASK_ID; sleep 300" },
        "labels": { "labels": [{ "key": "k", "value": "v" }] },
        "resources": [scalar("cpus", 0.5), scalar("mem", 64.0),
            { "name": "ports", "type": "RANGES", "ranges": { "range": [{ "begin": 31000, "end": 31001 }] } }],
    })
}

fn compare(cluster: &Cluster, file: &str) {
    let mut comparison = Comparison::new(ALLOWED);
    comparison.ask_all(cluster, file, &[]);
    comparison.finish();
}

/// The framework of the recordings, with its task running.
fn running(cluster: &Cluster) -> Framework {
    let framework = Framework::subscribe(cluster.master.address(), rich());
    let offer = framework.offer();
    framework.launch(&offer, &[hold()]);
    framework.await_state("hold-1", "TASK_RUNNING");
    until("both updates to be acknowledged", secs(20), || {
        let tasks = cluster.operator("GET_TASKS");
        (tasks["get_tasks"]["tasks"][0]["status_update_state"] == "TASK_RUNNING").then_some(())
    });
    framework
}

#[test]
fn an_idle_cluster_reads_as_with_mesos() {
    let cluster = Cluster::of(1);
    Framework::subscribe(cluster.master.address(), bootstrap()).tell("TEARDOWN", json!({}));

    compare(&cluster, "idle.json");
}

#[test]
fn a_running_task_reads_as_with_mesos() {
    let cluster = Cluster::of(1);
    Framework::subscribe(cluster.master.address(), bootstrap()).tell("TEARDOWN", json!({}));
    let framework = running(&cluster);
    framework.offer();

    compare(&cluster, "running.json");
}

#[test]
fn a_killed_task_and_an_ended_framework_read_as_with_mesos() {
    let cluster = Cluster::of(1);
    Framework::subscribe(cluster.master.address(), bootstrap()).tell("TEARDOWN", json!({}));
    let framework = running(&cluster);
    framework.kill("hold-1");
    framework.await_state("hold-1", "TASK_KILLED");
    framework.offer();
    await_executors(&cluster, 0);

    compare(&cluster, "killed.json");

    framework.tell("TEARDOWN", json!({}));
    framework.await_end();
    until("the agent to forget the framework", secs(20), || {
        let state = cluster.agent().get("/slave(1)/state").json();
        state["frameworks"].as_array()?.is_empty().then_some(())
    });
    compare(&cluster, "completed.json");
}

fn await_executors(cluster: &Cluster, count: usize) {
    until(format!("{count} executors"), secs(20), || {
        let containers = cluster.agent().get("/slave(1)/containers").json();
        (containers.as_array()?.len() == count).then_some(())
    });
}

#[test]
fn metrics_that_dashboards_draw_are_there() {
    let cluster = Cluster::of(1);
    let names = [
        "master/elected",
        "master/uptime_secs",
        "master/slaves_active",
        "master/slaves_connected",
        "master/slaves_inactive",
        "master/frameworks_active",
        "master/frameworks_connected",
        "master/outstanding_offers",
        "master/tasks_running",
        "master/tasks_staging",
        "master/tasks_starting",
        "master/tasks_finished",
        "master/tasks_failed",
        "master/tasks_killed",
        "master/tasks_lost",
        "master/tasks_error",
        "master/cpus_total",
        "master/cpus_used",
        "master/cpus_percent",
        "master/mem_total",
        "master/mem_used",
        "master/disk_total",
        "master/dropped_messages",
    ];

    let metrics = cluster.master.get("/metrics/snapshot?timeout=2secs").json();

    let missing: Vec<&str> = names.into_iter().filter(|name| !metrics[name].is_number()).collect();
    assert!(missing.is_empty(), "not in /metrics/snapshot: {missing:?}");
    assert_eq!(metrics["master/slaves_active"], json!(1.0));
    assert_eq!(metrics["master/cpus_total"], json!(4.0));
}

#[test]
fn state_has_the_fields_scripts_read() {
    let cluster = Cluster::of(1);
    let framework = running(&cluster);

    let state = cluster.master.get("/state").json();

    assert_eq!(state["version"], "1.11.0");
    assert_eq!(state["activated_slaves"], json!(1.0));
    assert_eq!(state["pid"], format!("master@{}", cluster.master.address()));
    assert_eq!(state["slaves"][0]["pid"], format!("slave(1)@{}", cluster.agent().address()));
    assert_eq!(state["slaves"][0]["resources"]["cpus"], json!(4.0));
    assert_eq!(state["slaves"][0]["used_resources"]["ports"], "[31000-31001]");
    assert_eq!(state["frameworks"][0]["id"], framework.id.as_str());
    let task = &state["frameworks"][0]["tasks"][0];
    assert_eq!((&task["id"], &task["state"]), (&json!("hold-1"), &json!("TASK_RUNNING")));
    assert_eq!(task["statuses"].as_array().map(Vec::len), Some(2));
}

#[test]
fn updates_carry_what_mesos_puts_into_them() {
    let cluster = Cluster::of(1);
    let framework = running(&cluster);
    framework.kill("hold-1");
    framework.await_state("hold-1", "TASK_KILLED");
    let recorded = tepui_tests::recording::values("updates.json");
    let recorded = recorded[1]["events"].as_array().expect("the updates");
    let mut comparison = Comparison::new(&[
        Allowed {
            case: "*",
            difference: "update.status.message: *",
            why: "what an executor says is its own affair",
        },
        Allowed { case: "*", difference: "update.status.reason: *", why: "as above" },
        Allowed {
            case: "*",
            difference: "update.status.container_status.cgroup_info: *",
            why: "recorded without cgroups",
        },
    ]);

    for recorded in recorded {
        let state = recorded["update"]["status"]["state"].as_str().expect("a state");
        let ours =
            json!({ "type": "UPDATE", "update": { "status": framework.await_state("hold-1", state) } });
        let found = tepui_tests::recording::json_differences(
            recorded.to_string().as_bytes(),
            ours.to_string().as_bytes(),
        );
        comparison.note(state, found);
    }

    comparison.finish();
    let status = framework.await_state("hold-1", "TASK_RUNNING");
    assert_eq!(status["source"], "SOURCE_EXECUTOR");
    assert_eq!(tepui_tests::recording::base64(status["uuid"].as_str().unwrap_or_default()).len(), 16);
}
