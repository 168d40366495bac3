//! What executors say: subscriptions, updates, messages.

use bytes::Bytes;
use expect_test::expect;
use tepui_model::Time;
use tepui_proto::internal;
use tepui_proto::v1::executor::{Call, call};
use tepui_proto::v1::{self, TaskState};

use super::world::{AGENT_ID, World, call, info, settings, status};
use crate::{
    Agent, Connection, ContainerEvent, Cx, ExecutorCall, Input, MasterMessage, Pid, RequestId, limits,
};

#[test]
fn calls_are_refused_in_the_words_of_mesos() {
    let mut world = World::running();
    let update = |status| Call {
        update: Some(Box::new(call::Update { status })),
        ..call("f1", "t1", call::Type::Update)
    };
    let mut all = String::new();
    let no_type = Call { r#type: None, ..call("f1", "t1", call::Type::Update) };
    let no_uuid = v1::TaskStatus { uuid: None, ..status("t1", TaskState::TaskRunning, 1) };
    let bad_uuid = v1::TaskStatus {
        uuid: Some(Bytes::from_static(b"short")),
        ..status("t1", TaskState::TaskRunning, 1)
    };
    let no_source = v1::TaskStatus { source: None, ..status("t1", TaskState::TaskRunning, 1) };
    let other = v1::TaskStatus {
        executor_id: Some(v1::ExecutorId { value: "other".into() }),
        ..status("t1", TaskState::TaskRunning, 1)
    };
    let calls = [
        no_type,
        call("f1", "t1", call::Type::Unknown),
        call("f1", "t1", call::Type::Subscribe),
        call("f1", "t1", call::Type::Update),
        call("f1", "t1", call::Type::Message),
        update(no_uuid),
        update(bad_uuid),
        update(no_source),
        update(other),
        update(status("t1", TaskState::TaskStaging, 1)),
        call("nobody", "t1", call::Type::Unknown),
        call("f1", "nobody", call::Type::Unknown),
        call("nobody", "nobody", call::Type::Heartbeat),
    ];
    for call in calls {
        all.push_str(&world.call(call));
    }

    expect![[r#"
        request 2 <- 400 Failed to validate Executor::Call: Expecting 'type' to be present
        request 3 <- 501 501 Not Implemented.
        request 4 <- 400 Failed to validate Executor::Call: Expecting 'subscribe' to be present
        request 5 <- 400 Failed to validate Executor::Call: Expecting 'update' to be present
        request 6 <- 400 Failed to validate Executor::Call: Expecting 'message' to be present
        request 7 <- 400 Failed to validate Executor::Call: Expecting 'uuid' to be present
        request 8 <- 400 Failed to validate Executor::Call: Not a valid UUID
        request 9 <- 400 Failed to validate Executor::Call: Received Call from executor t1 of framework f1 with invalid source, expecting 'SOURCE_EXECUTOR'
        request 10 <- 400 Failed to validate Executor::Call: ExecutorID in Call: t1 does not match ExecutorID in TaskStatus: other
        request 11 <- 400 Failed to validate Executor::Call: Received TASK_STAGING from executor t1 of framework f1 which is not allowed
        request 12 <- 400 Framework cannot be found
        request 13 <- 400 Executor cannot be found
        request 14 <- 202
    "#]].assert_eq(&all);
}

#[test]
fn an_executor_without_a_stream_may_not_speak() {
    let mut world = World::registered();
    world.run("f1", "t1");
    world.stored();

    expect![[r#"
        request 1 <- 403 Executor is not subscribed
    "#]]
    .assert_eq(&world.update("f1", "t1", status("t1", TaskState::TaskRunning, 1)));
}

#[test]
fn a_new_stream_replaces_the_old_one() {
    let mut world = World::running();

    expect![[r#"
        request 2 <- 200
        stream 1 closed
        stream 2 <- SUBSCRIBED
        disk #4 <- http marker of t1
        disk #5 <- update t1 TASK_LOST
    "#]]
    .assert_eq(&world.subscribe("f1", "t1", 2));
}

#[test]
fn an_executor_that_is_an_actor_is_watched_and_only_it_may_speak() {
    let mut world = World::registered();
    world.run("f1", "t1");
    world.stored();
    world.container(1, ContainerEvent::Launched { pid: 100 });
    let subscribe = Call { subscribe: Some(Box::default()), ..call("f1", "t1", call::Type::Subscribe) };
    let from = |call, pid| Input::Executor(Box::new(ExecutorCall::actor(call, Pid::new(pid))));

    expect![[r#"
        executor(1)@10.0.0.7:9000 <- SUBSCRIBED
        watch executor(1)@10.0.0.7:9000
        disk #3 <- http marker of t1
        executor(1)@10.0.0.7:9000 <- LAUNCH t1
    "#]]
    .assert_eq(&world.step(from(subscribe, "executor(1)@10.0.0.7:9000")));

    let update = Call {
        update: Some(Box::new(call::Update { status: status("t1", TaskState::TaskRunning, 1) })),
        ..call("f1", "t1", call::Type::Update)
    };
    assert_eq!(world.step(from(update.clone(), "executor(2)@10.0.0.7:9001")), "");
    assert!(world.step(from(update, "executor(1)@10.0.0.7:9000")).contains("update t1 TASK_RUNNING"));
}

#[test]
fn messages_pass_in_both_directions() {
    let mut world = World::running();
    let message = Some(Box::new(call::Message { data: Bytes::from_static(b"hi") }));

    let up = world.call(Call { message, ..call("f1", "t1", call::Type::Message) });
    let down = world.master(MasterMessage::FrameworkToExecutor(internal::FrameworkToExecutorMessage {
        slave_id: v1::AgentId { value: AGENT_ID.into() },
        framework_id: v1::FrameworkId { value: "f1".into() },
        executor_id: v1::ExecutorId { value: "t1".into() },
        data: Bytes::from_static(b"ho"),
    }));

    expect![[r#"
        request 2 <- 202
        master <- ExecutorToFramework t1: 2 bytes
        stream 1 <- MESSAGE
    "#]]
    .assert_eq(&format!("{up}{down}"));
}

#[test]
fn an_update_that_names_another_agent_is_dropped() {
    let mut world = World::running();
    let foreign = v1::TaskStatus {
        agent_id: Some(v1::AgentId { value: "m-S9".into() }),
        ..status("t1", TaskState::TaskRunning, 1)
    };

    assert_eq!(world.update("f1", "t1", foreign), "request 2 <- 202\n");
    assert_eq!(world.agent.counters().invalid_status_updates, 1);
}

#[test]
fn an_executor_reports_on_a_limited_number_of_tasks_it_was_not_given() {
    let mut world = World::running();
    // So many tasks take long to write and read at every step.
    world.reads_back = false;
    for n in 0..limits::STRANGERS_PER_EXECUTOR {
        world.update("f1", "t1", status(&format!("x{n}"), TaskState::TaskFinished, 1));
    }
    world.stored();
    assert_eq!(world.agent.updates().len(), limits::STRANGERS_PER_EXECUTOR);

    assert_eq!(world.update("f1", "t1", status("y", TaskState::TaskFinished, 1)), "request 1002 <- 202\n");
    world.update("f1", "t1", status("x0", TaskState::TaskRunning, 2));
    world.update("f1", "t1", status("t1", TaskState::TaskRunning, 1));
    world.stored();

    assert_eq!(world.agent.counters().invalid_status_updates, 1, "of the one beyond the limit");
    assert_eq!(
        world.agent.updates().len(),
        limits::STRANGERS_PER_EXECUTOR + 1,
        "its own task is always heard"
    );

    world.acknowledge("f1", "x0", 1);
    world.stored();
    world.update("f1", "t1", status("y", TaskState::TaskFinished, 1));
    assert_eq!(world.agent.counters().invalid_status_updates, 1, "there is room again");
}

#[test]
fn calls_before_the_agent_knows_its_executors_are_to_come_again() {
    let mut agent = Agent::new(settings(), info(), 7);
    let mut cx = Cx::new(Time::ZERO);
    let subscribe = Some(Box::default());
    let call = Call { subscribe, ..call("f1", "t1", call::Type::Subscribe) };

    let call = ExecutorCall::http(call, RequestId(1), Some(Connection(1)));
    agent.step(&mut cx, Input::Executor(Box::new(call)));

    let replies: Vec<String> = cx.effects.iter().map(ToString::to_string).collect();
    assert_eq!(replies, ["request 1 <- 503 Agent has not finished recovery"]);
}
