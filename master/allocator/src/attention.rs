//! Which agents a run must look at, so that it costs what changed and not what exists.
//!
//! An agent is *settled* when everybody had a turn on it and nobody could have what is left. Looking again would change
//! nothing, until one of these happens, each of which says for whom:
//!
//! - something came back on the agent, or the agent itself changed: for everybody
//! - a refusal lapsed: for its framework, on this agent
//! - a framework wants more, or other things: for this framework, on every agent
//! - a role whose offers were cut consumes less or may consume more: for this role, on every agent
//! - more may be handed out besides the headroom: for everybody, on the agents where something was held back for it
//!
//! All else only makes offers smaller, and less of what nobody could have is less that nobody can have. What is shared or
//! indivisible is the exception; an agent with such resources left never settles.

use std::collections::{BTreeMap, BTreeSet};

use crate::roles::{RoleId, TopId};
use crate::{AgentHandle, Allocator, FrameworkHandle};

/// Beyond so many roles or frameworks it is cheaper to give everybody a turn than to keep them in order.
const MANY: usize = 64;

/// For whom an agent must be looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Attention {
    /// For nobody.
    #[default]
    Settled,
    For(Awake),
    ForEverybody,
}

/// Roles, and in each either some frameworks or all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Awake {
    roles: BTreeMap<RoleId, Option<BTreeSet<FrameworkHandle>>>,
    count: usize,
}

impl Attention {
    /// Adds a framework in one of its roles.
    pub(crate) fn add(&mut self, role: RoleId, framework: FrameworkHandle) {
        self.add_to(|awake| awake.add(role, framework));
    }

    pub(crate) fn add_role(&mut self, role: RoleId) {
        self.add_to(|awake| awake.add_role(role));
    }

    fn add_to(&mut self, add: impl FnOnce(&mut Awake)) {
        match self {
            Self::Settled => {
                let mut awake = Awake::default();
                add(&mut awake);
                *self = Self::For(awake);
            }
            Self::For(awake) => add(awake),
            Self::ForEverybody => {}
        }
        if matches!(self, Self::For(awake) if awake.count > MANY) {
            *self = Self::ForEverybody;
        }
    }

    /// Both.
    pub(crate) fn with(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::ForEverybody, _) | (_, Self::ForEverybody) => Self::ForEverybody,
            (Self::Settled, attention) | (attention, Self::Settled) => attention.clone(),
            (Self::For(awake), Self::For(others)) => {
                let mut all = Self::For(awake.clone());
                for (role, frameworks) in &others.roles {
                    match frameworks {
                        None => all.add_role(*role),
                        Some(some) => some.iter().for_each(|framework| all.add(*role, *framework)),
                    }
                }
                all
            }
        }
    }

    /// The role's number is about to be given to another.
    pub(crate) fn forget_role(&mut self, role: RoleId) {
        if let Self::For(awake) = self {
            awake.roles.remove(&role);
        }
    }
}

impl Awake {
    fn add(&mut self, role: RoleId, framework: FrameworkHandle) {
        if let Some(some) = self.roles.entry(role).or_insert_with(|| Some(BTreeSet::new())) {
            self.count += usize::from(some.insert(framework));
        }
    }

    fn add_role(&mut self, role: RoleId) {
        self.roles.insert(role, None);
        self.count += 1;
    }

    pub(crate) fn roles(&self) -> impl Iterator<Item = RoleId> {
        self.roles.keys().copied()
    }

    /// The frameworks of a role that are awake; `None` is all.
    pub(crate) fn frameworks(&self, role: RoleId) -> Option<&BTreeSet<FrameworkHandle>> {
        self.roles.get(&role)?.as_ref()
    }
}

impl Allocator {
    /// Something on the agent changed for everybody. Does not make it a candidate.
    pub(crate) fn unsettle(&mut self, agent: AgentHandle) {
        self.agents[agent].attention = Attention::ForEverybody;
        self.unsettled.insert(agent);
    }

    /// A refusal of the framework on the agent lapsed.
    pub(crate) fn awaken_here(&mut self, agent: AgentHandle, role: RoleId, framework: FrameworkHandle) {
        self.agents[agent].attention.add(role, framework);
        self.unsettled.insert(agent);
    }

    /// The framework may want what it did not want before, on any agent.
    pub(crate) fn awaken(&mut self, framework: FrameworkHandle) {
        for (_, role) in &self.frameworks[framework].subscriptions {
            self.awake.add(*role, framework);
        }
    }

    /// All frameworks at and below a top-level role may get more than before, on any agent.
    pub(crate) fn awaken_top(&mut self, top: TopId) {
        if !self.roles.top(top).pinched {
            return;
        }
        self.roles.top_mut(top).pinched = false;
        for role in &self.roles.top(top).members {
            self.awake.add_role(*role);
        }
    }

    /// The role has no frameworks any more.
    pub(crate) fn forget_attention(&mut self, role: RoleId) {
        self.awake.forget_role(role);
        for agent in &self.unsettled {
            if let Some(page) = self.agents.get_mut(*agent) {
                page.attention.forget_role(role);
            }
        }
    }
}
