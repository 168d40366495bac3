//! What a message is about, as tags of its trace: which task, in what state, of which framework.
//!
//! Here because daemons and SDKs tag the same messages, and whoever reads a trace must find them under the same words.

use tepui_proto::v1::{executor, scheduler};
use tepui_proto::{internal, v1};

/// A key and a value: `task`, `web-1`.
pub type Tag = (&'static str, String);

/// Tasks of one message that are named. One more is found all the same: by the message that follows from it, which is about
/// that task alone.
const MAX_TASKS: usize = 128;

/// Messages that may be about something.
pub trait About {
    /// Empty where there is nothing to find it by.
    fn about(&self) -> Vec<Tag> {
        Vec::new()
    }
}

/// The value of `kind` for calls and events, which share one message each.
pub trait Kind {
    /// `ACCEPT`, `OFFERS`.
    fn kind(&self) -> &'static str;
}

macro_rules! kinds {
    ($($message:ty),*) => {$(
        impl Kind for $message {
            fn kind(&self) -> &'static str {
                self.r#type().as_str_name()
            }
        }
    )*};
}

kinds!(scheduler::Call, scheduler::Event, executor::Call, executor::Event);

impl About for scheduler::Call {
    fn about(&self) -> Vec<Tag> {
        let mut tags = Vec::new();
        tags.extend(self.framework_id.as_ref().map(framework));
        let operations = self.accept.iter().flat_map(|accept| &accept.operations);
        for operation in operations {
            let alone = operation.launch.iter().flat_map(|launch| &launch.task_infos);
            let groups = operation.launch_group.iter().flat_map(|launch| &launch.task_group.tasks);
            tags.extend(alone.chain(groups).map(|info| task(&info.task_id)));
        }
        tags.extend(self.kill.iter().map(|kill| task(&kill.task_id)));
        tags.extend(self.acknowledge.iter().map(|acknowledge| task(&acknowledge.task_id)));
        let asked = self.reconcile.iter().flat_map(|reconcile| &reconcile.tasks);
        tags.extend(asked.map(|asked| task(&asked.task_id)));
        bounded(tags)
    }
}

impl About for scheduler::Event {
    fn about(&self) -> Vec<Tag> {
        self.update.iter().flat_map(|update| status(&update.status)).collect()
    }
}

impl About for executor::Call {
    fn about(&self) -> Vec<Tag> {
        let mut tags = vec![framework(&self.framework_id)];
        tags.extend(self.update.iter().flat_map(|update| status(&update.status)));
        tags
    }
}

impl About for executor::Event {
    fn about(&self) -> Vec<Tag> {
        let mut tags = Vec::new();
        tags.extend(self.launch.iter().map(|launch| task(&launch.task.task_id)));
        let group = self.launch_group.iter().flat_map(|launch| &launch.task_group.tasks);
        tags.extend(group.map(|info| task(&info.task_id)));
        tags.extend(self.kill.iter().map(|kill| task(&kill.task_id)));
        tags.extend(self.acknowledged.iter().map(|acknowledged| task(&acknowledged.task_id)));
        bounded(tags)
    }
}

impl About for internal::RunTaskMessage {
    fn about(&self) -> Vec<Tag> {
        self.framework.id.iter().map(framework).chain([task(&self.task.task_id)]).collect()
    }
}

impl About for internal::RunTaskGroupMessage {
    fn about(&self) -> Vec<Tag> {
        let tasks = self.task_group.tasks.iter().map(|info| task(&info.task_id));
        bounded(self.framework.id.iter().map(framework).chain(tasks).collect())
    }
}

impl About for internal::KillTaskMessage {
    fn about(&self) -> Vec<Tag> {
        vec![framework(&self.framework_id), task(&self.task_id)]
    }
}

impl About for internal::StatusUpdateMessage {
    fn about(&self) -> Vec<Tag> {
        let mut tags = vec![framework(&self.update.framework_id)];
        tags.extend(status(&self.update.status));
        tags
    }
}

impl About for internal::StatusUpdateAcknowledgementMessage {
    fn about(&self) -> Vec<Tag> {
        vec![framework(&self.framework_id), task(&self.task_id)]
    }
}

impl About for internal::ReconcileTasksMessage {
    fn about(&self) -> Vec<Tag> {
        let tasks = self.statuses.iter().map(|status| task(&status.task_id));
        bounded([framework(&self.framework_id)].into_iter().chain(tasks).collect())
    }
}

macro_rules! of_a_framework {
    ($($message:ident),*) => {$(
        impl About for internal::$message {
            fn about(&self) -> Vec<Tag> {
                vec![framework(&self.framework_id)]
            }
        }
    )*};
}

of_a_framework!(
    ExitedExecutorMessage,
    ExecutorToFrameworkMessage,
    FrameworkToExecutorMessage,
    ShutdownFrameworkMessage,
    UpdateFrameworkMessage
);

impl About for internal::ShutdownExecutorMessage {
    fn about(&self) -> Vec<Tag> {
        self.framework_id.iter().map(framework).collect()
    }
}

impl About for internal::ApplyOperationMessage {
    fn about(&self) -> Vec<Tag> {
        self.framework_id.iter().map(framework).collect()
    }
}

impl About for internal::UpdateOperationStatusMessage {
    fn about(&self) -> Vec<Tag> {
        self.framework_id.iter().map(framework).collect()
    }
}

impl About for internal::ReconcileOperationsMessage {
    fn about(&self) -> Vec<Tag> {
        self.framework_id.iter().map(framework).collect()
    }
}

macro_rules! of_nothing {
    ($($message:ident),*) => {$(
        impl About for internal::$message {}
    )*};
}

of_nothing!(
    AcknowledgeOperationStatusMessage,
    CheckpointResourcesMessage,
    DrainSlaveMessage,
    PingSlaveMessage,
    PongSlaveMessage,
    RegisterSlaveMessage,
    ReregisterSlaveMessage,
    ShutdownMessage,
    SlaveRegisteredMessage,
    SlaveReregisteredMessage,
    UnregisterSlaveMessage,
    UpdateSlaveMessage
);

fn task(id: &v1::TaskId) -> Tag {
    ("task", id.value.clone())
}

fn framework(id: &v1::FrameworkId) -> Tag {
    ("framework", id.value.clone())
}

fn status(status: &v1::TaskStatus) -> [Tag; 2] {
    [task(&status.task_id), ("state", status.state().as_str_name().to_owned())]
}

fn bounded(mut tags: Vec<Tag>) -> Vec<Tag> {
    tags.truncate(MAX_TASKS);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: &str) -> v1::TaskInfo {
        v1::TaskInfo { task_id: v1::TaskId { value: id.into() }, ..Default::default() }
    }

    #[test]
    fn an_accept_is_about_every_task_that_it_launches() {
        let launch = v1::offer::operation::Launch { task_infos: vec![info("t1"), info("t2")] };
        let operation = v1::offer::Operation { launch: Some(launch), ..Default::default() };
        let accept = scheduler::call::Accept { operations: vec![operation], ..Default::default() };
        let framework_id = Some(v1::FrameworkId { value: "F".into() });

        let tags =
            scheduler::Call { framework_id, accept: Some(accept.into()), ..Default::default() }.about();

        let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(tags, ["framework=F", "task=t1", "task=t2"]);
    }

    #[test]
    fn an_update_says_in_which_state_its_task_is() {
        let status = v1::TaskStatus {
            task_id: v1::TaskId { value: "t".into() },
            state: v1::TaskState::TaskRunning as i32,
            ..Default::default()
        };
        let update = Some(scheduler::event::Update { status }.into());

        let event = scheduler::Event {
            update,
            r#type: Some(scheduler::event::Type::Update as i32),
            ..Default::default()
        };

        assert_eq!(event.about(), [("task", "t".to_owned()), ("state", "TASK_RUNNING".to_owned())]);
        assert_eq!(event.kind(), "UPDATE");
    }
}
