//! The example frameworks, which are our SDK's first users, over both of its ways to a master.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use tepui_tests::binary;
use tepui_tests::cluster::Cluster;
use tepui_tests::waiting::{secs, until};

/// Both ways to name the master: over HTTP, and as an actor.
fn ways(cluster: &Cluster) -> [String; 2] {
    [cluster.master.address().to_owned(), format!("master@{}", cluster.master.address())]
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the binary can be run")
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

#[test]
fn hello_runs_its_task_over_http_and_over_actors() {
    let cluster = Cluster::of(1);

    for master in ways(&cluster) {
        let said = succeeded(&output(binary::example("hello").arg(&master)));
        assert!(said.contains("hello TASK_FINISHED"), "{master}: {said}");
    }
}

#[test]
fn a_batch_finishes_over_http_and_over_actors() {
    let cluster = Cluster::of(2);

    for master in ways(&cluster) {
        let said = succeeded(&output(
            binary::example("batch").args(["--master", &master, "-n", "20", "--", "true"]),
        ));
        assert_eq!(said.lines().last(), Some("20 finished, 0 failed"), "{master}");
    }
}

#[test]
fn a_batch_that_was_killed_resumes_and_runs_nothing_twice() {
    let cluster = Cluster::of(1);

    for (number, master) in ways(&cluster).iter().enumerate() {
        let directory = cluster.directory().join(format!("batch-{number}"));
        fs::create_dir(&directory).expect("our own directory can be written");
        let (state, started, go) = (directory.join("state"), directory.join("started"), directory.join("go"));
        let command =
            format!("echo x >> {}; until test -e {}; do sleep 0.1; done", started.display(), go.display());
        let batch = || {
            let mut batch = binary::example("batch");
            batch.args(["--master", master, "-n", "5", "--state"]).arg(&state).args(["--", &command]);
            batch.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
            batch
        };
        let lines = || fs::read_to_string(&started).unwrap_or_default().lines().count();

        let mut first = batch().spawn().expect("the binary can be started");
        until("all tasks to start", secs(30), || (lines() == 5).then_some(()));
        first.kill().and_then(|()| first.wait()).expect("a child can be killed");
        fs::write(&go, "").expect("our own directory can be written");
        let said = succeeded(&output(&mut batch()));

        assert_eq!(said.lines().last(), Some("5 finished, 0 failed"), "{master}");
        assert_eq!(lines(), 5, "every task ran once");
    }
}

#[test]
fn a_batch_survives_the_death_of_master_and_agent() {
    for way in 0..2 {
        let mut cluster = Cluster::of(1);
        let master = ways(&cluster)[way].clone();
        let (started, go) = (cluster.directory().join("started"), cluster.directory().join("go"));
        let command =
            format!("echo x >> {}; until test -e {}; do sleep 0.1; done", started.display(), go.display());
        let output = cluster.directory().join("output");
        let mut batch = binary::example("batch");
        batch.args(["--master", &master, "-n", "10", "--", &command]);
        batch.stdout(fs::File::create(&output).expect("our own directory can be written"));
        let lines = || fs::read_to_string(&started).unwrap_or_default().lines().count();

        let mut batch = Running(batch.spawn().expect("the binary can be started"));
        until("all tasks to start", secs(30), || (lines() == 10).then_some(()));
        cluster.master.kill();
        cluster.master.restart();
        cluster.await_agents(1);
        cluster.agents[0].kill();
        fs::write(&go, "").expect("our own directory can be written");
        cluster.agents[0].restart();
        let status =
            until("the batch to end", secs(90), || batch.0.try_wait().expect("a child has a status"));

        let said = fs::read_to_string(&output).unwrap_or_default();
        assert!(status.success(), "{master}: {status}\n{said}");
        assert_eq!(said.lines().last(), Some("10 finished, 0 failed"), "{master}");
        assert_eq!(lines(), 10, "every task ran once");
    }
}

/// Ends with the test, whatever becomes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_service_replaces_what_fails() {
    let cluster = Cluster::of(1);
    let mut service = binary::example("service");
    service.args(["--master", cluster.master.address(), "--instances", "2", "--", "sleep 1; exit 1"]);
    let mut child = Running(service.stdout(Stdio::piped()).spawn().expect("the binary can be started"));
    let stdout = child.0.stdout.take().expect("stdout is piped");
    let lines: Vec<String> = BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .scan(0, |runs, line| {
            *runs += usize::from(line.contains("TASK_RUNNING"));
            (*runs <= 5).then_some(line)
        })
        .collect();

    assert!(lines.iter().any(|line| line.contains("TASK_FAILED")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("replacing an instance")), "{lines:?}");
}
