//! What drivers of executors are told: the events of the v1 API, each as its message.

use std::sync::Arc;

use tepui_proto::v1::executor::Event;
use tepui_proto::v1::executor::event::Subscribed;
use tepui_proto::{internal, v1};

/// A message to an executor.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Registered(Box<internal::ExecutorRegisteredMessage>),
    Reregistered(Box<internal::ExecutorReregisteredMessage>),
    Run(Box<internal::RunTaskMessage>),
    Kill(internal::KillTaskMessage),
    Acknowledged(internal::StatusUpdateAcknowledgementMessage),
    FromFramework(internal::FrameworkToExecutorMessage),
    Shutdown(internal::ShutdownExecutorMessage),
}

/// What the messages say and the events do not.
pub(super) struct Whereabouts {
    pub(super) agent: v1::AgentId,
    pub(super) framework: v1::FrameworkId,
    pub(super) executor: v1::ExecutorId,
    pub(super) info: Arc<v1::FrameworkInfo>,
    /// The scheduler's address; empty for those over HTTP.
    pub(super) pid: String,
    /// The executor registers again, and is told so: its program hears of the two in different words.
    pub(super) returns: bool,
}

/// The message for an event. There is none for heartbeats, errors and task groups, which only executors of the v1 API get.
pub(super) fn told(event: &Event, of: Whereabouts) -> Option<Told> {
    if let Some(subscribed) = &event.subscribed {
        return Some(registered(subscribed, of));
    }
    if let Some(launch) = &event.launch {
        return Some(Told::Run(Box::new(internal::RunTaskMessage {
            framework: (*of.info).clone(),
            task: launch.task.clone(),
            pid: Some(of.pid),
            ..internal::RunTaskMessage::default()
        })));
    }
    if let Some(kill) = &event.kill {
        return Some(Told::Kill(internal::KillTaskMessage {
            framework_id: of.framework,
            task_id: kill.task_id.clone(),
            kill_policy: kill.kill_policy,
        }));
    }
    if let Some(acknowledged) = &event.acknowledged {
        return Some(Told::Acknowledged(internal::StatusUpdateAcknowledgementMessage {
            slave_id: of.agent,
            framework_id: of.framework,
            task_id: acknowledged.task_id.clone(),
            uuid: acknowledged.uuid.clone(),
        }));
    }
    if let Some(message) = &event.message {
        return Some(Told::FromFramework(internal::FrameworkToExecutorMessage {
            slave_id: of.agent,
            framework_id: of.framework,
            executor_id: of.executor,
            data: message.data.clone(),
        }));
    }
    let ends = event.r#type() == v1::executor::event::Type::Shutdown;
    ends.then(|| {
        Told::Shutdown(internal::ShutdownExecutorMessage {
            executor_id: Some(of.executor),
            framework_id: Some(of.framework),
        })
    })
}

fn registered(subscribed: &Subscribed, of: Whereabouts) -> Told {
    let slave_info = subscribed.agent_info.clone();
    if of.returns {
        return Told::Reregistered(Box::new(internal::ExecutorReregisteredMessage {
            slave_id: of.agent,
            slave_info,
        }));
    }
    Told::Registered(Box::new(internal::ExecutorRegisteredMessage {
        executor_info: subscribed.executor_info.clone(),
        framework_id: of.framework,
        framework_info: subscribed.framework_info.clone(),
        slave_id: of.agent,
        slave_info,
    }))
}
