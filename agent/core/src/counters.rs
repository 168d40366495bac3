//! What is counted, for `/metrics/snapshot`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tepui_proto::v1::TaskState;

/// Everything counted since this agent started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Tasks that ended here, by how.
    pub ended: BTreeMap<Cow<'static, str>, u64>,
    /// `slave/valid_status_updates`.
    pub valid_status_updates: u64,
    /// `slave/invalid_status_updates`.
    pub invalid_status_updates: u64,
    /// `slave/valid_framework_messages`.
    pub valid_framework_messages: u64,
    /// `slave/invalid_framework_messages`.
    pub invalid_framework_messages: u64,
    /// `slave/executors_terminated`.
    pub executors_terminated: u64,
    /// `slave/container_launch_errors`.
    pub container_launch_errors: u64,
    /// `slave/recovery_errors`.
    pub recovery_errors: u64,
}

impl Counters {
    pub(crate) fn task_ended(&mut self, state: TaskState) {
        *self.ended.entry(metric(state).into()).or_default() += 1;
    }
}

fn metric(state: TaskState) -> &'static str {
    match state {
        TaskState::TaskFinished => "slave/tasks_finished",
        TaskState::TaskFailed => "slave/tasks_failed",
        TaskState::TaskKilled => "slave/tasks_killed",
        TaskState::TaskLost => "slave/tasks_lost",
        TaskState::TaskGone => "slave/tasks_gone",
        TaskState::TaskDropped => "slave/tasks_dropped",
        TaskState::TaskError => "slave/tasks_error",
        TaskState::TaskGoneByOperator => "slave/tasks_gone_by_operator",
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => "slave/tasks_other",
    }
}
