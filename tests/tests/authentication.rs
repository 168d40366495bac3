//! Clusters that ask who comes: agents with CRAM-MD5, everybody over HTTP with a name and a secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tepui_tests::binary;
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::framework::{Acknowledge, Framework, info, scalar, task};
use tepui_tests::http::{Request, ask};
use tepui_tests::waiting::{secs, until};

/// In no log and no answer.
const SECRET: &str = "correct-horse-battery";

/// `ann` with [`SECRET`], as a header of HTTP.
const ANN: &str = "Basic YW5uOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==";

/// Files of credentials.
struct Secrets(TempDir);

impl Secrets {
    fn new() -> Self {
        let secrets = Secrets(tempfile::tempdir().expect("a temporary directory can be made"));
        let credentials = json!({ "credentials": [{ "principal": "ann", "secret": SECRET }] });
        secrets.write("all", &credentials.to_string());
        secrets.write("ann", &json!({ "principal": "ann", "secret": SECRET }).to_string());
        secrets.write("eve", "eve battery-horse\n");
        secrets
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.file(name);
        fs::write(&file, text).expect("a file can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn flag(&self, flag: &str, name: &str) -> String {
        format!("--{flag}={}", self.file(name).display())
    }
}

fn states(cluster: &Cluster) -> Vec<Value> {
    let tasks = cluster.master.get("/tasks").json();
    tasks["tasks"].as_array().expect("a list").iter().map(|task| task["state"].clone()).collect()
}

#[test]
fn only_agents_that_show_who_they_are_get_in_and_their_tasks_outlive_the_master() {
    let secrets = Secrets::new();
    let closed = Plan::agents(1).master("--authenticate_agents").master(&secrets.flag("credentials", "all"));
    let quick = "--registration_backoff_factor=50ms";
    let mut cluster = closed.clone().agent(&secrets.flag("credential", "ann")).agent(quick).start();
    let framework = Framework::subscribe(
        cluster.master.address(),
        json!({
            "user": "root", "name": "kept", "checkpoint": true, "failover_timeout": 3600.0
        }),
    );
    framework.launch(&framework.offer(), &[task("t1", "sleep 1000")]);
    framework.await_state("t1", "TASK_RUNNING");

    cluster.add_agent(&closed.clone().agent(&secrets.flag("credential", "eve")).agent(quick));
    until("an agent with a wrong credential to end", secs(30), || {
        (!cluster.agents[1].is_alive()).then_some(())
    });
    let log = cluster.agents[1].log();
    assert!(log.contains("the master refused to authenticate this agent"), "{log}");
    cluster.add_agent(&closed.agent(quick));
    until("an agent without a credential to say what it lacks", secs(30), || {
        cluster.agents[2].log().contains("--credential").then_some(())
    });
    assert!(cluster.master.log().contains("registration dropped, the agent is not authenticated"));
    cluster.await_agents(1);

    cluster.master.kill();
    cluster.master.restart();
    cluster.await_agents(1);

    assert_eq!(states(&cluster), ["TASK_RUNNING"]);
    let logs: String = cluster.agents.iter().map(|agent| agent.log()).collect();
    let flags = cluster.master.get("/flags").text() + &cluster.agent().get("/flags").text();
    let traced = cluster.master.get("/__trace__?limit=1000").text();
    for text in [logs, cluster.master.log(), flags, traced] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

/// A cluster of one agent in which everything is closed that can be.
fn closed(secrets: &Secrets) -> Cluster {
    let mut plan = Plan::agents(1).authorization(ANN).master(&secrets.flag("credentials", "all"));
    for realm in ["readonly", "readwrite", "frameworks"] {
        plan = plan.master(&format!("--authenticate_http_{realm}"));
    }
    plan = plan.agent(&secrets.flag("http_credentials", "all"));
    for realm in ["readonly", "readwrite"] {
        plan = plan.agent(&format!("--authenticate_http_{realm}"));
    }
    plan.start()
}

#[test]
fn a_closed_cluster_answers_only_those_who_show_who_they_are() {
    const READING: [&str; 7] = [
        "/state",
        "/flags",
        "/metrics/snapshot",
        "/metrics",
        "/__processes__",
        "/__trace__",
        "/__trace__/top",
    ];
    let cluster = closed(&Secrets::new());
    let operator = json!({ "type": "GET_VERSION" }).to_string();

    for (daemon, of) in [(&cluster.master, "master"), (cluster.agent(), "agent")] {
        let reading = READING.map(|path| (Request::get(path), "readonly"));
        let calling = (Request::json("/api/v1", &operator), "readwrite");
        for (request, realm) in reading.into_iter().chain([calling]) {
            let asked = |request: &Request| ask(daemon.address(), request).expect("an answer");
            let case = format!("{of} {}", request.path);
            let refused = asked(&request);
            assert_eq!(refused.status(), 401, "{case}");
            let challenge = format!("Basic realm=\"mesos-{of}-{realm}\"");
            assert_eq!(refused.header("WWW-Authenticate"), Some(&*challenge), "{case}");
            let wrong = asked(&request.clone().with("Authorization", "Basic YW5uOmh1c2g="));
            assert_eq!(wrong.status(), 401, "{case}");
            let admitted = asked(&request.clone().with("Authorization", ANN));
            assert_eq!(admitted.status(), 200, "{case}: {}", admitted.text());
            assert!(!admitted.text().contains(SECRET), "{case}");
        }
        for path in ["/health", "/version"] {
            assert_eq!(
                ask(daemon.address(), &Request::get(path)).expect("an answer").status(),
                200,
                "{of} {path}"
            );
        }
    }
}

#[test]
fn operators_reserve_as_who_they_are() {
    let cluster = closed(&Secrets::new());
    let with_secret = |request: Request| request.with("Authorization", ANN);
    let agents =
        ask(cluster.master.address(), &with_secret(Request::get("/slaves"))).expect("an answer").json();
    let agent = agents["slaves"][0]["id"].clone();
    let reserve = |principal: &str| {
        let reservation = json!({ "type": "DYNAMIC", "role": "web", "principal": principal });
        let mut resource = scalar("cpus", 1.0);
        resource["reservations"] = json!([reservation]);
        let call = json!({ "agent_id": { "value": agent }, "resources": [resource] });
        let call = json!({ "type": "RESERVE_RESOURCES", "reserve_resources": call });
        let request = with_secret(Request::json("/api/v1", call.to_string()));
        ask(cluster.master.address(), &request).expect("an answer")
    };

    let refused = reserve("bob");
    assert!(refused.status() == 400 && refused.text().contains("principal 'bob'"), "{}", refused.text());
    assert_eq!(reserve("ann").status(), 202);
}

#[test]
fn frameworks_over_http_subscribe_as_who_they_are() {
    let secrets = Secrets::new();
    let cluster = Plan::agents(1)
        .master(&secrets.flag("credentials", "all"))
        .master("--authenticate_http_frameworks")
        .start();
    let subscribe = |principal: Option<&str>| {
        let mut framework_info = info("who");
        if let Some(principal) = principal {
            framework_info["principal"] = json!(principal);
        }
        let call = json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": framework_info } });
        Request::json("/api/v1/scheduler", call.to_string())
    };

    let stranger = cluster.master.ask(&subscribe(None));
    assert_eq!(stranger.status(), 401);
    assert_eq!(stranger.header("WWW-Authenticate"), Some("Basic realm=\"mesos-master-scheduler\""));
    let other = cluster.master.ask(&subscribe(Some("eve")).with("Authorization", ANN));
    assert_eq!(other.status(), 400);
    assert!(
        other.text().contains("Authenticated principal 'ann' does not match principal 'eve'"),
        "{}",
        other.text()
    );
    let headers = [("Authorization", ANN)];
    let framework =
        Framework::subscribe_with(cluster.master.address(), info("ann's"), &headers, Acknowledge::ByTheTest);
    let frameworks = cluster.master.get("/frameworks").json();
    let known = frameworks["frameworks"].as_array().expect("a list");
    let own = known.iter().find(|known| known["id"] == framework.id.as_str()).expect("it has subscribed");
    assert_eq!(own["principal"], "ann");
}

#[test]
fn commands_and_our_own_frameworks_show_the_credential_they_are_given() {
    let secrets = Secrets::new();
    let cluster = closed(&secrets);
    let master = format!("--master={}", cluster.master.address());
    let run = |arguments: &[&str]| {
        let output = binary::command(arguments).arg(&master).output().expect("the binary can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let ann = secrets.flag("credential", "ann");

    let (done, out, err) =
        run(&["execute", &ann, "--name=hello", "--command=true", "--resources=cpus:0.1;mem:32"]);
    assert!(done && out.contains("TASK_FINISHED"), "{out}{err}");
    let (done, out, err) = run(&["agents", &ann]);
    assert!(done && out.contains("127.0.0.1"), "{out}{err}");
    let (done, _, err) = run(&["agents"]);
    assert!(!done && err.contains("401"), "{err}");
    let (done, _, err) = run(&["agents", &secrets.flag("credential", "eve")]);
    assert!(!done && err.contains("401") && !err.contains("battery"), "{err}");
}
