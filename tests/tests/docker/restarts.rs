//! Agents that end, and what becomes of their containers.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions};
use tepui_tests::cluster::Plan;
use tepui_tests::docker::{checkpointing, cluster, sandbox, task, verdict};
use tepui_tests::engine::{Engine, IMAGE};
use tepui_tests::framework::{Framework, info};
use tepui_tests::waiting::{secs, until};

#[test]
fn a_container_outlives_its_agent_and_is_found_again() {
    let engine = Engine::start();
    let mut cluster = cluster(&engine, &["--docker_remove_delay=0secs"]);
    let framework = checkpointing(&cluster);
    let waiting = |id| task(id, "while ! [ -e $MESOS_SANDBOX/go ]; do sleep 0.1; done; exit 5");
    framework.launch(&framework.offer(), &[waiting("waiting"), waiting("away")]);
    framework.await_state("waiting", "TASK_RUNNING");
    framework.await_state("away", "TASK_RUNNING");
    let [now, later] = ["away", "waiting"].map(|id| sandbox(&cluster, id).join("go"));

    cluster.agents[0].kill();
    assert_eq!(engine.running().len(), 2);
    fs::write(now, "").expect("write into the sandbox");
    until("one to end while nobody looks", secs(20), || (engine.running().len() == 1).then_some(()));
    cluster.agents[0].restart();
    cluster.await_agents(1);
    assert_eq!(verdict(&framework, "away"), "TASK_FAILED - Container exited with status 5");
    assert_eq!(engine.running().len(), 1);
    fs::write(later, "").expect("write into the sandbox");

    assert_eq!(verdict(&framework, "waiting"), "TASK_FAILED - Container exited with status 5");
    until("both to be removed", secs(20), || engine.containers().is_empty().then_some(()));
}

#[test]
fn without_checkpoints_a_container_ends_with_its_agent() {
    let engine = Engine::start();
    let mut cluster = cluster(&engine, &[]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    framework.launch(&framework.offer(), &[task("long", "while true; do sleep 0.1; done")]);
    framework.await_state("long", "TASK_RUNNING");

    cluster.agents[0].kill();

    until("the container to end", secs(20), || engine.running().is_empty().then_some(()));
}

#[test]
fn containers_of_forgotten_tasks_are_removed_unless_the_operator_wants_them() {
    let engine = Engine::start();
    let [careful, strict] = [(); 2].map(|()| tempfile::tempdir().expect("a folder can be made"));
    let [of_careful, of_strict, of_somebody] =
        ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "somebody else"];
    for (home, id) in [(&careful, of_careful), (&strict, of_strict)] {
        let folder = home.path().join("agent-1/docker");
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join("id"), id).expect("a file can be written");
    }
    let orphan = |name: &str, owner: &str| {
        let labels = HashMap::from([("tepui.work_dir".to_owned(), owner.to_owned())]);
        let command = ["/bin/sleep", "1000"].map(str::to_owned).to_vec();
        let body = ContainerCreateBody {
            image: Some(IMAGE.into()),
            cmd: Some(command),
            labels: Some(labels),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        engine.ask(async |docker| {
            docker.create_container(Some(options), body).await?;
            docker.start_container(name, None::<StartContainerOptions>).await
        });
    };
    let socket = format!("--docker_socket={}", engine.socket().display());
    let agent = |home: &Path, flag: &str| {
        let plan =
            Plan::agents(1).agent("--containerizers=docker,mesos").agent("--docker_remove_delay=0secs");
        plan.agent(&socket).agent_home(home).agent(flag).start()
    };
    orphan("wanted", of_careful);
    orphan("forgotten", of_strict);
    orphan("strange", of_somebody);

    let first = agent(careful.path(), "--no-docker_kill_orphans");
    until("the agent to see it", secs(20), || first.agent().log().contains("left alone").then_some(()));
    let _second = agent(strict.path(), "--docker_kill_orphans");
    until("the orphan to be removed", secs(20), || (engine.containers().len() == 2).then_some(()));

    let mut running = engine.running();
    running.sort();
    assert_eq!(running, ["strange", "wanted"]);
}
