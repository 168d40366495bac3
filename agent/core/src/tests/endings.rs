//! How executors and containers end, and what their tasks become.

use std::time::Duration;

use expect_test::expect;
use tepui_proto::internal;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, TaskState};

use super::world::{World, status};
use crate::{ContainerEvent, Input, MasterMessage, Termination};

pub fn shutdown_executor(framework: &str, executor: &str) -> MasterMessage {
    MasterMessage::ShutdownExecutor(internal::ShutdownExecutorMessage {
        executor_id: Some(v1::ExecutorId { value: executor.into() }),
        framework_id: Some(v1::FrameworkId { value: framework.into() }),
    })
}

fn shutdown_framework(framework: &str) -> MasterMessage {
    MasterMessage::ShutdownFramework(internal::ShutdownFrameworkMessage {
        framework_id: v1::FrameworkId { value: framework.into() },
    })
}

#[test]
fn an_executor_that_dies_fails_its_tasks() {
    let mut world = World::running();

    world.exited(1, 256);
    expect![[r#"
        master <- StatusUpdate t1 TASK_FAILED REASON_EXECUTOR_TERMINATED
        timer: retry of t1 in 10secs
    "#]]
    .assert_eq(&world.stored());
}

#[test]
fn a_limitation_is_the_reason_of_the_failure() {
    let mut world = World::running();
    let oom = Termination {
        status: Some(9),
        reason: Some(Reason::ContainerLimitationMemory),
        message: Some("Memory limit exceeded: 160MB".into()),
        ..Termination::default()
    };

    world.container(1, ContainerEvent::Exited(oom));
    expect![[r#"
        master <- StatusUpdate t1 TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY (Memory limit exceeded: 160MB)
        timer: retry of t1 in 10secs
    "#]].assert_eq(&world.stored());
}

#[test]
fn the_framework_hears_of_the_end_of_its_own_executor() {
    let mut world = World::registered();
    world.run_on("f1", "t1", Some(true));
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });
    world.subscribe("f1", "e1", 1);
    world.stored();

    expect![[r#"
        stream 1 closed
        disk #4 <- update t1 TASK_FAILED
        master <- ExitedExecutor e1 status 32512
    "#]]
    .assert_eq(&world.exited(1, 32512));
}

#[test]
fn a_task_whose_end_is_being_written_does_not_fail_with_its_executor() {
    let mut world = World::running();
    world.update("f1", "t1", status("t1", TaskState::TaskFinished, 1));

    assert_eq!(world.exited(1, 0), "stream 1 closed\n");
    let text = world.stored();
    assert!(text.contains("TASK_FINISHED") && !text.contains("TASK_FAILED"), "{text}");
}

#[test]
fn an_executor_is_asked_to_end_and_destroyed_after_its_grace_period() {
    let mut world = World::running();

    expect![[r#"
        stream 1 <- SHUTDOWN
        timer: shutdown grace of C1 in 5secs
    "#]]
    .assert_eq(&world.master(shutdown_executor("f1", "t1")));
    expect![[r#"
        container C1 <- destroy
    "#]]
    .assert_eq(&world.pass(Duration::from_secs(5)));
}

#[test]
fn a_framework_that_is_shut_down_ends_without_further_updates() {
    let mut world = World::running();

    expect![[r#"
        stream 1 <- SHUTDOWN
        timer: shutdown grace of C1 in 5secs
    "#]]
    .assert_eq(&world.master(shutdown_framework("f1")));
    let late = world.update("f1", "t1", status("t1", TaskState::TaskKilled, 1));
    assert_eq!(late, "request 2 <- 202\n");
    expect![[r#"
        stream 1 closed
        disk #4 <- sentinel of t1
        collect f1/t1/C1
    "#]]
    .assert_eq(&world.exited(1, 0));
    assert_eq!(world.agent.frameworks().count(), 0);
}

#[test]
fn a_framework_that_comes_back_keeps_its_history() {
    let mut world = World::running();
    world.master(shutdown_framework("f1"));
    world.exited(1, 0);
    world.stored();

    world.run("f1", "t2");

    let framework = world.agent.frameworks().next().unwrap();
    assert_eq!(framework.completed.len(), 1);
    assert_eq!(world.agent.completed_frameworks().count(), 0);
}

#[test]
fn stopping_leaves_checkpointed_executors_alone() {
    let mut world = World::running();

    expect![[r#"
        terminate: the operator stopped this agent
    "#]]
    .assert_eq(&world.step(Input::Stop));
}

#[test]
fn stopping_asks_executors_that_cannot_be_found_again_to_end() {
    let mut world = World::registered();
    world.run("volatile", "t1");
    world.container(1, ContainerEvent::Launched { pid: 100 });
    world.subscribe("volatile", "t1", 1);

    expect![[r#"
        stream 1 <- SHUTDOWN
        terminate: the operator stopped this agent
    "#]]
    .assert_eq(&world.step(Input::Stop));
}

#[test]
fn completed_executors_are_bounded() {
    let mut settings = super::world::settings();
    settings.max_completed_executors_per_framework = 2;
    let mut world = World::with(settings);
    world.register();
    world.run_on("volatile", "keep", Some(true));
    for n in 0..5 {
        world.run("volatile", &format!("t{n}"));
        world.container(n + 2, ContainerEvent::LaunchFailed { why: "no".into() });
        world.acknowledge_last("volatile", &format!("t{n}"));
    }

    assert_eq!(world.agent.frameworks().next().unwrap().completed.len(), 2);
}
