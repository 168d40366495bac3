//! What a task says of its container, found again in what the engine says of it.

use std::fs;

use bollard::models::NetworkCreateRequest;
use serde_json::{Value, json};
use tepui_tests::docker::{cluster, read, task, verdict, with_ports};
use tepui_tests::engine::{Engine, Setup};
use tepui_tests::framework::{Framework, info, scalar};
use tepui_tests::waiting::{secs, until};

const STAY: &str = "trap 'exit 0' TERM; while true; do sleep 0.1; done";

/// The container of a running task, as its engine knows it.
#[track_caller]
fn inspected(engine: &Engine, framework: &Framework, id: &str) -> Value {
    let running = framework.await_state(id, "TASK_RUNNING");
    let container = running["container_status"]["container_id"]["value"].as_str().expect("an id");
    engine.inspect(&format!("mesos-{container}"))
}

#[track_caller]
fn says(container: &Value, pointer: &str, expected: Value) {
    assert_eq!(container.pointer(pointer), Some(&expected), "{pointer} of {container:#}");
}

/// Some machines keep capabilities even from root.
fn has_all_capabilities() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("our own status");
    let held = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).expect("our capabilities");
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("the last capability");
    let held = u64::from_str_radix(held.trim(), 16).expect("a number");
    held.count_ones() == last.trim().parse::<u32>().expect("a number") + 1
}

#[test]
fn everything_that_a_container_can_be_is_what_the_engine_makes() {
    let engine = Engine::with(Setup { own_network: true, ..Setup::default() });
    let request = NetworkCreateRequest { name: "shop".into(), ..NetworkCreateRequest::default() };
    engine.ask(async |docker| docker.create_network(request).await);
    let shared = tempfile::tempdir().expect("a folder can be made");
    fs::write(shared.path().join("word"), "shared").expect("a file can be written");
    let cluster = cluster(&engine, &["--sandbox_directory=/box"]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));

    let command = format!("echo $HOSTNAME $SHOP $MESOS_SANDBOX `cat /shared/word` `id -u`; {STAY}");
    let mut full = with_ports(task("full", &command), 31000, 31001);
    full["resources"].as_array_mut().expect("resources")[1] = scalar("mem", 64.0);
    full["limits"] = json!({ "cpus": { "value": 0.5 }, "mem": { "value": 96.0 } });
    full["command"]["environment"] = json!({ "variables": [{ "name": "SHOP", "value": "open" }] });
    full["command"]["user"] = "nobody".into();
    full["container"]["hostname"] = "till".into();
    full["container"]["network_infos"] = json!([{ "name": "shop" }]);
    full["container"]["volumes"] = json!([
        { "mode": "RO", "container_path": "/shared", "host_path": shared.path() },
        { "mode": "RW", "container_path": "/mine", "host_path": "of-mine" },
        { "mode": "RW", "container_path": "/kept",
          "source": { "type": "DOCKER_VOLUME", "docker_volume": { "name": "kept", "driver": "local" } } },
    ]);
    full["container"]["rlimit_info"] =
        json!({ "rlimits": [{ "type": "RLMT_NOFILE", "soft": 64, "hard": 128 }] });
    let docker = &mut full["container"]["docker"];
    docker["network"] = "USER".into();
    docker["port_mappings"] = json!([
        { "host_port": 31000, "container_port": 80 }, { "host_port": 31001, "container_port": 53, "protocol": "udp" },
    ]);
    let parameters = [
        ("cap-add", "NET_ADMIN"),
        ("cap-drop", "MKNOD"),
        ("device", "/dev/null:/dev/nothing:rw"),
        ("dns", "10.0.0.53"),
        ("add-host", "db:10.0.0.9"),
        ("label", "team=till"),
        ("network-alias", "counter"),
        ("pids-limit", "64"),
        ("shm-size", "16m"),
        ("stop-signal", "SIGINT"),
        ("sysctl", "net.core.somaxconn=512"),
        ("tmpfs", "/scratch:size=1m"),
        ("ulimit", "core=0"),
        ("workdir", "/tmp"),
    ];
    docker["parameters"] =
        parameters.map(|(key, value)| json!({ "key": key, "value": value })).to_vec().into();
    framework.launch(&framework.offer(), &[full]);

    let full = inspected(&engine, &framework, "full");
    says(&full, "/Config/Image", json!("tepui/busybox:1"));
    says(&full, "/Config/Entrypoint", json!(["/bin/sh"]));
    says(&full, "/Config/Cmd", json!(["-c", command]));
    says(&full, "/Config/User", json!("nobody"));
    says(&full, "/Config/Hostname", json!("till"));
    says(&full, "/Config/WorkingDir", json!("/tmp"));
    says(&full, "/Config/StopSignal", json!("SIGINT"));
    says(&full, "/Config/Labels/team", json!("till"));
    says(&full, "/Config/Labels/tepui.framework", json!(framework.id));
    says(&full, "/HostConfig/CpuShares", json!(102));
    says(&full, "/HostConfig/CpuQuota", json!(50_000));
    says(&full, "/HostConfig/MemoryReservation", json!(64 << 20));
    says(&full, "/HostConfig/Memory", json!(96 << 20));
    says(&full, "/HostConfig/NetworkMode", json!("shop"));
    says(&full, "/HostConfig/PortBindings/80~1tcp/0/HostPort", json!("31000"));
    says(&full, "/HostConfig/PortBindings/53~1udp/0/HostPort", json!("31001"));
    says(&full, "/HostConfig/Privileged", json!(false));
    says(&full, "/HostConfig/CapAdd", json!(["NET_ADMIN"]));
    says(&full, "/HostConfig/CapDrop", json!(["MKNOD"]));
    says(&full, "/HostConfig/Devices/0/PathInContainer", json!("/dev/nothing"));
    says(&full, "/HostConfig/Dns", json!(["10.0.0.53"]));
    says(&full, "/HostConfig/ExtraHosts", json!(["db:10.0.0.9"]));
    says(&full, "/HostConfig/PidsLimit", json!(64));
    says(&full, "/HostConfig/ShmSize", json!(16 << 20));
    says(&full, "/HostConfig/Sysctls/net.core.somaxconn", json!("512"));
    says(&full, "/HostConfig/Tmpfs/~1scratch", json!("size=1m"));
    says(&full, "/HostConfig/Ulimits/0", json!({ "Name": "nofile", "Soft": 64, "Hard": 128 }));
    says(&full, "/HostConfig/Ulimits/1", json!({ "Name": "core", "Soft": 0, "Hard": 0 }));
    says(&full, "/HostConfig/VolumeDriver", json!("local"));
    let aliases = full.pointer("/NetworkSettings/Networks/shop/Aliases").and_then(Value::as_array);
    assert!(aliases.is_some_and(|all| all.contains(&json!("counter"))), "{full:#}");
    let mounts = full["Mounts"].as_array().expect("mounts").iter().map(|mount| {
        let text = |key: &str| mount[key].as_str().unwrap_or_default();
        format!("{} {} {}", text("Type"), text("Destination"), mount["RW"])
    });
    let mut mounts: Vec<String> = mounts.collect();
    mounts.sort();
    assert_eq!(mounts, ["bind /box true", "bind /mine true", "bind /shared false", "volume /kept true"]);
    let said = until("what the container says", secs(20), || {
        Some(read(&cluster, "full", "stdout")).filter(|text| text.ends_with('\n'))
    });
    assert_eq!(said, "till open /box shared 65534\n");

    let status = framework.await_state("full", "TASK_RUNNING");
    let address = full.pointer("/NetworkSettings/Networks/shop/IPAddress").expect("an address");
    assert_eq!(status.pointer("/labels/labels/0/value"), Some(address), "{status:#}");
    assert_eq!(status.pointer("/container_status/network_infos/0/ip_addresses/0/ip_address"), Some(address));
}

#[test]
fn each_network_and_each_kind_of_command_is_what_it_says() {
    let engine = Engine::with(Setup { own_network: true, ..Setup::default() });
    let cluster = cluster(&engine, &["--cgroups_enable_cfs"]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    let of_network = |id: &str, network: &str| {
        let mut task = task(id, STAY);
        task["container"]["docker"]["network"] = network.into();
        task
    };
    let mut bridge = with_ports(of_network("bridge", "BRIDGE"), 31000, 31000);
    bridge["container"]["docker"]["port_mappings"] = json!([{ "host_port": 31000, "container_port": 80 }]);
    let mut argv = task("argv", "");
    argv["command"] =
        json!({ "shell": false, "value": "-c", "arguments": ["echo \"$0\" \"$1\"", "a  b", "c"] });
    argv["container"]["docker"]["parameters"] = json!([{ "key": "entrypoint", "value": "/bin/sh" }]);
    let mut privileged = task("privileged", STAY);
    privileged["container"]["docker"]["privileged"] = true.into();
    let tasks = [bridge, of_network("host", "HOST"), of_network("none", "NONE"), privileged, argv];
    framework.launch(&framework.offer(), &tasks);

    let bridge = inspected(&engine, &framework, "bridge");
    says(&bridge, "/HostConfig/NetworkMode", json!("bridge"));
    says(&bridge, "/NetworkSettings/Ports/80~1tcp/0/HostPort", json!("31000"));
    says(&bridge, "/HostConfig/CpuQuota", json!(10_000));
    says(&bridge, "/HostConfig/Memory", json!(32 << 20));
    says(&inspected(&engine, &framework, "host"), "/HostConfig/NetworkMode", json!("host"));
    if has_all_capabilities() {
        says(&inspected(&engine, &framework, "privileged"), "/HostConfig/Privileged", json!(true));
    } else {
        // What we do not have, the engine cannot give: it tried.
        let verdict = verdict(&framework, "privileged");
        assert!(verdict.contains("unable to apply caps: operation not permitted"), "{verdict}");
    }
    says(&inspected(&engine, &framework, "none"), "/HostConfig/NetworkMode", json!("none"));
    assert_eq!(verdict(&framework, "argv"), "TASK_FINISHED - Container exited with status 0");
    assert_eq!(read(&cluster, "argv", "stdout"), "a  b c\n");
}
