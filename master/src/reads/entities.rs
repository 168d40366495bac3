//! Agents, frameworks, tasks, executors and offers in the JSON of the older endpoints.

use std::sync::Arc;

use prost::Message as _;
use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{
    AgentStanding, AgentView, ExecutorView, FrameworkStanding, FrameworkView, OfferView, TaskStanding,
};
use tepui_model::{Resources, secrets};
use tepui_proto::json::AsJson;
use tepui_proto::v1;

use super::body::{Draft, What, late};
use super::cluster::{Cluster, KeptAgent, KeptTask};
use super::json::{Attributes, FullList, Labels, List, ReservedFull, ReservedMap, ResourceMap};
use super::kept::Form;
use super::{operator, written};

/// A task's text, as it is kept.
pub(super) fn task_text(task: &KeptTask, form: Form) -> &[u8] {
    task.text(form, |view, out| {
        let task = secrets::task(&view.task);
        match form {
            Form::Legacy => written(out, &Task(&view.task)),
            Form::Json => written(out, &AsJson(&*task)),
            Form::Protobuf => out.extend(task.encode_to_vec()),
        }
    })
}

/// An agent's text, as it is kept.
pub(super) fn agent_text(agent: &KeptAgent, form: Form) -> &[u8] {
    agent.text(form, |view, out| match form {
        Form::Legacy => written(out, &Agent { view, full: false }),
        Form::Json => written(out, &AsJson(&operator::agent(view))),
        Form::Protobuf => out.extend(operator::agent(view).encode_to_vec()),
    })
}

/// An agent. `full` adds the resources as v1 messages, as `/slaves` does.
pub(super) struct Agent<'a> {
    pub(super) view: &'a AgentView,
    pub(super) full: bool,
}

impl Serialize for Agent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_agent(&mut map, self.view)?;
        if self.full {
            map.serialize_entry("reserved_resources_full", &ReservedFull(&self.view.total))?;
            map.serialize_entry("unreserved_resources_full", &FullList(&self.view.total.unreserved()))?;
            map.serialize_entry("used_resources_full", &FullList(&self.view.used))?;
            map.serialize_entry("offered_resources_full", &FullList(&self.view.offered))?;
        }
        map.end()
    }
}

pub(super) fn write_agent<M: SerializeMap>(map: &mut M, view: &AgentView) -> Result<(), M::Error> {
    let info = view.info.as_deref();
    map.serialize_entry("id", view.id.as_str())?;
    map.serialize_entry("hostname", info.map_or("", |info| &info.hostname))?;
    map.serialize_entry("port", &info.and_then(|info| info.port).unwrap_or(DEFAULT_AGENT_PORT))?;
    map.serialize_entry("attributes", &Attributes(info.map_or(&[], |info| &info.attributes)))?;
    if let Some(domain) = info.and_then(|info| info.domain.as_ref()) {
        map.serialize_entry("domain", &AsJson(domain))?;
    }
    if let Some(pid) = &view.pid {
        map.serialize_entry("pid", pid.as_str())?;
    }
    if let Some(time) = view.registered {
        map.serialize_entry("registered_time", &time.as_secs_f64())?;
    }
    if let Some(time) = view.reregistered {
        map.serialize_entry("reregistered_time", &time.as_secs_f64())?;
    }
    map.serialize_entry("resources", &ResourceMap(&view.total))?;
    map.serialize_entry("used_resources", &ResourceMap(&view.used))?;
    map.serialize_entry("offered_resources", &ResourceMap(&view.offered))?;
    map.serialize_entry("reserved_resources", &ReservedMap(&view.total))?;
    map.serialize_entry("unreserved_resources", &ResourceMap(&view.total.unreserved()))?;
    map.serialize_entry("active", &(view.standing == AgentStanding::Active && !view.deactivated))?;
    map.serialize_entry("deactivated", &view.deactivated)?;
    map.serialize_entry("version", &view.version)?;
    if let Some(drain) = &view.drain {
        map.serialize_entry("drain_info", &AsJson(&drain.info))?;
        if let Some(told) = drain.told {
            map.serialize_entry("estimated_drain_start_time_seconds", &(told.as_secs_f64() as i64))?;
        }
    }
    let capabilities = view.capabilities.iter().map(|capability| capability.r#type().as_str_name());
    map.serialize_entry("capabilities", &List(capabilities))
}

/// `AgentInfo.port`'s declared default.
const DEFAULT_AGENT_PORT: i32 = 5051;

/// A framework with all that belongs to it: its tasks, offers and executors stand in its midst.
pub(super) fn put_framework(draft: &mut Draft, view: &Arc<FrameworkView>, cluster: &Cluster) {
    draft.element(late(view, |view, out| {
        written(out, &FrameworkHead(view));
        out.pop();
    }));
    for (key, standing) in [
        ("tasks", TaskStanding::Active),
        ("unreachable_tasks", TaskStanding::Unreachable),
        ("completed_tasks", TaskStanding::Completed),
    ] {
        let tasks = cluster.kept_tasks_of(&view.id).filter(|task| task.value.standing == standing);
        draft.list(key, 0, tasks.cloned().map(What::Task));
    }
    let offers = cluster.offers_of(&view.id);
    draft.list("offers", 0, offers.map(|offer| late(offer, |offer, out| written(out, &Offer(offer)))));
    let executors = cluster.executors_of(&view.id);
    let executor = |view| late(view, |view, out| written(out, &Executor(view)));
    draft.list("executors", 0, executors.map(executor));
    draft.rest(late(view, |view, out| {
        let begin = out.len();
        written(out, &FrameworkTail(view));
        // The same object goes on.
        out[begin] = b',';
    }));
}

/// What stands before a framework's tasks.
struct FrameworkHead<'a>(&'a FrameworkView);

impl Serialize for FrameworkHead<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        let mut map = serializer.serialize_map(None)?;
        write_framework_summary(&mut map, view)?;
        map.serialize_entry("user", &view.info.user)?;
        map.serialize_entry("failover_timeout", &view.info.failover_timeout())?;
        map.serialize_entry("checkpoint", &view.info.checkpoint())?;
        map.serialize_entry("registered_time", &view.registered.as_secs_f64())?;
        map.serialize_entry("unregistered_time", &view.unregistered.map_or(0.0, |time| time.as_secs_f64()))?;
        if let Some(time) = view.reregistered {
            map.serialize_entry("reregistered_time", &time.as_secs_f64())?;
        }
        if let Some(principal) = &view.info.principal {
            map.serialize_entry("principal", principal)?;
        }
        map.serialize_entry("resources", &ResourceMap(&(&*view.used + &*view.offered)))?;
        if is_multi_role(&view.info) {
            map.serialize_entry("roles", &view.info.roles)?;
        } else {
            map.serialize_entry("role", &view.info.role())?;
        }
        map.end()
    }
}

/// What stands behind them; never nothing.
struct FrameworkTail<'a>(&'a FrameworkView);

impl Serialize for FrameworkTail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(labels) = &view.info.labels {
            map.serialize_entry("labels", &Labels(labels))?;
        }
        match &view.offer_constraints {
            Some(constraints) => map.serialize_entry("offer_constraints", &AsJson(&**constraints))?,
            None => map
                .serialize_entry("offer_constraints", &AsJson(&v1::scheduler::OfferConstraints::default()))?,
        }
        map.end()
    }
}

pub(super) fn write_framework_summary<M: SerializeMap>(
    map: &mut M,
    view: &FrameworkView,
) -> Result<(), M::Error> {
    map.serialize_entry("id", view.id.as_str())?;
    map.serialize_entry("name", &view.info.name)?;
    if let Some(pid) = &view.pid {
        map.serialize_entry("pid", pid.as_str())?;
    }
    map.serialize_entry("used_resources", &ResourceMap(&view.used))?;
    map.serialize_entry("offered_resources", &ResourceMap(&view.offered))?;
    let capabilities = view.info.capabilities.iter().map(|capability| capability.r#type().as_str_name());
    map.serialize_entry("capabilities", &List(capabilities))?;
    map.serialize_entry("hostname", view.info.hostname())?;
    map.serialize_entry("webui_url", view.info.webui_url())?;
    map.serialize_entry("active", &(view.standing == FrameworkStanding::Active))?;
    map.serialize_entry("connected", &view.standing.is_connected())?;
    map.serialize_entry("recovered", &(view.standing == FrameworkStanding::Recovered))
}

fn is_multi_role(info: &v1::FrameworkInfo) -> bool {
    let multi_role = v1::framework_info::capability::Type::MultiRole;
    info.capabilities.iter().any(|capability| capability.r#type() == multi_role)
}

/// A task.
pub(super) struct Task<'a>(pub(super) &'a v1::Task);

impl Serialize for Task<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let task = self.0;
        let resources = read_resources(&task.resources);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &task.task_id.value)?;
        map.serialize_entry("name", &task.name)?;
        map.serialize_entry("framework_id", &task.framework_id.value)?;
        map.serialize_entry("executor_id", task.executor_id.as_ref().map_or("", |id| &id.value))?;
        map.serialize_entry("slave_id", &task.agent_id.value)?;
        map.serialize_entry("state", task.state().as_str_name())?;
        map.serialize_entry("resources", &ResourceMap(&resources))?;
        if !task.limits.is_empty() {
            let limits = task.limits.iter().map(|(name, limit)| (name, limit.value));
            map.serialize_entry("limits", &limits.collect::<std::collections::BTreeMap<_, _>>())?;
        }
        map.serialize_entry("role", &role_of(&task.resources))?;
        map.serialize_entry("statuses", &List(task.statuses.iter().map(Status)))?;
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
        if let Some(check) = &task.health_check {
            let mut check = check.clone();
            secrets::hide_in_check(&mut check);
            map.serialize_entry("health_check", &AsJson(&*check))?;
        }
        map.end()
    }
}

struct Status<'a>(&'a v1::TaskStatus);

impl Serialize for Status<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let status = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", status.state().as_str_name())?;
        map.serialize_entry("timestamp", &status.timestamp())?;
        if let Some(labels) = &status.labels {
            map.serialize_entry("labels", &Labels(labels))?;
        }
        if let Some(container) = &status.container_status {
            map.serialize_entry("container_status", &ContainerStatus(container))?;
        }
        if let Some(healthy) = status.healthy {
            map.serialize_entry("healthy", &healthy)?;
        }
        map.end()
    }
}

/// Without the pid of the executor, which means nothing on another machine.
struct ContainerStatus<'a>(&'a v1::ContainerStatus);

impl Serialize for ContainerStatus<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = &self.0.container_id {
            map.serialize_entry("container_id", &AsJson(&**id))?;
        }
        if !self.0.network_infos.is_empty() {
            map.serialize_entry("network_infos", &List(self.0.network_infos.iter().map(AsJson)))?;
        }
        if let Some(cgroup) = &self.0.cgroup_info {
            map.serialize_entry("cgroup_info", &AsJson(cgroup))?;
        }
        map.end()
    }
}

struct Executor<'a>(&'a ExecutorView);

impl Serialize for Executor<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = &secrets::executor(&self.0.info);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("executor_id", &info.executor_id.value)?;
        map.serialize_entry("name", info.name())?;
        map.serialize_entry("framework_id", self.0.framework.as_str())?;
        if let Some(command) = &info.command {
            map.serialize_entry("command", &Command(command))?;
        }
        map.serialize_entry("resources", &ResourceMap(&read_resources(&info.resources)))?;
        if !info.resources.is_empty() {
            map.serialize_entry("role", &role_of(&info.resources))?;
        }
        if let Some(labels) = &info.labels {
            map.serialize_entry("labels", &Labels(labels))?;
        }
        if info.r#type.is_some() {
            map.serialize_entry("type", info.r#type().as_str_name())?;
        }
        map.serialize_entry("slave_id", self.0.agent.as_str())?;
        map.end()
    }
}

struct Command<'a>(&'a v1::CommandInfo);

impl Serialize for Command<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let command = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("shell", &command.shell())?;
        if let Some(value) = &command.value {
            map.serialize_entry("value", value)?;
        }
        map.serialize_entry("argv", &command.arguments)?;
        if let Some(environment) = &command.environment {
            map.serialize_entry("environment", &AsJson(environment))?;
        }
        map.serialize_entry("uris", &List(command.uris.iter().map(AsJson)))?;
        map.end()
    }
}

struct Offer<'a>(&'a OfferView);

impl Serialize for Offer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.0.id.as_str())?;
        map.serialize_entry("framework_id", self.0.framework.as_str())?;
        map.serialize_entry("allocation_info", &serde_json::json!({ "role": self.0.role }))?;
        map.serialize_entry("slave_id", self.0.agent.as_str())?;
        map.serialize_entry("resources", &ResourceMap(&self.0.resources))?;
        map.end()
    }
}

/// Resources of a message the core has accepted.
fn read_resources(resources: &[v1::Resource]) -> Resources {
    Resources::from_wire(resources).unwrap_or_default()
}

/// The role that resources are allocated to.
fn role_of(resources: &[v1::Resource]) -> &str {
    let allocated = resources.iter().find_map(|resource| resource.allocation_info.as_ref());
    allocated.map_or("*", |allocation| allocation.role())
}
