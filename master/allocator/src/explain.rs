//! Why a framework gets no offer: for every agent the first reason, in the order in which a run would meet them.
//!
//! A reading of the state, made when somebody asks; it changes nothing. It answers for what the framework wants to run,
//! so that an agent with something free is no answer if what is wanted does not fit. Who does not say what is wanted is
//! answered for the least that makes an offer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_model::{ResourceName, ResourceQuantities, Resources, Role, Scalar, Time, Value, duration};

use crate::agent::Agent;
use crate::cycle::{Stage, Why, check_fit, portion, understood_by};
use crate::framework::Framework;
use crate::roles::RoleId;
use crate::{AgentHandle, Allocator, FrameworkHandle};

/// Why an agent is not offered to a framework in a role, or that it will be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// The framework is disconnected.
    FrameworkInactive,
    /// It is not subscribed to the role.
    NotSubscribed,
    /// It suppressed the role.
    Suppressed,
    /// Nothing is offered to anybody until more agents are back.
    AwaitingAgents,
    /// The agent was drained or deactivated, or is disconnected.
    AgentInactive,
    /// The operator's whitelist does not name its host.
    NotWhitelisted,
    /// It does not pass the framework's offer constraints.
    Constraints,
    /// It has GPUs, and the framework does not say that it knows them.
    Gpus,
    /// It is in another region, and the framework does not say that it knows regions.
    Region,
    /// The framework knows many roles, and the agent does not.
    AgentWithoutMultiRole,
    /// The role lies below another, and the agent does not know such roles.
    AgentWithoutHierarchicalRoles,
    /// It never has so much of this.
    TooSmall(ResourceName),
    /// So much of this is there, but kept for other roles.
    Reserved(ResourceName),
    /// So much of this is there, but in a guise that the framework does not say it knows: revocable, shared, or of a refined
    /// reservation.
    NotUnderstood(ResourceName),
    /// An offer of it, with what is wanted, waits for this framework's answer.
    AlreadyOffered,
    /// So much of this is there, but somebody holds it.
    InUse(ResourceName),
    /// What is free is less than the operator, or the framework itself, lets be offered.
    BelowMinimum,
    /// The role's limit leaves too little of this.
    QuotaLimit(ResourceName),
    /// So much of this must stay free for guarantees of other roles.
    Headroom(ResourceName),
    /// The framework refused it, for so long yet.
    Refused(Duration),
    /// Nothing is in the way; so many roles, and in this role so many frameworks, have their turn before.
    Turn {
        /// Roles before.
        roles: usize,
        /// Frameworks before.
        frameworks: usize,
    },
}

/// The reasons of one framework in one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// In which role.
    pub role: Role,
    /// One for each agent.
    pub agents: BTreeMap<AgentHandle, Reason>,
}

impl Explanation {
    /// How many agents have which reason; together all agents.
    pub fn counts(&self) -> BTreeMap<&Reason, usize> {
        let mut counts = BTreeMap::new();
        for reason in self.agents.values() {
            *counts.entry(reason).or_default() += 1;
        }
        counts
    }
}

impl Allocator {
    /// Says of every agent why it is not offered to the framework in one of its roles, if it wants to run something that
    /// takes this much. `None` if there is no such framework.
    pub fn explain(
        &self,
        now: Time,
        framework: FrameworkHandle,
        role: &Role,
        wanted: &ResourceQuantities,
    ) -> Option<Explanation> {
        let known = self.frameworks.get(framework)?;
        let wanted =
            if wanted.is_empty() { Wanted::AnyOf(self.minima(known, role)) } else { Wanted::Amounts(wanted) };
        let for_all = self.reason_for_all(known, role);
        let id = known.subscription(role);
        let turn = id.filter(|_| for_all.is_none()).map(|id| self.turn(framework, id));
        let required = self.required_headroom();
        let surplus = (!required.is_empty()).then(|| self.free.clone() - &required);
        let reason = |agent, page| match (&for_all, id.zip(turn.as_ref())) {
            (Some(reason), _) => reason.clone(),
            (None, Some((role, turn))) => {
                let question = Question { now, framework, role, wanted: &wanted, surplus: surplus.as_ref() };
                self.reason(&question, agent, page).unwrap_or_else(|| turn.clone())
            }
            (None, None) => Reason::NotSubscribed,
        };
        let agents = self.agents.iter().map(|(agent, page)| (agent, reason(agent, page))).collect();
        Some(Explanation { role: role.clone(), agents })
    }

    /// The reason that is not the agent's.
    fn reason_for_all(&self, known: &Framework, role: &Role) -> Option<Reason> {
        if !known.active {
            return Some(Reason::FrameworkInactive);
        }
        if !known.description.roles.contains(role) {
            return Some(Reason::NotSubscribed);
        }
        if known.description.suppressed.contains(role) {
            return Some(Reason::Suppressed);
        }
        self.pause.map(|_| Reason::AwaitingAgents)
    }

    /// The first reason there is.
    fn reason(&self, question: &Question<'_>, agent: AgentHandle, page: &Agent) -> Option<Reason> {
        let Question { now, framework, role, wanted, .. } = *question;
        let known = &self.frameworks[framework];
        let name = &self.roles.member(role).role;
        if !page.active {
            return Some(Reason::AgentInactive);
        }
        if !page.whitelisted {
            return Some(Reason::NotWhitelisted);
        }
        if known.description.constraints.exclude(name, page.traits()) {
            return Some(Reason::Constraints);
        }
        if let Err(why) = self.check_capable(known, page).and_then(|()| check_fit(known, name, page)) {
            return Some(told(now, why));
        }
        let (total, capabilities) = (page.total(), &known.description.capabilities);
        if let Some(name) = wanted.missing(total) {
            return Some(Reason::TooSmall(name));
        }
        let allowed = total.allocatable_to(name);
        if let Some(name) = wanted.missing(&allowed) {
            return Some(Reason::Reserved(name));
        }
        if let Some(name) = wanted.missing(&understood_by(capabilities, &allowed)) {
            return Some(Reason::NotUnderstood(name));
        }
        let held = page.held_by(framework).cloned().unwrap_or_default();
        let offered = held - &page.used_by(framework).cloned().unwrap_or_default();
        if !offered.is_empty() && wanted.missing(&offered).is_none() {
            return Some(Reason::AlreadyOffered);
        }
        self.reason_for_the_rest(question, agent)
    }

    /// The agent could be the one, were it not for what goes on in the cluster.
    fn reason_for_the_rest(&self, question: &Question<'_>, agent: AgentHandle) -> Option<Reason> {
        let Question { now, framework, role, wanted, surplus } = *question;
        let known = &self.frameworks[framework];
        let available = self.available_to(role, agent, None);
        let understood = understood_by(&known.description.capabilities, &available);
        if let Some(name) = wanted.missing(&understood) {
            return Some(Reason::InUse(name));
        }
        let top = self.roles.top_of(role);
        let guaranteed = portion(&understood, top, None, Stage::Guarantees).guaranteed;
        let stage = if guaranteed.is_empty() { Stage::FairShare } else { Stage::Guarantees };
        let left = |surplus| portion(&understood, top, surplus, stage).resources;
        if let Some(name) = wanted.missing(&left(None)) {
            return Some(Reason::QuotaLimit(name));
        }
        if let Some(name) = wanted.missing(&left(surplus)) {
            return Some(Reason::Headroom(name));
        }
        let cut = self.offer_for(framework, role, agent, &available, surplus, stage);
        if let Err(why) = cut.offer {
            return Some(told(now, why));
        }
        None
    }

    /// How many have their turn before.
    fn turn(&self, framework: FrameworkHandle, role: RoleId) -> Reason {
        let mut random = self.random.clone();
        let roles = self.role_sorter.clone().place_in_order(role, &self.totals, &mut random);
        let of_role = self.roles.member(role).sorter.clone();
        let frameworks = of_role.place_in_order(framework, &self.totals, &mut random);
        Reason::Turn { roles, frameworks }
    }
}

fn told(now: Time, why: Why) -> Reason {
    match why {
        Why::Constraints => Reason::Constraints,
        Why::Gpus => Reason::Gpus,
        Why::Region => Reason::Region,
        Why::AgentWithoutMultiRole => Reason::AgentWithoutMultiRole,
        Why::AgentWithoutHierarchicalRoles => Reason::AgentWithoutHierarchicalRoles,
        Why::TooLittle | Why::NotUnderstood | Why::NothingGuaranteed | Why::CutToNothing => {
            Reason::BelowMinimum
        }
        Why::RefusedUntil(until) => Reason::Refused(until.since(now)),
    }
}

/// What is the same for every agent.
#[derive(Clone, Copy)]
struct Question<'a> {
    now: Time,
    framework: FrameworkHandle,
    role: RoleId,
    wanted: &'a Wanted<'a>,
    surplus: Option<&'a ResourceQuantities>,
}

/// What has to fit.
enum Wanted<'a> {
    /// All of this. Of what is no scalar, such as ports, so many whichever they are.
    Amounts(&'a ResourceQuantities),
    /// Nobody said; then what makes an offer: all of one of these, or anything at all if there are none.
    AnyOf(&'a [ResourceQuantities]),
}

impl Wanted<'_> {
    /// The first name of which there is too little.
    fn missing(&self, there: &Resources) -> Option<ResourceName> {
        match self {
            Self::Amounts(wanted) => first_missing(there, wanted),
            Self::AnyOf([]) => there.is_empty().then_some(ResourceName::Cpus),
            Self::AnyOf(sets) => {
                let fits = sets.iter().any(|set| first_missing(there, set).is_none());
                if fits { None } else { first_missing(there, &sets[0]) }
            }
        }
    }
}

fn first_missing(there: &Resources, wanted: &ResourceQuantities) -> Option<ResourceName> {
    wanted.iter().find(|(name, amount)| amount_of(there, name) < *amount).map(|(name, _)| name.clone())
}

/// How much there is of it, whatever it is made of.
fn amount_of(there: &Resources, name: &ResourceName) -> Scalar {
    let mut amount = Scalar::default();
    for entry in there.iter().filter(|entry| entry.name() == name) {
        amount += match entry.value() {
            Value::Scalar(scalar) => *scalar,
            Value::Ranges(ranges) => Scalar::from_f64(ranges.count() as f64).unwrap_or_default(),
            Value::Set(set) => Scalar::from_f64(set.len() as f64).unwrap_or_default(),
        };
    }
    amount
}

impl Reason {
    /// Its name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FrameworkInactive => "FRAMEWORK_INACTIVE",
            Self::NotSubscribed => "NOT_SUBSCRIBED",
            Self::Suppressed => "SUPPRESSED",
            Self::AwaitingAgents => "AWAITING_AGENTS",
            Self::AgentInactive => "AGENT_INACTIVE",
            Self::NotWhitelisted => "NOT_WHITELISTED",
            Self::Constraints => "CONSTRAINTS",
            Self::Gpus => "GPUS",
            Self::Region => "REGION",
            Self::AgentWithoutMultiRole => "AGENT_WITHOUT_MULTI_ROLE",
            Self::AgentWithoutHierarchicalRoles => "AGENT_WITHOUT_HIERARCHICAL_ROLES",
            Self::TooSmall(_) => "TOO_SMALL",
            Self::Reserved(_) => "RESERVED",
            Self::NotUnderstood(_) => "NOT_UNDERSTOOD",
            Self::AlreadyOffered => "ALREADY_OFFERED",
            Self::InUse(_) => "IN_USE",
            Self::BelowMinimum => "BELOW_MINIMUM",
            Self::QuotaLimit(_) => "QUOTA_LIMIT",
            Self::Headroom(_) => "HEADROOM",
            Self::Refused(_) => "REFUSED",
            Self::Turn { .. } => "TURN",
        }
    }

    /// The resource that it is about.
    pub fn resource(&self) -> Option<&ResourceName> {
        match self {
            Self::TooSmall(name)
            | Self::Reserved(name)
            | Self::NotUnderstood(name)
            | Self::InUse(name)
            | Self::QuotaLimit(name)
            | Self::Headroom(name) => Some(name),
            Self::FrameworkInactive
            | Self::NotSubscribed
            | Self::Suppressed
            | Self::AwaitingAgents
            | Self::AgentInactive
            | Self::NotWhitelisted
            | Self::Constraints
            | Self::Gpus
            | Self::Region
            | Self::AgentWithoutMultiRole
            | Self::AgentWithoutHierarchicalRoles
            | Self::AlreadyOffered
            | Self::BelowMinimum
            | Self::Refused(_)
            | Self::Turn { .. } => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrameworkInactive => f.write_str("the framework is disconnected"),
            Self::NotSubscribed => f.write_str("the framework is not subscribed to the role"),
            Self::Suppressed => f.write_str("the framework suppressed the role"),
            Self::AwaitingAgents => f.write_str("offers wait until more agents are back"),
            Self::AgentInactive => f.write_str("drained, deactivated or disconnected"),
            Self::NotWhitelisted => f.write_str("not on the whitelist"),
            Self::Constraints => f.write_str("excluded by the framework's offer constraints"),
            Self::Gpus => f.write_str("has gpus, and the framework lacks GPU_RESOURCES"),
            Self::Region => f.write_str("in another region, and the framework lacks REGION_AWARE"),
            Self::AgentWithoutMultiRole => f.write_str("the agent lacks MULTI_ROLE"),
            Self::AgentWithoutHierarchicalRoles => f.write_str("the agent lacks HIERARCHICAL_ROLE"),
            Self::TooSmall(name) => write!(f, "too small: not enough {name}"),
            Self::Reserved(name) => write!(f, "{name} reserved for other roles"),
            Self::NotUnderstood(name) => {
                write!(f, "{name} revocable, shared or refined, and the framework lacks the capability")
            }
            Self::AlreadyOffered => f.write_str("offered already, not answered"),
            Self::InUse(name) => write!(f, "not enough {name} free"),
            Self::BelowMinimum => f.write_str("less free than is worth an offer"),
            Self::QuotaLimit(name) => write!(f, "the role's quota limit for {name}"),
            Self::Headroom(name) => write!(f, "{name} held back for guarantees of other roles"),
            Self::Refused(left) => write!(f, "refused for {} more", duration::print(*left)),
            Self::Turn { roles, frameworks } => {
                write!(f, "next run, after {roles} roles and {frameworks} frameworks")
            }
        }
    }
}
