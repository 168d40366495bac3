//! `/state`, `/flags` and `/version`, in Mesos' shapes.

mod tasks;

use std::collections::BTreeMap;

use libactor::AskError;
use libactor::web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Map, Value};
use tepui_agent_core::{Executor, Framework};
use tepui_model::Resources;
use tepui_proto::json::AsJson;
use tepui_proto::v1;

use super::{Site, answer};
use crate::actor::AgentActor;
use crate::world::World;

/// The API level: clients split it at its dots and compare numbers.
pub(crate) const API_VERSION: &str = "1.11.0";

#[derive(Serialize)]
pub(super) struct Version {
    version: &'static str,
    tepui_version: &'static str,
    build_date: &'static str,
    build_time: f64,
    build_user: &'static str,
}

pub(super) fn version() -> Version {
    Version {
        version: API_VERSION,
        tepui_version: env!("CARGO_PKG_VERSION"),
        build_date: "",
        build_time: 0.0,
        build_user: "",
    }
}

#[derive(Serialize)]
pub(super) struct Flags {
    flags: BTreeMap<String, String>,
}

pub(super) fn flags(site: &Site) -> Flags {
    Flags { flags: site.world.config.shown_flags() }
}

pub(super) async fn serve(request: &HttpRequest, site: &Site) -> Result<HttpResponse, AskError> {
    let snapshot = site.look(Snapshot::of).await?;
    Ok(answer::json(request, &snapshot.render(&site.world)))
}

/// What is copied from the agent while it waits.
struct Snapshot {
    info: v1::AgentInfo,
    master: Option<String>,
    frameworks: Vec<Framework>,
    completed: Vec<Framework>,
}

#[derive(Serialize)]
struct State<'a> {
    version: &'static str,
    tepui_version: &'static str,
    build_date: &'static str,
    build_time: f64,
    build_user: &'static str,
    start_time: f64,
    id: &'a str,
    pid: &'a str,
    hostname: &'a str,
    capabilities: [&'static str; 3],
    resources: Value,
    reserved_resources: Map<String, Value>,
    unreserved_resources: Value,
    reserved_resources_full: Map<String, Value>,
    unreserved_resources_full: Value,
    reserved_resources_allocated: Map<String, Value>,
    unreserved_resources_allocated: Value,
    resource_providers: [(); 0],
    attributes: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_hostname: Option<String>,
    flags: BTreeMap<String, String>,
    frameworks: Vec<Value>,
    completed_frameworks: Vec<Value>,
}

impl Snapshot {
    fn of(agent: &AgentActor) -> Snapshot {
        Snapshot {
            info: agent.core.info().clone(),
            master: agent.core.master().map(ToString::to_string),
            frameworks: agent.core.frameworks().cloned().collect(),
            completed: agent.core.completed_frameworks().cloned().collect(),
        }
    }

    fn render<'a>(&'a self, world: &'a World) -> State<'a> {
        let total = Resources::from_wire(&self.info.resources).unwrap_or_default();
        let used = used(&self.frameworks);
        let master = self
            .master
            .as_deref()
            .and_then(|pid| pid.split_once('@')?.1.parse::<std::net::SocketAddr>().ok());
        State {
            version: API_VERSION,
            tepui_version: env!("CARGO_PKG_VERSION"),
            build_date: "",
            build_time: 0.0,
            build_user: "",
            start_time: world.started,
            id: self.info.id.as_ref().map_or("", |id| &id.value),
            pid: &world.pid,
            hostname: &self.info.hostname,
            capabilities: ["MULTI_ROLE", "HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT"],
            resources: tasks::resources(&total),
            reserved_resources: reserved(&total, tasks::resources),
            unreserved_resources: tasks::resources(&total.unreserved()),
            reserved_resources_full: reserved(&total, full),
            unreserved_resources_full: full(&total.unreserved()),
            reserved_resources_allocated: reserved(&used, tasks::resources),
            unreserved_resources_allocated: tasks::resources(&used.unreserved()),
            resource_providers: [],
            attributes: attributes(&self.info.attributes),
            master_hostname: master.map(|address| world.hostname_of(address.ip())),
            flags: world.config.shown_flags(),
            frameworks: self.frameworks.iter().map(|one| framework(world, one, true)).collect(),
            completed_frameworks: self.completed.iter().map(|one| framework(world, one, false)).collect(),
        }
    }
}

fn used(frameworks: &[Framework]) -> Resources {
    let executors = frameworks.iter().flat_map(|framework| framework.executors.values());
    executors.map(Executor::needs).fold(Resources::new(), |sum, needs| sum + &needs)
}

fn reserved(resources: &Resources, show: impl Fn(&Resources) -> Value) -> Map<String, Value> {
    resources.reservations().iter().map(|(role, held)| (role.to_string(), show(held))).collect()
}

fn full(resources: &Resources) -> Value {
    resources.to_endpoint().iter().map(|one| serde_json::to_value(AsJson(one)).unwrap_or_default()).collect()
}

fn attributes(all: &[v1::Attribute]) -> Map<String, Value> {
    let shown = all.iter().map(|attribute| {
        let value = match (&attribute.scalar, &attribute.ranges, &attribute.text) {
            (Some(scalar), ..) => Value::from(scalar.value),
            (_, Some(ranges), _) => {
                let each = ranges.range.iter().map(|range| format!("{}-{}", range.begin, range.end));
                Value::from(format!("[{}]", each.collect::<Vec<_>>().join(", ")))
            }
            (_, _, Some(text)) => Value::from(text.value.clone()),
            (None, None, None) => Value::Null,
        };
        (attribute.name.clone(), value)
    });
    shown.collect()
}

fn framework(world: &World, framework: &Framework, alive: bool) -> Value {
    let info = &framework.info;
    let multi_role = v1::framework_info::capability::Type::MultiRole as i32;
    let is_multi_role = info.capabilities.iter().any(|capability| capability.r#type == Some(multi_role));
    let mut shown = Map::new();
    shown.insert("id".into(), framework.id.to_string().into());
    shown.insert("name".into(), info.name.clone().into());
    shown.insert("user".into(), info.user.clone().into());
    shown.insert("failover_timeout".into(), info.failover_timeout().into());
    shown.insert("checkpoint".into(), info.checkpoint().into());
    shown.insert("hostname".into(), info.hostname().into());
    if let Some(principal) = &info.principal {
        shown.insert("principal".into(), principal.clone().into());
    }
    if is_multi_role {
        shown.insert("roles".into(), info.roles.clone().into());
    } else {
        shown.insert("role".into(), info.role().into());
    }
    let executors = framework.executors.values().filter(|_| alive);
    shown.insert("executors".into(), executors.map(|one| executor(world, one)).collect());
    shown.insert(
        "completed_executors".into(),
        framework.completed.iter().map(|one| executor(world, one)).collect(),
    );
    Value::Object(shown)
}

fn executor(world: &World, executor: &Executor) -> Value {
    let info = &executor.info;
    let mut shown = Map::new();
    shown.insert("id".into(), executor.id().to_string().into());
    shown.insert("name".into(), info.name().into());
    shown.insert("source".into(), info.source().into());
    shown.insert("container".into(), executor.run.container.to_string().into());
    let directory = executor.run.sandbox(&world.config.work_dir);
    shown.insert("directory".into(), directory.display().to_string().into());
    shown.insert("resources".into(), tasks::resources(&executor.needs()));
    if let Some(role) = tasks::role(&info.resources) {
        shown.insert("role".into(), role.into());
    }
    if let Some(labels) = &info.labels {
        shown.insert("labels".into(), tasks::labels(labels));
    }
    if let Some(kind) = info.r#type {
        let kind = v1::executor_info::Type::try_from(kind).unwrap_or(v1::executor_info::Type::Unknown);
        shown.insert("type".into(), kind.as_str_name().into());
    }
    let running = executor.launched.values().chain(executor.terminated.values());
    shown.insert("tasks".into(), running.map(|record| tasks::task(&record.task)).collect());
    shown.insert(
        "queued_tasks".into(),
        executor.queued.iter().map(|queued| tasks::queued(queued, executor)).collect(),
    );
    shown.insert("completed_tasks".into(), executor.completed.iter().map(tasks::task).collect());
    Value::Object(shown)
}
