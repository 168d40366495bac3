//! Frameworks and executors as `/state` shows them.

use std::path::Path;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_agent_core::{Executor, Framework};
use tepui_proto::v1;

use super::resources::Summary;
use super::tasks::{Labels, QueuedTask, Task, role_of};

/// Something whose directory depends on where the agent works.
pub(super) struct Shown<'a, T = Framework> {
    pub work_dir: &'a Path,
    pub it: &'a T,
}

impl Serialize for Shown<'_, Framework> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Shown { work_dir, it: framework } = self;
        let info = &framework.info;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", framework.id.as_str())?;
        map.serialize_entry("name", &info.name)?;
        map.serialize_entry("user", &info.user)?;
        map.serialize_entry("failover_timeout", &info.failover_timeout())?;
        map.serialize_entry("checkpoint", &info.checkpoint())?;
        map.serialize_entry("hostname", info.hostname())?;
        if let Some(principal) = &info.principal {
            map.serialize_entry("principal", principal)?;
        }
        let multi_role = v1::framework_info::capability::Type::MultiRole as i32;
        if info.capabilities.iter().any(|capability| capability.r#type == Some(multi_role)) {
            map.serialize_entry("roles", &info.roles)?;
        } else {
            map.serialize_entry("role", info.role())?;
        }
        let shown = |it| Shown { work_dir, it };
        map.serialize_entry("executors", &framework.executors.values().map(shown).collect::<Vec<_>>())?;
        map.serialize_entry(
            "completed_executors",
            &framework.completed.iter().map(shown).collect::<Vec<_>>(),
        )?;
        map.end()
    }
}

impl Serialize for Shown<'_, Executor> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Shown { work_dir, it: executor } = self;
        let info = &executor.info;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", executor.id().as_str())?;
        map.serialize_entry("name", info.name())?;
        map.serialize_entry("source", info.source())?;
        map.serialize_entry("container", &executor.run.container.to_string())?;
        map.serialize_entry("directory", &executor.run.sandbox(work_dir).display().to_string())?;
        map.serialize_entry("resources", &Summary::owned(executor.needs()))?;
        if let Some(role) = role_of(&info.resources).or_else(|| of_first_task(executor)) {
            map.serialize_entry("role", role)?;
        }
        if let Some(labels) = &info.labels {
            map.serialize_entry("labels", &Labels(labels))?;
        }
        if info.r#type.is_some() {
            map.serialize_entry("type", info.r#type().as_str_name())?;
        }
        let delivered = executor.launched.values().chain(executor.terminated.values());
        map.serialize_entry("tasks", &delivered.map(|record| Task(&record.task)).collect::<Vec<_>>())?;
        let queued = executor.queued.iter().map(|queued| QueuedTask { queued, executor });
        map.serialize_entry("queued_tasks", &queued.collect::<Vec<_>>())?;
        map.serialize_entry("completed_tasks", &executor.completed.iter().map(Task).collect::<Vec<_>>())?;
        map.end()
    }
}

/// An executor without resources of its own serves the role of its tasks.
fn of_first_task(executor: &Executor) -> Option<&str> {
    let records = executor.launched.values().chain(executor.terminated.values()).map(|record| &record.task);
    let mut tasks = records.chain(&executor.completed).map(|task| &task.resources);
    tasks.find_map(|resources| role_of(resources))
}
