//! `tepui trace` on real clusters: what a task's trace holds, what is shown live, and what is never shown.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tepui_tests::binary;
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, info, task};
use tepui_tests::http::Request;
use tepui_tests::tracing::{SECRET, SECRET_IN_BASE64, said, trace, with_secrets};
use tepui_tests::waiting::{secs, until};

/// What leads from the offer of resources to the acknowledgement of the first update, each caused by the one before it.
const TO_LAUNCH: &[&str] = &["Event.OFFERS", "Call.ACCEPT", "RunTaskMessage", "Event.LAUNCH"];
const TO_ACKNOWLEDGED: &[&str] = &[
    "Call.UPDATE",
    "StatusUpdateMessage",
    "Event.UPDATE",
    "Call.ACKNOWLEDGE",
    "StatusUpdateAcknowledgementMessage",
];

/// The hops of a task's trace; none while no node knows the task.
fn hops(cluster: &Cluster, task: &str) -> Vec<Value> {
    let output = trace(cluster, &["task", task, "--format=json"]);
    let Ok(answer) = serde_json::from_slice::<Value>(&output.stdout) else { return Vec::new() };
    assert_eq!(answer["task"], task);
    answer["hops"].as_array().cloned().expect("hops")
}

/// `Event.OFFERS`, whichever way it went: over HTTP the kind is part of the name, between actors it is a tag.
fn label(hop: &Value) -> String {
    let name = hop["message"].as_str().expect("a name");
    let short = name.split('.').skip_while(|part| !part.starts_with(char::is_uppercase));
    let kinds = tags(hop, "kind");
    short.map(str::to_owned).chain(kinds).collect::<Vec<_>>().join(".")
}

fn tags(hop: &Value, key: &str) -> BTreeSet<String> {
    let values = hop["tags"][key].as_array().into_iter().flatten();
    values.map(|value| value.as_str().expect("a tag is text").to_owned()).collect()
}

fn state(hop: &Value) -> String {
    tags(hop, "state").into_iter().collect()
}

/// The hop of that label, and state if it has one, that follows from `cause`.
fn next<'a>(hops: &'a [Value], cause: &Value, wanted: &str, in_state: &str) -> Option<&'a Value> {
    hops.iter().find(|hop| {
        let state = state(hop);
        label(hop) == wanted && hop["cause"] == cause["id"] && (state.is_empty() || state == in_state)
    })
}

/// Follows the chain from the offers to the acknowledgement of the update that says TASK_FINISHED.
fn is_whole(hops: &[Value]) -> Result<(), String> {
    let find = |cause: &Value, wanted: &str, state: &str| {
        let found = next(hops, cause, wanted, state).cloned();
        found.ok_or_else(|| format!("no {wanted} ({state}) follows from {cause}"))
    };
    let first = hops.iter().find(|hop| label(hop) == TO_LAUNCH[0]).ok_or("no offers")?;
    let mut at = first.clone();
    for wanted in &TO_LAUNCH[1..] {
        at = find(&at, wanted, "")?;
    }
    let launch = at;
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        let mut at = launch.clone();
        for wanted in TO_ACKNOWLEDGED {
            // A second update waits in the agent until the first one is acknowledged.
            let caused = next(hops, &at, wanted, state).cloned();
            at = match caused {
                Some(hop) => hop,
                None if *wanted == "StatusUpdateMessage" => hops
                    .iter()
                    .find(|hop| label(hop) == *wanted && self::state(hop) == state)
                    .cloned()
                    .ok_or_else(|| format!("no {wanted} ({state})"))?,
                None => return Err(format!("no {wanted} ({state}) follows from {at}")),
            };
        }
    }
    Ok(())
}

/// Waits for the last acknowledgement to arrive: it is later than the update that the framework sees.
#[track_caller]
fn whole_trace(cluster: &Cluster, task: &str) -> Vec<Value> {
    let mut last = String::new();
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        until("the whole trace", secs(30), || {
            let hops = hops(cluster, task);
            match is_whole(&hops) {
                Ok(()) => Some(hops),
                Err(why) => {
                    last = format!("{why}\n{}", said(&trace(cluster, &["task", task])));
                    None
                }
            }
        })
    }));
    found.unwrap_or_else(|_| panic!("the trace of {task} lacks something: {last}"))
}

/// Every hop but the first has its cause among the hops, and none is about another task alone.
#[track_caller]
fn has_no_stranger(hops: &[Value], task: &str) {
    let ids: BTreeSet<&str> = hops.iter().filter_map(|hop| hop["id"].as_str()).collect();
    for (number, hop) in hops.iter().enumerate() {
        let is_caused = hop["cause"].as_str().is_some_and(|cause| ids.contains(cause));
        assert!(is_caused || number == 0, "stands alone: {hop}");
        let tasks = tags(hop, "task");
        assert!(tasks.is_empty() || tasks.contains(task), "a stranger: {hop}");
        assert!(!label(hop).contains("Ping") && !label(hop).contains("HEARTBEAT"), "a stranger: {hop}");
    }
}

#[test]
fn a_tasks_trace_holds_every_hop_and_no_stranger() {
    let cluster = Cluster::of(1);
    let ours = Framework::subscribe(cluster.master.address(), info("ours"));
    let offer = ours.offer();
    ours.launch(&offer, &[task("one", "true"), task("two", "true")]);
    let other = Framework::subscribe(cluster.master.address(), info("other"));
    other.launch(&other.offer(), &[task("three", "true")]);
    for (framework, task) in [(&ours, "one"), (&ours, "two"), (&other, "three")] {
        framework.await_state(task, "TASK_FINISHED");
    }

    for (task, framework, stranger) in
        [("one", &ours, &other), ("two", &ours, &other), ("three", &other, &ours)]
    {
        let hops = whole_trace(&cluster, task);
        has_no_stranger(&hops, task);
        let text = json!(hops).to_string();
        assert!(text.contains(&framework.id) && !text.contains(&stranger.id), "{text}");
        for hop in &hops {
            for key in
                ["id", "cause", "from", "to", "message", "sent", "received", "began", "ended", "outcome"]
            {
                assert!(hop.get(key).is_some(), "{key} is missing: {hop}");
            }
        }
    }
}

#[test]
fn a_task_of_the_sdk_is_traced_over_http_and_over_actors() {
    for way in ["", "master@"] {
        let cluster = Cluster::of(1);
        let master = format!("{way}{}", cluster.master.address());
        let output = binary::example("hello").arg(&master).output().expect("the binary can be run");
        assert!(output.status.success(), "{master}: {output:?}");

        let hops = until(format!("the trace of hello over {master}"), secs(30), || {
            let hops = hops(&cluster, "hello");
            let labels: Vec<String> =
                hops.iter().map(|hop| format!("{} {}", label(hop), state(hop))).collect();
            labels.iter().any(|label| label == "Event.UPDATE TASK_FINISHED").then_some(hops)
        });

        let mut at = hops.iter().find(|hop| label(hop) == TO_LAUNCH[0]).expect("offers").clone();
        for wanted in TO_LAUNCH[1..].iter().chain(&TO_ACKNOWLEDGED[..4]) {
            let found = next(&hops, &at, wanted, "TASK_STARTING");
            at = found.unwrap_or_else(|| panic!("{master}: no {wanted} follows from {at}")).clone();
        }
        has_no_stranger(&hops, "hello");
    }
}

#[test]
fn a_client_that_sends_a_traceparent_gets_its_trace() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("traced"));
    let kill = json!({ "framework_id": { "value": framework.id }, "type": "KILL", "kill": { "task_id": { "value": "none" } } });
    let request = Request::json("/api/v1/scheduler", kill.to_string())
        .with("Mesos-Stream-Id", &framework.stream)
        .with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

    assert_eq!(cluster.master.ask(&request).status(), 202);

    let hops = hops(&cluster, "none");
    let call = hops.iter().find(|hop| label(hop) == "Call.KILL").expect("the call");
    assert_eq!((&call["trace"], &call["cause"]), (&json!("8448eb211c80319c"), &json!("b7ad6b7169203331")));
    assert!(next(&hops, call, "Event.UPDATE", "TASK_LOST").is_some(), "{hops:?}");
}

#[test]
fn a_trace_is_drawn_in_every_form() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("drawn"));
    framework.launch(&framework.offer(), &[task("t", "true")]);
    framework.await_state("t", "TASK_FINISHED");
    let hops = whole_trace(&cluster, "t");

    for (format, begin) in [
        ("text", "task t: "),
        ("mermaid", "sequenceDiagram\n"),
        ("svg", "<svg "),
        ("html", "<!doctype html>"),
    ] {
        let drawn = said(&trace(&cluster, &["task", "t", &format!("--format={format}")]));
        assert!(drawn.starts_with(begin) && drawn.contains("RunTaskMessage"), "{drawn}");
    }
    let run = hops.iter().find(|hop| label(hop) == "RunTaskMessage").expect("a hop");
    let id = run["id"].as_str().expect("an id");
    let message: Value =
        serde_json::from_str(&said(&trace(&cluster, &["message", id, "--format=json"]))).expect("JSON");
    assert_eq!(message["message"], id);
    assert!(message["hops"].as_array().is_some_and(|hops| hops.contains(run) && hops.len() > 5), "{message}");
    let unknown = trace(&cluster, &["task", "nobody"]);
    assert!(!unknown.status.success(), "{unknown:?}");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no node remembers"), "{unknown:?}");
}

#[test]
fn an_agent_that_is_stopped_is_named_and_the_answer_comes_anyway() {
    let cluster = Cluster::of(2);
    let framework = Framework::subscribe(cluster.master.address(), info("stopped"));
    framework.launch(&framework.offer(), &[task("t", "true")]);
    framework.await_state("t", "TASK_FINISHED");
    let signal = |signal| {
        let process = Pid::from_raw(i32::try_from(cluster.agent().pid()).expect("a process id"));
        kill(process, signal).expect("a child can be signalled");
    };

    signal(Signal::SIGSTOP);
    let output = trace(&cluster, &["task", "t"]);
    signal(Signal::SIGCONT);

    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said(&output).contains("Call.ACCEPT"), "{output:?}");
    assert!(
        errors.contains("no answer in time from") && errors.contains(cluster.agent().address()),
        "{errors}"
    );
}

/// Everything that a cluster shows to readers, by name.
fn reads(cluster: &Cluster) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for daemon in cluster.agents.iter().chain([&cluster.master]) {
        for path in [
            "/state",
            "/flags",
            "/tasks",
            "/frameworks",
            "/slaves",
            "/containers",
            "/__trace__?scope=cluster",
        ] {
            all.push((format!("{path} of {}", daemon.address()), daemon.get(path).text()));
        }
        for call in ["GET_STATE", "GET_TASKS", "GET_EXECUTORS", "GET_FRAMEWORKS", "GET_AGENTS", "GET_FLAGS"] {
            let request = Request::json("/api/v1", json!({ "type": call }).to_string());
            all.push((format!("{call} of {}", daemon.address()), daemon.ask(&request).text()));
        }
        all.push((format!("the log of {}", daemon.address()), daemon.log()));
    }
    for format in ["text", "json", "mermaid", "svg", "html"] {
        let output = trace(cluster, &["task", "secretive", &format!("--format={format}")]);
        all.push((format!("the trace as {format}"), said(&output)));
    }
    all
}

#[test]
fn no_reader_ever_sees_a_secret() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("secretive"));
    framework.launch(&framework.offer(), &with_secrets());
    framework.await_state("secretive", "TASK_RUNNING");

    for (name, text) in reads(&cluster) {
        assert!(!text.is_empty(), "{name} says nothing");
        let shows = [SECRET, SECRET_IN_BASE64].into_iter().find(|secret| text.contains(secret));
        assert_eq!(shows, None, "{name} shows a secret: {text}");
    }
}
