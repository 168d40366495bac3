//! What drivers say and hear, message by message.

use std::sync::Arc;

use bytes::Bytes;
use tepui_proto::v1::executor::{Event, call, event};
use tepui_proto::{internal, v1};

use super::calls::IntoCall as _;
use super::events::{Told, Whereabouts, told};

fn framework() -> v1::FrameworkId {
    v1::FrameworkId { value: "f".into() }
}

fn executor() -> v1::ExecutorId {
    v1::ExecutorId { value: "e".into() }
}

fn agent() -> v1::AgentId {
    v1::AgentId { value: "s".into() }
}

fn task() -> v1::TaskId {
    v1::TaskId { value: "t".into() }
}

fn whereabouts(returns: bool) -> Whereabouts {
    let info = v1::FrameworkInfo { id: Some(framework()), name: "n".into(), ..Default::default() };
    Whereabouts {
        agent: agent(),
        framework: framework(),
        executor: executor(),
        info: Arc::new(info),
        pid: "scheduler@10.0.0.1:7000".into(),
        returns,
    }
}

fn update() -> internal::StatusUpdate {
    internal::StatusUpdate {
        framework_id: framework(),
        executor_id: Some(executor()),
        slave_id: Some(agent()),
        status: v1::TaskStatus { task_id: task(), ..Default::default() },
        timestamp: 7.0,
        uuid: Some(Bytes::from_static(&[9; 16])),
        latest_state: None,
    }
}

#[test]
fn an_update_keeps_what_stood_around_its_status() {
    let call = internal::StatusUpdateMessage { update: update(), pid: None }.into_call();

    assert_eq!(call.r#type(), call::Type::Update);
    assert_eq!((&call.framework_id, &call.executor_id), (&framework(), &executor()));
    let status = call.update.unwrap().status;
    assert_eq!(status.uuid.as_deref(), Some(&[9; 16][..]));
    assert_eq!(status.source(), v1::task_status::Source::Executor);
    assert_eq!((status.agent_id, status.executor_id), (Some(agent()), Some(executor())));
    assert_eq!(status.timestamp, Some(7.0));
}

#[test]
fn an_executor_that_comes_back_tells_what_was_missed() {
    let again = internal::ReregisterExecutorMessage {
        executor_id: executor(),
        framework_id: framework(),
        tasks: vec![v1::TaskInfo { task_id: task(), ..Default::default() }],
        updates: vec![update()],
    };

    let call = again.into_call();

    assert_eq!(call.r#type(), call::Type::Subscribe);
    let subscribe = call.subscribe.unwrap();
    assert_eq!(subscribe.unacknowledged_tasks[0].task_id, task());
    assert_eq!(subscribe.unacknowledged_updates[0].status.uuid.as_deref(), Some(&[9; 16][..]));
}

#[test]
fn a_subscription_is_told_as_the_first_or_as_another() {
    let subscribed = event::Subscribed {
        executor_info: v1::ExecutorInfo { executor_id: executor(), ..Default::default() },
        framework_info: v1::FrameworkInfo { name: "n".into(), ..Default::default() },
        agent_info: v1::AgentInfo { hostname: "h".into(), ..Default::default() },
        container_id: None,
    };
    let event = Event { subscribed: Some(Box::new(subscribed)), ..Event::default() };

    let Some(Told::Registered(first)) = told(&event, whereabouts(false)) else { panic!("not registered") };
    let Some(Told::Reregistered(again)) = told(&event, whereabouts(true)) else { panic!("not again") };

    assert_eq!((first.slave_id, first.framework_id), (agent(), framework()));
    assert_eq!((first.executor_info.executor_id, first.framework_info.name), (executor(), "n".into()));
    assert_eq!((again.slave_id, again.slave_info.hostname), (agent(), "h".into()));
}

#[test]
fn events_are_messages_that_name_framework_executor_and_agent() {
    let launch = event::Launch { task: v1::TaskInfo { task_id: task(), ..Default::default() } };
    let launch = Event { launch: Some(Box::new(launch)), ..Event::default() };
    let kill = event::Kill { task_id: task(), kill_policy: None };
    let kill = Event { kill: Some(Box::new(kill)), ..Event::default() };
    let acknowledged = event::Acknowledged { task_id: task(), uuid: Bytes::from_static(b"u") };
    let acknowledged = Event { acknowledged: Some(Box::new(acknowledged)), ..Event::default() };
    let message = Event {
        message: Some(Box::new(event::Message { data: Bytes::from_static(b"d") })),
        ..Event::default()
    };
    let told = |event: &Event| told(event, whereabouts(false));

    let Some(Told::Run(run)) = told(&launch) else { panic!("no task") };
    assert_eq!((run.task.task_id, run.framework.name), (task(), "n".into()));
    assert_eq!(run.pid.as_deref(), Some("scheduler@10.0.0.1:7000"));
    let expected =
        internal::KillTaskMessage { framework_id: framework(), task_id: task(), kill_policy: None };
    assert_eq!(told(&kill), Some(Told::Kill(expected)));
    let Some(Told::Acknowledged(heard)) = told(&acknowledged) else { panic!("not acknowledged") };
    assert_eq!((heard.slave_id, heard.task_id, &*heard.uuid), (agent(), task(), &b"u"[..]));
    let Some(Told::FromFramework(heard)) = told(&message) else { panic!("no message") };
    assert_eq!((heard.executor_id, &*heard.data), (executor(), &b"d"[..]));
}

#[test]
fn an_executor_is_told_to_end_and_nothing_of_heartbeats() {
    let of = |kind: event::Type| Event { r#type: Some(kind as i32), ..Event::default() };

    assert!(matches!(told(&of(event::Type::Shutdown), whereabouts(false)), Some(Told::Shutdown(_))));
    assert_eq!(told(&of(event::Type::Heartbeat), whereabouts(false)), None);
}
