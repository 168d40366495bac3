//! Health checks and checks of command tasks, on servers that the tasks themselves are.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tepui_tests::certificates::Certificates;
use tepui_tests::checks::{await_status, health, set};
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Framework, info, scalar, task};
use tepui_tests::ports::Ports;
use tepui_tests::waiting::{secs, until};

/// Answers a GET with the status that the file says; nobody listens while there is no file.
const SERVER: &str = r#"
import http.server, os, sys, time
port, file = int(sys.argv[1]), sys.argv[2]
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(open(file).read()))
        self.send_header('Content-Length', '0')
        self.end_headers()
while True:
    if os.path.exists(file):
        server = http.server.HTTPServer(('127.0.0.1', port), Answer)
        server.timeout = 0.05
        while os.path.exists(file):
            server.handle_request()
        server.server_close()
    time.sleep(0.05)
"#;

/// The same for one path, by TLS at the IPv6 loopback, with whatever certificate.
const SECURE: &str = r#"
import http.server, socket, ssl, sys
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204 if self.path == '/a%20b?c=d' else 404)
        self.end_headers()
server = Server(('::1', int(sys.argv[1])), Answer)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"#;

/// A cluster whose only agent offers one port.
fn cluster(ports: &Ports) -> Cluster {
    Plan::agents(1).resources(&format!("cpus:4;mem:4096;ports:[{}]", ports.ranges())).start()
}

fn port(offer: &Value) -> u64 {
    let ports = offer["resources"].as_array().into_iter().flatten().find(|r| r["name"] == "ports");
    ports.expect("the agent offers ports")["ranges"]["range"][0]["begin"].as_u64().expect("a port")
}

/// A task that serves at this port what `file` says.
fn server(id: &str, port: u64, file: &Path) -> Value {
    python(id, SERVER, port, &[file])
}

fn python(id: &str, program: &str, port: u64, files: &[&Path]) -> Value {
    let mut server = task(id, "");
    let mut arguments = vec!["python3".to_owned(), "-c".to_owned(), program.to_owned(), port.to_string()];
    arguments.extend(files.iter().map(|file| file.display().to_string()));
    server["command"] = json!({ "shell": false, "value": "/usr/bin/env", "arguments": ["env"] });
    for argument in arguments {
        server["command"]["arguments"].as_array_mut().expect("a list").push(json!(argument));
    }
    let range = json!({ "range": [{ "begin": port, "end": port }] });
    server["resources"] = json!([scalar("cpus", 0.1), scalar("mem", 64.0), { "name": "ports", "type": "RANGES", "ranges": range }]);
    server
}

fn count(framework: &Framework, id: &str) -> usize {
    framework.statuses(id).len()
}

#[test]
fn a_task_that_falls_ill_says_so_and_is_killed() {
    let cluster = Cluster::of(1);
    let well = cluster.directory().join("well");
    set(&well, "");
    let framework = Framework::subscribe(cluster.master.address(), info("health"));
    // The check sees what its task sees: the working directory, the variables, the user.
    let mut ill = task("ill", "id -u > user; exec sleep 1000");
    ill["command"]["environment"] = json!({ "variables": [{ "name": "WELL", "value": well }] });
    let check = "test $(id -u) = $(cat user) || exit 9; echo looked for $WELL; test -e $WELL";
    ill["health_check"] =
        health("COMMAND", json!({ "command": { "value": check }, "consecutive_failures": 2 }));

    framework.launch(&framework.offer(), &[ill]);
    let healthy = await_status(&framework, "ill", 0, |status| status["healthy"] == true);
    fs::remove_file(&well).expect("it is ours");
    let killed = framework.await_state("ill", "TASK_KILLED");

    assert_eq!(
        (&healthy["state"], &healthy["reason"]),
        (&json!("TASK_RUNNING"), &json!("REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"))
    );
    let statuses = framework.statuses("ill");
    let told: Vec<_> = statuses.iter().map(|status| (&status["state"], &status["healthy"])).collect();
    assert_eq!(
        json!(told),
        json!([
            ["TASK_STARTING", null],
            ["TASK_RUNNING", null],
            ["TASK_RUNNING", true],
            ["TASK_RUNNING", false],
            ["TASK_RUNNING", false],
            ["TASK_KILLED", false],
        ])
    );
    let why = "the command exited with status 1 (failure 2 of 2)";
    assert_eq!(statuses[4]["message"], json!(format!("health check failed: {why}")));
    let last = format!("Command terminated with signal Terminated; its health check failed: {why}");
    assert_eq!((&killed["message"], killed.get("reason")), (&json!(last), None));
}

#[test]
fn a_web_server_is_healthy_while_it_answers_well_and_its_check_says_what_it_answers() {
    let ports = Ports::free(1);
    let cluster = cluster(&ports);
    let file = cluster.directory().join("answer");
    let framework = Framework::subscribe(cluster.master.address(), info("web"));
    let offer = framework.offer();
    let port = port(&offer);
    let mut web = server("web", port, &file);
    let http = json!({ "port": port, "path": "/health?full=1", "statuses": [200] });
    web["health_check"] = health("HTTP", json!({ "http": http, "consecutive_failures": 1000 }));
    web["check"] = json!({
        "type": "HTTP", "http": { "port": port, "path": "/" }, "delay_seconds": 0.0, "interval_seconds": 0.2
    });
    let answers = |status: u64| {
        move |update: &Value| {
            update["check_status"]["http"]["status_code"] == status && update["healthy"].is_boolean()
        }
    };
    let healthy = |expected: bool| {
        move |status: &Value| {
            status["healthy"] == expected && status["reason"] == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
        }
    };

    framework.launch(&offer, &[web]);
    let first = await_status(&framework, "web", 0, |status| status["state"] == "TASK_RUNNING");
    set(&file, "302");
    await_status(&framework, "web", 0, healthy(true));
    await_status(&framework, "web", 0, answers(302));
    let told = count(&framework, "web");
    set(&file, "404");
    let ill = await_status(&framework, "web", told, healthy(false));
    await_status(&framework, "web", told, answers(404));
    let told = count(&framework, "web");
    set(&file, "200");
    await_status(&framework, "web", told, healthy(true));
    let found = await_status(&framework, "web", told, answers(200));

    // A status without a result before there is one.
    assert_eq!(first["check_status"], json!({ "type": "HTTP", "http": {} }));
    assert_eq!(ill["message"], "health check failed: the answer was HTTP status 404 (failure 1 of 1000)");
    assert_eq!(found["state"], "TASK_RUNNING");
    let told = count(&framework, "web");
    let state = until("the master's state to say so", secs(30), || {
        let tasks = cluster.master.get("/state").json()["frameworks"][0]["tasks"].clone();
        (tasks[0]["statuses"].as_array()?.last()?["healthy"] == true).then_some(tasks)
    });
    assert_eq!(state[0]["health_check"]["http"]["port"], json!(port));
    framework.kill("web");
    framework.await_state("web", "TASK_KILLED");
    // Who ends a task looks at it no more.
    let last = framework.statuses("web").split_off(told);
    assert_eq!(last.iter().map(|status| &status["state"]).collect::<Vec<_>>(), [&json!("TASK_KILLED")]);
    assert_eq!(last[0].get("healthy"), None);
}

#[test]
fn a_web_server_is_reached_by_tls_and_ipv6_whoever_signed_its_certificate() {
    let ports = Ports::free(1);
    let cluster = cluster(&ports);
    let certificates = Certificates::make();
    let framework = Framework::subscribe(cluster.master.address(), info("tls"));
    let offer = framework.offer();
    let port = port(&offer);
    let mut web =
        python("web", SECURE, port, &[&certificates.file("node.pem"), &certificates.file("node.key")]);
    let http = json!({ "port": port, "path": "/a b?c=d", "scheme": "https", "protocol": "IPv6" });
    web["health_check"] = health("HTTP", json!({ "http": http }));

    framework.launch(&offer, &[web]);

    await_status(&framework, "web", 0, |status| status["healthy"] == true);
}

#[test]
fn a_port_that_nobody_listens_at_any_more_ends_the_task() {
    let ports = Ports::free(1);
    let cluster = cluster(&ports);
    let file = cluster.directory().join("open");
    set(&file, "200");
    let framework = Framework::subscribe(cluster.master.address(), info("tcp"));
    let offer = framework.offer();
    let port = port(&offer);
    let mut open = server("open", port, &file);
    open["health_check"] = health("TCP", json!({ "tcp": { "port": port } }));
    open["check"] = json!({
        "type": "TCP", "tcp": { "port": port }, "delay_seconds": 0.0, "interval_seconds": 0.2
    });

    framework.launch(&offer, &[open]);
    await_status(&framework, "open", 0, |status| status["healthy"] == true);
    await_status(&framework, "open", 0, |status| status["check_status"]["tcp"]["succeeded"] == true);
    fs::remove_file(&file).expect("it is ours");
    let killed = framework.await_state("open", "TASK_KILLED");

    let message = killed["message"].as_str().unwrap_or_default();
    let why = format!("connect to 127.0.0.1:{port}: Connection refused (os error 111) (failure 3 of 3)");
    assert!(message.ends_with(&why), "{killed}");
    await_status(&framework, "open", 0, |status| status["check_status"]["tcp"]["succeeded"] == false);
}

#[test]
fn a_check_that_hangs_is_ended_with_all_it_started_and_counts_as_failed() {
    let cluster = Cluster::of(1);
    let mark = format!("33{}", std::process::id());
    let framework = Framework::subscribe(cluster.master.address(), info("hangs"));
    let mut checked = task("checked", "exec sleep 1000");
    let command = format!("setsid sleep {mark} & sleep {mark} & echo $! $PPID; yes; wait");
    checked["health_check"] = health(
        "COMMAND",
        json!({ "command": { "value": command }, "timeout_seconds": 1, "grace_period_seconds": 0, "consecutive_failures": 2 }),
    );
    checked["check"] = json!({
        "type": "COMMAND", "command": { "command": { "value": format!("sleep {mark}") } },
        "delay_seconds": 0.0, "interval_seconds": 0.2, "timeout_seconds": 0.5
    });

    framework.launch(&framework.offer(), &[checked]);
    let killed = framework.await_state("checked", "TASK_KILLED");

    let message = killed["message"].as_str().unwrap_or_default();
    assert!(message.ends_with("the check did not end within 1s (failure 2 of 2)"), "{killed}");
    // What could not be looked at has no result, which is what was known before.
    let empty = json!({ "type": "COMMAND", "command": {} });
    assert!(framework.statuses("checked").iter().all(|status| status["check_status"] == empty));
    until("its processes to be gone", secs(20), || {
        let lines = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut lines = lines.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        let sleeping = format!("sleep\0{mark}\0").into_bytes();
        (!lines.any(|line| line == sleeping)).then_some(())
    });
}

#[test]
fn what_a_check_prints_is_in_the_sandbox_but_not_without_end() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("prints"));
    let mut checked = task("prints", "exec sleep 1000");
    let command = "echo here; yes | head -c 1000000; exit 1";
    checked["health_check"] = health(
        "COMMAND",
        json!({ "command": { "value": command }, "grace_period_seconds": 0, "consecutive_failures": 1 }),
    );

    framework.launch(&framework.offer(), &[checked]);
    framework.await_state("prints", "TASK_KILLED");

    let state = cluster.agent().get("/slave(1)/state").json();
    let directory = ["executors", "completed_executors"]
        .iter()
        .flat_map(|list| state["frameworks"][0][list].as_array().cloned().unwrap_or_default())
        .find_map(|executor| executor["directory"].as_str().map(str::to_owned));
    let path = format!("{}/stderr", directory.expect("the executor is known"));
    let printed = cluster.agent().get(&format!("/files/download?path={path}")).text();
    assert!(
        printed.starts_with("here\n") && printed.contains("tepui: health check failed: "),
        "{printed:.200}"
    );
    assert!(printed.len() < 8192, "{} bytes", printed.len());
}

#[test]
fn what_happens_while_the_agent_is_away_is_told_when_it_is_back() {
    let mut cluster = Cluster::of(1);
    let well = cluster.directory().join("well");
    set(&well, "");
    let mut who = info("away");
    who["checkpoint"] = json!(true);
    let framework = Framework::subscribe(cluster.master.address(), who);
    let gone = cluster.directory().join("gone");
    let mut ill = task("ill", &format!("trap 'touch {}; exit 0' TERM; sleep 1000 & wait", gone.display()));
    let command = json!({ "value": format!("test -e {}", well.display()) });
    ill["health_check"] = health("COMMAND", json!({ "command": command }));
    framework.launch(&framework.offer(), &[ill]);
    await_status(&framework, "ill", 0, |status| status["healthy"] == true);

    cluster.agents[0].kill();
    fs::remove_file(&well).expect("it is ours");
    until("the task to be ended", secs(30), || gone.exists().then_some(()));
    cluster.agents[0].restart();
    cluster.await_agents(1);

    let killed = framework.await_state("ill", "TASK_KILLED");
    let failures = framework.statuses("ill").iter().filter(|status| status["healthy"] == false).count();
    // It ends well when asked to, but it was killed.
    assert_eq!(failures, 4, "{:#?}", framework.statuses("ill"));
    assert!(
        killed["message"].as_str().is_some_and(|text| text.starts_with("Command exited with status 0; "))
    );
}

#[test]
fn a_check_that_cannot_be_done_is_the_tasks_error_and_names_its_field() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("wrong"));
    let mut wrong = task("wrong", "true");
    wrong["health_check"] = health("HTTP", json!({ "http": { "port": 70000 } }));

    framework.launch(&framework.offer(), &[wrong]);

    let error = framework.await_state("wrong", "TASK_ERROR");
    assert_eq!(error["reason"], "REASON_TASK_INVALID");
    assert_eq!(error["message"], "health_check.http.port is 70000: give a port from 1 to 65535");
}
