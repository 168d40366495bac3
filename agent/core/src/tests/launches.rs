//! Launching tasks, and what may go wrong before they run.

use std::time::Duration;

use expect_test::expect;

use super::world::{World, custom_task, run, task};
use crate::{ContainerEvent, Effect, Launch};

#[test]
fn a_command_task_is_written_down_before_its_container_is_made() {
    let mut world = World::registered();

    expect![[r#"
        disk #2 <- framework f1, executor t1, task t1
    "#]]
    .assert_eq(&world.run("f1", "t1"));
    expect![[r#"
        launch f1/t1/C1 with cpus:1.1; mem:160
        timer: registration of C1 in 1mins
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn without_checkpointing_nothing_is_written() {
    let mut world = World::registered();

    expect![[r#"
        launch volatile/t1/C1 with cpus:1.1; mem:160
        timer: registration of C1 in 1mins
    "#]]
    .assert_eq(&world.run("volatile", "t1"));
}

#[test]
fn a_task_is_delivered_when_its_executor_has_subscribed() {
    let mut world = World::registered();
    world.run("f1", "t1");
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });

    expect![[r#"
        request 1 <- 200
        stream 1 <- SUBSCRIBED
        disk #3 <- http marker of t1
        stream 1 <- LAUNCH t1
    "#]]
    .assert_eq(&world.subscribe("f1", "t1", 1));
}

#[test]
fn an_executor_that_is_faster_than_the_news_of_its_launch_waits_for_it() {
    let mut world = World::registered();
    world.run("f1", "t1");
    world.stored();

    expect![[r#"
        request 1 <- 200
        stream 1 <- SUBSCRIBED
        disk #3 <- http marker of t1
    "#]]
    .assert_eq(&world.subscribe("f1", "t1", 1));
    expect![[r#"
        stream 1 <- LAUNCH t1
    "#]]
    .assert_eq(&world.container(1, ContainerEvent::Launched { pid: 100 }));
}

#[test]
fn the_executor_made_for_a_task_carries_the_tasks_name_user_and_files() {
    let mut world = World::registered();
    let mut t1 = task("t1", "cpus:1;mem:128");
    let command = t1.command.as_mut().unwrap();
    command.value = Some("while true; do date; done".into());
    command.user = Some("alice".into());
    command
        .uris
        .push(tepui_proto::v1::command_info::Uri { value: "http://x/y".into(), ..Default::default() });

    world.master(run("f1", t1, Some(true)));
    world.stored();

    let launch = launched(&world);
    assert_eq!(launch.executor.name(), "Command Executor (Task: t1) (Command: sh -c 'while true; ...')");
    let command = launch.executor.command.as_ref().unwrap();
    assert_eq!((command.value(), command.user(), command.uris.len()), ("/usr/bin/tepui", "alice", 1));
    assert_eq!(command.arguments, ["tepui", "executor", "command"]);
    assert_eq!(launch.task.as_ref().unwrap().task_id.value, "t1");
}

fn launched(world: &World) -> Launch {
    let launch = world.last.iter().find_map(|effect| match effect {
        Effect::Launch(launch) => Some((**launch).clone()),
        _ => None,
    });
    launch.expect("a container is being made")
}

#[test]
fn a_second_task_of_an_executor_waits_for_its_share_of_resources() {
    let mut world = World::registered();
    world.run_on("f1", "t1", Some(true));
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });
    world.subscribe("f1", "e1", 1);
    world.stored();

    world.run_on("f1", "t2", Some(false));
    expect![[r#"
        container C1 <- update cpus:2.5; mem:320
    "#]]
    .assert_eq(&world.stored());
    expect![[r#"
        stream 1 <- LAUNCH t2
    "#]]
    .assert_eq(&world.container(1, ContainerEvent::Updated));
}

#[test]
fn tasks_are_delivered_in_the_order_they_came() {
    let mut world = World::registered();
    world.run_on("f1", "t2", Some(true));
    world.run_on("f1", "t1", Some(false));
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });

    world.subscribe("f1", "e1", 1);
    expect![[r#"
        stream 1 <- LAUNCH t2
        stream 1 <- LAUNCH t1
    "#]]
    .assert_eq(&world.container(1, ContainerEvent::Updated));
}

#[test]
fn a_launch_that_fails_fails_the_task() {
    let mut world = World::registered();
    world.run("f1", "t1");
    world.stored();

    world.container(1, ContainerEvent::LaunchFailed { why: "fetch http://x/y: not found".into() });
    expect![[r#"
        master <- StatusUpdate t1 TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED (Failed to launch container: fetch http://x/y: not found)
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
    world.acknowledge_last("f1", "t1");
    expect![[r#"
        disk #5 <- sentinel of t1
        collect f1/t1/C1
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn a_checkpoint_that_fails_fails_the_task_and_says_what_to_do() {
    let mut world = World::registered();
    world.run("f1", "t1");

    expect![[r#"
        master <- StatusUpdate t1 TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED (Failed to checkpoint: write task.info: No space left on device; make room in the agent's work directory)
        timer: retry of t1 in 10secs
    "#]].assert_eq(&world.disk_full());
}

#[test]
fn a_task_that_may_not_start_its_executor_is_dropped() {
    let mut world = World::registered();

    expect![[r#"
        master <- StatusUpdate t1 TASK_LOST REASON_EXECUTOR_TERMINATED (No executor is expected to launch and there is no executor running)
        timer: retry of t1 in 10secs
    "#]].assert_eq(&world.run_on("f1", "t1", Some(false)));
}

#[test]
fn a_task_for_an_executor_that_is_ending_is_dropped() {
    let mut world = World::registered();
    world.run_on("f1", "t1", Some(true));
    world.stored();
    world.master(super::endings::shutdown_executor("f1", "e1"));

    expect![[r#"
        master <- StatusUpdate t2 TASK_LOST REASON_EXECUTOR_TERMINATED (Executor terminating/terminated)
        timer: retry of t2 in 10secs
    "#]]
    .assert_eq(&world.run_on("f1", "t2", None));
}

#[test]
fn a_task_that_is_already_there_is_not_run_twice() {
    let mut world = World::running();

    assert_eq!(world.run("f1", "t1"), "");
}

#[test]
fn a_task_of_another_agent_is_ignored() {
    let mut world = World::registered();
    let mut foreign = task("t1", "cpus:1");
    foreign.agent_id.value = "m-S9".into();

    assert_eq!(world.master(run("f1", foreign, Some(true))), "");
}

#[test]
fn a_task_with_resources_that_make_no_sense_is_an_error() {
    let mut world = World::registered();
    let mut bad = task("t1", "cpus:1");
    bad.resources[0].scalar = None;

    expect![[r#"
        master <- StatusUpdate t1 TASK_ERROR REASON_TASK_INVALID (Resource 'cpus:0' is invalid: Invalid scalar resource)
        timer: retry of t1 in 10secs
    "#]].assert_eq(&world.master(run("f1", bad, Some(true))));
    assert_eq!(world.agent.frameworks().count(), 0);
}

#[test]
fn a_task_without_command_and_executor_is_an_error() {
    let mut world = World::registered();
    let mut bad = task("t1", "cpus:1");
    bad.command = None;

    expect![[r#"
        master <- StatusUpdate t1 TASK_ERROR REASON_TASK_INVALID (Task has neither an executor nor a command)
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.master(run("f1", bad, Some(true))));
}

#[test]
fn an_executor_that_never_subscribes_is_destroyed() {
    let mut world = World::registered();
    world.master(run("f1", custom_task("t1", "e1"), Some(true)));
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });

    expect![[r#"
        container C1 <- destroy
    "#]]
    .assert_eq(&world.pass(Duration::from_secs(60)));
    world.exited(1, 9);
    expect![[r#"
        master <- StatusUpdate t1 TASK_FAILED REASON_EXECUTOR_REGISTRATION_TIMEOUT (Executor did not register within 1mins)
        timer: retry of t1 in 10secs
    "#]].assert_eq(&world.stored());
}

#[test]
fn a_container_that_cannot_be_updated_ends() {
    let mut world = World::registered();
    world.run_on("f1", "t1", Some(true));
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });
    world.subscribe("f1", "e1", 1);
    world.run_on("f1", "t2", Some(false));
    world.stored();

    expect![[r#"
        container C1 <- destroy
    "#]]
    .assert_eq(&world.container(1, ContainerEvent::UpdateFailed { why: "memory.max: busy".into() }));
    world.exited(1, 9);
    expect![[r#"
        master <- StatusUpdate t2 TASK_LOST REASON_CONTAINER_UPDATE_FAILED (Failed to update the container's resources: memory.max: busy)
        timer: retry of t2 in 10secs
        master <- StatusUpdate t1 TASK_LOST REASON_CONTAINER_UPDATE_FAILED (Failed to update the container's resources: memory.max: busy)
        timer: retry of t1 in 10secs
    "#]].assert_eq(&world.stored());
}

#[test]
fn tasks_whose_checkpoint_fails_with_their_executors_end_once() {
    let mut world = World::registered();
    world.run_on("f1", "t1", Some(true));
    world.run_on("f1", "t2", Some(false));

    expect![[r#"
        master <- StatusUpdate t1 TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED (Failed to checkpoint: write task.info: No space left on device; make room in the agent's work directory)
        timer: retry of t1 in 10secs
        master <- StatusUpdate t2 TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED (Failed to checkpoint: write task.info: No space left on device; make room in the agent's work directory)
        timer: retry of t2 in 10secs
        master <- ExitedExecutor e1 status -1
    "#]].assert_eq(&world.disk_full());
}
