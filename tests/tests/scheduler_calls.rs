//! Every refusal of `POST /api/v1/scheduler` one can reach without authentication, held against Mesos' answers.

use serde_json::json;
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, info};
use tepui_tests::http::Request;
use tepui_tests::recording::{Allowed, Comparison, cases};
use tepui_tests::waiting::{secs, until};

const ALLOWED: &[Allowed] = &[
    Allowed {
        case: "not JSON",
        difference: "body *",
        why: "where a parser says it stopped is its own affair",
    },
    Allowed { case: "half a JSON object", difference: "body *", why: "as above" },
    Allowed { case: "empty body", difference: "body *", why: "as above" },
    Allowed { case: "two JSON objects", difference: "body *", why: "as above" },
    Allowed { case: "number that is none", difference: "body *", why: "as above" },
    Allowed {
        case: "JSON, not an object",
        difference: "body \"Failed to *",
        why: "ours says more, and where",
    },
    Allowed { case: "type a number", difference: "body \"Failed to *", why: "ours says more, and where" },
    Allowed { case: "broken protobuf", difference: "body \"Failed to *", why: "ours says more, and where" },
    Allowed {
        case: "field of a wrong kind",
        difference: "body \"Failed to *",
        why: "ours says more, and where",
    },
    Allowed {
        case: "ACKNOWLEDGE with uuid that is no base64",
        difference: "body \"Failed to *",
        why: "ours says more, and where",
    },
];

/// These need a framework in another state than the rest.
const OTHERS: &[&str] = &["framework not connected", "framework completed"];

#[test]
fn calls_are_refused_and_accepted_as_mesos_does() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("recorder"));
    let names = [("framework", framework.id.as_str()), ("stream", framework.stream.as_str())];
    let mut comparison = Comparison::new(ALLOWED);

    for case in cases("scheduler-calls.json").iter().filter(|case| !OTHERS.contains(&case.name.as_str())) {
        comparison.note(&case.name, case.differences(&cluster.master.ask(&case.request(&names))));
    }

    comparison.finish();
}

#[test]
fn a_framework_that_is_away_or_gone_is_told_so() {
    let cluster = Cluster::of(0);
    let mut who = info("away");
    who["failover_timeout"] = json!(600);
    let framework = Framework::subscribe(cluster.master.address(), who);
    let names = [("framework", framework.id.as_str()), ("stream", framework.stream.as_str())];
    let recorded = cases("scheduler-calls.json");
    let case =
        |name: &str| recorded.iter().find(|case| case.name == name).expect("the recording has it").clone();
    framework.disconnect();
    until("the master to notice that the stream is gone", secs(10), || {
        (cluster.master.get("/frameworks").json()["frameworks"][0]["connected"] == false).then_some(())
    });

    let away = case("framework not connected");
    assert_eq!(away.differences(&cluster.master.ask(&away.request(&names))), Vec::<String>::new());

    let teardown = json!({ "type": "TEARDOWN", "teardown": { "framework_id": { "value": framework.id } } });
    assert_eq!(cluster.master.ask(&Request::json("/api/v1", teardown.to_string())).status(), 200);
    let gone = case("framework completed");
    assert_eq!(gone.differences(&cluster.master.ask(&gone.request(&names))), Vec::<String>::new());
}

#[test]
fn a_call_of_no_known_type_is_refused_and_the_master_lives() {
    let mut cluster = Cluster::of(0);
    let framework = Framework::subscribe(cluster.master.address(), info("odd"));

    assert_eq!(framework.call("UNKNOWN", json!({})).status(), 501);
    let answer = framework.call("NO_SUCH_CALL", json!({}));
    assert_eq!(
        (answer.status(), answer.text().as_str()),
        (400, "Failed to validate scheduler::Call: Expecting 'type' to be present")
    );

    framework.tell("REVIVE", json!({}));
    assert!(cluster.master.is_alive());
}
