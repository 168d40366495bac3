//! The sandbox over `/files/*`, held against Mesos' answers, and what the files say.

use serde_json::json;
use tepui_tests::cluster::Cluster;
use tepui_tests::framework::{Framework, info, task};
use tepui_tests::recording::{Allowed, Comparison};
use tepui_tests::waiting::{secs, until};

const ALLOWED: &[Allowed] = &[
    Allowed {
        case: "browse outside",
        difference: "body *is inaccessible*",
        why: "it names the sandbox, which lies elsewhere",
    },
    Allowed { case: "browse with jsonp", difference: "body \"f([{*path*", why: "as above" },
];

/// The sandbox of the only executor.
fn sandbox(cluster: &Cluster) -> String {
    until("a sandbox", secs(20), || {
        let state = cluster.agent().get("/slave(1)/state").json();
        state["frameworks"][0]["executors"][0]["directory"].as_str().map(str::to_owned)
    })
}

#[test]
fn files_of_a_running_task_read_as_with_mesos() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("files"));
    framework.launch(&framework.offer(), &[task("hold-1", "echo hello from; sleep 300")]);
    framework.await_state("hold-1", "TASK_RUNNING");
    let directory = sandbox(&cluster);
    until("the output of the task", secs(20), || {
        let answer = cluster.agent().get(&format!("/files/read?path={directory}/stdout&offset=0"));
        answer.text().contains("hello").then_some(())
    });
    let mut comparison = Comparison::new(ALLOWED);

    comparison.ask_all(&cluster, "files.json", &[("directory", &directory), ("framework", &framework.id)]);

    comparison.finish();
}

#[test]
fn output_is_read_in_pieces_and_downloaded_whole() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("pieces"));
    framework.launch(&framework.offer(), &[task("pieces", "seq 1 20000; echo to the other >&2; sleep 300")]);
    framework.await_state("pieces", "TASK_RUNNING");
    let directory = sandbox(&cluster);
    let whole: String = (1..=20000).map(|number| format!("{number}\n")).collect();
    let read = |offset: usize| {
        cluster.agent().get(&format!("/files/read?path={directory}/stdout&offset={offset}")).json()
    };
    until("all output", secs(20), || {
        let size = cluster.agent().get(&format!("/files/read?path={directory}/stdout&offset=-1")).json();
        (size["offset"] == json!(whole.len())).then_some(())
    });

    let first = read(0)["data"].as_str().unwrap_or_default().to_owned();
    assert_eq!(first.len(), 64 * 1024, "one answer holds sixteen pages");
    let second = read(first.len())["data"].as_str().unwrap_or_default().to_owned();
    assert_eq!(first + &second, whole);
    let download = cluster.agent().get(&format!("/files/download?path={directory}/stdout"));
    assert_eq!(download.text(), whole);
    let errors = cluster.agent().get(&format!("/files/read?path={directory}/stderr&offset=0")).text();
    assert!(errors.contains("to the other"), "{errors}");
}

#[test]
fn nothing_outside_the_sandboxes_is_served() {
    let cluster = Cluster::of(1);
    let framework = Framework::subscribe(cluster.master.address(), info("nosy"));
    framework.launch(
        &framework.offer(),
        &[task("nosy", "ln -s /etc/passwd link; ln -s / all; echo ready; sleep 300")],
    );
    framework.await_state("nosy", "TASK_RUNNING");
    let directory = sandbox(&cluster);
    until("the links", secs(20), || {
        let answer = cluster.agent().get(&format!("/files/read?path={directory}/stdout&offset=0"));
        answer.text().contains("ready").then_some(())
    });

    for path in [
        format!("{directory}/link"),
        format!("{directory}/all/etc/passwd"),
        format!("{directory}/../../../../../../meta"),
        "/etc/passwd".into(),
    ] {
        for verb in ["read", "download"] {
            let answer = cluster.agent().get(&format!("/files/{verb}?path={path}&offset=0"));
            assert!(
                matches!(answer.status(), 400 | 403 | 404),
                "{verb} of {path}: {} {}",
                answer.status(),
                answer.text()
            );
        }
    }
}
