//! Describing a task to launch.

use tepui_model::Resources;
use tepui_proto::v1;

/// A command task in the making; everything else of [`v1::TaskInfo`] is within reach through [`Task::with`].
#[derive(Debug, Clone)]
pub struct Task {
    info: v1::TaskInfo,
}

impl Task {
    /// A task that runs a line of shell.
    #[must_use]
    pub fn shell(id: impl Into<String>, line: impl Into<String>) -> Self {
        Self::of(
            id.into(),
            v1::CommandInfo { shell: Some(true), value: Some(line.into()), ..Default::default() },
        )
    }

    /// A task that runs a program with arguments, without a shell.
    #[must_use]
    pub fn program(id: impl Into<String>, argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let arguments: Vec<String> = argv.into_iter().map(Into::into).collect();
        let value = arguments.first().cloned();
        Self::of(id.into(), v1::CommandInfo { shell: Some(false), value, arguments, ..Default::default() })
    }

    /// A task for an executor of the framework's own.
    #[must_use]
    pub fn on_executor(id: impl Into<String>, executor: v1::ExecutorInfo) -> Self {
        let id = id.into();
        let info = v1::TaskInfo { name: id.clone(), task_id: v1::TaskId { value: id }, ..Default::default() };
        Task { info: v1::TaskInfo { executor: Some(executor.into()), ..info } }
    }

    fn of(id: String, command: v1::CommandInfo) -> Self {
        let info = v1::TaskInfo { name: id.clone(), task_id: v1::TaskId { value: id }, ..Default::default() };
        Task { info: v1::TaskInfo { command: Some(command.into()), ..info } }
    }

    /// A name for people; the id unless set.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.info.name = name.into();
        self
    }

    /// Uses these resources, as [`crate::Need::take`] took them from an offer.
    #[must_use]
    pub fn resources(mut self, resources: &Resources) -> Self {
        self.info.resources = resources.into();
        self
    }

    /// Sets an environment variable of the command.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let variable =
            v1::environment::Variable { name: name.into(), value: Some(value.into()), ..Default::default() };
        if let Some(command) = &mut self.info.command {
            command.environment.get_or_insert_default().variables.push(variable);
        }
        self
    }

    /// Fetches a file into the sandbox before the command starts (and unpacks it, if it is an archive).
    #[must_use]
    pub fn uri(mut self, uri: impl Into<String>) -> Self {
        let uri = v1::command_info::Uri { value: uri.into(), ..Default::default() };
        if let Some(command) = &mut self.info.command {
            command.uris.push(uri);
        }
        self
    }

    /// Anything else of the task.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut v1::TaskInfo)) -> Self {
        change(&mut self.info);
        self
    }

    pub(crate) fn into_info(self) -> v1::TaskInfo {
        self.info
    }
}
