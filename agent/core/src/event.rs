//! Making of executor events.

use std::sync::Arc;

use bytes::Bytes;
use tepui_model::{ContainerId, TaskId};
use tepui_proto::v1::executor::{Event, event};
use tepui_proto::v1::{AgentInfo, ExecutorInfo, FrameworkInfo, KillPolicy, TaskInfo};

fn of(kind: event::Type) -> Event {
    Event { r#type: Some(kind as i32), ..Event::default() }
}

pub(crate) fn subscribed(
    executor: &ExecutorInfo,
    framework: &FrameworkInfo,
    agent: &AgentInfo,
    container: &ContainerId,
) -> Arc<Event> {
    let subscribed = event::Subscribed {
        executor_info: executor.clone(),
        framework_info: framework.clone(),
        agent_info: agent.clone(),
        container_id: Some(Box::new(container.to_wire())),
    };
    Arc::new(Event { subscribed: Some(Box::new(subscribed)), ..of(event::Type::Subscribed) })
}

pub(crate) fn launch(task: &TaskInfo) -> Arc<Event> {
    Arc::new(Event {
        launch: Some(Box::new(event::Launch { task: task.clone() })),
        ..of(event::Type::Launch)
    })
}

pub(crate) fn kill(task: &TaskId, kill_policy: Option<KillPolicy>) -> Arc<Event> {
    let kill = event::Kill { task_id: task.to_wire(), kill_policy };
    Arc::new(Event { kill: Some(Box::new(kill)), ..of(event::Type::Kill) })
}

pub(crate) fn acknowledged(task: &tepui_proto::v1::TaskId, uuid: Bytes) -> Arc<Event> {
    let acknowledged = event::Acknowledged { task_id: task.clone(), uuid };
    Arc::new(Event { acknowledged: Some(Box::new(acknowledged)), ..of(event::Type::Acknowledged) })
}

pub(crate) fn message(data: Bytes) -> Arc<Event> {
    Arc::new(Event { message: Some(Box::new(event::Message { data })), ..of(event::Type::Message) })
}

pub(crate) fn shutdown() -> Arc<Event> {
    Arc::new(of(event::Type::Shutdown))
}
