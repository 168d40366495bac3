//! `/state`, `/flags` and `/version`, in Mesos' shapes and order.

mod executors;
mod resources;
mod tasks;

use std::collections::BTreeMap;

use libactor::AskError;
use libactor::web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tepui_agent_core::{CAPABILITIES, Drain, Executor, Framework};
use tepui_model::Resources;
use tepui_proto::json::AsJson;
use tepui_proto::v1;
use tepui_proto::v1::agent_info::capability;

use super::{Site, answer};
use crate::actor::AgentActor;
use crate::world::World;
use executors::Shown;
use resources::{Attributes, Full, Reserved, ReservedFull, Summary};

/// The API level: clients split it at its dots and compare numbers.
pub(crate) const API_VERSION: &str = "1.11.0";

/// Which program this is; the API level, and ours beside it.
#[derive(Serialize)]
pub(super) struct Version {
    version: &'static str,
    tepui_version: &'static str,
}

pub(super) fn version() -> Version {
    Version { version: API_VERSION, tepui_version: env!("CARGO_PKG_VERSION") }
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
    Ok(answer::json(request, &snapshot.shown(&site.world)))
}

/// What is copied from the agent while it waits.
struct Snapshot {
    info: v1::AgentInfo,
    total: Resources,
    used: Resources,
    master: Option<String>,
    drain: Option<Drain>,
    frameworks: Vec<Framework>,
    completed: Vec<Framework>,
}

#[derive(Serialize)]
struct State<'a> {
    #[serde(flatten)]
    version: Version,
    start_time: f64,
    id: &'a str,
    pid: &'a str,
    hostname: &'a str,
    capabilities: Vec<&'static str>,
    resources: Summary<'a>,
    reserved_resources: Reserved<'a>,
    unreserved_resources: Summary<'a>,
    reserved_resources_full: ReservedFull<'a>,
    unreserved_resources_full: Full<'a>,
    reserved_resources_allocated: Reserved<'a>,
    unreserved_resources_allocated: Summary<'a>,
    resource_providers: [(); 0],
    attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain_config: Option<AsJson<'a, v1::DrainConfig>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_drain_start_time_seconds: Option<u64>,
    flags: BTreeMap<String, String>,
    frameworks: Vec<Shown<'a>>,
    completed_frameworks: Vec<Shown<'a>>,
}

impl Snapshot {
    fn of(agent: &AgentActor) -> Snapshot {
        let frameworks: Vec<Framework> = agent.core.frameworks().cloned().collect();
        let executors = frameworks.iter().flat_map(|framework| framework.executors.values());
        let info = agent.core.info().clone();
        Snapshot {
            total: agent.core.total().clone(),
            used: executors.map(Executor::needs).fold(Resources::new(), |sum, needs| sum + &needs),
            info,
            master: agent.core.master().map(ToString::to_string),
            drain: agent.core.drain(),
            frameworks,
            completed: agent.core.completed_frameworks().cloned().collect(),
        }
    }

    fn shown<'a>(&'a self, world: &'a World) -> State<'a> {
        let master = self.master.as_deref().and_then(|pid| pid.split_once('@'));
        let master = master.and_then(|(_, address)| address.parse::<std::net::SocketAddr>().ok());
        let work_dir = &world.config.work_dir;
        State {
            version: version(),
            start_time: world.started,
            id: self.info.id.as_ref().map_or("", |id| &id.value),
            pid: &world.pid,
            hostname: &self.info.hostname,
            capabilities: CAPABILITIES.iter().map(capability::Type::as_str_name).collect(),
            resources: Summary::of(&self.total),
            reserved_resources: Reserved(&self.total),
            unreserved_resources: Summary::unreserved(&self.total),
            reserved_resources_full: ReservedFull(&self.total),
            unreserved_resources_full: Full::unreserved(&self.total),
            reserved_resources_allocated: Reserved(&self.used),
            unreserved_resources_allocated: Summary::unreserved(&self.used),
            resource_providers: [],
            attributes: Attributes(&self.info.attributes),
            master_hostname: master.map(|address| world.hostname_of(address.ip())),
            drain_config: self.drain.as_ref().map(|drain| AsJson(&drain.config)),
            estimated_drain_start_time_seconds: self.drain.map(|drain| drain.since.as_secs_f64() as u64),
            flags: world.config.shown_flags(),
            frameworks: self.frameworks.iter().map(|framework| Shown { work_dir, it: framework }).collect(),
            completed_frameworks: self
                .completed
                .iter()
                .map(|framework| Shown { work_dir, it: framework })
                .collect(),
        }
    }
}
