//! Tasks that cannot be what they want to be, or want more than they have.

use std::fs;

use serde_json::{Value, json};
use tepui_tests::docker::{cluster, task, verdict, with_ports};
use tepui_tests::engine::{Engine, Setup};
use tepui_tests::framework::{Framework, info, scalar};
use tepui_tests::waiting::{secs, until};

fn with_parameter(mut task: Value, key: &str, value: &str) -> Value {
    task["container"]["docker"]["parameters"] = json!([{ "key": key, "value": value }]);
    task
}

#[test]
fn what_a_task_says_wrong_is_an_error_and_what_the_engine_refuses_a_failure() {
    let engine = Engine::with(Setup { own_network: true, ..Setup::default() });
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let listener = task("listener", "exec nc -l -p 31005");
    framework.launch(&framework.offer(), &[listener]);
    framework.await_state("listener", "TASK_RUNNING");
    let pid = engine.inspect(&engine.only())["State"]["Pid"].as_i64().expect("a pid");
    until("somebody at port 31005", secs(20), || {
        let sockets = fs::read_to_string(format!("/proc/{pid}/net/tcp6")).ok()?;
        let sockets = sockets + &fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
        // Where from, where to, and the state: 0A listens.
        let listens = |line: &str| line.contains(":791D ") && line.contains(" 0A ");
        sockets.lines().any(listens).then_some(())
    });

    let unknown = with_parameter(task("unknown", "true"), "rootless", "true");
    let unread = with_parameter(task("unread", "true"), "memory", "much");
    let refused = with_parameter(task("refused", "true"), "memory-swappiness", "900");
    let mut foreign = with_ports(task("foreign", "true"), 31001, 31001);
    foreign["container"]["docker"]["network"] = "BRIDGE".into();
    foreign["container"]["docker"]["port_mappings"] = json!([{ "host_port": 31002, "container_port": 80 }]);
    let mut taken = with_ports(task("taken", "sleep 100"), 31005, 31005);
    taken["container"]["docker"]["network"] = "BRIDGE".into();
    taken["container"]["docker"]["port_mappings"] = json!([{ "host_port": 31005, "container_port": 80 }]);
    let mut hungry = task("hungry", "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo $x");
    hungry["resources"] = json!([scalar("cpus", 0.1), scalar("mem", 32.0)]);
    let mut stored = task("stored", "true");
    stored["container"]["volumes"] = json!([{
        "mode": "RW", "container_path": "/data",
        "source": { "type": "DOCKER_VOLUME", "docker_volume": { "name": "data", "driver": "tepui-none" } },
    }]);
    let all = [unknown, unread, refused, foreign, taken, hungry, stored];
    framework.launch(&framework.revived_offer(), &all);

    let says = |id: &str| verdict(&framework, id);
    assert_eq!(
        says("unknown"),
        "TASK_ERROR REASON_TASK_INVALID container.docker.parameters: `rootless` is no option of docker run that is \
         known here"
    );
    assert_eq!(
        says("unread"),
        "TASK_ERROR REASON_TASK_INVALID container.docker.parameters: `memory` 'much' is not a size such as 64m"
    );
    assert_eq!(
        says("foreign"),
        "TASK_ERROR REASON_TASK_INVALID container.docker.port_mappings: host port 31002 is not among the task's ports"
    );
    let refused = says("refused");
    let begin = "TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED create container mesos-";
    assert!(refused.starts_with(begin) && refused.contains("Invalid value: 900"), "{refused}");
    let stored = says("stored");
    assert!(stored.starts_with(begin) && stored.contains("plugin \"tepui-none\" not found"), "{stored}");
    let taken = says("taken");
    let begin = "TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED start container mesos-";
    assert!(taken.starts_with(begin) && taken.ends_with("31005: bind: address already in use"), "{taken}");
    assert_eq!(
        says("hungry"),
        "TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY Memory limit exceeded: Container exited with status 137"
    );
}
