//! Answers of the endpoints that are older than the v1 API: `/state`, `/slaves`, `/frameworks`, `/tasks`, `/state-summary`.

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{AgentStanding, AgentView, FrameworkStanding, FrameworkView, TaskView};
use tepui_proto::json::AsJson;
use tepui_proto::v1::TaskState;

use super::cluster::Cluster;
use super::entities::{Agent, Framework, Task, write_agent, write_framework_summary};
use super::json::List;
use crate::identity::Identity;

/// A legacy read, with its query parameters.
#[derive(Debug, Clone)]
pub(crate) enum LegacyRead {
    State,
    StateSummary,
    /// `slave_id`: one agent only.
    Agents {
        id: Option<String>,
    },
    /// `framework_id`: one framework only.
    Frameworks {
        id: Option<String>,
    },
    Tasks(TaskFilter),
    Roles,
    /// Every weight as a `WeightInfo`.
    Weights,
    /// A `maintenance.Schedule`.
    MaintenanceSchedule,
    /// A `maintenance.ClusterStatus`.
    MaintenanceStatus,
    /// A `QuotaStatus`.
    Quota,
}

/// The query of `/tasks`.
#[derive(Debug, Clone)]
pub(crate) struct TaskFilter {
    pub(crate) framework: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
    /// Oldest first.
    pub(crate) ascending: bool,
}

/// Writes the answer, without building it in memory first.
pub(super) fn write(read: &LegacyRead, cluster: &Cluster, identity: &Identity) -> Vec<u8> {
    let mut out = Vec::new();
    let written = match read {
        LegacyRead::State => serde_json::to_writer(&mut out, &State { cluster, identity }),
        LegacyRead::StateSummary => serde_json::to_writer(&mut out, &Summary { cluster, identity }),
        LegacyRead::Agents { id } => serde_json::to_writer(&mut out, &Agents { cluster, id: id.as_deref() }),
        LegacyRead::Frameworks { id } => {
            serde_json::to_writer(&mut out, &Frameworks { cluster, id: id.as_deref() })
        }
        LegacyRead::Tasks(filter) => serde_json::to_writer(&mut out, &Tasks { cluster, filter }),
        LegacyRead::Weights => {
            serde_json::to_writer(&mut out, &List(super::roles::weights(cluster).iter().map(AsJson)))
        }
        LegacyRead::MaintenanceSchedule => {
            serde_json::to_writer(&mut out, &AsJson(&cluster.maintenance.schedule))
        }
        LegacyRead::MaintenanceStatus => {
            serde_json::to_writer(&mut out, &AsJson(&cluster.maintenance.status))
        }
        LegacyRead::Quota => serde_json::to_writer(&mut out, &AsJson(&super::roles::quota(cluster))),
        LegacyRead::Roles => {
            serde_json::to_writer(&mut out, &Roles { cluster, whitelist: identity.roles.as_ref() })
        }
    };
    written.expect("these types have no keys that are not text, and a vector takes all bytes");
    out
}

struct State<'a> {
    cluster: &'a Cluster,
    identity: &'a Identity,
}

impl Serialize for State<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let State { cluster, identity } = self;
        let mut map = serializer.serialize_map(None)?;
        identity.write_version(&mut map)?;
        map.serialize_entry("start_time", &identity.start_time.as_secs_f64())?;
        if let Some(since) = cluster.serving_since() {
            map.serialize_entry("elected_time", &since.as_secs_f64())?;
        }
        map.serialize_entry("id", &identity.info.id)?;
        map.serialize_entry("pid", identity.info.pid())?;
        map.serialize_entry("hostname", identity.info.hostname())?;
        map.serialize_entry("capabilities", &["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"])?;
        let count =
            |wanted: fn(&AgentView) -> bool| cluster.agents().filter(|agent| wanted(agent)).count() as f64;
        map.serialize_entry("activated_slaves", &count(is_offered))?;
        map.serialize_entry(
            "deactivated_slaves",
            &count(|agent| is_registered(agent) && !is_offered(agent)),
        )?;
        map.serialize_entry("unreachable_slaves", &count(is_unreachable))?;
        map.serialize_entry("leader", identity.info.pid())?;
        map.serialize_entry("leader_info", &Leader(identity))?;
        if let Some(cluster_name) = identity.flags.get("cluster") {
            map.serialize_entry("cluster", cluster_name)?;
        }
        if let Some(directory) = identity.flags.get("log_dir") {
            map.serialize_entry("log_dir", directory)?;
        }
        if let Some(file) = self.identity.flags.get("external_log_file") {
            map.serialize_entry("external_log_file", file)?;
        }
        map.serialize_entry("flags", &identity.flags)?;
        write_agents(&mut map, cluster, None, false)?;
        write_frameworks(&mut map, cluster, None)?;
        map.serialize_entry("orphan_tasks", &[(); 0])?;
        map.serialize_entry("unregistered_frameworks", &[(); 0])?;
        map.end()
    }
}

struct Leader<'a>(&'a Identity);

impl Serialize for Leader<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = &self.0.info;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &info.id)?;
        map.serialize_entry("pid", info.pid())?;
        map.serialize_entry("port", &info.port)?;
        map.serialize_entry("hostname", info.hostname())?;
        map.end()
    }
}

fn is_offered(agent: &AgentView) -> bool {
    agent.standing == AgentStanding::Active && !agent.deactivated
}

fn is_unreachable(agent: &AgentView) -> bool {
    matches!(agent.standing, AgentStanding::Unreachable { .. })
}

pub(super) fn is_registered(agent: &AgentView) -> bool {
    matches!(agent.standing, AgentStanding::Active | AgentStanding::Disconnected)
}

fn write_agents<M: SerializeMap>(
    map: &mut M,
    cluster: &Cluster,
    id: Option<&str>,
    full: bool,
) -> Result<(), M::Error> {
    let wanted = move |agent: &&AgentView| id.is_none_or(|id| agent.id.as_str() == id);
    let registered = cluster.agents().filter(wanted).filter(|agent| is_registered(agent));
    let recovered =
        cluster.agents().filter(wanted).filter(|agent| agent.standing == AgentStanding::Recovered);
    map.serialize_entry("slaves", &List(registered.map(|view| Agent { view, full })))?;
    map.serialize_entry("recovered_slaves", &List(recovered.map(|view| Agent { view, full: false })))
}

struct Agents<'a> {
    cluster: &'a Cluster,
    id: Option<&'a str>,
}

impl Serialize for Agents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_agents(&mut map, self.cluster, self.id, true)?;
        map.end()
    }
}

fn write_frameworks<M: SerializeMap>(
    map: &mut M,
    cluster: &Cluster,
    id: Option<&str>,
) -> Result<(), M::Error> {
    let wanted = move |view: &&FrameworkView| id.is_none_or(|id| view.id.as_str() == id);
    let live =
        cluster.frameworks().filter(wanted).filter(|view| view.standing != FrameworkStanding::Completed);
    let mut ended: Vec<_> = cluster
        .frameworks()
        .filter(wanted)
        .filter(|view| view.standing == FrameworkStanding::Completed)
        .collect();
    ended.sort_by_key(|view| view.unregistered);
    map.serialize_entry("frameworks", &List(live.map(|view| Framework { view, cluster })))?;
    map.serialize_entry("completed_frameworks", &List(ended.iter().map(|view| Framework { view, cluster })))
}

struct Frameworks<'a> {
    cluster: &'a Cluster,
    id: Option<&'a str>,
}

impl Serialize for Frameworks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_frameworks(&mut map, self.cluster, self.id)?;
        map.serialize_entry("unregistered_frameworks", &[(); 0])?;
        map.end()
    }
}

struct Tasks<'a> {
    cluster: &'a Cluster,
    filter: &'a TaskFilter,
}

impl Serialize for Tasks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let TaskFilter { framework, task, limit, offset, ascending } = self.filter;
        let wanted = |view: &&TaskView| {
            framework.as_ref().is_none_or(|id| view.framework.as_str() == id)
                && task.as_ref().is_none_or(|id| view.task.task_id.value == *id)
        };
        let mut tasks: Vec<_> =
            self.cluster.tasks().filter(wanted).map(|view| (first_seen(view), view)).collect();
        tasks.sort_by(|left, right| left.0.total_cmp(&right.0));
        if !ascending {
            tasks.reverse();
        }
        let page = tasks.iter().skip(*offset).take(*limit).map(|(_, view)| Task(&view.task));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tasks", &List(page))?;
        map.end()
    }
}

/// When a task was first heard of; one nobody has heard of yet is the newest.
fn first_seen(view: &TaskView) -> f64 {
    view.task.statuses.first().map_or(f64::INFINITY, |status| status.timestamp())
}

struct Summary<'a> {
    cluster: &'a Cluster,
    identity: &'a Identity,
}

impl Serialize for Summary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let live = self.cluster.frameworks().filter(|view| view.standing != FrameworkStanding::Completed);
        let agents = self.cluster.agents().filter(|agent| is_registered(agent));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("hostname", self.identity.info.hostname())?;
        if let Some(cluster_name) = self.identity.flags.get("cluster") {
            map.serialize_entry("cluster", cluster_name)?;
        }
        let mut by_agent: BTreeMap<&str, Counts<'_>> = BTreeMap::new();
        let mut by_framework: BTreeMap<&str, Counts<'_>> = BTreeMap::new();
        // An ended framework's tasks tie it to no agent any more.
        let of_live = live.clone().flat_map(|view| self.cluster.all_tasks_of(&view.id));
        for task in of_live {
            let (framework, agent) = (task.framework.as_str(), task.task.agent_id.value.as_str());
            by_agent.entry(agent).or_default().add(task.task.state(), framework);
            by_framework.entry(framework).or_default().add(task.task.state(), agent);
        }
        let agents =
            agents.map(|view| AgentSummary { view, counts: Counts::of(&by_agent, view.id.as_str()) });
        map.serialize_entry("slaves", &List(agents))?;
        let frameworks =
            live.map(|view| FrameworkSummary { view, counts: Counts::of(&by_framework, view.id.as_str()) });
        map.serialize_entry("frameworks", &List(frameworks))?;
        map.end()
    }
}

/// How many tasks are in which state, and which others they tie an entity to.
#[derive(Default, Clone)]
struct Counts<'a> {
    by_state: BTreeMap<i32, u64>,
    others: BTreeSet<&'a str>,
}

/// The states that summaries count, in their order.
const SUMMED: [TaskState; 10] = [
    TaskState::TaskStaging,
    TaskState::TaskStarting,
    TaskState::TaskRunning,
    TaskState::TaskKilling,
    TaskState::TaskFinished,
    TaskState::TaskKilled,
    TaskState::TaskFailed,
    TaskState::TaskLost,
    TaskState::TaskError,
    TaskState::TaskUnreachable,
];

impl<'a> Counts<'a> {
    fn add(&mut self, state: TaskState, other: &'a str) {
        *self.by_state.entry(state as i32).or_default() += 1;
        self.others.insert(other);
    }

    fn of(all: &BTreeMap<&str, Counts<'a>>, id: &str) -> Counts<'a> {
        all.get(id).cloned().unwrap_or_default()
    }

    fn write<M: SerializeMap>(&self, map: &mut M, others: &str) -> Result<(), M::Error> {
        for state in SUMMED {
            let count = self.by_state.get(&(state as i32)).copied().unwrap_or_default();
            map.serialize_entry(state.as_str_name(), &count)?;
        }
        map.serialize_entry(others, &self.others)
    }
}

struct AgentSummary<'a> {
    view: &'a AgentView,
    counts: Counts<'a>,
}

impl Serialize for AgentSummary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_agent(&mut map, self.view)?;
        self.counts.write(&mut map, "framework_ids")?;
        map.end()
    }
}

struct FrameworkSummary<'a> {
    view: &'a FrameworkView,
    counts: Counts<'a>,
}

impl Serialize for FrameworkSummary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_framework_summary(&mut map, self.view)?;
        self.counts.write(&mut map, "slave_ids")?;
        map.end()
    }
}

/// The roles that something is known of.
struct Roles<'a> {
    cluster: &'a Cluster,
    whitelist: Option<&'a BTreeSet<String>>,
}

impl Serialize for Roles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let roles = super::roles::of(self.cluster, self.whitelist);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("roles", &List(roles.iter()))?;
        map.end()
    }
}
