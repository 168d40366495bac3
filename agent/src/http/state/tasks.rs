//! Tasks, resources and labels as `/state` shows them.

use serde_json::{Map, Value, json};
use tepui_agent_core::{Executor, Queued};
use tepui_model::{ResourceName, Resources};
use tepui_proto::json::AsJson;
use tepui_proto::v1;

/// Four scalars that are always there, then what else there is: other scalars as numbers, ranges and sets as text.
pub(super) fn resources(resources: &Resources) -> Value {
    let mut shown = Map::new();
    for name in ["disk", "mem", "gpus", "cpus"] {
        shown.insert(name.into(), resources.scalar(&ResourceName::from(name)).as_f64().into());
    }
    for resource in resources {
        let name = resource.name();
        if resource.is_scalar() {
            shown.insert(name.to_string(), resources.scalar(name).as_f64().into());
        } else {
            let others = resources.filter(|other| other.name() == name);
            let text = others.flatten().unallocated().iter().next().map(|all| all.value().to_string());
            shown.insert(name.to_string(), text.into());
        }
    }
    Value::Object(shown)
}

pub(super) fn task(task: &v1::Task) -> Value {
    let mut shown = Map::new();
    shown.insert("id".into(), task.task_id.value.clone().into());
    shown.insert("name".into(), task.name.clone().into());
    shown.insert("framework_id".into(), task.framework_id.value.clone().into());
    shown.insert("executor_id".into(), task.executor_id.as_ref().map_or("", |id| &id.value).into());
    shown.insert("slave_id".into(), task.agent_id.value.clone().into());
    shown.insert("state".into(), task.state().as_str_name().into());
    shown.insert("resources".into(), resources(&Resources::from_wire(&task.resources).unwrap_or_default()));
    if let Some(role) = role(&task.resources) {
        shown.insert("role".into(), role.into());
    }
    shown.insert("statuses".into(), task.statuses.iter().map(status).collect());
    if let Some(user) = &task.user {
        shown.insert("user".into(), user.clone().into());
    }
    if let Some(all) = &task.labels {
        shown.insert("labels".into(), labels(all));
    }
    if let Some(discovery) = &task.discovery {
        shown.insert("discovery".into(), as_json(&**discovery));
    }
    if let Some(container) = &task.container {
        shown.insert("container".into(), as_json(&**container));
    }
    if let Some(health_check) = &task.health_check {
        shown.insert("health_check".into(), as_json(&**health_check));
    }
    Value::Object(shown)
}

fn status(status: &v1::TaskStatus) -> Value {
    let mut shown = Map::new();
    shown.insert("state".into(), status.state().as_str_name().into());
    shown.insert("timestamp".into(), status.timestamp().into());
    if let Some(all) = &status.labels {
        shown.insert("labels".into(), labels(all));
    }
    if let Some(container) = &status.container_status {
        // Not for operators: which process it is.
        let public = v1::ContainerStatus { executor_pid: None, ..(**container).clone() };
        shown.insert("container_status".into(), as_json(&public));
    }
    if let Some(healthy) = status.healthy {
        shown.insert("healthy".into(), healthy.into());
    }
    Value::Object(shown)
}

/// A task that was not delivered yet.
pub(super) fn queued(queued: &Queued, executor: &Executor) -> Value {
    let info = &queued.info;
    let mut shown = json!({
        "id": queued.id.as_str(),
        "name": info.name,
        "slave_id": info.agent_id.value,
        "executor_id": executor.id().as_str(),
        "resources": resources(&queued.resources),
        "data": "",
    });
    if let (Some(all), Value::Object(shown)) = (&info.labels, &mut shown) {
        shown.insert("labels".into(), labels(all));
    }
    shown
}

pub(super) fn labels(all: &v1::Labels) -> Value {
    all.labels.iter().map(as_json).collect()
}

/// The role that resources are allocated to.
pub(super) fn role(resources: &[v1::Resource]) -> Option<String> {
    resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.clone())
}

fn as_json<M: tepui_proto::Described>(message: &M) -> Value {
    serde_json::to_value(AsJson(message)).unwrap_or_default()
}
