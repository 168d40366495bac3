//! Commands against a cluster that runs tasks.

mod tepui;

use serde_json::Value;
use tepui::{Daemon, output};

/// A cluster of one agent in a process of its own.
fn cluster() -> Daemon {
    let arguments = ["local", "--port=0", "--resources=cpus:2;mem:512;disk:512"];
    Daemon::start(&arguments, "master   http://")
}

impl Daemon {
    /// What a command prints, and its status.
    fn run(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let (command, rest) = arguments.split_first().expect("a command");
        let output = output(&[&[*command, "--master", &self.address], rest].concat());
        let said = String::from_utf8(output.stdout).expect("text") + &String::from_utf8_lossy(&output.stderr);
        (said, output.status.code())
    }
}

/// The task's states in the order in which they were printed.
fn states(said: &str, task: &str) -> Vec<String> {
    let mine = said.lines().filter_map(|line| line.strip_prefix(task)?.strip_prefix(' '));
    mine.map(|line| line.split([' ', ':']).next().unwrap_or_default().to_owned()).collect()
}

const SMALL: &str = "--resources=cpus:0.1;mem:32";

#[test]
fn execute_waits_and_its_status_is_that_of_the_tasks() {
    let cluster = cluster();

    let greet =
        ["execute", "--name=greet", "--command=echo $WORD; echo low >&2", r#"--env={"WORD":"hello"}"#, SMALL];
    let (said, status) = cluster.run(&[&greet[..], &["--instances=2"]].concat());
    assert_eq!(status, Some(0), "{said}");
    for task in ["greet-1", "greet-2"] {
        assert_eq!(states(&said, task), ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"], "{said}");
    }

    let (said, status) = cluster.run(&["execute", "--name=fail", "--command=exit 3", SMALL]);
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(states(&said, "fail").last().map(String::as_str), Some("TASK_FAILED"), "{said}");

    let program =
        ["execute", "--name=argv", "--no-shell", "--command=/bin/echo", SMALL, "--", "one two", "$HOME"];
    let (said, status) = cluster.run(&program);
    assert_eq!(status, Some(0), "{said}");

    assert_eq!(cluster.run(&["logs", "greet-1"]), ("hello\n".to_owned(), Some(0)));
    assert_eq!(cluster.run(&["logs", "greet-2", "--stderr"]), ("low\n".to_owned(), Some(0)));
    assert_eq!(cluster.run(&["logs", "argv", "--follow"]), ("one two $HOME\n".to_owned(), Some(0)));

    let (tasks, _) = cluster.run(&["tasks", "--all", "--json"]);
    let tasks: Value = serde_json::from_str(&tasks).expect("JSON");
    assert_eq!(tasks.as_array().map(Vec::len), Some(4), "{tasks}");
    let (none, _) = cluster.run(&["tasks"]);
    assert_eq!(none.lines().count(), 1, "every task has ended: {none}");
}

#[test]
fn long_logs_arrive_whole_and_followed_ones_until_the_end() {
    let cluster = cluster();

    // Characters of two bytes, at odd places: pieces of the file end within some of them.
    let command = "--command=printf x; for i in $(seq 40000); do printf 'é€'; done";
    let (said, status) = cluster.run(&["execute", "--name=long", command, SMALL]);
    assert_eq!(status, Some(0), "{said}");
    let (log, _) = cluster.run(&["logs", "long"]);
    assert_eq!(log.len(), 1 + 40_000 * 5);
    assert_eq!(log.trim_start_matches('x').replace("é€", ""), "");

    let command = "--command=for i in 1 2 3; do echo $i; sleep 0.2; done";
    let (log, status) = std::thread::scope(|scope| {
        let running = scope.spawn(|| cluster.run(&["execute", "--name=slow", command, SMALL]));
        // The log can be followed as soon as the master knows the task.
        let log = loop {
            let followed = cluster.run(&["logs", "slow", "--follow"]);
            if followed.1 == Some(0) {
                break followed.0;
            }
        };
        (log, running.join().expect("it does not panic").1)
    });
    assert_eq!((log.as_str(), status), ("1\n2\n3\n", Some(0)));
}

#[test]
fn a_task_that_runs_too_long_is_killed_when_asked() {
    let cluster = cluster();

    let (said, status) =
        cluster.run(&["execute", "--name=long", "--command=sleep 1000", SMALL, "--kill-after=100ms"]);

    assert_eq!(status, Some(1), "{said}");
    assert_eq!(states(&said, "long").last().map(String::as_str), Some("TASK_KILLED"), "{said}");
}
