//! Tasks as `/state` shows them.

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_agent_core::{Executor, Queued};
use tepui_model::{Resources, secrets};
use tepui_proto::json::AsJson;
use tepui_proto::v1;

use super::resources::Summary;

/// A task that was delivered.
pub(super) struct Task<'a>(pub &'a v1::Task);

impl Serialize for Task<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let task = self.0;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &task.task_id.value)?;
        map.serialize_entry("name", &task.name)?;
        map.serialize_entry("framework_id", &task.framework_id.value)?;
        map.serialize_entry("executor_id", task.executor_id.as_ref().map_or("", |id| &id.value))?;
        map.serialize_entry("slave_id", &task.agent_id.value)?;
        map.serialize_entry("state", task.state().as_str_name())?;
        map.serialize_entry(
            "resources",
            &Summary::owned(Resources::from_wire(&task.resources).unwrap_or_default()),
        )?;
        if let Some(role) = role_of(&task.resources) {
            map.serialize_entry("role", role)?;
        }
        map.serialize_entry("statuses", &task.statuses.iter().map(Status).collect::<Vec<_>>())?;
        if let Some(user) = &task.user {
            map.serialize_entry("user", user)?;
        }
        if let Some(labels) = &task.labels {
            map.serialize_entry("labels", &Labels(labels))?;
        }
        if let Some(discovery) = &task.discovery {
            map.serialize_entry("discovery", &AsJson(&**discovery))?;
        }
        if let Some(container) = &task.container {
            let mut container = container.clone();
            secrets::hide_in_container(&mut container);
            map.serialize_entry("container", &AsJson(&*container))?;
        }
        if let Some(health_check) = &task.health_check {
            let mut health_check = health_check.clone();
            secrets::hide_in_check(&mut health_check);
            map.serialize_entry("health_check", &AsJson(&*health_check))?;
        }
        map.end()
    }
}

struct Status<'a>(&'a v1::TaskStatus);

impl Serialize for Status<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let status = self.0;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("state", status.state().as_str_name())?;
        map.serialize_entry("timestamp", &status.timestamp())?;
        if let Some(labels) = &status.labels {
            map.serialize_entry("labels", &Labels(labels))?;
        }
        if let Some(container) = &status.container_status {
            // Not for operators: which process it is.
            let public = v1::ContainerStatus { executor_pid: None, ..(**container).clone() };
            map.serialize_entry("container_status", &AsJson(&public))?;
        }
        if let Some(healthy) = status.healthy {
            map.serialize_entry("healthy", &healthy)?;
        }
        map.end()
    }
}

/// A task that was not delivered yet.
pub(super) struct QueuedTask<'a> {
    pub queued: &'a Queued,
    pub executor: &'a Executor,
}

impl Serialize for QueuedTask<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let info = &self.queued.info;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", self.queued.id.as_str())?;
        map.serialize_entry("name", &info.name)?;
        map.serialize_entry("slave_id", &info.agent_id.value)?;
        map.serialize_entry("resources", &Summary::of(&self.queued.resources))?;
        map.serialize_entry("data", "")?;
        if let Some(labels) = &info.labels {
            map.serialize_entry("labels", &Labels(labels))?;
        }
        map.serialize_entry("executor_id", self.executor.id().as_str())?;
        map.end()
    }
}

/// A plain list.
pub(super) struct Labels<'a>(pub &'a v1::Labels);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.labels.iter().map(AsJson))
    }
}

/// The role that resources are allocated to.
pub(super) fn role_of(resources: &[v1::Resource]) -> Option<&str> {
    resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.as_deref())
}
