//! New values of entities, for whoever serves reads. Emitted at the end of a step: agents first, then frameworks, then
//! the rest in the order it happened. A value replaces the one of the same key.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, ExecutorId, FrameworkId, OfferId, Resources, Role, Time};
use tepui_proto::v1;

use crate::maintenance::{Machine, Maintenance};
use crate::names::{AgentHandle, FrameworkHandle, Pid};

/// One new value.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// The registry is recovered: this master serves from now on.
    Serving {
        /// Since when.
        since: Time,
    },
    /// An agent; keyed by `id`. Also those that are recovered or unreachable.
    Agent(Arc<AgentView>),
    /// An agent that was removed, or that the registry forgot.
    AgentForgotten(AgentId),
    /// A framework; keyed by `id`. Also completed ones.
    Framework(Arc<FrameworkView>),
    /// A completed framework fell out of the ring, with all its tasks and executors.
    FrameworkForgotten(FrameworkId),
    /// A task; keyed by `record`.
    Task(TaskView),
    /// A completed or unreachable task fell out of its ring; the key is [`TaskView::record`].
    TaskForgotten(u64),
    /// An executor started; keyed by framework, agent and id.
    Executor(ExecutorView),
    /// An executor is gone.
    ExecutorGone {
        /// Whose.
        framework: FrameworkId,
        /// Where.
        agent: AgentId,
        /// Which.
        executor: ExecutorId,
    },
    /// An operation; keyed by `uuid`.
    Operation(Arc<v1::Operation>),
    /// An operation is done with; the key is its UUID.
    OperationGone([u8; 16]),
    /// An offer is outstanding.
    Offer(Arc<OfferView>),
    /// An offer is not outstanding any more.
    OfferGone(OfferId),
    /// A role has this quota now, or none.
    Quota {
        /// Which.
        role: Role,
        /// As the operator gave it.
        config: Option<Box<v1::quota::QuotaConfig>>,
    },
    /// The schedule of maintenance, and where its machines are; all of it.
    Maintenance(Box<Maintenance>),
    /// What frameworks answered to inverse offers of a machine; all of it.
    InverseAnswers {
        /// Which.
        machine: Machine,
        /// In the operator API's words.
        answers: Vec<v1::allocator::InverseOfferStatus>,
    },
    /// A role weighs this much.
    Weight {
        /// Which.
        role: Role,
        /// More than 0.
        weight: f64,
    },
}

/// A framework, as readers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameworkView {
    /// Its id.
    pub id: FrameworkId,
    /// What the allocator calls it; of one that ended, what it was called.
    pub handle: FrameworkHandle,
    /// What it says of itself.
    pub info: Arc<v1::FrameworkInfo>,
    /// Where it is in its life.
    pub standing: FrameworkStanding,
    /// The scheduler's address, if it is an actor; HTTP schedulers have none.
    pub pid: Option<Pid>,
    /// When it first subscribed to this master; for one known from an agent, when that agent told of it.
    pub registered: Time,
    /// When it last subscribed again.
    pub reregistered: Option<Time>,
    /// When it ended.
    pub unregistered: Option<Time>,
    /// What its tasks and executors use, over all agents.
    pub used: Arc<Resources>,
    /// What its outstanding offers hold.
    pub offered: Arc<Resources>,
    /// Roles in which it wants no offers now.
    pub suppressed_roles: Vec<String>,
    /// Its offer constraints, as it gave them.
    pub offer_constraints: Option<Arc<v1::scheduler::OfferConstraints>>,
}

/// Where a framework is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FrameworkStanding {
    /// Connected, and gets offers.
    Active,
    /// Connected, but its driver aborted: no offers.
    Inactive,
    /// Its scheduler is away.
    Disconnected,
    /// Known only because an agent told of its tasks.
    Recovered,
    /// Ended.
    Completed,
}

impl FrameworkStanding {
    /// Whether its scheduler is there.
    pub fn is_connected(self) -> bool {
        matches!(self, FrameworkStanding::Active | FrameworkStanding::Inactive)
    }
}

/// An agent, as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentView {
    /// Its id.
    pub id: AgentId,
    /// What the allocator calls it, as long as it is registered.
    pub handle: Option<AgentHandle>,
    /// What it says of itself; absent for one that is unreachable and was not registered with this master.
    pub info: Option<Arc<v1::AgentInfo>>,
    /// Where it is in its life.
    pub standing: AgentStanding,
    /// Not offered, as an operator decided.
    pub deactivated: bool,
    /// Deactivated, and to end its tasks.
    pub drain: Option<DrainView>,
    /// Its address, once it registered.
    pub pid: Option<Pid>,
    /// Its version, as it says.
    pub version: String,
    /// Its capabilities.
    pub capabilities: Arc<Vec<v1::agent_info::Capability>>,
    /// When it first registered with this master.
    pub registered: Option<Time>,
    /// When it last registered again.
    pub reregistered: Option<Time>,
    /// Everything it has.
    pub total: Arc<Resources>,
    /// What tasks and executors use.
    pub used: Arc<Resources>,
    /// What outstanding offers hold.
    pub offered: Arc<Resources>,
}

/// How an agent is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainView {
    /// What operators want, and whether the agent is empty.
    pub info: v1::DrainInfo,
    /// When this master first told the agent.
    pub told: Option<Time>,
}

/// Where an agent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentStanding {
    /// Connected; its resources are offered.
    Active,
    /// The connection is lost; it has time to come back.
    Disconnected,
    /// In the registry, and not back since this master was elected.
    Recovered,
    /// Given up, but welcome back.
    Unreachable {
        /// Since when.
        since: Time,
    },
}

/// A task, as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    /// Which record: task ids may be used again once a task ended, and a ring may hold both.
    pub record: u64,
    /// Whose.
    pub framework: FrameworkId,
    /// In which list.
    pub standing: TaskStanding,
    /// The task itself.
    pub task: Arc<v1::Task>,
}

/// In which of a framework's lists a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskStanding {
    /// On a registered agent; also after its end, until the end is acknowledged.
    Active,
    /// On an agent that is unreachable.
    Unreachable,
    /// Ended and acknowledged, or ended with its framework or agent.
    Completed,
}

/// A running executor, as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutorView {
    /// Whose.
    pub framework: FrameworkId,
    /// Where.
    pub agent: AgentId,
    /// Which, and everything else; with `framework_id` filled in.
    pub info: Arc<v1::ExecutorInfo>,
}

/// An outstanding offer, as readers see it.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferView {
    /// Its id.
    pub id: OfferId,
    /// To whom.
    pub framework: FrameworkId,
    /// Of whose resources.
    pub agent: AgentId,
    /// For which role.
    pub role: String,
    /// What, allocated to the role.
    pub resources: Arc<Resources>,
    /// As it was sent, but with `allocation_info` kept for every framework.
    pub offer: Arc<v1::Offer>,
}
