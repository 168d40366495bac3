//! Paths, methods, content types and malformed operator calls of the master, held against Mesos' answers.

use tepui_tests::cluster::Cluster;
use tepui_tests::http::{Request, ask};
use tepui_tests::recording::{Allowed, Comparison};

const ALLOWED: &[Allowed] = &[
    Allowed {
        case: "*/redirect",
        difference: "header Location: //*, recorded //ADDRESS",
        why: "the name of the machine is the set-up's; that it leads to the master has a test of its own",
    },
    Allowed {
        case: "*timeout=nope",
        difference: "body \"Invalid timeout 'nope': *",
        why: "ours says what to write",
    },
    Allowed { case: "GET /metrics", difference: "*", why: "metrics for Prometheus, which Mesos has not" },
    Allowed {
        case: "GET /version?jsonp=f",
        difference: "body *",
        why: "it names who built it, see `EVERYWHERE`",
    },
    Allowed {
        case: "*/metrics/snapshot*",
        difference: "*: missing",
        why: "metrics have a test of their own",
    },
    Allowed { case: "*/metrics/snapshot*", difference: "*: not in the recording", why: "as above" },
    Allowed {
        case: "*",
        difference: "completed_frameworks: *",
        why: "the recorded master had ended a framework before",
    },
    Allowed { case: "HEAD *", difference: "*", why: "HTTP forbids the body that Mesos sends on HEAD" },
    Allowed {
        case: "not JSON",
        difference: "body *",
        why: "where a parser says it stopped is its own affair",
    },
    Allowed { case: "half a JSON object", difference: "body *", why: "as above" },
    Allowed { case: "empty body", difference: "body *", why: "as above" },
    Allowed { case: "wrong type of a field", difference: "body *", why: "as above" },
    Allowed {
        case: "JSON, not an object",
        difference: "body \"Failed to *",
        why: "ours says more, and where",
    },
    Allowed { case: "JSON text", difference: "body \"Failed to *", why: "ours says more, and where" },
    Allowed { case: "type a number", difference: "body \"Failed to *", why: "ours says more, and where" },
    Allowed { case: "type an object", difference: "body \"Failed to *", why: "ours says more, and where" },
    Allowed { case: "broken protobuf", difference: "body \"Failed to *", why: "ours says more, and where" },
];

#[test]
fn paths_and_methods_are_answered_as_mesos_answers_them() {
    let cluster = Cluster::of(1);
    let mut comparison = Comparison::new(ALLOWED);

    comparison.ask_all(&cluster, "routing.json", &[]);

    comparison.finish();
}

#[test]
fn unknown_tails_fall_back_to_the_longest_known_path() {
    let cluster = Cluster::of(0);
    let health = r#"{"type":"GET_HEALTH"}"#;

    for path in ["/api/v1/operator", "/api/v1/", "/master/api/v1", "/api/v1"] {
        let answer = cluster.master.ask(&Request::json(path, health));
        assert_eq!(answer.text(), r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#, "{path}");
    }
    for path in ["/slaves/x", "/tasks/?task_id=x", "/frameworks/?framework_id=x", "/state/"] {
        assert_eq!(cluster.master.get(path).status(), 200, "{path}");
        assert_eq!(cluster.master.ask(&Request::new("POST", path)).status(), 200, "POST {path}");
    }
}

#[test]
fn read_endpoints_accept_any_method() {
    let cluster = Cluster::of(0);

    for (method, path) in
        [("POST", "/slaves/x"), ("POST", "/tasks/?task_id=x"), ("DELETE", "/state"), ("PUT", "/version")]
    {
        assert_eq!(cluster.master.ask(&Request::new(method, path)).status(), 200, "{method} {path}");
    }
}

#[test]
fn redirect_leads_to_the_master_with_a_location_without_scheme() {
    let cluster = Cluster::of(0);

    let answer = cluster.master.get("/redirect");

    assert_eq!(answer.status(), 307);
    let location = answer.header("Location").unwrap_or_default();
    let address = location.strip_prefix("//").unwrap_or_else(|| panic!("a scheme in {location}"));
    assert_eq!(
        ask(address, &Request::get("/health")).map(|answer| answer.status()).ok(),
        Some(200),
        "{location}"
    );
}

#[test]
fn version_is_dotted_integers_for_clients_that_count_them() {
    let cluster = Cluster::of(0);

    let version = cluster.master.get("/version").json()["version"].as_str().unwrap_or_default().to_owned();

    assert_eq!(version, "1.11.0");
}

#[test]
fn an_authorization_nobody_asked_for_is_ignored() {
    let cluster = Cluster::of(0);
    let request = Request::json("/api/v1", r#"{"type":"GET_HEALTH"}"#).with("Authorization", "Basic dTpw");

    assert_eq!(cluster.master.ask(&request).status(), 200);
    assert_eq!(cluster.master.ask(&Request::get("/state").with("Authorization", "Basic dTpw")).status(), 200);
}
