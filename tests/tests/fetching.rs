//! Files a task asks for: where they lie in the sandbox, executable or unpacked or as they came.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, info, task};

/// Runs `command` with these URIs; it finishes only if the files are as it expects them.
fn finishes(cluster: &Cluster, uris: Value, command: &str) {
    let framework = Framework::subscribe(cluster.master.address(), info("fetching"));
    let mut fetching = task("fetching", command);
    fetching["command"]["uris"] = uris;
    framework.launch(&framework.offer(), &[fetching]);
    framework.await_state("fetching", "TASK_FINISHED");
}

/// An archive with one file, `inside/file`.
fn archive(cluster: &Cluster) -> String {
    let directory = cluster.directory().join("source");
    fs::create_dir_all(directory.join("inside")).expect("our own directory can be written");
    fs::write(directory.join("inside/file"), "from the archive\n").expect("our own directory can be written");
    let archive = directory.join("archive.tar.gz");
    let status =
        Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&directory).arg("inside").status();
    assert!(status.expect("tar is there").success());
    archive.display().to_string()
}

#[test]
fn a_file_is_copied_and_an_output_file_may_lie_in_new_directories() {
    let cluster = Cluster::of(1);
    let source = cluster.directory().join("plain.txt");
    fs::write(&source, "plain\n").expect("our own directory can be written");
    let source = source.display().to_string();

    let uris =
        json!([{ "value": source }, { "value": format!("file://{source}"), "output_file": "a/b/c.txt" }]);

    finishes(&cluster, uris, "grep -q plain plain.txt && grep -q plain a/b/c.txt");
}

#[test]
fn an_executable_can_be_run() {
    let cluster = Cluster::of(1);
    let source = cluster.directory().join("tool");
    fs::write(&source, "#!/bin/sh\nexit 0\n").expect("our own directory can be written");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o644)).expect("our own file");

    finishes(&cluster, json!([{ "value": source.display().to_string(), "executable": true }]), "./tool");
}

#[test]
fn an_archive_is_unpacked_unless_told_otherwise() {
    let cluster = Cluster::of(1);
    let archive = archive(&cluster);

    let uris = json!([{ "value": archive }]);
    finishes(&cluster, uris, "grep -q archive inside/file");
    let uris = json!([{ "value": archive, "extract": false, "cache": false }]);
    finishes(&cluster, uris, "test ! -e inside && test -s archive.tar.gz");
}

#[test]
fn a_file_is_fetched_over_http() {
    let cluster = Cluster::of(1);
    let address = serve_once("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n");

    let uris = json!([{ "value": format!("http://{address}/some/name.txt") }]);

    finishes(&cluster, uris, "grep -q hello name.txt");
}

#[test]
fn a_file_that_is_not_there_fails_the_task_with_the_reason() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("fetching"));
    let address = serve_once("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let uris = [
        json!({ "value": "/no/such/file" }),
        json!({ "value": format!("http://{address}/gone") }),
        json!({ "value": "/etc/hostname", "output_file": "../escaped" }),
    ];

    for (index, uri) in uris.iter().enumerate() {
        let id = format!("missing-{index}");
        let mut missing = task(&id, "true");
        missing["command"]["uris"] = json!([uri]);
        framework.launch(&framework.offer(), &[missing]);
        let status = framework.await_state(&id, "TASK_FAILED");
        assert_eq!(status["reason"], "REASON_CONTAINER_LAUNCH_FAILED", "{status}");
        let message = status["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("Failed to launch container"), "{message}");
    }
}

/// Answers one request with these bytes.
fn serve_once(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut seen = Vec::new();
        let mut buffer = [0; 1024];
        while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(1..) => seen.extend_from_slice(&buffer),
                _ => return,
            }
        }
        let _ = stream.write_all(answer.as_bytes());
    });
    address
}
