//! Answers of the endpoints that are older than the v1 API: `/state`, `/slaves`, `/frameworks`, `/tasks`, `/state-summary`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{AgentStanding, AgentView, FrameworkStanding, FrameworkView, TaskView};
use tepui_proto::json::AsJson;
use tepui_proto::v1::TaskState;

use super::body::{Body, Draft, What, late};
use super::cluster::{Cluster, KeptAgent, KeptTask};
use super::entities::{Agent, put_framework, write_agent, write_framework_summary};
use super::json::List;
use super::kept::Form;
use super::written;
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

/// The answer, of which large parts are written later.
pub(super) fn body(read: &LegacyRead, cluster: &Cluster, identity: &Identity) -> Body {
    let mut draft = Draft::new(Form::Legacy);
    match read {
        LegacyRead::State => put_state(&mut draft, cluster, identity),
        LegacyRead::Agents { id } => {
            in_object(&mut draft, |draft| put_agents(draft, cluster, id.as_deref(), in_full));
        }
        LegacyRead::Frameworks { id } => in_object(&mut draft, |draft| {
            put_frameworks(draft, cluster, id.as_deref());
            draft.list("unregistered_frameworks", 0, std::iter::empty());
        }),
        LegacyRead::Tasks(filter) => in_object(&mut draft, |draft| put_tasks(draft, cluster, filter)),
        LegacyRead::StateSummary
        | LegacyRead::Weights
        | LegacyRead::MaintenanceSchedule
        | LegacyRead::MaintenanceStatus
        | LegacyRead::Quota
        | LegacyRead::Roles => return Body::of(small(read, cluster, identity)),
    }
    draft.finish()
}

/// What takes no long time to write, or has to be counted first.
fn small(read: &LegacyRead, cluster: &Cluster, identity: &Identity) -> Vec<u8> {
    let mut out = Vec::new();
    match read {
        LegacyRead::StateSummary => written(&mut out, &Summary { cluster, identity }),
        LegacyRead::Weights => written(&mut out, &List(super::roles::weights(cluster).iter().map(AsJson))),
        LegacyRead::MaintenanceSchedule => written(&mut out, &AsJson(&cluster.maintenance.schedule)),
        LegacyRead::MaintenanceStatus => written(&mut out, &AsJson(&cluster.maintenance_status())),
        LegacyRead::Quota => written(&mut out, &AsJson(&super::roles::quota(cluster))),
        LegacyRead::Roles => written(&mut out, &Roles { cluster, whitelist: identity.roles.as_ref() }),
        LegacyRead::State
        | LegacyRead::Agents { .. }
        | LegacyRead::Frameworks { .. }
        | LegacyRead::Tasks(_) => unreachable!("these are put together"),
    }
    out
}

fn in_object(draft: &mut Draft, fill: impl FnOnce(&mut Draft)) {
    draft.begin();
    fill(draft);
    draft.text("}");
}

fn put_state(draft: &mut Draft, cluster: &Cluster, identity: &Identity) {
    let mut head = Vec::new();
    written(&mut head, &StateHead { cluster, identity });
    head.pop();
    draft.text(head);
    put_agents(draft, cluster, None, in_short);
    put_frameworks(draft, cluster, None);
    draft.list("orphan_tasks", 0, std::iter::empty());
    draft.list("unregistered_frameworks", 0, std::iter::empty());
    draft.text("}");
}

/// What stands before the agents.
struct StateHead<'a> {
    cluster: &'a Cluster,
    identity: &'a Identity,
}

impl Serialize for StateHead<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let StateHead { cluster, identity } = self;
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

/// Those that are registered, which `registered` writes, then those that are known from the registry only.
fn put_agents(draft: &mut Draft, cluster: &Cluster, id: Option<&str>, registered: fn(&KeptAgent) -> What) {
    let wanted = move |agent: &&KeptAgent| id.is_none_or(|id| agent.value.id.as_str() == id);
    let there = cluster.kept_agents().filter(wanted).filter(|agent| is_registered(&agent.value));
    draft.list("slaves", 0, there.map(registered));
    let away = cluster.kept_agents().filter(wanted);
    let recovered = away.filter(|agent| agent.value.standing == AgentStanding::Recovered);
    draft.list("recovered_slaves", 0, recovered.map(in_short));
}

fn in_short(agent: &KeptAgent) -> What {
    What::Agent(agent.clone())
}

/// With all resources as v1 messages, as `/slaves` does.
fn in_full(agent: &KeptAgent) -> What {
    late(&agent.value, |view, out| written(out, &Agent { view, full: true }))
}

fn put_frameworks(draft: &mut Draft, cluster: &Cluster, id: Option<&str>) {
    let wanted = |view: &&Arc<FrameworkView>| id.is_none_or(|id| view.id.as_str() == id);
    let (mut ended, live): (Vec<_>, Vec<_>) = cluster
        .shared_frameworks()
        .filter(wanted)
        .partition(|view| view.standing == FrameworkStanding::Completed);
    ended.sort_by_key(|view| view.unregistered);
    for (name, frameworks) in [("frameworks", live), ("completed_frameworks", ended)] {
        draft.list_of(name, frameworks.into_iter(), |draft, view| put_framework(draft, view, cluster));
    }
}

fn put_tasks(draft: &mut Draft, cluster: &Cluster, filter: &TaskFilter) {
    let TaskFilter { framework, task, limit, offset, ascending } = filter;
    let is_wanted = |view: &TaskView| {
        framework.as_ref().is_none_or(|id| view.framework.as_str() == id)
            && task.as_ref().is_none_or(|id| view.task.task_id.value == *id)
    };
    let wanted = cluster.kept_tasks().filter(|task| is_wanted(&task.value));
    let mut tasks: Vec<(f64, &KeptTask)> = wanted.map(|task| (first_seen(&task.value), task)).collect();
    let order = |left: &(f64, &KeptTask), right: &(f64, &KeptTask)| {
        let by_time = left.0.total_cmp(&right.0).then(left.1.value.record.cmp(&right.1.value.record));
        if *ascending { by_time } else { by_time.reverse() }
    };
    let end = offset.saturating_add(*limit);
    if end < tasks.len() {
        // Only the page has to be in order, and what comes before it before it.
        tasks.select_nth_unstable_by(end, order);
        tasks.truncate(end);
    }
    tasks.sort_unstable_by(order);
    let page = tasks.into_iter().skip(*offset).map(|(_, task)| What::Task(task.clone()));
    draft.list("tasks", 0, page);
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
