//! What the allocator is told, and what it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_model::{Conversion, Quota, Resources, Role};

use crate::{
    AgentDescription, AgentHandle, FrameworkDescription, FrameworkHandle, InverseAnswer, Unavailability,
};

/// Something that happened. Calls are values: they can be queued, sent to another thread, recorded and replayed.
///
/// All resources that belong to a framework are allocated, that is, they say to which role.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// A framework subscribed, or is known from its tasks only (then it is not active). What agents reported as used by
    /// this handle before is counted from now on.
    AddFramework {
        /// New to the allocator.
        framework: FrameworkHandle,
        /// What it wants.
        description: FrameworkDescription,
        /// Whether it gets offers.
        active: bool,
    },
    /// Its roles, suppressed roles, capabilities or minima are now these. Its filters in roles that it left or
    /// un-suppressed are dropped.
    UpdateFramework {
        /// Known to the allocator.
        framework: FrameworkHandle,
        /// Everything anew.
        description: FrameworkDescription,
    },
    /// It is connected: it gets offers again.
    ActivateFramework(FrameworkHandle),
    /// It is disconnected: no more offers, and its filters are dropped. What it holds it keeps.
    DeactivateFramework(FrameworkHandle),
    /// It is gone; all that it held is free.
    RemoveFramework(FrameworkHandle),
    /// An agent registered, or came back with what frameworks use there.
    AddAgent {
        /// New to the allocator.
        agent: AgentHandle,
        /// What it has.
        description: AgentDescription,
        /// Whether it is offered.
        active: bool,
        /// Allocated resources in use, by framework; frameworks may be added later.
        used: BTreeMap<FrameworkHandle, Resources>,
    },
    /// It has now this. Changed attributes or another region drop the filters of this agent.
    UpdateAgent {
        /// Known to the allocator.
        agent: AgentHandle,
        /// Everything anew.
        description: AgentDescription,
    },
    /// Resources in use that the allocator did not hand out: an agent that stayed known reported them.
    AddUsed {
        /// Known to the allocator.
        agent: AgentHandle,
        /// By whom.
        framework: FrameworkHandle,
        /// What, allocated.
        resources: Resources,
    },
    /// It is offered again.
    ActivateAgent(AgentHandle),
    /// It is not offered; what is held there stays held.
    DeactivateAgent(AgentHandle),
    /// It is gone, with all that was held there.
    RemoveAgent(AgentHandle),
    /// Offered resources are used now.
    Launch {
        /// Where.
        agent: AgentHandle,
        /// By whom.
        framework: FrameworkHandle,
        /// Part of what it was offered there.
        resources: Resources,
    },
    /// An operation turned offered resources into others (a reservation, a volume), on the agent too. Resources that
    /// come from nothing are further copies of a shared one.
    Convert {
        /// Where.
        agent: AgentHandle,
        /// Whose.
        framework: FrameworkHandle,
        /// In this order.
        conversions: Vec<Conversion>,
    },
    /// Resources came back: from an offer that was declined, rescinded or used in part, or from a task that ended.
    /// Nothing happens if agent or framework are gone.
    ///
    /// What came back is offered with the next run of all agents.
    Recover {
        /// Where.
        agent: AgentHandle,
        /// Who held them.
        framework: FrameworkHandle,
        /// Of one role.
        resources: Resources,
        /// Whether they were in use.
        held: Held,
        /// For how long the framework does not want as much or less of them again; see [`refusal`](crate::refusal).
        refused: Option<Duration>,
    },
    /// The framework wants no offers in these of its roles; none named means all.
    Suppress {
        /// Known to the allocator.
        framework: FrameworkHandle,
        /// Which.
        roles: BTreeSet<Role>,
    },
    /// The framework wants offers in these of its roles, also those that it refused; none named means all.
    Revive {
        /// Known to the allocator.
        framework: FrameworkHandle,
        /// Which.
        roles: BTreeSet<Role>,
    },
    /// Roles weigh this much, a positive number, from the next run on; 1 is the default. What is held is not redistributed.
    UpdateWeights(Vec<(Role, f64)>),
    /// A top-level role and all below it have this quota from the next run on; the default is none. What is held is not
    /// taken back.
    UpdateQuota {
        /// Not below another.
        role: Role,
        /// Everything anew.
        quota: Quota,
    },
    /// The registry names so many agents. If there is quota, there are no runs until most of them are back.
    AwaitAgents(usize),
    /// Only agents on these hosts are offered; `None` is all.
    SetWhitelist(Option<BTreeSet<String>>),
    /// An agent will be unavailable, or is not in maintenance any more.
    UpdateUnavailability {
        /// Known to the allocator.
        agent: AgentHandle,
        /// When.
        unavailability: Option<Unavailability>,
    },
    /// A framework answered an inverse offer, or (without an answer) it was taken back.
    AnswerInverseOffer {
        /// Which.
        agent: AgentHandle,
        /// Who was asked.
        framework: FrameworkHandle,
        /// What it said.
        answer: Option<InverseAnswer>,
        /// For how long it does not want to be asked again; see [`refusal`](crate::refusal).
        refused: Option<Duration>,
    },
}

/// Whether what a framework holds was only offered or is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// In an offer.
    Offered,
    /// By a task, executor or operation.
    Used,
}

/// Resources of one agent for one role of one framework: an offer to be made. They are held by the framework until
/// recovered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// To whom.
    pub framework: FrameworkHandle,
    /// In which of its roles.
    pub role: Role,
    /// Where.
    pub agent: AgentHandle,
    /// What; allocated to the role.
    pub resources: Resources,
}
