//! A whole cluster with TLS, in which everybody shows a certificate.

use std::process::{Command, Output, Stdio};

use tepui_tests::binary;
use tepui_tests::certificates::Certificates;
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::http::{Connection, Request, ask};

fn cluster(certificates: &Certificates) -> Cluster {
    let plan = Plan::agents(1).https(certificates.client());
    let variables = certificates.variables();
    variables.iter().fold(plan, |plan, (name, value)| plan.variable(name, value)).start()
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program can be run")
}

/// What it printed; panics with all it said unless it succeeds.
#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let output = output(command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Python has OpenSSL, which shares no code with us.
const READ_STATE: &str = r#"
import http.client, json, ssl, sys
address, ca, certificate, key = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
connection = http.client.HTTPSConnection(address, context=context, timeout=30)
connection.request("GET", "/state")
print(json.loads(connection.getresponse().read())["activated_slaves"])
"#;

#[test]
fn a_cluster_runs_tasks_and_tells_of_them_with_tls_alone() {
    let certificates = Certificates::make();
    let cluster = cluster(&certificates);
    let address = cluster.master.address();
    let master = format!("--master=https://{address}");

    let said = succeeds(certificates.command(&mut binary::command(&[
        "execute",
        &master,
        "--name=secured",
        "--command=true",
        "--resources=cpus:0.1;mem:32",
    ])));
    assert!(said.contains("TASK_FINISHED"), "{said}");

    let tasks = succeeds(certificates.command(&mut binary::command(&["tasks", &master, "--all"])));
    assert!(tasks.contains("secured") && tasks.contains("TASK_FINISHED"), "{tasks}");

    let files = ["ca.pem", "node.pem", "node.key"].map(|name| certificates.file(name));
    let agents = succeeds(Command::new("python3").args(["-c", READ_STATE, address]).args(files));
    assert_eq!(agents.trim().trim_end_matches(".0"), "1");
}

#[test]
fn who_speaks_no_tls_or_shows_no_certificate_is_turned_away() {
    let certificates = Certificates::make();
    let cluster = cluster(&certificates);

    for daemon in [&cluster.master, cluster.agent()] {
        let plain = ask(daemon.address(), &Request::get("/state")).expect("an answer in plain words");
        assert_eq!(plain.status(), 400);
        assert!(plain.text().starts_with("this port speaks TLS only: use https"), "{}", plain.text());

        let nameless = certificates.client_without_certificate();
        let mut connection = Connection::to(daemon.address(), Some(&nameless)).expect("the port is open");
        let refusal = connection.ask(&Request::get("/state")).expect_err("nobody without a certificate");
        assert!(format!("{refusal:#}").contains("CertificateRequired"), "{refusal:#}");
    }
}
