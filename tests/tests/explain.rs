//! Why a framework gets no offers: told by the master's endpoint and by `tepui explain`, of agents that are each no good in
//! another way.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tepui_tests::binary;
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, info, scalar, task};
use tepui_tests::waiting::{secs, until};

/// One agent of each kind.
fn cluster() -> Cluster {
    let kind = |resources: &str| Plan::agents(0).resources(resources);
    let mut cluster = Plan::agents(1).resources("cpus:4;mem:512;ports:[31000-31009]").start();
    cluster.add_agent(&kind("cpus:1;mem:512"));
    cluster.add_agent(&kind("cpus:1;cpus(other):3;mem:512"));
    cluster.add_agent(&kind("cpus:3;mem:512"));
    cluster.await_agents(4);
    cluster
}

/// The framework's offers, by how many cpus there are.
fn offers(framework: &Framework, count: usize) -> BTreeMap<u64, Value> {
    until(format!("{count} offers"), secs(30), || (framework.open_offers().len() >= count).then_some(()));
    let cpus = |offer: &Value| {
        let resources = offer["resources"].as_array().expect("an offer has resources");
        let cpus = resources.iter().filter(|entry| entry["name"] == "cpus");
        cpus.map(|entry| entry["scalar"]["value"].as_f64().expect("a number")).sum::<f64>() as u64
    };
    framework.open_offers().iter().map(|offer| (cpus(offer), offer.clone())).collect()
}

fn explained(cluster: &Cluster, query: &str) -> BTreeMap<String, u64> {
    let answer = cluster.master.get(&format!("/explain?{query}"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let answer = answer.json();
    let role = &answer["roles"][0];
    let reasons = role["reasons"].as_array().expect("there are reasons");
    let counted: u64 = reasons.iter().map(|reason| reason["agents"].as_u64().expect("a number")).sum();
    assert_eq!(answer["agents"], json!(counted), "the numbers add up to all agents: {answer}");
    assert_eq!(role["agents"].as_array().map(Vec::len), Some(counted as usize), "{answer}");
    let named = reasons.iter().map(|reason| {
        let parts = ["reason", "resource"].map(|part| reason[part].as_str().unwrap_or_default());
        (parts.join(" ").trim().to_owned(), reason["agents"].as_u64().expect("a number"))
    });
    named.collect()
}

#[test]
fn every_agent_has_its_reason_and_the_numbers_add_up() {
    let cluster = cluster();
    let framework = Framework::subscribe(cluster.master.address(), info("picky"));
    let offers = offers(&framework, 4);
    let mut busy = task("busy", "sleep 300");
    busy["resources"] = json!([scalar("cpus", 3.5), scalar("mem", 32.0)]);
    framework.launch(&offers[&4], &[busy]);
    framework.await_state("busy", "TASK_RUNNING");
    framework.decline(&offers[&3], 1000.0);

    let expected = [("IN_USE cpus", 1), ("REFUSED", 1), ("RESERVED cpus", 1), ("TOO_SMALL cpus", 1)];
    let expected: BTreeMap<String, u64> =
        expected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    until("the refusal to count", secs(30), || {
        (explained(&cluster, "framework=picky&resources=cpus:2") == expected).then_some(())
    });
    let id = &framework.id;
    assert_eq!(explained(&cluster, &format!("framework={id}&resources=cpus:2")), expected);
    assert_eq!(explained(&cluster, "framework=picky&resources=ports:11")["TOO_SMALL ports"], 1);
    assert_eq!(explained(&cluster, "framework=picky&role=other"), [("NOT_SUBSCRIBED".to_owned(), 4)].into());

    let output = binary::command(&["explain", "picky", "--resources", "cpus:2", "--master"])
        .arg(cluster.master.address())
        .output()
        .expect("the binary can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for line in ["picky", "role *, 4 agents", "too small: not enough cpus", "cpus reserved for other roles"] {
        assert!(text.contains(line), "`{line}` is missing:\n{text}");
    }
}

#[test]
fn a_question_that_cannot_be_answered_says_why() {
    let cluster = Cluster::of(0);
    let _first = Framework::subscribe(cluster.master.address(), info("twin"));
    let _second = Framework::subscribe(cluster.master.address(), info("twin"));
    let refused = |query: &str| {
        let answer = cluster.master.get(&format!("/explain{query}"));
        (answer.status(), answer.text())
    };

    let (status, why) = refused("");
    assert!(status == 400 && why.starts_with("Missing 'framework'"), "{status} {why}");
    let (status, why) = refused("?framework=nobody");
    assert!(status == 404 && why.contains("'nobody'"), "{status} {why}");
    let (status, why) = refused("?framework=twin");
    assert!(status == 400 && why.starts_with("2 frameworks are meant by 'twin'"), "{status} {why}");
    let (status, why) = refused("?framework=twin&resources=many");
    assert!(status == 400 && why.starts_with("'resources' must be amounts"), "{status} {why}");
}
