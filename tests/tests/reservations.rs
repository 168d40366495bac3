//! Reservations and volumes: what a framework or an operator makes of an agent's resources outlives the agent, and so does the
//! data.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, PATIENCE, scalar, task};
use tepui_tests::http::{Answer, Request};
use tepui_tests::waiting::{secs, until};

const ROLE: &str = "web";

fn info(name: &str) -> Value {
    json!({
        "user": "root", "name": name, "roles": [ROLE], "checkpoint": true, "failover_timeout": 600,
        "capabilities": [{ "type": "MULTI_ROLE" }, { "type": "RESERVATION_REFINEMENT" }],
    })
}

fn reserved(mut resource: Value) -> Value {
    resource["reservations"] = json!([{ "type": "DYNAMIC", "role": ROLE }]);
    resource
}

fn volume(size: f64) -> Value {
    let mut volume = reserved(scalar("disk", size));
    volume["disk"] =
        json!({ "persistence": { "id": "v1" }, "volume": { "container_path": "data", "mode": "RW" } });
    volume
}

fn reserve(resources: &Value) -> Value {
    json!({ "type": "RESERVE", "reserve": { "resources": resources } })
}

fn launch(offer: &Value, id: &str, command: &str, resources: &[Value]) -> Value {
    let mut task = task(id, command);
    task["agent_id"] = offer["agent_id"].clone();
    task["resources"] = json!(resources);
    json!({ "type": "LAUNCH", "launch": { "task_infos": [task] } })
}

fn accept(framework: &Framework, offer: &Value, operations: &[Value]) {
    accept_and_refuse(framework, offer, operations, 0.0);
}

/// What is left of the offer is not offered again for so many seconds.
fn accept_and_refuse(framework: &Framework, offer: &Value, operations: &[Value], seconds: f64) {
    let filters = json!({ "refuse_seconds": seconds });
    let accept = json!({ "offer_ids": [offer["id"]], "operations": operations, "filters": filters });
    framework.tell("ACCEPT", json!({ "accept": accept }));
}

/// Waits until the agent's resources say this, and answers what `/slaves` says of it.
#[track_caller]
fn await_agent(cluster: &Cluster, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(what, secs(40), || {
        let answer = cluster.master.get("/slaves");
        let agents = (answer.status() == 200).then(|| answer.json())?;
        let agent = agents["slaves"][0].clone();
        (agent["active"] == true && wanted(&agent)).then_some(agent)
    })
}

/// An offer that holds a volume.
#[track_caller]
fn offer_with_volume(framework: &Framework) -> Value {
    until("an offer with the volume", PATIENCE, || {
        let offer = framework.revived_offer();
        let has = entries(&offer).iter().any(|entry| entry["disk"]["persistence"]["id"] == "v1");
        if !has {
            framework.decline(&offer, 0.0);
        }
        has.then_some(offer)
    })
}

fn entries(offer: &Value) -> Vec<Value> {
    offer["resources"].as_array().cloned().unwrap_or_default()
}

#[track_caller]
fn await_operation(framework: &Framework, id: &str) -> Value {
    let of = |event: &Value| event["update_operation_status"]["status"].clone();
    let events = framework
        .events_when(PATIENCE, |events| events.iter().any(|event| of(event)["operation_id"]["value"] == id));
    let found = events.iter().map(of).find(|status| status["operation_id"]["value"] == id);
    found.expect("it was just there")
}

fn operator(cluster: &Cluster, call: &Value) -> Answer {
    cluster.master.ask(&Request::json("/api/v1", call.to_string()))
}

fn volume_directory(cluster: &Cluster) -> PathBuf {
    cluster.directory().join("agent-1/volumes/roles").join(ROLE).join("v1")
}

fn of_task() -> [Value; 2] {
    [scalar("cpus", 0.1), scalar("mem", 32.0)]
}

fn with_volume() -> Vec<Value> {
    of_task().into_iter().chain([volume(64.0)]).collect()
}

#[test]
fn a_volume_and_its_data_outlive_tasks_and_the_death_of_the_agent() {
    let mut cluster = Plan::agents(1).resources("cpus:4;mem:1024;disk:200").start();
    let framework = Framework::subscribe(cluster.master.address(), info("volumes"));
    let offer = framework.offer();

    let operations = [
        reserve(&json!([reserved(scalar("disk", 100.0))])),
        json!({ "type": "CREATE", "create": { "volumes": [volume(64.0)] } }),
        launch(&offer, "writes", "echo kept > data/file", &with_volume()),
    ];
    accept(&framework, &offer, &operations);
    framework.await_state("writes", "TASK_FINISHED");
    let file = volume_directory(&cluster).join("file");
    assert_eq!(fs::read_to_string(&file).expect("the task wrote it"), "kept\n");

    cluster.agents[0].kill();
    cluster.agents[0].restart();
    let agent = await_agent(&cluster, "the agent with its reservations", |agent| {
        agent["reregistered_time"].is_number() && agent["reserved_resources"][ROLE]["disk"] == 100.0
    });
    let full = agent["reserved_resources_full"][ROLE].as_array().expect("there are reservations");
    assert!(full.iter().any(|entry| entry["disk"]["persistence"]["id"] == "v1"), "{full:?}");
    assert_eq!(agent["unreserved_resources"]["disk"], 100.0);

    let offer = offer_with_volume(&framework);
    let reads = launch(&offer, "reads", "test \"$(cat data/file)\" = kept", &with_volume());
    // What is left must wait for what the task gives back, so that both come in one offer.
    accept_and_refuse(&framework, &offer, &[reads], 1000.0);
    framework.await_state("reads", "TASK_FINISHED");

    let offer = offer_with_volume(&framework);
    let operations = [
        json!({ "type": "DESTROY", "destroy": { "volumes": [volume(64.0)] } }),
        json!({ "type": "UNRESERVE", "unreserve": { "resources": [reserved(scalar("disk", 100.0))] } }),
    ];
    accept(&framework, &offer, &operations);
    await_agent(&cluster, "nothing is reserved", |agent| agent["reserved_resources"] == json!({}));
    until("the volume's directory is gone", secs(20), || {
        (!volume_directory(&cluster).exists()).then_some(())
    });
}

#[test]
fn a_framework_hears_of_its_operation_until_it_acknowledges() {
    let mut cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("feedback"));
    let offer = framework.offer();
    let mut operation = reserve(&json!([reserved(scalar("cpus", 1.0))]));
    operation["id"] = json!({ "value": "op-1" });
    accept(&framework, &offer, &[operation]);
    let status = await_operation(&framework, "op-1");
    assert_eq!(status["state"], "OPERATION_FINISHED");
    assert_eq!(status["agent_id"], offer["agent_id"]);

    let shown = operator(&cluster, &json!({ "type": "GET_OPERATIONS" })).json();
    let shown = shown["get_operations"]["operations"].as_array().expect("there is one").clone();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["info"]["id"]["value"], "op-1");
    assert_eq!(shown[0]["latest_status"]["state"], "OPERATION_FINISHED");

    // Not acknowledged: a new life of the agent tells it again.
    let before = framework.events().len();
    cluster.agents[0].kill();
    cluster.agents[0].restart();
    framework.events_when(PATIENCE, |events| {
        events[before..]
            .iter()
            .any(|event| event["update_operation_status"]["status"]["uuid"] == status["uuid"])
    });
    let acknowledge = json!({ "agent_id": status["agent_id"], "uuid": status["uuid"]["value"], "operation_id": { "value": "op-1" } });
    framework.tell("ACKNOWLEDGE_OPERATION_STATUS", json!({ "acknowledge_operation_status": acknowledge }));
    until("no operation is left at the agent", secs(20), || {
        let answer = cluster.agents[0].ask(&Request::json("/api/v1", r#"{"type":"GET_OPERATIONS"}"#));
        answer.json()["get_operations"].get("operations").is_none_or(|all| all == &json!([])).then_some(())
    });
    let before = framework.events().len();
    let asked = json!([{ "operation_id": { "value": "op-1" }, "agent_id": status["agent_id"] }]);
    framework.tell("RECONCILE_OPERATIONS", json!({ "reconcile_operations": { "operations": asked } }));
    let of_it = |event: &Value| {
        let status = &event["update_operation_status"]["status"];
        (status["operation_id"]["value"] == "op-1").then(|| status.clone())
    };
    let events =
        framework.events_when(PATIENCE, |events| events[before..].iter().any(|event| of_it(event).is_some()));
    let answer = events[before..].iter().find_map(of_it);
    assert_eq!(answer.map(|status| status["state"].clone()), Some(json!("OPERATION_UNKNOWN")));
}

#[test]
fn operators_reserve_and_make_volumes_over_both_apis() {
    let cluster = Plan::agents(1).resources("cpus:4;mem:1024;disk:200").start();
    let agent = cluster.master.get("/slaves").json()["slaves"][0]["id"].clone();
    let id = json!({ "value": agent });
    let resources = json!([reserved(scalar("disk", 100.0))]);
    // Its offers are in the way.
    let framework = Framework::subscribe(cluster.master.address(), info("holder"));
    let offer = framework.offer();

    let call = json!({ "type": "RESERVE_RESOURCES", "reserve_resources": { "agent_id": id, "resources": resources } });
    let answer = operator(&cluster, &call);
    assert_eq!((answer.status(), answer.text()), (202, String::new()));
    framework.events_when(PATIENCE, |events| {
        events.iter().any(|event| event["rescind"]["offer_id"] == offer["id"])
    });
    let volumes = json!([volume(64.0)]).to_string();
    let form = |path: &str, list: &str, value: &str| {
        let agent = agent.as_str().expect("ids are texts");
        let body = format!("slaveId={agent}&{list}={}", encoded(value));
        let request = Request::new("POST", path).body(body);
        cluster.master.ask(&request.with("Content-Type", "application/x-www-form-urlencoded"))
    };
    let created = form("/create-volumes", "volumes", &volumes);
    assert_eq!((created.status(), created.text()), (202, String::new()));
    until("the volume's directory", secs(20), || volume_directory(&cluster).is_dir().then_some(()));

    let grow = json!({ "type": "GROW_VOLUME", "grow_volume": {
        "agent_id": id, "volume": volume(64.0), "addition": reserved(scalar("disk", 16.0)) } });
    assert_eq!(operator(&cluster, &grow).status(), 202);
    let shrink = json!({ "type": "SHRINK_VOLUME", "shrink_volume": {
        "agent_id": id, "volume": volume(80.0), "subtract": { "value": 16.0 } } });
    assert_eq!(operator(&cluster, &shrink).status(), 202);

    let early = form("/unreserve", "resources", &volumes);
    assert_eq!(early.status(), 400);
    assert!(early.text().contains("Please destroy the persistent volume first"), "{}", early.text());
    let too_much = json!([reserved(scalar("disk", 1000.0))]).to_string();
    assert_eq!(form("/reserve", "resources", &too_much).status(), 409);
    assert_eq!(form("/destroy-volumes", "volumes", &volumes).status(), 202);
    assert_eq!(form("/unreserve", "resources", &resources.to_string()).status(), 202);
    until("the volume's directory is gone", secs(20), || {
        (!volume_directory(&cluster).exists()).then_some(())
    });
    await_agent(&cluster, "nothing is reserved", |agent| agent["reserved_resources"] == json!({}));
}

#[test]
fn an_agent_does_not_start_with_less_than_was_reserved() {
    let mut cluster = Plan::agents(1).resources("cpus:4;mem:1024;disk:200").start();
    let agent = cluster.master.get("/slaves").json()["slaves"][0]["id"].clone();
    let call = json!({ "type": "RESERVE_RESOURCES", "reserve_resources": {
        "agent_id": { "value": agent }, "resources": [reserved(scalar("disk", 150.0))] } });
    assert_eq!(operator(&cluster, &call).status(), 202);
    let kept = cluster.directory().join("agent-1/meta/resources/resources_and_operations.state");
    until("the reservation on disk", secs(20), || holds(&kept, ROLE).then_some(()));

    cluster.agents[0].kill();
    let output = std::process::Command::new(tepui_tests::binary::tepui())
        .args(["agent", "--ip=127.0.0.1", "--resources=cpus:4;mem:1024;disk:100"])
        .arg(format!("--master={}", cluster.master.address()))
        .arg(format!("--work_dir={}", cluster.directory().join("agent-1").display()))
        .arg(format!("--port={}", cluster.agents[0].address().rsplit(':').next().unwrap_or_default()))
        .output()
        .expect("the agent can be started");

    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("--resources do not hold what was reserved at run time"), "{said}");
    assert!(said.contains("does not contain disk:150") && said.contains("meta/resources"), "{said}");
}

fn holds(path: &Path, text: &str) -> bool {
    fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
}

/// For a form.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    let each = text.bytes().map(|byte| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    each.collect()
}
