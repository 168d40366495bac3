//! What operators decide outlives the master: quota, weights and the schedule of maintenance, over both APIs.

use serde_json::{Value, json};
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, info, task};
use tepui_tests::http::{Answer, Request};
use tepui_tests::waiting::{secs, until};

fn call(cluster: &Cluster, call: Value) -> Answer {
    cluster.master.ask(&Request::json("/api/v1", call.to_string()))
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!((answer.status(), answer.text().as_str()), (200, ""));
}

fn request(method: &str, path: &str, body: &Value) -> Request {
    Request { method: method.to_owned(), ..Request::json(path, body.to_string()) }
}

fn amount(value: f64) -> Value {
    json!({ "value": value })
}

/// kill -9, and the same again on the same directory.
fn restart(cluster: &mut Cluster) {
    cluster.master.kill();
    cluster.master.restart();
    until("the registry to be read", secs(30), || {
        (cluster.master.get("/weights").status() == 200).then_some(())
    });
}

#[test]
fn quota_and_weights_are_there_after_a_kill() {
    let mut cluster = Cluster::of(1);
    let web =
        json!({ "role": "web", "guarantees": { "cpus": amount(1.0) }, "limits": { "cpus": amount(2.0) } });
    let update =
        |configs: Value| json!({ "type": "UPDATE_QUOTA", "update_quota": { "quota_configs": configs } });
    done(&call(&cluster, update(json!([web]))));
    let guarantee = json!([{ "name": "cpus", "type": "SCALAR", "scalar": { "value": 1.0 } }]);
    let ads = json!({ "role": "ads", "guarantee": guarantee });
    done(&cluster.master.ask(&request("POST", "/quota", &ads)));
    let again = cluster.master.ask(&request("POST", "/quota", &ads));
    assert!(again.status() == 400 && again.text().contains("already has quota"), "{}", again.text());
    let much = json!({ "role": "much", "guarantees": { "cpus": amount(100.0) }, "limits": {} });
    let refused = call(&cluster, update(json!([much])));
    assert!(
        refused.status() == 400 && refused.text().contains("exceed cluster capacity"),
        "{}",
        refused.text()
    );
    let weights = json!([{ "role": "web", "weight": 2.5 }, { "role": "ads/eu", "weight": 0.5 }]);
    done(&cluster.master.ask(&request("PUT", "/weights", &weights)));

    restart(&mut cluster);

    let weights = cluster.master.get("/weights").json();
    assert_eq!(weights, json!([{ "weight": 0.5, "role": "ads/eu" }, { "weight": 2.5, "role": "web" }]));
    assert_eq!(cluster.operator("GET_WEIGHTS")["get_weights"]["weight_infos"], weights);
    let status = cluster.master.get("/quota").json();
    assert_eq!(cluster.operator("GET_QUOTA")["get_quota"]["status"], status);
    assert_eq!(status["configs"][1], web);
    assert_eq!(status["infos"][0]["role"], "ads");
    let roles = cluster.master.get("/roles").json();
    let role = |name: &str| {
        let mut roles = roles["roles"].as_array().expect("a list").iter();
        roles.find(|role| role["name"] == name).expect("the role is known")
    };
    assert_eq!(role("web")["weight"], json!(2.5));
    assert_eq!(role("web")["quota"]["limit"], json!({ "cpus": 2.0 }));
    assert_eq!(role("ads")["quota"]["guarantee"], json!({ "cpus": 1.0 }));
    assert_eq!(role("ads/eu")["weight"], json!(0.5));

    done(&cluster.master.ask(&Request { method: "DELETE".to_owned(), ..Request::get("/quota/ads") }));
    let left = cluster.master.get("/quota").json();
    assert_eq!(left["configs"], json!([web]));
}

#[test]
fn a_limit_holds_for_what_is_offered() {
    let cluster = Cluster::of(1);
    let quota = json!([{ "role": "*", "limits": { "cpus": amount(1.0), "mem": amount(64.0) } }]);
    done(&call(&cluster, json!({ "type": "UPDATE_QUOTA", "update_quota": { "quota_configs": quota } })));

    let offer = Framework::subscribe(cluster.master.address(), info("limited")).offer();

    let amount = |name: &str| {
        let resources = offer["resources"].as_array().expect("a list").iter();
        let named = resources.filter(|entry| entry["name"] == name);
        named.map(|entry| entry["scalar"]["value"].as_f64().expect("a number")).sum::<f64>()
    };
    assert_eq!((amount("cpus"), amount("mem")), (1.0, 64.0));
}

#[test]
fn a_machine_goes_down_and_comes_up_again() {
    let mut cluster = Cluster::of(1);
    let hostname = cluster.master.get("/slaves").json()["slaves"][0]["hostname"].clone();
    let machine = json!({ "hostname": hostname, "ip": "127.0.0.1" });
    let framework = Framework::subscribe(cluster.master.address(), info("tenant"));
    framework.offer();
    let window = json!({
        "machine_ids": [machine],
        "unavailability": { "start": { "nanoseconds": 4_000_000_000_000_000_000_i64 } },
    });
    let schedule = json!({ "windows": [window] });

    done(&cluster.master.ask(&request("POST", "/maintenance/schedule", &schedule)));
    let offer = framework.offer();
    assert_eq!(offer["unavailability"], window["unavailability"]);
    let asked = |event: &Value| event["type"] == "INVERSE_OFFERS";
    let events = framework.events_when(secs(30), |events| events.iter().any(asked));
    let inverse = &events.iter().find(|event| asked(event)).expect("it is there")["inverse_offers"]["inverse_offers"]
        [0];
    assert_eq!(inverse["unavailability"], window["unavailability"]);
    framework.tell(
        "ACCEPT_INVERSE_OFFERS",
        json!({ "accept_inverse_offers": { "inverse_offer_ids": [inverse["id"]] } }),
    );
    let status = cluster.master.get("/maintenance/status").json();
    let answers = &status["draining_machines"][0]["statuses"];
    assert_eq!(answers[0]["status"], "ACCEPT", "{status}");
    assert_eq!(answers[0]["framework_id"]["value"], framework.id.as_str());

    restart(&mut cluster);
    assert_eq!(cluster.master.get("/maintenance/schedule").json(), schedule);
    cluster.await_agents(1);
    done(&cluster.master.ask(&request("POST", "/machine/down", &json!([machine]))));
    cluster.await_agents(0);
    until("the agent to end", secs(30), || (!cluster.agents[0].is_alive()).then_some(()));
    cluster.agents[0].restart();
    until("the agent to be turned away", secs(30), || (!cluster.agents[0].is_alive()).then_some(()));

    done(&cluster.master.ask(&request("POST", "/machine/up", &json!([machine]))));
    cluster.agents[0].restart();
    cluster.await_agents(1);
    let status = cluster.operator("GET_MAINTENANCE_STATUS");
    assert_eq!(status["get_maintenance_status"]["status"], json!({}));
}

fn about_agent(kind: &str, agent: &Value) -> Value {
    let part = kind.to_lowercase();
    json!({ "type": kind, part: { "agent_id": { "value": agent } } })
}

#[test]
fn a_deactivated_agent_is_left_out_and_one_marked_gone_ends() {
    let mut cluster = Cluster::of(2);
    let agents = cluster.master.get("/slaves").json();
    let (first, second) = (&agents["slaves"][0]["id"], &agents["slaves"][1]["id"]);
    done(&call(&cluster, about_agent("DEACTIVATE_AGENT", first)));

    restart(&mut cluster);
    cluster.await_agents(1);
    until("both agents to be back", secs(30), || {
        (cluster.master.get("/slaves").json()["slaves"].as_array()?.len() == 2).then_some(())
    });
    let framework = Framework::subscribe(cluster.master.address(), info("tenant"));
    assert_eq!(framework.offer()["agent_id"]["value"], *second);
    let explained = cluster.master.get("/explain?framework=tenant").json();
    let reasons = explained["roles"][0]["reasons"].to_string();
    assert!(reasons.contains("AGENT_INACTIVE"), "{reasons}");
    done(&call(&cluster, about_agent("REACTIVATE_AGENT", first)));
    assert_eq!(framework.offer()["agent_id"]["value"], *first);

    let unknown = call(&cluster, about_agent("MARK_AGENT_GONE", &json!("nobody")));
    assert_eq!(unknown.status(), 404, "{}", unknown.text());
    done(&call(&cluster, about_agent("MARK_AGENT_GONE", first)));
    done(&call(&cluster, about_agent("MARK_AGENT_GONE", first)));
    cluster.await_agents(1);
    until("the agent to end", secs(30), || {
        cluster.agents.iter_mut().any(|agent| !agent.is_alive()).then_some(())
    });
}

#[test]
fn a_drained_agent_ends_its_tasks_and_is_used_again_when_it_is_reactivated() {
    let mut cluster = Cluster::of(1);
    let mut tenant = info("tenant");
    tenant["failover_timeout"] = json!(600.0);
    let framework = Framework::subscribe(cluster.master.address(), tenant.clone());
    let offer = framework.offer();
    let agent = offer["agent_id"]["value"].clone();
    let stubborn = task("stubborn", "trap '' TERM; while true; do sleep 1; done");
    framework.launch(&offer, &[stubborn]);
    framework.await_state("stubborn", "TASK_RUNNING");
    let drain = json!({
        "type": "DRAIN_AGENT",
        "drain_agent": { "agent_id": { "value": agent }, "max_grace_period": "1s" },
    });

    done(&call(&cluster, drain));
    restart(&mut cluster);
    framework.await_end();
    tenant["id"] = json!({ "value": framework.id });
    let framework = Framework::subscribe(cluster.master.address(), tenant);

    let killed = framework.await_state("stubborn", "TASK_KILLED");
    assert_eq!(killed["reason"], "REASON_AGENT_DRAINING");
    let shown = until("the agent to be drained", secs(30), || {
        let agents = cluster.operator("GET_AGENTS");
        let agent = agents["get_agents"]["agents"][0].clone();
        (agent["drain_info"]["state"] == "DRAINED").then_some(agent)
    });
    assert_eq!(shown["drain_info"]["config"]["max_grace_period"], json!({ "nanoseconds": 1_000_000_000 }));
    assert_eq!(shown["deactivated"], json!(true));
    let legacy = cluster.master.get("/slaves").json()["slaves"][0].clone();
    assert_eq!(legacy["drain_info"], shown["drain_info"]);
    assert_eq!(framework.open_offers(), Vec::<Value>::new());
    done(&call(&cluster, about_agent("REACTIVATE_AGENT", &agent)));
    let offer = framework.revived_offer();
    framework.launch(&offer, &[task("next", "true")]);
    framework.await_state("next", "TASK_FINISHED");
}

#[test]
fn only_hosts_of_the_whitelist_are_offered_and_it_can_change() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("hosts");
    std::fs::write(&file, "elsewhere.example\n").expect("the file can be written");
    let cluster = Plan::agents(1).master(&format!("--whitelist={}", file.display())).start();
    let framework = Framework::subscribe(cluster.master.address(), info("outside"));
    until("the agent to be known as left out", secs(30), || {
        let explained = cluster.master.get("/explain?framework=outside").json();
        explained["roles"][0]["reasons"].to_string().contains("NOT_WHITELISTED").then_some(())
    });
    assert!(framework.open_offers().is_empty());

    let hostname = cluster.master.get("/slaves").json()["slaves"][0]["hostname"].clone();
    std::fs::write(&file, hostname.as_str().expect("a name")).expect("the file can be written");

    framework.offer();
}
