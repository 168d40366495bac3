//! Executors that are drivers of the unversioned API: how they subscribe, call, go away and are asked to come back.

use std::time::Duration;

use bytes::Bytes;
use expect_test::expect;
use tepui_proto::internal;
use tepui_proto::v1::executor::{Call, call};
use tepui_proto::v1::{self, TaskState};

use super::recoveries::{all_alive, restart};
use super::world::{AGENT_ID, World, call, framework, run, status, task};
use crate::{ContainerEvent, ExecutorCall, Input, MasterMessage, Peer, Pid};

const DRIVER: &str = "executor(1)@10.0.0.7:9000";

fn say(world: &mut World, from: &str, call: Call) -> String {
    world.step(Input::Executor(Box::new(ExecutorCall::driver(call, Pid::new(from)))))
}

fn subscribe(world: &mut World) -> String {
    let call = Call { subscribe: Some(Box::default()), ..call("f1", "t1", call::Type::Subscribe) };
    say(world, DRIVER, call)
}

fn update() -> Call {
    let update = call::Update { status: status("t1", TaskState::TaskRunning, 1) };
    Call { update: Some(Box::new(update)), ..call("f1", "t1", call::Type::Update) }
}

/// The task `t1` waits for its executor.
fn launched() -> World {
    let mut world = World::registered();
    let MasterMessage::RunTask(mut message) = run("f1", task("t1", "cpus:1;mem:128"), Some(true)) else {
        unreachable!("it runs a task")
    };
    message.pid = Some("scheduler@10.0.0.1:7000".into());
    world.master(MasterMessage::RunTask(message));
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });
    world
}

#[test]
fn a_driver_is_watched_remembered_and_given_its_task() {
    let mut world = launched();

    expect![[r#"
        driver executor(1)@10.0.0.7:9000 <- SUBSCRIBED
        watch executor(1)@10.0.0.7:9000
        disk #3 <- pid of t1 executor(1)@10.0.0.7:9000
        driver executor(1)@10.0.0.7:9000 <- LAUNCH t1
    "#]]
    .assert_eq(&subscribe(&mut world));
    let (run, of) = world.agent.driver_at(&Pid::new(DRIVER)).expect("it has subscribed");
    assert_eq!((run.executor.as_str(), &of.info.name), ("t1", &framework("f1").name));
}

#[test]
fn only_the_driver_that_subscribed_is_heard() {
    let mut world = launched();
    subscribe(&mut world);

    assert_eq!(say(&mut world, "executor(2)@10.0.0.7:9001", update()), "");
    let actor = ExecutorCall::actor(update(), Pid::new(DRIVER));
    assert_eq!(world.step(Input::Executor(Box::new(actor))), "");
    assert!(say(&mut world, DRIVER, update()).contains("update t1 TASK_RUNNING"));
}

#[test]
fn a_driver_that_is_gone_is_told_nothing_more() {
    let mut world = launched();
    subscribe(&mut world);

    // Whoever watches an address does not know what kind of peer it was.
    world.step(Input::ExecutorGone(Peer::Actor(Pid::new(DRIVER))));

    assert!(world.agent.driver_at(&Pid::new(DRIVER)).is_none());
}

#[test]
fn a_driver_whose_connection_was_lost_is_asked_to_come_back_until_it_does() {
    let mut world = launched();
    subscribe(&mut world);
    say(&mut world, DRIVER, update());
    world.stored();

    expect![[r#"
        reconnect executor(1)@10.0.0.7:9000
        timer: call back of C1 in 10secs
    "#]]
    .assert_eq(&world.step(Input::ExecutorGone(Peer::Actor(Pid::new(DRIVER)))));
    assert!(world.pass(Duration::from_secs(10)).contains("reconnect executor(1)@10.0.0.7:9000\n"));
    assert!(subscribe(&mut world).starts_with("driver executor(1)@10.0.0.7:9000 <- SUBSCRIBED\n"));

    assert!(!world.pass(Duration::from_secs(60)).contains("reconnect"));
    let update = call::Update { status: status("t1", TaskState::TaskFinished, 2) };
    let call = Call { update: Some(Box::new(update)), ..call("f1", "t1", call::Type::Update) };
    assert!(say(&mut world, DRIVER, call).contains("update t1 TASK_FINISHED"));
}

#[test]
fn a_driver_that_does_not_come_back_is_asked_four_times() {
    let mut world = launched();
    subscribe(&mut world);

    let mut text = world.step(Input::ExecutorGone(Peer::Actor(Pid::new(DRIVER))));
    text += &world.pass(Duration::from_secs(300));

    assert_eq!(text.matches("reconnect executor(1)").count(), 4, "{text}");
}

#[test]
fn a_second_driver_of_a_running_executor_is_told_to_end_and_the_first_goes_on() {
    let mut world = launched();
    subscribe(&mut world);

    let call = Call { subscribe: Some(Box::default()), ..call("f1", "t1", call::Type::Subscribe) };
    let text = say(&mut world, "executor(1)@10.0.0.7:9001", call);

    assert_eq!(text, "driver executor(1)@10.0.0.7:9001 <- SHUTDOWN\n");
    assert!(say(&mut world, DRIVER, update()).contains("update t1 TASK_RUNNING"));
}

#[test]
fn a_restarted_agent_asks_its_drivers_to_register_again() {
    let mut world = launched();
    subscribe(&mut world);
    world.stored();
    let (mut world, _) = restart(world);

    expect![[r#"
        reconnect executor(1)@10.0.0.7:9000
        timer: reregistration of executors in 2secs
    "#]]
    .assert_eq(&all_alive(&mut world));
    let other = Call { subscribe: Some(Box::default()), ..call("f1", "t1", call::Type::Subscribe) };
    let text = say(&mut world, "executor(1)@10.0.0.7:9001", other);
    assert_eq!(text, "driver executor(1)@10.0.0.7:9001 <- SHUTDOWN\n");
    assert!(subscribe(&mut world).starts_with("driver executor(1)@10.0.0.7:9000 <- SUBSCRIBED\n"));
}

#[test]
fn the_driver_of_the_scheduler_reaches_its_executor_directly_and_nobody_else_does() {
    let mut world = launched();
    subscribe(&mut world);
    let message = internal::FrameworkToExecutorMessage {
        slave_id: v1::AgentId { value: AGENT_ID.into() },
        framework_id: v1::FrameworkId { value: "f1".into() },
        executor_id: v1::ExecutorId { value: "t1".into() },
        data: Bytes::from_static(b"ho"),
    };
    let mut from = |pid: &str| {
        let message = MasterMessage::FrameworkToExecutor(message.clone());
        world.step(Input::Master { from: Pid::new(pid), message })
    };

    assert_eq!(from("scheduler@10.0.0.1:7000"), "driver executor(1)@10.0.0.7:9000 <- MESSAGE\n");
    assert_eq!(from("somebody@10.0.0.1:7000"), "");
}
