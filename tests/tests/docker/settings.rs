//! What operators say about engines and what they keep.

use std::fs;

use tepui_tests::cluster::Plan;
use tepui_tests::docker::{cluster, read, task, verdict};
use tepui_tests::engine::Engine;
use tepui_tests::framework::{Framework, info};
use tepui_tests::waiting::{secs, until};

#[test]
fn an_engine_is_found_by_docker_host_and_reached_over_tcp() {
    let engine = Engine::start();
    let plan = Plan::agents(1).agent("--containerizers=docker");
    let cluster = plan.variable("DOCKER_HOST", &engine.over_tcp()).start();
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));

    framework.launch(&framework.offer(), &[task("far", "echo far; exit 3"), task("long", "sleep 1000")]);

    assert_eq!(verdict(&framework, "far"), "TASK_FAILED - Container exited with status 3");
    assert_eq!(read(&cluster, "far", "stdout"), "far\n");
    framework.await_state("long", "TASK_RUNNING");
    framework.kill("long");
    assert_eq!(verdict(&framework, "long"), "TASK_KILLED - Container exited with status 137");
}

#[test]
fn a_container_is_kept_for_its_delay_and_removed_also_by_an_agent_that_came_later() {
    let engine = Engine::start();
    let mut cluster = cluster(&engine, &["--docker_remove_delay=1hrs"]);
    let framework = Framework::subscribe(cluster.master.address(), info("docker"));
    framework.launch(&framework.offer(), &[task("over", "exit 3")]);
    assert_eq!(verdict(&framework, "over"), "TASK_FAILED - Container exited with status 3");
    until("the executor to be gone", secs(20), || {
        cluster.agent().get("/containers").json().as_array()?.is_empty().then_some(())
    });
    assert_eq!((engine.running().len(), engine.containers().len()), (0, 1));

    // The work directory's name for its containers is all that matters.
    cluster.agents[0].kill();
    let [before, later] = ["agent-1", "agent-2"].map(|agent| cluster.work_dir(agent).join("docker"));
    fs::create_dir_all(&later).expect("a folder can be made");
    fs::copy(before.join("id"), later.join("id")).expect("a file can be copied");
    let socket = format!("--docker_socket={}", engine.socket().display());
    let plan = Plan::agents(1).agent("--containerizers=docker").agent(&socket);
    cluster.add_agent(&plan.agent("--docker_remove_delay=0secs"));

    until("the container to be removed", secs(30), || engine.containers().is_empty().then_some(()));
}
