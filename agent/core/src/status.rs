//! Words about task states, and the making of status updates.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, ExecutorId, FrameworkId, TaskId, Time};
use tepui_proto::internal::StatusUpdate;
use tepui_proto::v1::task_status::{Reason, Source};
use tepui_proto::v1::{self, FrameworkInfo, TaskState, TaskStatus};

use crate::names::UpdateId;

pub(crate) fn state_of(status: &TaskStatus) -> Option<TaskState> {
    TaskState::try_from(status.state).ok()
}

/// Whether a task in this state has ended for good (Mesos' `isTerminalState`).
pub(crate) fn is_terminal(state: TaskState) -> bool {
    use TaskState::{
        TaskDropped, TaskError, TaskFailed, TaskFinished, TaskGone, TaskGoneByOperator, TaskKilled,
        TaskKilling, TaskLost, TaskRunning, TaskStaging, TaskStarting, TaskUnknown, TaskUnreachable,
    };
    match state {
        TaskFinished | TaskFailed | TaskKilled | TaskLost | TaskError | TaskDropped | TaskGone
        | TaskGoneByOperator => true,
        TaskStaging | TaskStarting | TaskRunning | TaskKilling | TaskUnreachable | TaskUnknown => false,
    }
}

/// TASK_DROPPED for frameworks that know it, TASK_LOST for the others.
pub(crate) fn dropped(framework: &FrameworkInfo) -> TaskState {
    if is_partition_aware(framework) { TaskState::TaskDropped } else { TaskState::TaskLost }
}

/// TASK_GONE for frameworks that know it, TASK_LOST for the others.
pub(crate) fn gone(framework: &FrameworkInfo) -> TaskState {
    if is_partition_aware(framework) { TaskState::TaskGone } else { TaskState::TaskLost }
}

pub(crate) fn is_partition_aware(framework: &FrameworkInfo) -> bool {
    let partition_aware = v1::framework_info::capability::Type::PartitionAware as i32;
    framework.capabilities.iter().any(|capability| capability.r#type == Some(partition_aware))
}

/// What the agent itself has to say about a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub state: TaskState,
    pub reason: Reason,
    pub message: String,
    /// What was exceeded, if that is why.
    pub limited: Vec<v1::Resource>,
}

impl Verdict {
    pub fn new(state: TaskState, reason: Reason, message: impl Into<String>) -> Verdict {
        Verdict { state, reason, message: message.into(), limited: Vec::new() }
    }

    /// The status that says so.
    pub fn status(
        self,
        now: Time,
        agent: &AgentId,
        task: &TaskId,
        executor: Option<&ExecutorId>,
        id: UpdateId,
    ) -> TaskStatus {
        let limitation =
            (!self.limited.is_empty()).then_some(v1::TaskResourceLimitation { resources: self.limited });
        TaskStatus {
            task_id: task.to_wire(),
            state: self.state as i32,
            message: Some(self.message).filter(|message| !message.is_empty()),
            source: Some(Source::Agent as i32),
            reason: Some(self.reason as i32),
            agent_id: Some(agent.to_wire()),
            executor_id: executor.map(ExecutorId::to_wire),
            timestamp: Some(now.as_secs_f64()),
            uuid: Some(Bytes::copy_from_slice(&id.0)),
            limitation,
            ..TaskStatus::default()
        }
    }
}

/// The message that carries a status to the master.
pub(crate) fn update(
    framework: &FrameworkId,
    agent: &AgentId,
    status: TaskStatus,
    now: Time,
) -> StatusUpdate {
    StatusUpdate {
        framework_id: framework.to_wire(),
        executor_id: status.executor_id.clone(),
        slave_id: Some(agent.to_wire()),
        timestamp: status.timestamp.unwrap_or_else(|| now.as_secs_f64()),
        uuid: status.uuid.clone(),
        latest_state: None,
        status,
    }
}
