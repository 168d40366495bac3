//! One framework: what it wants and what it refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use tepui_model::{FrameworkCapabilities, FrameworkId, OfferConstraints, ResourceQuantities, Role, Time};

use crate::AgentHandle;
use crate::roles::RoleId;

/// What the allocator needs to know of a framework.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameworkDescription {
    /// Decides between frameworks that are otherwise equal.
    pub id: FrameworkId,
    /// The roles it is subscribed to.
    pub roles: BTreeSet<Role>,
    /// Those of its roles in which it wants no offers now.
    pub suppressed: BTreeSet<Role>,
    /// What it understands.
    pub capabilities: FrameworkCapabilities,
    /// Per role, what an offer must hold at least one of, instead of the operator's setting; an empty list lets any
    /// offer pass.
    pub min_allocatable: BTreeMap<Role, Vec<ResourceQuantities>>,
    /// Which agents it wants offers from.
    pub constraints: Arc<OfferConstraints>,
}

#[derive(Clone, Debug)]
pub(crate) struct Framework {
    pub(crate) description: FrameworkDescription,
    pub(crate) active: bool,
    /// The roles of its description, under their numbers.
    pub(crate) subscriptions: Vec<(Role, RoleId)>,
    /// Where it refused something, per role.
    pub(crate) refused: BTreeMap<RoleId, BTreeSet<AgentHandle>>,
    /// Until when it wants to hear of no maintenance of an agent.
    pub(crate) undisturbed: BTreeMap<AgentHandle, Time>,
    /// The agents where it holds something.
    pub(crate) agents: BTreeSet<AgentHandle>,
}

impl Framework {
    pub(crate) fn new(description: FrameworkDescription, active: bool) -> Self {
        Self {
            description,
            active,
            subscriptions: Vec::new(),
            refused: BTreeMap::new(),
            undisturbed: BTreeMap::new(),
            agents: BTreeSet::new(),
        }
    }

    /// Whether it gets offers in the role.
    pub(crate) fn wants(&self, role: &Role) -> bool {
        self.active && self.description.roles.contains(role) && !self.description.suppressed.contains(role)
    }

    /// The number of a role that it is subscribed to.
    pub(crate) fn subscription(&self, role: &Role) -> Option<RoleId> {
        self.subscriptions.iter().find(|(name, _)| name == role).map(|(_, id)| *id)
    }

    /// Those of its roles that a call names; none named means all.
    pub(crate) fn named(&self, roles: &BTreeSet<Role>) -> Vec<Role> {
        let mine = self.description.roles.iter();
        mine.filter(|role| roles.is_empty() || roles.contains(*role)).cloned().collect()
    }
}

impl fmt::Display for FrameworkDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as", self.id)?;
        for role in &self.roles {
            let suppressed = if self.suppressed.contains(role) { " (suppressed)" } else { "" };
            write!(f, " {role}{suppressed}")?;
        }
        Ok(())
    }
}
