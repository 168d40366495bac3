//! Bad input: every case ends in a message that says what to do, and the process lives.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, PATH, info, small, task};
use tepui_tests::http::{Connection, Request, ask};
use tepui_tests::waiting::secs;

/// Every path that reads JSON, of the master and of the agent.
fn readers(cluster: &Cluster) -> [(&str, &'static str); 4] {
    let (master, agent) = (cluster.master.address(), cluster.agent().address());
    [(master, "/api/v1"), (master, PATH), (agent, "/slave(1)/api/v1"), (agent, "/slave(1)/api/v1/executor")]
}

#[test]
fn deep_nesting_is_refused() {
    let mut cluster = Cluster::of(1);
    let lists = "[".repeat(100_000) + &"]".repeat(100_000);
    let maps = r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
    let open = "[".repeat(100_000);

    for (address, path) in readers(&cluster) {
        for body in
            [lists.clone(), maps.clone(), open.clone(), format!(r#"{{"type":"GET_HEALTH","x":{lists}}}"#)]
        {
            let answer = ask(address, &Request::json(path, body)).expect("an answer");
            assert_eq!(answer.status(), 400, "{path}: {}", answer.text());
            assert!(answer.text().starts_with("Failed to "), "{path}: {}", answer.text());
        }
    }

    assert!(cluster.master.is_alive() && cluster.agents[0].is_alive());
}

#[test]
fn malformed_json_is_refused() {
    let mut cluster = Cluster::of(1);
    let bodies: [&[u8]; 7] = [
        b"{",
        b"{\"type\":\"GET_HEALTH\"",
        b"nul",
        b"{\"type\":\"\\ud800\"}",
        b"\"",
        b"{\"type\": 1e999}",
        b"{\"type\":\"\xff\xfe\"}",
    ];

    for (address, path) in readers(&cluster) {
        for body in bodies {
            let answer = ask(address, &Request::json(path, body)).expect("an answer");
            assert_eq!(
                answer.status(),
                400,
                "{path}: {:?} gave {}",
                String::from_utf8_lossy(body),
                answer.text()
            );
            assert!(answer.text().starts_with("Failed to "), "{path}: {}", answer.text());
        }
    }

    assert!(cluster.master.is_alive() && cluster.agents[0].is_alive());
}

#[test]
fn a_body_without_end_is_refused_before_it_is_read() {
    let mut cluster = Cluster::of(1);

    for (address, path) in readers(&cluster) {
        let mut connection = Connection::open(address).expect("the daemon listens");
        let head = Request::json(path, "").with("Content-Length", "1000000000000").head("daemon");
        connection.write(head.as_bytes()).expect("sent");
        let answer = connection.answer().unwrap_or_else(|error| panic!("{path}: {error:#}"));
        assert_eq!(answer.status(), 413, "{path}: {}", answer.text());
    }

    assert!(cluster.master.is_alive() && cluster.agents[0].is_alive());
    assert_eq!(cluster.master.get("/health").status(), 200);
    assert_eq!(cluster.agent().get("/slave(1)/health").status(), 200);
}

#[test]
fn something_that_is_not_http_is_refused() {
    let mut cluster = Cluster::of(1);
    let lines: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
        b"GET /state HTTP/9.9\r\n\r\n",
    ];

    for address in [cluster.master.address(), cluster.agent().address()] {
        for line in lines {
            let mut connection = Connection::open(address).expect("the daemon listens");
            connection.write(line).expect("sent");
        }
        let endless = "x".repeat(1 << 20);
        let mut connection = Connection::open(address).expect("the daemon listens");
        // The daemon may hang up before all of it is sent.
        let _ = connection.write(format!("GET /{endless} HTTP/1.1\r\n\r\n").as_bytes());
    }

    assert_eq!(cluster.master.get("/health").status(), 200);
    assert_eq!(cluster.agent().get("/slave(1)/health").status(), 200);
    assert!(cluster.master.is_alive() && cluster.agents[0].is_alive());
}

#[test]
fn a_truncated_record_stream_is_refused() {
    let mut cluster = Cluster::of(1);
    let request = |body: &str| {
        Request::new("POST", "/slave(1)/api/v1")
            .with("Content-Type", "application/recordio")
            .with("Message-Content-Type", "application/json")
            .body(body)
    };

    for body in ["", "10\n{\"type\":", "abc\n{}", "0\n", "99999999999999999999\n{}", "-1\n{}"] {
        let answer = ask(cluster.agent().address(), &request(body)).expect("an answer");
        assert!((400..600).contains(&answer.status()), "{body:?}: {} {}", answer.status(), answer.text());
    }

    assert!(cluster.agents[0].is_alive());
}

#[test]
fn an_executor_that_never_registers_is_ended_and_its_task_fails() {
    let cluster = Plan::agents(1).agent("--executor_registration_timeout=2secs").start();
    let framework = Framework::subscribe(cluster.master.address(), info("mute"));
    let executor = json!({ "executor_id": { "value": "mute" }, "resources": small(), "command": { "value": "exec sleep 300" } });
    framework.launch(
        &framework.offer(),
        &[json!({ "task_id": { "value": "t" }, "name": "t", "resources": small(), "executor": executor })],
    );

    let status = framework.await_state("t", "TASK_FAILED");

    assert_eq!(status["reason"], "REASON_EXECUTOR_REGISTRATION_TIMEOUT");
    assert_eq!(status["message"], "Executor did not register within 2secs");
    tepui_tests::waiting::until("the executor to be gone", secs(20), || {
        cluster.agent().get("/slave(1)/containers").json().as_array()?.is_empty().then_some(())
    });
}

/// A tmpfs of a few megabytes, unmounted when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path, size: &str) -> Self {
        fs::create_dir_all(path).expect("our own directory can be written");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(path)
            .status();
        assert!(status.is_ok_and(|status| status.success()), "mount a tmpfs on {}", path.display());
        SmallDisk(path)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Lazily: what still runs there ends with the cluster.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_fails_the_task_and_not_the_agent() {
    if !nix::unistd::geteuid().is_root() {
        println!("a small disk can be mounted by root only: nothing to see here for others");
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let disk = directory.path().join("disk");
    let _mounted = SmallDisk::mount(&disk, "16m");
    let mut cluster = Plan::agents(1).agent_home(&disk).start();
    let framework = Framework::subscribe(cluster.master.address(), info("full"));

    framework.launch(&framework.offer(), &[task("fill", "head -c 100000000 /dev/zero > big")]);
    framework.await_state("fill", "TASK_FAILED");
    framework.launch(&framework.offer(), &[task("next", "true")]);
    let states = tepui_tests::waiting::until("the next task to end", secs(40), || {
        let states = framework.states("next");
        states
            .iter()
            .any(|state| ["TASK_FAILED", "TASK_FINISHED"].contains(&state.as_str()))
            .then_some(states)
    });
    println!("on a full disk the next task went through {states:?}: {:?}", framework.statuses("next").last());

    assert!(cluster.agents[0].is_alive());
    assert_eq!(cluster.agent().get("/slave(1)/health").status(), 200);
    cluster.await_agents(1);
}
