//! Which containerizer runs a task, and what of it is the same whichever does.

use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tepui_tests::binary;
use tepui_tests::cluster::{Cluster, Plan};
use tepui_tests::docker::{cluster, end, read, task, verdict};
use tepui_tests::engine::{Engine, IMAGE};
use tepui_tests::framework::{self, Framework, info, scalar};
use tepui_tests::waiting::{secs, until};

/// `tepui execute` with these flags.
fn execute(cluster: &Cluster, flags: &[&str]) -> Output {
    let master = format!("--master={}", cluster.master.address());
    let mut command = binary::command(&["execute", &master, "--resources=cpus:0.1;mem:32"]);
    command.args(flags).stdin(Stdio::null()).output().expect("the binary can be run")
}

#[track_caller]
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn execute_runs_a_command_or_what_the_image_brings_in_a_docker_container() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let image = format!("--docker_image={IMAGE}");
    let docker = ["--containerizer=docker", image.as_str(), "--networks=none"];

    let volumes = r#"--volumes=[{"container_path":"/host/etc","host_path":"/etc","mode":"RO"}]"#;
    let shell = ["--name=shell", "--command=test -e /host/etc/hostname && ! test -e /work", volumes];
    let shell = execute(&cluster, &[&docker[..], &shell].concat());
    assert!(shell.status.success(), "{}", said(&shell));
    assert!(said(&shell).contains("shell TASK_FINISHED"), "{}", said(&shell));

    let argv = ["--name=argv", "--no-shell", "--command=/bin/echo", "--", "a  b"];
    let argv = execute(&cluster, &[&docker[..], &argv].concat());
    assert!(argv.status.success(), "{}", said(&argv));
    assert_eq!(read(&cluster, "argv", "stdout"), "a  b\n");

    let own = execute(&cluster, &[&docker[..], &["--name=own", "--no-shell"]].concat());
    assert!(!own.status.success(), "an image without a program cannot run one");
    assert!(said(&own).contains("own TASK_FAILED") && said(&own).contains("No command"), "{}", said(&own));

    let nothing = execute(&cluster, &["--name=x", "--command=true", "--containerizer=docker"]);
    assert!(said(&nothing).contains("name one with --docker_image"), "{}", said(&nothing));
}

#[test]
fn each_task_is_run_by_the_containerizer_of_its_type() {
    let engine = Engine::start();
    let socket = format!("--docker_socket={}", engine.socket().display());
    let plan = Plan::agents(1).agent("--containerizers=native,docker").agent(&socket);
    let cluster = plan.start();
    let framework = Framework::subscribe(cluster.master.address(), info("mixed"));
    let inside = "test -e /bin/busybox && ! test -e /usr";
    let mut typed = framework::task("typed", "test -e /usr");
    typed["container"] = json!({ "type": "MESOS" });
    let mut image = framework::task("image", "true");
    image["container"] = json!({
        "type": "MESOS",
        "mesos": { "image": { "type": "DOCKER", "docker": { "name": IMAGE } } }
    });
    let plain = framework::task("plain", "test -e /usr");

    framework.launch(&framework.offer(), &[task("docker", inside), typed, image, plain]);

    assert_eq!(verdict(&framework, "docker"), "TASK_FINISHED - Container exited with status 0");
    assert_eq!(verdict(&framework, "typed"), "TASK_FINISHED - Command exited with status 0");
    assert_eq!(verdict(&framework, "plain"), "TASK_FINISHED - Command exited with status 0");
    let refused = verdict(&framework, "image");
    assert!(refused.starts_with("TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED "), "{refused}");
    assert!(refused.contains("Unsupported container image type: DOCKER"), "{refused}");
}

#[test]
fn a_task_that_no_containerizer_runs_fails_and_says_which_there_are() {
    let engine = Engine::start();
    let socket = format!("--docker_socket={}", engine.socket().display());
    let cluster = Plan::agents(1).agent("--containerizers=docker").agent(&socket).start();
    let framework = Framework::subscribe(cluster.master.address(), info("native"));

    framework.launch(&framework.offer(), &[framework::task("native", "true"), task("docker", "true")]);

    let refused = verdict(&framework, "native");
    assert!(refused.starts_with("TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED "), "{refused}");
    assert!(refused.contains("None of the enabled containerizers (docker) could create"), "{refused}");
    assert_eq!(end(&framework, "docker")["state"], "TASK_FINISHED");
}

#[test]
fn fifty_docker_tasks_at_once_all_end() {
    let engine = Engine::start();
    let socket = format!("--docker_socket={}", engine.socket().display());
    let plan = Plan::agents(1).agent("--containerizers=docker").agent(&socket);
    let cluster = plan.resources("cpus:50;mem:16384;disk:10000").start();
    let framework = Framework::subscribe(cluster.master.address(), info("crowd"));
    let ids: Vec<String> = (0..50).map(|number| format!("t{number}")).collect();
    let of = |id: &String| {
        let mut task = task(id, "echo $MESOS_CONTAINER_NAME");
        task["container"]["docker"]["network"] = json!("NONE");
        task
    };

    framework.launch(&framework.offer(), &ids.iter().map(of).collect::<Vec<_>>());

    for id in &ids {
        let ended = end(&framework, id);
        assert_eq!(ended["state"], "TASK_FINISHED", "{ended}");
        assert!(read(&cluster, id, "stdout").starts_with("mesos-"), "{id} has said nothing");
    }
    assert!(engine.running().is_empty(), "{:?}", engine.running());
}

#[test]
fn what_docker_containers_use_is_told_like_that_of_native_ones() {
    let engine = Engine::start();
    let cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("busy"));
    let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; touch $MESOS_SANDBOX/done; sleep 300";
    let mut docker = task("docker", busy);
    docker["container"]["docker"]["network"] = json!("NONE");
    docker["resources"] = json!([scalar("cpus", 0.5), scalar("mem", 64.0)]);
    framework.launch(&framework.offer(), &[docker, framework::task("native", "sleep 300")]);
    framework.await_state("docker", "TASK_RUNNING");
    framework.await_state("native", "TASK_RUNNING");

    let of = |path: &str, id: &str| -> Value {
        let all = cluster.agent().get(path).json();
        let found = all.as_array().into_iter().flatten().find(|one| one["executor_id"] == id).cloned();
        found.unwrap_or_else(|| panic!("{id} is not in {all}"))
    };
    let used = until("the processor's time in the container", secs(30), || {
        let used = of("/monitor/statistics", "docker");
        (used["statistics"]["cpus_user_time_secs"].as_f64()? > 0.0).then_some(used)
    });

    let statistics = &used["statistics"];
    assert_eq!(statistics["mem_limit_bytes"], 64 << 20, "{statistics}");
    assert_eq!(statistics["cpus_limit"], 0.5, "{statistics}");
    assert_eq!(statistics["processes"], 1, "its executor does not count: {statistics}");
    assert!(statistics["mem_rss_bytes"].as_u64() > Some(0), "{statistics}");
    assert_eq!(statistics["net_rx_bytes"], 0, "nothing comes in without a network: {statistics}");
    let keys = |value: &Value| value.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
    let native = of("/monitor/statistics", "native");
    assert_eq!(keys(&used), keys(&native));
    assert_eq!(keys(&of("/containers", "docker")), keys(&of("/containers", "native")));
    let names = keys(statistics).unwrap_or_default();
    for name in keys(&native["statistics"]).unwrap_or_default() {
        assert!(names.contains(&name), "{name} is missing in {statistics}");
    }
}
