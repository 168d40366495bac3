//! What daemons show of themselves to those who look into something: logs, registry, constraints, the machine.

use serde_json::{Value, json};
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::daemon::Daemon;
use tepui_tests::framework::Framework;
use tepui_tests::http::{Answer, Request};
use tepui_tests::recording::base64;
use tepui_tests::waiting::{secs, until};

fn call(daemon: &Daemon, body: &Value) -> Answer {
    daemon.ask(&Request::json("/api/v1", body.to_string()))
}

#[test]
fn logs_are_read_from_afar() {
    let logs = tempfile::tempdir().expect("a temporary directory can be made");
    let flag = format!("--log_dir={}", logs.path().display());
    let cluster = Plan::agents(1).master(&flag).agent(&flag).start();

    for (daemon, shown, file) in [
        (&cluster.master, "/master/log", "mesos-master.INFO"),
        (cluster.agent(), "/slave/log", "mesos-agent.INFO"),
    ] {
        let file = logs.path().join(file);
        let log = std::fs::read(&file).expect("a log");
        assert!(!log.is_empty(), "{}", file.display());
        let real = file.display().to_string();
        assert_eq!(daemon.get("/files/debug").json()[shown], json!(real));

        let part = daemon.get(&format!("/files/read?path={shown}&offset=0&length=20")).json();
        assert_eq!(part, json!({ "data": String::from_utf8_lossy(&log[..20]), "offset": 0 }));
        let download = daemon.get(&format!("/files/download?path={shown}"));
        assert!(download.body.starts_with(&log), "{shown} cannot be downloaded");
        assert_eq!(
            daemon.get(&format!("/files/browse?path={shown}")).json(),
            json!([]),
            "it is no directory"
        );

        let read = json!({ "type": "READ_FILE", "read_file": { "path": shown, "offset": 5, "length": 10 } });
        let read = call(daemon, &read).json();
        assert!(read["read_file"]["size"].as_u64() >= Some(log.len() as u64), "{read}");
        assert_eq!(base64(read["read_file"]["data"].as_str().unwrap_or_default()), &log[5..15]);
        let list = json!({ "type": "LIST_FILES", "list_files": { "path": shown } });
        assert_eq!(call(daemon, &list).json(), json!({ "type": "LIST_FILES", "list_files": {} }));
    }
}

#[test]
fn a_log_that_somebody_else_writes_is_shown_instead() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("journal");
    std::fs::write(&file, "from elsewhere").expect("a file can be written");
    let flag = format!("--external_log_file={}", file.display());
    let cluster = Plan::agents(0).master(&flag).start();

    let read = cluster.master.get("/files/read?path=/master/log&offset=0").json();

    assert_eq!(read["data"], "from elsewhere");
    assert_eq!(cluster.master.get("/state").json()["external_log_file"], json!(file.display().to_string()));
}

#[test]
fn the_level_of_the_log_is_set_for_a_while() {
    let cluster = Cluster::of(1);

    for daemon in [&cluster.master, cluster.agent()] {
        let level = || {
            call(daemon, &json!({ "type": "GET_LOGGING_LEVEL" })).json()["get_logging_level"]["level"].clone()
        };
        let set = |level: u32, nanoseconds: u64| {
            let set = json!({ "level": level, "duration": { "nanoseconds": nanoseconds } });
            let answer = call(daemon, &json!({ "type": "SET_LOGGING_LEVEL", "set_logging_level": set }));
            assert_eq!((answer.status(), answer.text().as_str()), (200, ""));
        };
        assert_eq!(level(), json!(0));
        assert!(!daemon.log().contains(" TRACE "), "{}", daemon.log());

        set(2, 3_600_000_000_000);
        assert_eq!(level(), json!(2));
        assert_eq!(daemon.get("/logging/toggle").text(), "2\n");
        until("more than usual in the log", secs(20), || {
            // Whatever is asked leaves a line.
            daemon.get("/state");
            daemon.log().contains(" TRACE ").then_some(())
        });

        set(1, 1_000_000);
        until("the usual level", secs(20), || (level() == json!(0)).then_some(()));

        let answer = daemon.ask(&Request::new("POST", "/logging/toggle?level=1&duration=1hrs"));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(level(), json!(1));
        set(0, 0);
        assert_eq!(daemon.get("/logging/toggle").text(), "0\n");
        assert_eq!(daemon.get("/logging/toggle?level=1").status(), 400);
        let incomplete = call(daemon, &json!({ "type": "SET_LOGGING_LEVEL" }));
        assert_eq!(incomplete.status(), 400, "{}", incomplete.text());
    }
}

#[test]
fn the_registry_is_shown_as_it_is_on_disk() {
    let cluster = Cluster::of(1);
    let state = cluster.master.get("/state").json();

    let registry = cluster.master.get("/registrar(1)/registry").json();

    assert_eq!(registry["master"]["info"]["id"], state["id"]);
    let slave = &registry["slaves"]["slaves"][0]["info"];
    assert_eq!(slave["id"]["value"], state["slaves"][0]["id"]);
    assert_eq!(slave["hostname"], state["slaves"][0]["hostname"]);
}

#[test]
fn it_can_be_seen_whom_constraints_exclude() {
    let cluster = Cluster::of(1);
    let constraint = json!({
        "selector": { "pseudoattribute_type": "HOSTNAME" },
        "predicate": { "text_equals": { "value": "nowhere.example" } },
    });
    let constraints =
        json!({ "role_constraints": { "web": { "groups": [{ "attribute_constraints": [constraint] }] } } });
    let info = json!({
        "user": "root", "name": "choosy", "roles": ["batch", "web"], "capabilities": [{ "type": "MULTI_ROLE" }],
    });
    let framework = Framework::subscribe(cluster.master.address(), info.clone());
    let mut info = info;
    info["id"] = json!({ "value": framework.id });
    let update = json!({
        "update_framework": { "framework_info": info, "suppressed_roles": ["batch"], "offer_constraints": constraints },
    });
    assert_eq!(framework.call("UPDATE_FRAMEWORK", update).status(), 200);
    let agent = cluster.master.get("/state").json()["slaves"][0]["id"].clone();

    let seen = cluster.master.get("/allocator/offer_constraints_debug").json();

    let expected = json!({ "suppressed_roles": ["batch"], "excluded_by_attribute_constraints": { "batch": [], "web": [agent] } });
    assert_eq!(seen, json!({ "frameworks": { (framework.id.as_str()): expected } }));
}

#[test]
fn the_machine_is_shown() {
    let cluster = Cluster::of(1);

    for daemon in [&cluster.master, cluster.agent()] {
        let machine = daemon.get("/system/stats.json").json();

        assert!(machine["cpus_total"].as_u64() >= Some(1), "{machine}");
        assert!(machine["mem_total_bytes"].as_u64() >= machine["mem_free_bytes"].as_u64(), "{machine}");
    }
}
