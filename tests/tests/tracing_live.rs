//! `tepui trace tail` and `tepui trace top` on real clusters: what is shown live, how much of it, and what never.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};
use tepui_tests::binary;
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, info, task};
use tepui_tests::tracing::{SECRET, SECRET_IN_BASE64, VALUE, said, trace, with_secrets};
use tepui_tests::waiting::{secs, until};

/// A tail that runs; ended with the test.
struct Tail {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Tail {
    /// Calls `poke` until something was shown: then the tail is there on all nodes that answered.
    fn start(cluster: &Cluster, arguments: &[&str], poke: impl Fn()) -> Tail {
        let mut command = binary::command(&["trace", "tail", "--format=json"]);
        command.args(arguments).arg(format!("--master={}", cluster.master.address()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary can be run");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody waits for more once the test has failed.
                let _ = sender.send(line);
            }
        });
        let mut tail = Tail { child, lines, seen: Vec::new() };
        until("the first line of the tail", secs(20), || {
            poke();
            tail.seen.push(tail.lines.try_recv().ok()?);
            Some(())
        });
        tail
    }

    /// What it printed until it stopped by itself, and as text.
    fn lines(mut self) -> (Vec<Value>, String) {
        self.seen.extend(self.lines.iter());
        let text = self.seen.join("\n");
        assert!(self.child.wait().expect("it ends").success(), "{text}");
        (self.seen.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect(), text)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_tail_shows_messages_of_all_nodes_and_stops() {
    let cluster = Cluster::of(2);
    let framework = Framework::subscribe(cluster.master.address(), info("tailed"));
    let tail = Tail::start(&cluster, &["--for=8s", "--limit=1000/s"], || framework.tell("REVIVE", json!({})));
    for number in 0..4 {
        framework.launch(&framework.revived_offer(), &[task(&format!("t{number}"), "true")]);
    }

    let (lines, text) = tail.lines();

    let messages: Vec<&Value> = lines.iter().filter(|line| line.get("id").is_some()).collect();
    let nodes: BTreeSet<&str> = messages.iter().filter_map(|message| message["node"].as_str()).collect();
    for daemon in cluster.agents.iter().chain([&cluster.master]) {
        assert!(nodes.contains(daemon.address()), "{} is missing among {nodes:?}", daemon.address());
    }
    assert!(text.contains("mesos.internal.RunTaskMessage"), "{text}");
    assert!(messages.iter().all(|message| message.get("body").is_none_or(Value::is_null)), "{text}");
}

#[test]
fn the_limit_of_a_tail_holds_and_what_is_left_out_is_counted() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("limited"));
    let tail = Tail::start(&cluster, &["--for=4s", "--limit=2/s"], || framework.tell("REVIVE", json!({})));
    let offer = framework.offer();
    let tasks: Vec<Value> = (0..10).map(|number| task(&format!("t{number}"), "true")).collect();
    framework.launch(&offer, &tasks);

    let (lines, text) = tail.lines();

    let messages = lines.iter().filter(|line| line.get("id").is_some()).count();
    // A second that has begun counts.
    assert!((1..=2 * 5).contains(&messages), "{messages} messages: {text}");
    let left_out: u64 = lines.iter().filter_map(|line| line["left_out"].as_u64()).sum();
    assert!(left_out > 0, "{text}");
}

#[test]
fn a_tail_shows_bodies_without_secrets_and_variables() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("secretive"));
    let offer = framework.offer();
    let arguments = ["--for=8s", "--limit=1000/s", "--body"];
    let tail = Tail::start(&cluster, &arguments, || framework.tell("REVIVE", json!({})));
    framework.launch(&offer, &with_secrets());
    framework.await_state("secretive", "TASK_RUNNING");

    let (lines, tailed) = tail.lines();

    let runs = lines.iter().filter(|line| line["message"] == "mesos.internal.RunTaskMessage");
    let shown: Vec<String> = runs.map(|run| run["body"].to_string()).collect();
    assert!(shown.iter().any(|body| body.contains("\"TOKEN\"") && body.contains("(hidden)")), "{tailed}");
    assert!(!tailed.contains(VALUE), "the tail shows a variable: {tailed}");
    let shows = [SECRET, SECRET_IN_BASE64].into_iter().find(|secret| tailed.contains(secret));
    assert_eq!(shows, None, "the tail shows a secret: {tailed}");
}

#[test]
fn top_lists_the_actors_of_all_nodes() {
    let cluster = Cluster::of(1);

    let text = said(&trace(&cluster, &["top"]));
    let answer: Value =
        serde_json::from_str(&said(&trace(&cluster, &["top", "--format=json"]))).expect("JSON");

    for actor in
        [format!("master@{}", cluster.master.address()), format!("slave(1)@{}", cluster.agent().address())]
    {
        assert!(text.contains(&actor), "{actor} is missing: {text}");
    }
    assert!(answer["actors"].as_array().is_some_and(|actors| actors.len() >= 2), "{answer}");
}
