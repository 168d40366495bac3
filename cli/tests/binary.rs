//! The binary as an operator meets it: what it prints, how it ends.

mod tepui;

use std::io::Read;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tepui::{Daemon, output};

/// What a failing command says: one line.
fn complaint(arguments: &[&str]) -> String {
    let output = output(arguments);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().to_owned()
}

/// A master that forgets everything at its end.
fn master(more: &[&str]) -> Daemon {
    Daemon::start(&[&MASTER, more].concat(), "tepui master listening on ")
}

const MASTER: [&str; 4] = ["master", "--ip=127.0.0.1", "--port=0", "--registry=in_memory"];

#[test]
fn a_refused_flag_ends_the_daemon_by_name() {
    assert_eq!(
        complaint(&["master", "--registry=in_memory", "--acls={}"]),
        "tepui: --acls is refused: whoever is let in may do everything yet; leave it out, and let in only whom \
         you trust"
    );
}

#[test]
fn help_and_version_end_well() {
    let help = output(&["agent", "--help"]);
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("--work_dir=PATH"));

    let version = output(&["master", "--version"]);
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("tepui {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_work_dir_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("write");

    let said = complaint(&[
        "master",
        "--ip=127.0.0.1",
        "--port=0",
        "--quiet",
        &format!("--work_dir={}", file.display()),
    ]);

    assert!(said.starts_with("tepui: --work_dir: "), "{said}");
}

#[test]
fn sigterm_ends_a_daemon_within_a_second() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut daemon = master(&[]);
        let begin = Instant::now();

        daemon.signal(signal);
        let status = daemon.child.wait().expect("wait");

        assert!(status.success(), "{status}");
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    }
}

#[test]
fn logs_go_to_a_folder_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let log_dir = format!("--log_dir={}", folder.path().display());
    let _daemon = master(&["--quiet", "--zk_session_timeout=1secs", &log_dir]);

    let mut log = String::new();
    let path = folder.path().join("mesos-master.INFO");
    std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut log)).expect("a log");

    assert!(log.contains("--zk_session_timeout changes nothing"), "{log}");
}

#[test]
fn an_empty_cluster_is_listed_as_such() {
    let master = master(&[]);

    for (command, heading) in [("agents", "ID  HOST"), ("tasks", "ID  NAME"), ("frameworks", "ID  NAME")] {
        let output = output(&[command, "--master", &master.address]);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && printed.starts_with(heading), "{command}: {printed}");
    }
    assert_eq!(output(&["tasks", "--json", "--master", &master.address]).stdout, b"[]\n");
    assert_eq!(
        complaint(&["logs", "none", "--master", &master.address]),
        "tepui: the master knows no task 'none'; `tepui tasks --all` lists those it does"
    );
}

#[test]
fn a_master_that_is_not_there_is_named() {
    // The port was free a moment ago, and nobody takes it within the test.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");

    let said = complaint(&["tasks", "--master", &free.to_string()]);

    assert!(said.starts_with(&format!("tepui: nothing answers at {free}: Connection refused")), "{said}");
}
