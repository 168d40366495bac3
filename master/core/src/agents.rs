//! The agents the master knows, and what it knows of each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{
    AgentCapabilities, AgentId, Attributes, ExecutorId, OperationUuid, Resources, TaskId, Time,
};
use tepui_proto::v1;

use crate::agent_life::Introduction;
use crate::limits;
use crate::master::Master;
use crate::names::{AgentHandle, FrameworkHandle, OfferHandle, Pid, Timer};
use crate::operator_calls::Drain;
use crate::slab::Slab;
use crate::validation::agent::Report;

/// An agent that is admitted and has registered with this master.
///
/// ```text
///    registers ──► Active ── connection lost ──► Disconnected
///                   │  ▲ ◄──── re-registers ─────── │
///                   │  └─ (again)                   │ not back in time, pings unanswered,
///                   └──────────► Leaving ◄──────────┘ unregistered
///                                   │ registry written
///                                   ▼
///                          unreachable or removed
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agent {
    pub id: AgentId,
    pub info: Arc<v1::AgentInfo>,
    pub pid: Pid,
    pub phase: Phase,
    pub version: String,
    pub capabilities: AgentCapabilities,
    pub announced_capabilities: Arc<Vec<v1::agent_info::Capability>>,
    pub registered: Time,
    pub reregistered: Option<Time>,
    pub resource_version: Option<Box<v1::Uuid>>,
    /// Everything it has.
    pub total: Resources,
    pub attributes: Attributes,
    /// What running tasks and executors hold.
    pub used: Resources,
    /// What outstanding offers hold.
    pub offered: Resources,
    pub offers: BTreeSet<OfferHandle>,
    /// Tasks that are on it, also those that ended and are not acknowledged. Their records lie with their framework.
    pub tasks: BTreeSet<(FrameworkHandle, TaskId)>,
    /// Executors that run on it. Their records lie with their framework.
    pub executors: BTreeSet<(FrameworkHandle, ExecutorId)>,
    /// Tasks whose kill was asked for; asked for again when the agent comes back and still has them.
    pub killed: BTreeSet<(FrameworkHandle, TaskId)>,
    /// Operations on its resources that are not done with.
    pub operations: BTreeSet<OperationUuid>,
    /// Not while one that came back to another master has yet to tell of them.
    pub operations_are_known: bool,
    pub pings: Pings,
}

/// Where a registered agent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Connected; its resources are offered.
    Active,
    /// The connection is lost; the timer gives it up.
    Disconnected { until: Timer },
    /// The registry is being told that it is given up.
    Leaving,
}

/// How well it answers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Pings {
    pub timer: Timer,
    /// The last ping was answered.
    pub answered: bool,
    /// How many in a row were not.
    pub missed: u32,
}

impl Agent {
    pub fn is_active(&self) -> bool {
        match self.phase {
            Phase::Active => true,
            Phase::Disconnected { .. } | Phase::Leaving => false,
        }
    }
}

/// A re-registration that waits for the registry, or need not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Readmission {
    pub introduction: Introduction,
    pub report: Report,
}

/// All agents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agents {
    pub registered: Slab<AgentHandle, Agent>,
    pub by_id: BTreeMap<AgentId, AgentHandle>,
    pub by_pid: BTreeMap<Pid, AgentHandle>,
    /// In the registry when this master was elected, and not back yet.
    pub recovered: BTreeMap<AgentId, Arc<v1::AgentInfo>>,
    /// How many there were, for the removal limit.
    pub recovered_at_start: usize,
    /// Given up, since when.
    pub unreachable: BTreeMap<AgentId, Time>,
    /// Declared dead by an operator, since when.
    pub gone: BTreeMap<AgentId, Time>,
    /// Not offered, as an operator decided; registered or not.
    pub deactivated: BTreeSet<AgentId>,
    /// Deactivated, and to end its tasks; registered or not.
    pub draining: BTreeMap<AgentId, Drain>,
    /// Removed by this master; late messages from them are told apart from those of strangers.
    pub removed: Removed,
    /// Registrations in flight.
    pub registering: BTreeSet<Pid>,
    /// Re-registrations in flight.
    pub reregistering: BTreeSet<AgentId>,
    /// Recovered agents whose mark as unreachable is in flight.
    pub giving_up: BTreeSet<AgentId>,
    /// The number of the next agent id.
    pub next_id: u64,
}

impl Agents {
    pub fn new() -> Agents {
        Agents {
            registered: Slab::new(),
            by_id: BTreeMap::new(),
            by_pid: BTreeMap::new(),
            recovered: BTreeMap::new(),
            recovered_at_start: 0,
            unreachable: BTreeMap::new(),
            gone: BTreeMap::new(),
            deactivated: BTreeSet::new(),
            draining: BTreeMap::new(),
            removed: Removed::default(),
            registering: BTreeSet::new(),
            reregistering: BTreeSet::new(),
            giving_up: BTreeSet::new(),
            next_id: 0,
        }
    }

    /// The agent is offered again, or is no more.
    pub fn forget_decisions(&mut self, agent: &AgentId) {
        self.deactivated.remove(agent);
        self.draining.remove(agent);
    }

    /// The registered agent that a message names.
    pub fn find(&self, id: &v1::AgentId) -> Option<AgentHandle> {
        self.by_id.get(&AgentId::from_wire(id).ok()?).copied()
    }
}

/// The ids of removed agents, the oldest forgotten first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Removed {
    ids: BTreeSet<AgentId>,
    order: VecDeque<AgentId>,
}

impl Removed {
    pub fn insert(&mut self, id: AgentId) {
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > limits::REMOVED_AGENTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    pub fn remove(&mut self, id: &AgentId) {
        if self.ids.remove(id) {
            self.order.retain(|other| other != id);
        }
    }

    pub fn contains(&self, id: &v1::AgentId) -> bool {
        AgentId::from_wire(id).is_ok_and(|id| self.ids.contains(&id))
    }
}

/// Where an agent is, for a question about something on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    Registered,
    Recovered,
    Unreachable,
    Gone,
    Unknown,
}

impl Master {
    pub(crate) fn whereabouts(&self, id: &v1::AgentId) -> Whereabouts {
        let Ok(id) = AgentId::from_wire(id) else { return Whereabouts::Unknown };
        if self.agents.recovered.contains_key(&id) {
            Whereabouts::Recovered
        } else if self.agents.by_id.contains_key(&id) {
            Whereabouts::Registered
        } else if self.agents.unreachable.contains_key(&id) {
            Whereabouts::Unreachable
        } else if self.agents.gone.contains_key(&id) {
            Whereabouts::Gone
        } else {
            Whereabouts::Unknown
        }
    }

    pub(crate) fn unreachable_since(&self, id: &v1::AgentId) -> Option<Time> {
        self.agents.unreachable.get(&AgentId::from_wire(id).ok()?).copied()
    }
}
