//! What an executor can do from inside a callback.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use libactor::Timestamp;
use tepui_proto::v1;

use crate::actor::Handle;
use crate::{Environment, Executor};

/// Passed to every callback. What is asked here happens in order, right after the callback returns.
pub struct Context<E: Executor> {
    pub(crate) environment: Arc<Environment>,
    pub(crate) handle: Handle<E>,
    pub(crate) now: Timestamp,
    pub(crate) commands: Vec<Command<E>>,
}

/// Work to do on the executor later.
pub(crate) type Work<E> = Box<dyn FnOnce(&mut E, &mut Context<E>) + Send>;

/// What a callback asked for.
pub(crate) enum Command<E: Executor> {
    Update(Box<v1::TaskStatus>),
    Message(Bytes),
    After(Duration, Work<E>),
    Stop,
}

impl<E: Executor> Context<E> {
    /// What the agent told us through the environment.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// What time it is, by the clock that [`Context::after`] goes by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Reports a task's state. The update is kept and resent until the agent acknowledges it. Returns its uuid.
    pub fn update(&mut self, update: Update) -> Bytes {
        let uuid = Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        let status = v1::TaskStatus {
            uuid: Some(uuid.clone()),
            executor_id: Some(v1::ExecutorId { value: self.environment.executor_id.clone() }),
            agent_id: Some(v1::AgentId { value: self.environment.agent_id.clone() }),
            source: Some(v1::task_status::Source::Executor as i32),
            timestamp: Some(seconds_since_epoch()),
            ..update.status
        };
        self.commands.push(Command::Update(Box::new(status)));
        uuid
    }

    /// Sends a message to the framework; best effort.
    pub fn message(&mut self, data: impl Into<Bytes>) {
        self.commands.push(Command::Message(data.into()));
    }

    /// Runs `work` on the executor after a pause.
    pub fn after(&mut self, pause: Duration, work: impl FnOnce(&mut E, &mut Context<E>) + Send + 'static) {
        self.commands.push(Command::After(pause, Box::new(work)));
    }

    /// A way back to the executor from other threads and tasks.
    #[must_use]
    pub fn handle(&self) -> Handle<E> {
        self.handle.clone()
    }

    /// Ends the executor once everything asked before has been sent.
    pub fn stop(&mut self) {
        self.commands.push(Command::Stop);
    }
}

/// A status update in the making.
#[derive(Debug, Clone)]
pub struct Update {
    status: v1::TaskStatus,
}

impl Update {
    /// `task_id` is now in `state`.
    #[must_use]
    pub fn new(task_id: &v1::TaskId, state: v1::TaskState) -> Self {
        let status =
            v1::TaskStatus { task_id: task_id.clone(), state: state as i32, ..v1::TaskStatus::default() };
        Update { status }
    }

    /// Why, for people.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.status.message = Some(message.into());
        self
    }

    /// Why, for programs.
    #[must_use]
    pub fn reason(mut self, reason: v1::task_status::Reason) -> Self {
        self.status.reason = Some(reason as i32);
        self
    }

    /// A label for the framework and for operators.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let label = v1::Label { key: key.into(), value: Some(value.into()) };
        self.status.labels.get_or_insert_default().labels.push(label);
        self
    }

    /// Where the task can be reached.
    #[must_use]
    pub fn network(mut self, info: v1::NetworkInfo) -> Self {
        self.status.container_status.get_or_insert_default().network_infos.push(info);
        self
    }

    /// Whether the task is healthy.
    #[must_use]
    pub fn healthy(mut self, healthy: bool) -> Self {
        self.status.healthy = Some(healthy);
        self
    }

    /// What a check of the task found.
    #[must_use]
    pub fn check_status(mut self, status: v1::CheckStatusInfo) -> Self {
        self.status.check_status = Some(Box::new(status));
        self
    }

    /// Bytes for the framework.
    #[must_use]
    pub fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.status.data = Some(data.into());
        self
    }

    #[cfg(test)]
    pub(crate) fn into_status(self) -> v1::TaskStatus {
        self.status
    }
}

fn seconds_since_epoch() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
