//! How event streams begin and end, chunk by chunk, held against Mesos' own.

use serde_json::{Value, json};
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Acknowledge, Framework, PATIENCE, info};
use tepui_tests::recording::{Allowed, Comparison, json_differences, values, without_ids};

const ALLOWED: &[Allowed] = &[];

fn record(chunk: &str) -> &str {
    chunk.split_once('\n').map_or(chunk, |(_, record)| record)
}

/// The `ERROR` word by word, everything else by shape; and whether the stream ended.
fn differences(case: &Value, framework: &Framework) -> Vec<String> {
    let recorded: Vec<&str> =
        case["response"]["chunks"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let ends = case["response"]["ended"] == true;
    if ends {
        framework.await_end();
    } else {
        framework.events_when(PATIENCE, |events| events.len() >= recorded.len());
    }
    let ours = framework.chunks();
    let mut found = Vec::new();
    for (index, (recorded, ours)) in recorded.iter().zip(&ours).enumerate() {
        if recorded.contains("\"ERROR\"") {
            let same = without_ids(record(recorded)) == without_ids(record(ours));
            found.extend((!same).then(|| format!("{ours}, recorded {recorded}")));
        } else {
            found.extend(
                json_differences(record(recorded).as_bytes(), record(ours).as_bytes())
                    .iter()
                    .map(|d| format!("event {index}: {d}")),
            );
        }
    }
    if ends && ours.len() != recorded.len() {
        found.push(format!("{} events before the end, recorded {}", ours.len(), recorded.len()));
    }
    if framework.has_ended() != ends {
        found.push(format!("stream ended: {}, recorded {ends}", framework.has_ended()));
    }
    found
}

#[test]
fn streams_begin_as_they_do_with_mesos() {
    let cluster = Cluster::of(1);
    let mut comparison = Comparison::new(ALLOWED);
    let alone = |case: &&Value| {
        let name = case["name"].as_str().unwrap_or_default();
        case.get("framework_info").is_some()
            && !["a first scheduler", "the same id again", "id of a removed framework"].contains(&name)
    };

    for case in values("subscriptions.json").iter().filter(alone) {
        let framework = Framework::subscribe(cluster.master.address(), case["framework_info"].clone());
        comparison.note(case["name"].as_str().unwrap_or_default(), differences(case, &framework));
        if !framework.id.is_empty() {
            framework.tell("TEARDOWN", json!({}));
            framework.await_end();
        }
    }

    comparison.finish();
}

#[test]
fn the_answer_to_subscribe_is_an_uncompressed_chunked_stream_with_an_id() {
    let cluster = Cluster::of(0);
    let headers = [("Accept-Encoding", "gzip"), ("Accept", "application/json")];

    let framework =
        Framework::subscribe_with(cluster.master.address(), info("gzip"), &headers, Acknowledge::AtOnce);

    assert_eq!(framework.head.header("Content-Type"), Some("application/json"));
    assert_eq!(framework.head.header("Content-Encoding"), None);
    assert!(framework.head.is_chunked());
    assert!((1..=128).contains(&framework.stream.len()), "Mesos-Stream-Id: {}", framework.stream);
}

/// The last capability has no name in the v1 protocol, and strict readers know it by its emptiness.
#[test]
fn subscribed_says_who_the_master_is() {
    let cluster = Cluster::of(0);
    let framework = Framework::subscribe(cluster.master.address(), info("who"));
    let port: u64 =
        cluster.master.address().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");

    let subscribed = framework.events()[0]["subscribed"].clone();

    assert_eq!(subscribed["heartbeat_interval_seconds"], json!(15.0));
    let master = &subscribed["master_info"];
    assert_eq!(master["capabilities"], json!([{ "type": "AGENT_UPDATE" }, { "type": "AGENT_DRAINING" }, {}]));
    assert_eq!(master["version"], "1.11.0");
    assert_eq!(master["pid"], format!("master@127.0.0.1:{port}"));
    assert_eq!((&master["address"]["ip"], &master["address"]["port"]), (&json!("127.0.0.1"), &json!(port)));
    // In network byte order, read as a little-endian number.
    assert_eq!(master["ip"], json!(u32::from_le_bytes([127, 0, 0, 1])));
}

#[test]
fn offers_say_where_the_agent_is_and_what_role_its_resources_have() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("offers"));
    let (ip, port) = cluster.agent().address().split_once(':').expect("host and port");

    let offer = framework.offer();

    let url = &offer["url"];
    assert_eq!((&url["scheme"], &url["path"]), (&json!("http"), &json!("/slave(1)")));
    assert_eq!((&url["address"]["ip"], url["address"]["port"].to_string().as_str()), (&json!(ip), port));
    let host = offer["hostname"].as_str().unwrap_or_default();
    assert!(std::net::ToSocketAddrs::to_socket_addrs(&(host, 80)).is_ok(), "{host} cannot be resolved");
    let resources = offer["resources"].as_array().expect("a list");
    assert!(resources.iter().all(|resource| resource["role"] == "*"), "{resources:?}");
    assert!(resources.iter().all(|resource| resource.get("allocation_info").is_none()), "{resources:?}");
    let mut names: Vec<&str> = resources.iter().filter_map(|resource| resource["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cpus", "disk", "mem", "ports"]);
}

#[test]
fn a_heartbeat_follows_the_subscription_at_once_and_then_every_15_seconds() {
    let cluster = Cluster::of(0);
    let begin = std::time::Instant::now();
    let framework = Framework::subscribe(cluster.master.address(), info("patient"));

    let beats = |count: usize| {
        move |events: &[Value]| events.iter().filter(|event| event["type"] == "HEARTBEAT").count() >= count
    };
    framework.events_when(PATIENCE, beats(1));
    assert!(begin.elapsed().as_secs() < 5, "the first heartbeat came after {:?}", begin.elapsed());
    framework.events_when(PATIENCE, beats(2));

    let waited = begin.elapsed().as_secs_f64();
    assert!((13.0..20.0).contains(&waited), "the second heartbeat came after {waited} s");
    assert_eq!(framework.events()[1], json!({ "type": "HEARTBEAT" }));
}

#[test]
fn one_event_is_one_chunk_with_its_length_and_one_newline() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("npm"));
    framework.offer();

    for chunk in framework.chunks() {
        let parts: Vec<&str> = chunk.split('\n').collect();
        assert_eq!(parts.len(), 2, "{chunk}");
        assert_eq!(parts[0], parts[1].len().to_string(), "{chunk}");
        let compact: Value = serde_json::from_str(parts[1]).expect("an event is JSON");
        assert!(compact["type"].is_string(), "{chunk}");
        assert!(!parts[1].contains("\": ") && !parts[1].contains(", \""), "not compact: {chunk}");
    }
}

#[test]
fn a_second_scheduler_with_the_same_id_replaces_the_first() {
    let cluster = Cluster::of(0);
    let mut who = info("twice");
    who["failover_timeout"] = json!(600);
    let first = Framework::subscribe(cluster.master.address(), who.clone());
    who["id"] = json!({ "value": first.id });

    let second = Framework::subscribe(cluster.master.address(), who.clone());
    first.await_end();
    assert_eq!(
        first.events().last(),
        Some(&json!({ "type": "ERROR", "error": { "message": "Framework failed over" } }))
    );
    assert_eq!(second.id, first.id);
    assert_ne!(second.stream, first.stream);
    assert_eq!(first.call("REVIVE", json!({})).status(), 400);

    second.tell("TEARDOWN", json!({}));
    second.await_end();
    assert!(second.events().iter().all(|event| event["type"] != "ERROR"));
    let third = Framework::subscribe(cluster.master.address(), who);
    third.await_end();
    assert_eq!(
        third.chunks(),
        ["65\n{\"type\":\"ERROR\",\"error\":{\"message\":\"Framework has been removed\"}}"]
    );
}
