//! Task statuses that the master itself writes. They carry no uuid, so that nobody acknowledges them.

use tepui_model::{TaskId, Time};
use tepui_proto::v1::task_status::{Reason, Source};
use tepui_proto::v1::{self, TaskState};

use crate::task::Task;

/// What the master finds about a task.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    pub state: TaskState,
    pub reason: Reason,
    pub message: &'a str,
}

impl Verdict<'_> {
    /// A status about a task that may not exist.
    pub fn about(&self, task: v1::TaskId, agent: Option<v1::AgentId>, now: Time) -> v1::TaskStatus {
        v1::TaskStatus {
            task_id: task,
            state: self.state as i32,
            message: Some(self.message.to_owned()),
            source: Some(Source::Master as i32),
            reason: Some(self.reason as i32),
            agent_id: agent,
            timestamp: Some(now.as_secs_f64()),
            ..v1::TaskStatus::default()
        }
    }
}

impl Task {
    /// A status about this task.
    pub fn judged(&self, verdict: &Verdict<'_>, now: Time) -> v1::TaskStatus {
        judged(&self.message, verdict, now)
    }

    /// The same with what is known of its health, for a framework that asks how it is.
    pub fn described(&self, verdict: &Verdict<'_>, now: Time) -> v1::TaskStatus {
        described(&self.message, verdict, now)
    }
}

fn judged(task: &v1::Task, verdict: &Verdict<'_>, now: Time) -> v1::TaskStatus {
    let mut status = verdict.about(task.task_id.clone(), Some(task.agent_id.clone()), now);
    status.executor_id = task.executor_id.clone();
    status
}

/// See [`Task::described`]; for a task that has no record yet.
pub fn described(task: &v1::Task, verdict: &Verdict<'_>, now: Time) -> v1::TaskStatus {
    let mut status = judged(task, verdict, now);
    if let Some(last) = task.statuses.last() {
        status.healthy = last.healthy;
        status.check_status = last.check_status.clone();
        status.container_status = last.container_status.clone();
    }
    status
}

/// The key of a task in a framework, if its text is one.
pub fn task_key(id: &v1::TaskId) -> Option<TaskId> {
    TaskId::from_wire(id).ok()
}
