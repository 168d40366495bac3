//! What the master keeps of a task: the message readers see, and the lawful fields it decides with.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tepui_model::{Resources, TaskId, task_state};
use tepui_proto::v1::{self, TaskState};

use crate::limits;
use crate::names::AgentHandle;

/// One task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Names this record among all that have the same id.
    pub record: u64,
    pub id: TaskId,
    /// Where it is; of an ended or unreachable task, where it was.
    pub agent: AgentHandle,
    pub resources: Resources,
    /// For readers. State, statuses and what was last forwarded are read from it; ids and resources are not.
    pub message: Arc<v1::Task>,
}

impl Task {
    pub fn state(&self) -> TaskState {
        self.message.state()
    }

    /// The last state that was forwarded to the framework, with its uuid; absent before the first.
    pub fn forwarded(&self) -> Option<(TaskState, &Bytes)> {
        let uuid = self.message.status_update_uuid.as_ref()?;
        Some((self.message.status_update_state(), uuid))
    }

    /// What reconciliation answers: the last forwarded state, because the framework has not seen newer ones.
    pub fn told_state(&self) -> TaskState {
        self.forwarded().map_or(self.state(), |(state, _)| state)
    }

    /// Whether its resources are still used.
    pub fn holds_resources(&self) -> bool {
        !task_state::releases_resources(self.state())
    }

    /// Remembers what was forwarded.
    pub fn set_forwarded(&mut self, state: TaskState, uuid: Bytes) {
        let message = Arc::make_mut(&mut self.message);
        message.status_update_state = Some(state as i32);
        message.status_update_uuid = Some(uuid);
    }

    /// Adds a status to the history, where one status stands for each consecutive state, without its data: it may be
    /// large, and readers never ask for it. The newest state stays once it is terminal.
    pub fn record_status(&mut self, newest: TaskState, status: &v1::TaskStatus) {
        let ended = task_state::is_terminal(self.state());
        let message = Arc::make_mut(&mut self.message);
        if !ended {
            message.state = newest as i32;
        }
        if message.statuses.last().is_some_and(|last| last.state == status.state) {
            message.statuses.pop();
        }
        if message.statuses.len() == limits::STATUSES_PER_TASK {
            message.statuses.remove(0);
        }
        message.statuses.push(v1::TaskStatus { data: None, ..status.clone() });
    }
}

/// The reader's message of a task that is about to be sent to its agent.
pub fn staged(info: &v1::TaskInfo, framework: v1::FrameworkId) -> v1::Task {
    let executor = info.executor.as_deref();
    let command = info.command.as_deref().or(executor.and_then(|executor| executor.command.as_deref()));
    v1::Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: framework,
        executor_id: executor.map(|executor| executor.executor_id.clone()),
        agent_id: info.agent_id.clone(),
        state: TaskState::TaskStaging as i32,
        resources: info.resources.clone(),
        statuses: Vec::new(),
        status_update_state: None,
        status_update_uuid: None,
        labels: info.labels.clone(),
        discovery: info.discovery.clone(),
        container: info.container.clone(),
        health_check: info.health_check.clone(),
        kill_policy: info.kill_policy,
        user: command.and_then(|command| command.user.clone()),
        limits: info.limits.clone(),
    }
}
