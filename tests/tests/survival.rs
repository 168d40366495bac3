//! Kill -9: what runs goes on, nothing runs twice, nothing is lost.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, PATIENCE, task};
use tepui_tests::waiting::{secs, until};

const TASKS: usize = 20;

/// A framework that survives: it checkpoints, and may be away for a while.
fn durable(id: Option<&str>) -> Value {
    let mut info = json!({ "user": "root", "name": "survivor", "checkpoint": true, "failover_timeout": 600 });
    if let Some(id) = id {
        info["id"] = json!({ "value": id });
    }
    info
}

/// Twenty tasks that note when they start and end when they are let go.
struct Batch {
    directory: PathBuf,
    ids: Vec<String>,
}

impl Batch {
    fn launch(cluster: &Cluster, framework: &Framework) -> Self {
        let directory = cluster.directory().join("batch");
        fs::create_dir(&directory).expect("our own directory can be written");
        let ids: Vec<String> = (0..TASKS).map(|number| format!("task-{number}")).collect();
        let started = directory.join("started");
        let command = |id: &str| {
            let go = directory.join(format!("{id}.go"));
            format!("echo {id} >> {}; until test -e {}; do sleep 0.1; done", started.display(), go.display())
        };
        let tasks: Vec<Value> = ids.iter().map(|id| task(id, &command(id))).collect();
        framework.launch(&framework.offer(), &tasks);
        for id in &ids {
            framework.await_state(id, "TASK_RUNNING");
        }
        Batch { directory, ids }
    }

    fn let_go(&self, which: std::ops::Range<usize>) {
        for id in &self.ids[which] {
            fs::write(self.directory.join(format!("{id}.go")), "").expect("our own directory can be written");
        }
    }

    /// Every task started once.
    #[track_caller]
    fn started_once(&self) {
        let mut started: Vec<String> = lines(&self.directory.join("started"));
        started.sort();
        let mut expected = self.ids.clone();
        expected.sort();
        assert_eq!(started, expected);
    }

    /// The tasks end well, and nothing but what belongs to that was ever said of them.
    #[track_caller]
    fn finishes(&self, frameworks: &[&Framework]) {
        let last = frameworks.last().expect("there is a framework");
        for id in &self.ids {
            last.await_state(id, "TASK_FINISHED");
        }
        for id in &self.ids {
            let states: Vec<String> = frameworks.iter().flat_map(|framework| framework.states(id)).collect();
            let good = ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"];
            assert!(states.iter().all(|state| good.contains(&state.as_str())), "{id}: {states:?}");
        }
        self.started_once();
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn big() -> Plan {
    Plan::agents(1).resources("cpus:8;mem:4096;disk:10000;ports:[31000-32000]")
}

/// Waits until the master counts this many running tasks.
#[track_caller]
fn await_running(cluster: &Cluster, count: usize) {
    until(format!("{count} running tasks at the master"), secs(60), || {
        let answer = cluster.master.get("/tasks?limit=1000");
        let tasks = (answer.status() == 200).then(|| answer.json())?;
        let running =
            tasks["tasks"].as_array()?.iter().filter(|task| task["state"] == "TASK_RUNNING").count();
        (running == count).then_some(())
    });
}

#[test]
fn tasks_survive_the_death_of_their_agent() {
    let mut cluster = big().start();
    let framework = Framework::subscribe(cluster.master.address(), durable(None));
    let batch = Batch::launch(&cluster, &framework);
    let agent = cluster.master.get("/slaves").json()["slaves"][0]["id"].clone();

    cluster.agents[0].kill();
    // Half of them end while there is no agent to tell.
    batch.let_go(0..TASKS / 2);
    cluster.agents[0].restart();
    cluster.await_agents(1);
    batch.let_go(TASKS / 2..TASKS);

    batch.finishes(&[&framework]);
    assert_eq!(cluster.master.get("/slaves").json()["slaves"][0]["id"], agent, "it is the same agent");
    let failures = framework
        .events()
        .iter()
        .filter(|event| event["type"] == "FAILURE" && event["failure"].get("executor_id").is_none())
        .count();
    assert_eq!(failures, 0, "the agent was never lost");
}

#[test]
fn tasks_survive_the_orderly_end_of_their_agent() {
    let mut cluster = big().start();
    let framework = Framework::subscribe(cluster.master.address(), durable(None));
    let batch = Batch::launch(&cluster, &framework);

    let (status, _) = cluster.agents[0].terminate();
    assert!(status.success(), "{status}");
    cluster.agents[0].restart();
    cluster.await_agents(1);
    batch.let_go(0..TASKS);

    batch.finishes(&[&framework]);
}

#[test]
fn tasks_survive_the_death_of_the_master() {
    let mut cluster = big().start();
    let first = Framework::subscribe(cluster.master.address(), durable(None));
    let batch = Batch::launch(&cluster, &first);
    let agent = cluster.master.get("/slaves").json()["slaves"][0]["id"].clone();

    cluster.master.kill();
    first.await_end();
    // Some end while there is no master to tell.
    batch.let_go(0..5);
    cluster.master.restart();
    cluster.await_agents(1);
    assert_eq!(cluster.master.get("/slaves").json()["slaves"][0]["id"], agent, "it is the same agent");
    let second = Framework::subscribe(cluster.master.address(), durable(Some(&first.id)));
    assert_eq!(second.id, first.id);
    await_running(&cluster, TASKS - 5);

    second.tell("RECONCILE", json!({ "reconcile": { "tasks": [] } }));
    for id in &batch.ids[5..] {
        // An update that was not acknowledged in time may come again beside the answer.
        let answered =
            |status: &Value| status["reason"] == "REASON_RECONCILIATION" && status["state"] == "TASK_RUNNING";
        until(format!("{id} to be reconciled"), secs(30), || {
            second.statuses(id).iter().any(answered).then_some(())
        });
    }
    batch.let_go(5..TASKS);

    batch.finishes(&[&first, &second]);
}

#[test]
fn tasks_survive_the_death_of_master_and_agent_together() {
    let mut cluster = big().start();
    let first = Framework::subscribe(cluster.master.address(), durable(None));
    let batch = Batch::launch(&cluster, &first);

    cluster.agents[0].kill();
    cluster.master.kill();
    batch.let_go(0..TASKS / 2);
    cluster.agents[0].restart();
    cluster.master.restart();
    cluster.await_agents(1);
    let second = Framework::subscribe(cluster.master.address(), durable(Some(&first.id)));
    batch.let_go(TASKS / 2..TASKS);

    batch.finishes(&[&first, &second]);
}

#[test]
fn updates_are_sent_again_until_they_are_acknowledged() {
    let cluster = Cluster::of(1);
    let master = cluster.master.address();
    let silent = tepui_tests::framework::Acknowledge::ByTheTest;
    let first = Framework::subscribe_with(master, durable(None), &[], silent);
    first.launch(&first.offer(), &[task("short", "true")]);
    let starting = first.events_when(PATIENCE, |events| events.iter().any(|event| event["type"] == "UPDATE"));
    let uuid = starting.iter().find(|event| event["type"] == "UPDATE").expect("it was waited for")["update"]
        ["status"]["uuid"]
        .clone();
    first.disconnect();

    let second = Framework::subscribe(master, durable(Some(&first.id)));
    second.await_state("short", "TASK_FINISHED");

    assert_eq!(
        second.statuses("short")[0]["uuid"],
        uuid,
        "the unacknowledged update comes first, with the uuid it had"
    );
    assert_eq!(first.statuses("short").len(), 1, "nothing follows an update that was not acknowledged");
}

#[test]
fn a_framework_that_stays_away_is_ended_with_its_tasks() {
    let cluster = Cluster::of(1);
    let mut info = durable(None);
    info["failover_timeout"] = json!(1);
    let framework = Framework::subscribe(cluster.master.address(), info);
    framework.launch(&framework.offer(), &[task("orphan", "sleep 300")]);
    framework.await_state("orphan", "TASK_RUNNING");

    framework.disconnect();

    until("the framework to be completed", secs(30), || {
        let frameworks = cluster.master.get("/frameworks").json();
        let completed = frameworks["completed_frameworks"].as_array()?.iter();
        completed.into_iter().any(|completed| completed["id"] == framework.id.as_str()).then_some(())
    });
    until("its task to be ended on the agent", secs(30), || {
        let state = cluster.agent().get("/slave(1)/containers").json();
        state.as_array()?.is_empty().then_some(())
    });
}
