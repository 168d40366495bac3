//! HTTP as clients really write it: pieces, chunks, kept connections, odd headers.

use std::io::Write;

use serde_json::{Value, json};
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Acknowledge, Framework, PATH, info};
use tepui_tests::http::{Connection, Request, ask};

const HEALTH: &str = r#"{"type":"GET_HEALTH"}"#;
const HEALTHY: &str = r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#;

fn connection(cluster: &Cluster) -> Connection {
    Connection::open(cluster.master.address()).expect("the master listens")
}

#[test]
fn a_body_may_come_in_chunks() {
    let cluster = Cluster::of(0);
    let mut connection = connection(&cluster);
    let head = Request::json("/api/v1", "").with("Transfer-Encoding", "chunked").head("master");

    connection.write(head.as_bytes()).expect("sent");
    for piece in [&HEALTH[..5], &HEALTH[5..6], &HEALTH[6..]] {
        connection.write(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).expect("sent");
    }
    connection.write(b"0\r\n\r\n").expect("sent");

    assert_eq!(connection.answer().expect("an answer").text(), HEALTHY);
}

#[test]
fn head_and_body_may_come_in_pieces() {
    let cluster = Cluster::of(0);
    let mut connection = connection(&cluster);
    let request = Request::json("/api/v1", HEALTH);
    let mut bytes = request.head("master").into_bytes();
    write!(bytes, "{HEALTH}").expect("a vector can be written");

    // One byte at a time is every way of cutting at once.
    for byte in &bytes {
        connection.write(&[*byte]).expect("sent");
    }

    assert_eq!(connection.answer().expect("an answer").text(), HEALTHY);
}

#[test]
fn calls_share_a_connection_and_are_accepted_with_nothing_in_the_answer() {
    let cluster = Cluster::of(0);
    let framework = Framework::subscribe(cluster.master.address(), info("keep-alive"));
    let mut connection = connection(&cluster);

    for kind in ["SUPPRESS", "REVIVE", "SUPPRESS"] {
        let call = json!({ "framework_id": { "value": framework.id }, "type": kind }).to_string();
        connection.send(&Request::json(PATH, call).with("Mesos-Stream-Id", &framework.stream)).expect("sent");
        let answer = connection.answer().expect("an answer on the same connection");
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.header("Content-Length"), Some("0"));
    }
}

#[test]
fn two_accept_lines_are_as_good_as_one() {
    let cluster = Cluster::of(0);
    let headers = [("Accept", "application/json")];
    let framework =
        Framework::subscribe_with(cluster.master.address(), info("mesos-go"), &headers, Acknowledge::AtOnce);
    assert!(!framework.id.is_empty());

    let request = Request::json("/api/v1", HEALTH).with("Accept", "application/json");
    assert_eq!(cluster.master.ask(&request).text(), HEALTHY);
}

#[test]
fn json_is_the_answer_unless_asked_otherwise() {
    let cluster = Cluster::of(0);
    let plain = || Request::new("POST", "/api/v1").with("Content-Type", "application/json").body(HEALTH);

    for request in [
        plain(),
        plain().with("Accept", "*/*"),
        plain().with("Accept", "application/x-protobuf, application/json"),
    ] {
        let answer = cluster.master.ask(&request);
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        assert_eq!(answer.text(), HEALTHY);
    }
    let protobuf = cluster.master.ask(&plain().with("Accept", "application/x-protobuf"));
    assert_eq!(protobuf.header("Content-Type"), Some("application/x-protobuf"));
    assert_eq!(protobuf.body, [0x08, 0x01, 0x12, 0x02, 0x08, 0x01]);
}

#[test]
fn protobuf_is_understood_as_well() {
    let cluster = Cluster::of(0);
    let request =
        Request::new("POST", "/api/v1").with("Content-Type", "application/x-protobuf").body([0x08, 0x01]);

    assert_eq!(cluster.master.ask(&request).text(), HEALTHY);
}

/// SUBSCRIBE of user `root` and name `pb`: type, then subscribe { framework_info { user, name } }.
#[test]
fn a_protobuf_stream_has_records_with_their_length_too() {
    let cluster = Cluster::of(0);
    let call = b"\x10\x01\x1a\x0c\x0a\x0a\x0a\x04root\x12\x02pb";
    let request = Request::new("POST", PATH)
        .with("Content-Type", "application/x-protobuf")
        .with("Accept", "application/x-protobuf")
        .body(call);
    let mut connection = connection(&cluster);

    connection.send(&request).expect("sent");
    let head = connection.head().expect("an answer");

    assert_eq!((head.status, head.header("Content-Type")), (200, Some("application/x-protobuf")));
    for kind in [b"\x08\x01", b"\x08\x08"] {
        let chunk = connection.chunk().expect("a chunk").expect("the stream lasts");
        let newline = chunk.iter().position(|byte| *byte == b'\n').expect("a length and a newline");
        let length: usize = std::str::from_utf8(&chunk[..newline]).expect("digits").parse().expect("digits");
        let record = &chunk[newline + 1..];
        assert_eq!(record.len(), length);
        assert!(record.starts_with(kind), "{record:?}");
    }
}

#[test]
fn long_answers_are_gzipped_for_those_who_can_read_it() {
    let cluster = Cluster::of(1);

    let state = cluster.master.ask(&Request::get("/state").with("Accept-Encoding", "gzip"));
    let version = cluster.master.ask(&Request::get("/version").with("Accept-Encoding", "gzip"));

    assert_eq!(state.header("Content-Encoding"), Some("gzip"));
    assert!(state.body.starts_with(&[0x1f, 0x8b]));
    assert_eq!(version.header("Content-Encoding"), None);
    assert_eq!(cluster.master.get("/state").header("Content-Encoding"), None);
}

#[test]
fn a_connection_that_stops_half_way_hurts_nobody() {
    let mut cluster = Cluster::of(0);
    let mut half: Vec<Connection> = (0..20).map(|_| connection(&cluster)).collect();
    for (index, connection) in half.iter_mut().enumerate() {
        let request = Request::json("/api/v1", HEALTH).head("master");
        let cut = request.len() * index / 20;
        connection.write(&request.as_bytes()[..cut]).expect("sent");
    }

    assert_eq!(cluster.master.ask(&Request::json("/api/v1", HEALTH)).text(), HEALTHY);
    drop(half);
    assert_eq!(cluster.master.ask(&Request::json("/api/v1", HEALTH)).text(), HEALTHY);
    assert!(cluster.master.is_alive());
}

#[test]
fn non_ascii_names_keep_the_length_in_bytes() {
    let cluster = Cluster::of(0);
    let framework =
        Framework::subscribe(cluster.master.address(), json!({ "user": "root", "name": "tepuy — Roraïma" }));

    let frameworks = cluster.master.get("/frameworks").json();
    assert_eq!(frameworks["frameworks"][0]["name"], "tepuy — Roraïma");
    assert!(framework.events().iter().all(|event: &Value| event.get("unreadable").is_none()));
    // A second look over a fresh connection: the first one is still a stream.
    assert_eq!(ask(cluster.master.address(), &Request::get("/health")).expect("an answer").status(), 200);
}
