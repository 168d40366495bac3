//! The command line, as a newcomer and as an existing unit file use it.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use tepui_tests::binary;
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, info, task};
use tepui_tests::http::{Request, ask};
use tepui_tests::waiting::{secs, until};

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the binary can be run")
}

fn run(arguments: &[&str]) -> Output {
    output(&mut binary::command(arguments))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The daemon does not start, and its last line says why.
#[track_caller]
fn refused(output: &Output, words: &[&str]) {
    let text = stderr(output);
    assert!(!output.status.success(), "it should not have started:\n{text}");
    let last = text.lines().last().unwrap_or_default();
    for word in words {
        assert!(last.contains(word), "the last line does not say `{word}`:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn a_daemon_ends_within_a_second_of_sigterm() {
    let mut cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("open stream"));
    framework.offer();

    for daemon in [&mut cluster.agents[0], &mut cluster.master] {
        let (status, took) = daemon.terminate();
        assert!(status.success(), "{status}");
        assert!(took < secs(1), "it took {took:?}");
    }
}

#[test]
fn a_port_in_use_is_said_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let work_dir = format!("--work_dir={}", directory.path().display());
    let port_flag = format!("--port={port}");

    refused(&run(&["master", "--ip=127.0.0.1", &port_flag, &work_dir]), &["127.0.0.1", &port]);
    refused(
        &run(&["agent", "--ip=127.0.0.1", "--master=127.0.0.1:1", &port_flag, &work_dir]),
        &["127.0.0.1", &port],
    );
}

#[test]
fn a_work_dir_in_use_is_said_in_one_line() {
    let cluster = Cluster::of(1);
    let work_dir = cluster.work_dir("agent-1");
    let master = format!("--master={}", cluster.master.address());
    let flag = format!("--work_dir={}", work_dir.display());

    let second = run(&["agent", "--ip=127.0.0.1", "--port=0", &master, &flag]);

    refused(&second, &[&work_dir.display().to_string()]);
    assert_eq!(cluster.agent().get("/slave(1)/health").status(), 200);
}

#[test]
fn a_work_dir_of_another_agent_is_said_in_one_line() {
    let mut cluster = Cluster::of(1);
    let master = format!("--master={}", cluster.master.address());
    let flag = format!("--work_dir={}", cluster.work_dir("agent-1").display());
    // The master knows the agent before the agent has written down its id.
    let known = cluster.work_dir("agent-1").join("meta/slaves/latest");
    until("the agent to be written down", secs(30), || known.exists().then_some(()));
    cluster.agents[0].terminate();

    let other = run(&[
        "agent",
        "--ip=127.0.0.1",
        "--port=0",
        &master,
        &flag,
        "--resources=cpus:1;mem:64;disk:64",
        "--attributes=rack:other",
    ]);

    refused(&other, &[&cluster.work_dir("agent-1").display().to_string()]);
}

#[test]
fn wrong_flags_are_refused_by_name() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let work_dir = format!("--work_dir={}", directory.path().display());

    refused(&run(&["master", "--port=0", &work_dir, "--no_such_flag=1"]), &["no_such_flag"]);
    refused(&run(&["master", "--ip=127.0.0.1", "--port=0"]), &["work_dir"]);
    refused(&run(&["agent", "--ip=127.0.0.1", "--port=0", &work_dir]), &["master"]);
    refused(&run(&["master", "--port=seven", &work_dir]), &["port", "seven"]);
    refused(
        &run(&["agent", "--master=127.0.0.1:1", "--port=0", &work_dir, "--resources=cpus:many"]),
        &["resources"],
    );
    refused(&run(&["master", "--port=0", &work_dir, "--authenticate_agents=true"]), &["authenticate_agents"]);
}

#[test]
fn flags_may_be_spelled_with_dashes_or_set_by_the_environment() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut child = binary::command(&["master", "--port=0"])
        .env("MESOS_WORK_DIR", directory.path())
        .env("MESOS_IP", "127.0.0.1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    child.kill().and_then(|()| child.wait()).expect("a child can be killed");
    assert!(line.starts_with("tepui master listening on 127.0.0.1:"), "{line}");

    let cluster = Plan::agents(1).agent("--executor-registration-timeout=30secs").start();
    assert_eq!(cluster.agent().get("/slave(1)/health").status(), 200);
}

#[test]
fn execute_waits_prints_states_and_tells_by_its_status() {
    let cluster = Cluster::of(1);
    let master = format!("--master={}", cluster.master.address());

    let good = run(&[
        "execute",
        &master,
        "--name=good",
        "--command=true",
        "--resources=cpus:0.1;mem:32",
        "--instances=3",
    ]);
    assert!(good.status.success(), "{}{}", stdout(&good), stderr(&good));
    let said = stdout(&good);
    assert_eq!(said.matches("TASK_RUNNING").count(), 3, "{said}");
    assert_eq!(said.matches("TASK_FINISHED").count(), 3, "{said}");

    let bad = run(&["execute", &master, "--name=bad", "--command=exit 3"]);
    assert!(!bad.status.success(), "{}", stdout(&bad));
    assert!(stdout(&bad).contains("TASK_FAILED"), "{}", stdout(&bad));

    let env = run(&["execute", &master, "--name=env", "--command=test \"$A\" = b", r#"--env={"A":"b"}"#]);
    assert!(env.status.success(), "{}{}", stdout(&env), stderr(&env));
}

#[test]
fn the_cluster_can_be_listed_and_logs_read() {
    let cluster = Cluster::of(2);
    let framework = Framework::subscribe(cluster.master.address(), info("listed"));
    framework.launch(
        &framework.offer(),
        &[task("talker", "echo what it says; echo and complains >&2; sleep 300")],
    );
    framework.await_state("talker", "TASK_RUNNING");
    let master = format!("--master={}", cluster.master.address());

    let tasks = stdout(&run(&["tasks", &master]));
    assert!(tasks.contains("talker") && tasks.contains("TASK_RUNNING"), "{tasks}");
    let frameworks = stdout(&run(&["frameworks", &master]));
    assert!(frameworks.contains(&framework.id) && frameworks.contains("listed"), "{frameworks}");
    let agents = stdout(&run(&["agents", &master]));
    for agent in cluster.master.get("/slaves").json()["slaves"].as_array().into_iter().flatten() {
        assert!(agents.contains(agent["id"].as_str().unwrap_or("?")), "{agents}");
    }
    until("the output of the task", secs(20), || {
        let logs = run(&["logs", "talker", &master]);
        (logs.status.success() && stdout(&logs).contains("what it says")).then_some(())
    });

    framework.tell("TEARDOWN", serde_json::json!({}));
    framework.await_end();
    let tasks = cluster.master.get("/tasks").json();
    assert_eq!(tasks["tasks"][0]["id"], "talker", "tasks of ended frameworks are listed too");
    let unknown = run(&["logs", "nobody", &master]);
    assert!(!unknown.status.success() && stderr(&unknown).contains("nobody"), "{}", stderr(&unknown));
}

#[test]
fn the_demo_runs_its_batch_and_ends() {
    let begin = Instant::now();

    let demo = output(
        binary::command(&["demo", "--exit"]).env("TMPDIR", tempfile::tempdir().expect("a directory").path()),
    );

    let took = begin.elapsed();
    assert!(demo.status.success(), "{}\n{}", stdout(&demo), stderr(&demo));
    assert!(took < secs(40), "it took {took:?}");
    let said = stdout(&demo);
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("20"), "the last line sums up: {last}");
}

#[test]
fn the_demo_leaves_the_cluster_up_until_ctrl_c() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut child = binary::command(&["demo"])
        .env("TMPDIR", directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary can be started");
    let stdout = std::io::BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut lines = std::io::BufRead::lines(stdout).map_while(Result::ok);

    let line = lines.find(|line| line.contains("http://")).expect("it prints where the master is");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    until("three agents", secs(30), || {
        let slaves = ask(address, &Request::get("/slaves")).ok()?.json();
        (slaves["slaves"].as_array()?.len() == 3).then_some(())
    });
    // What it says last before it waits.
    lines.find(|line| line.contains("Ctrl-C")).expect("it says how to end it");
    assert_eq!(ask(address, &Request::get("/health")).map(|answer| answer.status()).ok(), Some(200));
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("a child can be signalled");
    let status = until("the demo to end", secs(20), || child.try_wait().expect("a child has a status"));

    assert!(status.success(), "{status}");
}

#[test]
fn health_is_200_on_master_and_agent() {
    let cluster = Cluster::of(1);

    assert_eq!(cluster.master.get("/health").status(), 200);
    for path in ["/health", "/slave(1)/health"] {
        assert_eq!(cluster.agent().get(path).status(), 200, "{path}");
    }
}
