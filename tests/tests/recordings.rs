//! `tepui trace record` and `tepui trace replay`: what daemons did while they worked is done again elsewhere, and ends the
//! same.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tepui_tests::binary::command;
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, info, task};
use tepui_tests::http::Request;
use tepui_tests::waiting::{secs, until};

const SECRET: &str = "hush-4711-hush";

/// One `tepui trace record` under way.
struct Recording {
    file: PathBuf,
    child: Child,
}

impl Recording {
    fn begin(cluster: &Cluster, actor: &str) -> Self {
        let file = cluster.directory().join(format!("{actor}.tepui"));
        let master = format!("--master={}", cluster.master.address());
        let path = file.display().to_string();
        let child =
            command(&["trace", "record", &path, &master, &format!("--actor={actor}"), "--seconds=120"])
                .stdout(Stdio::piped())
                .spawn()
                .expect("the command starts");
        until("a snapshot", secs(30), || fs::metadata(&file).is_ok_and(|file| file.len() > 0).then_some(()));
        Recording { file, child }
    }

    /// Ctrl-C; the file, and what was said of it.
    #[track_caller]
    fn end(self) -> (PathBuf, String) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).expect("it still runs");
        let output = self.child.wait_with_output().expect("it is ours to wait for");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        (self.file, said)
    }
}

fn replay(file: &Path, more: &[&str]) -> Output {
    let path = file.display().to_string();
    let arguments: Vec<&str> = ["trace", "replay", &path].into_iter().chain(more.iter().copied()).collect();
    command(&arguments).output().expect("the command starts")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn with_secret(id: &str, shell: &str) -> Value {
    let mut task = task(id, shell);
    task["command"]["environment"] = json!({ "variables": [{ "name": "PASSWORD", "value": SECRET }] });
    task
}

#[track_caller]
fn assert_holds_no_secret(file: &Path) {
    let bytes = fs::read(file).expect("it was written");
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("PASSWORD"), "the task was recorded");
    assert!(!holds(SECRET), "the secret was recorded");
}

#[test]
fn master_and_agent_do_again_what_they_did() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("recorded"));
    framework.launch(&framework.offer(), &[with_secret("before", "sleep 300")]);
    framework.await_state("before", "TASK_RUNNING");
    let agent = format!("slave(1)@{}", cluster.agent().address());
    let recordings = [Recording::begin(&cluster, "master"), Recording::begin(&cluster, &agent)];

    for (id, shell, end) in [("good", "true", "TASK_FINISHED"), ("bad", "exit 3", "TASK_FAILED")] {
        framework.launch(&framework.revived_offer(), &[with_secret(id, shell)]);
        framework.await_state(id, end);
    }
    framework.kill("before");
    framework.await_state("before", "TASK_KILLED");

    for recording in recordings {
        let (file, said) = recording.end();
        assert!(said.contains("it ended because somebody asked"), "{said}");
        assert_eq!(fs::metadata(&file).expect("it was written").permissions().mode() & 0o777, 0o600);
        assert_holds_no_secret(&file);
        let replayed = replay(&file, &["--effects"]);
        assert!(replayed.status.success(), "{}", text(&replayed));
        assert!(text(&replayed).ends_with("\nthe same\n"), "{}", text(&replayed));
        assert!(text(&replayed).contains("TASK_FINISHED") && text(&replayed).contains("TASK_KILLED"));
        let part = replay(&file, &["--until=3"]);
        assert!(part.status.success() && text(&part).contains("3 inputs replayed"), "{}", text(&part));
        damage_is_found(&file);
    }
}

#[track_caller]
fn damage_is_found(file: &Path) {
    let bytes = fs::read(file).expect("it was written");
    let other = file.with_extension("changed");
    let outcome = |changed: &[u8]| {
        fs::write(&other, changed).expect("our own directory can be written");
        let output = replay(&other, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        text(&output)
    };
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    assert!(outcome(&flipped).contains("is damaged"));
    let mut foreign = bytes.clone();
    foreign[8] = 200;
    assert!(outcome(&foreign).contains("this recording has form 200"));
    let torn = outcome(&bytes[..bytes.len() - 5]);
    assert!(torn.contains("left out") && torn.contains("nothing to compare with"), "{torn}");
}

#[test]
fn a_daemon_is_recorded_once_at_a_time_and_says_what_it_wants() {
    let cluster = Cluster::of(1);
    let (master, agent) = (&cluster.master, cluster.agent());

    let recording = Recording::begin(&cluster, "master");
    assert_eq!(master.get("/master/record").status(), 409);
    assert_eq!(master.get("/master/record?seconds=forever").status(), 400);
    assert_eq!(agent.get("/slave(1)/record?minutes=5").status(), 400);
    assert_eq!(agent.ask(&Request::new("POST", "/slave(1)/record")).status(), 405);
    recording.end();

    // Its own limit ends it as well.
    let file = cluster.directory().join("short");
    let path = file.display().to_string();
    let address = format!("--master={}", master.address());
    let recorded = command(&["trace", "record", &path, &address, "--seconds=1"]).output().expect("it starts");
    assert!(text(&recorded).contains("it ended because the time was up"), "{}", text(&recorded));
    assert!(replay(&file, &[]).status.success());
    let again = command(&["trace", "record", &path, &address]).output().expect("it starts");
    assert!(!again.status.success() && text(&again).contains("make "), "{}", text(&again));
}
