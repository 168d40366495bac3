//! What the states of a task mean. The states themselves are the message's.

use tepui_proto::v1::TaskState;

/// Whether a task in this state has ended. (A LOST one may yet turn out to live; it is treated as ended.)
pub fn is_terminal(state: TaskState) -> bool {
    match state {
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskLost
        | TaskState::TaskError
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => true,
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => false,
    }
}

/// Whether a task in this state holds no resources any more: it has ended, or its agent cannot be reached.
pub fn releases_resources(state: TaskState) -> bool {
    is_terminal(state) || state == TaskState::TaskUnreachable
}

/// The state as a framework without PARTITION_AWARE is told it: each way of being lost is `TASK_LOST`.
pub fn without_partition_awareness(state: TaskState) -> TaskState {
    match state {
        TaskState::TaskDropped
        | TaskState::TaskUnreachable
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator
        | TaskState::TaskUnknown => TaskState::TaskLost,
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskLost => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_task_has_not_ended_but_holds_nothing() {
        assert!(!is_terminal(TaskState::TaskUnreachable));
        assert!(releases_resources(TaskState::TaskUnreachable));
        assert!(!releases_resources(TaskState::TaskRunning));
    }

    #[test]
    fn frameworks_that_know_no_partitions_are_told_lost() {
        let lost = (0..=13).filter_map(|n| TaskState::try_from(n).ok()).filter(|state| {
            *state != TaskState::TaskLost && without_partition_awareness(*state) == TaskState::TaskLost
        });
        assert_eq!(lost.count(), 5);
    }
}
