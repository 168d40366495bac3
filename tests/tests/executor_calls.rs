//! The agent's executor API: refusals held against Mesos' answers, and a test that plays an executor itself.

use serde_json::{Value, json};
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, info, small};
use tepui_tests::http::{Connection, Request, ask};
use tepui_tests::recording::{Allowed, Comparison};
use tepui_tests::waiting::{secs, until};

const ALLOWED: &[Allowed] = &[
    Allowed {
        case: "not JSON",
        difference: "body *",
        why: "where a parser says it stopped is its own affair",
    },
    Allowed { case: "broken protobuf", difference: "body \"Failed to *", why: "ours says more, and where" },
];

#[test]
fn calls_are_refused_as_mesos_does() {
    let cluster = Cluster::of(1);
    let mut comparison = Comparison::new(ALLOWED);

    comparison.ask_all(&cluster, "executor-calls.json", &[]);

    comparison.finish();
}

/// A test in the place of an executor: its process is only `sleep`.
struct Puppet<'a> {
    cluster: &'a Cluster,
    framework: Framework,
    stream: Connection,
}

const PATH: &str = "/slave(1)/api/v1/executor";

impl<'a> Puppet<'a> {
    fn launch(cluster: &'a Cluster, task: &str) -> Self {
        let framework = Framework::subscribe(cluster.master.address(), info("puppet"));
        let offer = framework.offer();
        let executor = json!({ "executor_id": { "value": "puppet" }, "resources": small(), "command": { "value": "exec sleep 300" } });
        framework.launch(&offer, &[json!({ "task_id": { "value": task }, "name": task, "resources": small(), "executor": executor })]);
        until("the executor to be launched", secs(20), || {
            let state = cluster.agent().get("/slave(1)/state").json();
            (state["frameworks"][0]["executors"][0]["id"] == "puppet").then_some(())
        });
        let stream = Connection::open(cluster.agent().address()).expect("the agent listens");
        let mut puppet = Puppet { cluster, framework, stream };
        let call = puppet.body("SUBSCRIBE", json!({ "subscribe": {} }));
        puppet.stream.send(&Request::json(PATH, call)).expect("the call can be sent");
        let head = puppet.stream.head().expect("an answer");
        assert_eq!((head.status, head.is_chunked()), (200, true));
        puppet
    }

    fn body(&self, kind: &str, more: Value) -> String {
        let mut call = json!({ "type": kind, "executor_id": { "value": "puppet" }, "framework_id": { "value": self.framework.id } });
        for (key, value) in more.as_object().into_iter().flatten() {
            call[key] = value.clone();
        }
        call.to_string()
    }

    #[track_caller]
    fn event(&mut self, kind: &str) -> Value {
        loop {
            let chunk = self
                .stream
                .chunk()
                .expect("a chunk")
                .unwrap_or_else(|| panic!("the stream ended before {kind}"));
            let chunk = String::from_utf8(chunk).expect("JSON is text");
            let event: Value =
                serde_json::from_str(chunk.split_once('\n').expect("a length and a record").1).expect("JSON");
            if event["type"] == kind {
                return event;
            }
            assert_eq!(event["type"], "HEARTBEAT", "{event}");
        }
    }

    #[track_caller]
    fn tell(&self, kind: &str, more: Value) {
        let answer = ask(self.cluster.agent().address(), &Request::json(PATH, self.body(kind, more)))
            .expect("an answer");
        assert_eq!((answer.status(), answer.text().as_str()), (202, ""));
    }

    #[track_caller]
    fn update(&self, task: &str, state: &str, uuid: &str) {
        // Neither agent nor executor id: the agent fills in the one, and leaves the other out.
        let status = json!({ "task_id": { "value": task }, "state": state, "source": "SOURCE_EXECUTOR", "uuid": uuid });
        self.tell("UPDATE", json!({ "update": { "status": status } }));
    }
}

const UUIDS: [&str; 3] = ["AAAAAAAAQACAAAAAAAAAAQ==", "AAAAAAAAQACAAAAAAAAAAg==", "AAAAAAAAQACAAAAAAAAAAw=="];

#[test]
fn subscribed_echoes_exactly_the_ids_the_executor_came_with() {
    let cluster = Cluster::of(1);
    let mut puppet = Puppet::launch(&cluster, "echo");

    let subscribed = puppet.event("SUBSCRIBED")["subscribed"].clone();

    assert_eq!(subscribed["executor_info"]["executor_id"], json!({ "value": "puppet" }));
    assert_eq!(subscribed["framework_info"]["id"], json!({ "value": puppet.framework.id }));
    assert!(subscribed["agent_info"]["id"]["value"].is_string());
    assert!(subscribed["container_id"]["value"].is_string());
    assert_eq!(puppet.event("LAUNCH")["launch"]["task"]["task_id"], json!({ "value": "echo" }));
}

#[test]
fn updates_get_the_agents_id_and_keep_the_executors_silence() {
    let cluster = Cluster::of(1);
    let mut puppet = Puppet::launch(&cluster, "quiet");
    puppet.event("SUBSCRIBED");
    puppet.event("LAUNCH");

    puppet.update("quiet", "TASK_RUNNING", UUIDS[0]);

    let status = puppet.framework.await_state("quiet", "TASK_RUNNING");
    assert!(status["agent_id"]["value"].is_string());
    assert_eq!(status.get("executor_id"), None);
    assert_eq!(status["uuid"], UUIDS[0]);
    assert!(status["container_status"]["container_id"]["value"].is_string());
    assert!(status["container_status"]["network_infos"].is_array());
    let acknowledged = puppet.event("ACKNOWLEDGED");
    assert_eq!(acknowledged["acknowledged"], json!({ "task_id": { "value": "quiet" }, "uuid": UUIDS[0] }));
}

#[test]
fn a_terminal_update_after_the_end_is_forwarded_with_its_own_uuid() {
    let cluster = Cluster::of(1);
    let mut puppet = Puppet::launch(&cluster, "twice");
    puppet.event("SUBSCRIBED");
    puppet.event("LAUNCH");

    puppet.update("twice", "TASK_RUNNING", UUIDS[0]);
    puppet.update("twice", "TASK_FINISHED", UUIDS[1]);
    for uuid in &UUIDS[..2] {
        assert_eq!(puppet.event("ACKNOWLEDGED")["acknowledged"]["uuid"], *uuid);
    }
    puppet.update("twice", "TASK_FINISHED", UUIDS[2]);

    let uuids = until("both updates", secs(30), || {
        let statuses = puppet.framework.statuses("twice");
        let uuids: Vec<String> = statuses
            .iter()
            .filter(|s| s["state"] == "TASK_FINISHED")
            .map(|s| s["uuid"].to_string())
            .collect();
        (uuids.len() >= 2).then_some(uuids)
    });
    assert_eq!(uuids, [format!("\"{}\"", UUIDS[1]), format!("\"{}\"", UUIDS[2])]);
}

#[test]
fn messages_pass_both_ways() {
    let cluster = Cluster::of(1);
    let mut puppet = Puppet::launch(&cluster, "talk");
    puppet.event("SUBSCRIBED");
    puppet.event("LAUNCH");
    let agent = cluster.master.get("/slaves").json()["slaves"][0]["id"].clone();

    puppet.tell("MESSAGE", json!({ "message": { "data": "dG8gdGhlIGZyYW1ld29yaw==" } }));
    let to = json!({ "agent_id": { "value": agent }, "executor_id": { "value": "puppet" }, "data": "dG8gdGhlIGV4ZWN1dG9y" });
    puppet.framework.tell("MESSAGE", json!({ "message": to }));

    assert_eq!(puppet.event("MESSAGE")["message"]["data"], "dG8gdGhlIGV4ZWN1dG9y");
    let events = puppet
        .framework
        .events_when(secs(20), |events| events.iter().any(|event| event["type"] == "MESSAGE"));
    let message =
        &events.iter().find(|event| event["type"] == "MESSAGE").expect("it was waited for")["message"];
    assert_eq!(message["data"], "dG8gdGhlIGZyYW1ld29yaw==");
    assert_eq!(message["executor_id"], json!({ "value": "puppet" }));
}

#[test]
fn a_kill_reaches_the_executor_and_a_shutdown_ends_it() {
    let cluster = Cluster::of(1);
    let mut puppet = Puppet::launch(&cluster, "doomed");
    puppet.event("SUBSCRIBED");
    puppet.event("LAUNCH");
    puppet.update("doomed", "TASK_RUNNING", UUIDS[0]);
    puppet.framework.await_state("doomed", "TASK_RUNNING");

    puppet.event("ACKNOWLEDGED");
    puppet.framework.kill("doomed");
    assert_eq!(puppet.event("KILL")["kill"]["task_id"], json!({ "value": "doomed" }));
    puppet.framework.tell("TEARDOWN", json!({}));
    puppet.event("SHUTDOWN");
}
