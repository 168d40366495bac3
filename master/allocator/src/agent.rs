//! One agent's page of the ledger: what it has, and who holds what of it.

use std::collections::BTreeMap;

use tepui_model::{AgentCapabilities, Attributes, Resources};

use crate::{FrameworkHandle, Held};

/// What the allocator needs to know of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentDescription {
    /// All it has, revocable resources included; not allocated.
    pub total: Resources,
    /// What it understands.
    pub capabilities: AgentCapabilities,
    /// What frameworks choose by.
    pub attributes: Attributes,
    /// Where it is; `None` is taken for the master's region.
    pub region: Option<String>,
}

/// An agent and its page.
///
/// `available` is the total without what is held, except that a shared resource stays available. What is held can
/// exceed the total: an agent may come back with less than its tasks use.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) description: AgentDescription,
    pub(crate) active: bool,
    /// Offered or used, by framework; never empty resources.
    held: BTreeMap<FrameworkHandle, Resources>,
    /// The part of `held` that is used.
    used: BTreeMap<FrameworkHandle, Resources>,
    /// The sum of `held`, not allocated.
    held_in_all: Resources,
    available: Resources,
    /// Set if the agent itself is the cause that more is held than it has.
    pub(crate) shrunk: bool,
}

impl Agent {
    pub(crate) fn new(description: AgentDescription, active: bool) -> Self {
        let available = description.total.clone();
        let (held, used) = (BTreeMap::new(), BTreeMap::new());
        Self { description, active, held, used, held_in_all: Resources::new(), available, shrunk: false }
    }

    pub(crate) fn total(&self) -> &Resources {
        &self.description.total
    }

    pub(crate) fn available(&self) -> &Resources {
        &self.available
    }

    pub(crate) fn held(&self) -> &BTreeMap<FrameworkHandle, Resources> {
        &self.held
    }

    pub(crate) fn held_in_all(&self) -> &Resources {
        &self.held_in_all
    }

    pub(crate) fn held_by(&self, framework: FrameworkHandle) -> Option<&Resources> {
        self.held.get(&framework)
    }

    pub(crate) fn used_by(&self, framework: FrameworkHandle) -> Option<&Resources> {
        self.used.get(&framework)
    }

    pub(crate) fn has_gpus(&self) -> bool {
        !self.description.total.gpus().is_zero()
    }

    /// The framework holds more.
    pub(crate) fn hold(&mut self, framework: FrameworkHandle, resources: &Resources, how: Held) {
        if resources.is_empty() {
            return;
        }
        *self.held.entry(framework).or_default() += resources;
        self.held_in_all += &resources.unallocated();
        if how == Held::Used {
            self.launch(framework, resources);
        }
        self.count_available();
    }

    /// What the framework holds as an offer is used now.
    pub(crate) fn launch(&mut self, framework: FrameworkHandle, resources: &Resources) {
        if resources.is_empty() {
            return;
        }
        let used = self.used.entry(framework).or_default();
        *used += resources;
        let held = self.held.get(&framework).is_some_and(|held| held.contains(used));
        assert!(held, "{framework} launched {resources}, more than it holds");
    }

    /// The framework holds less.
    pub(crate) fn release(&mut self, framework: FrameworkHandle, resources: &Resources, how: Held) {
        if resources.is_empty() {
            return;
        }
        take(&mut self.held, framework, resources);
        if how == Held::Used {
            take(&mut self.used, framework, resources);
        }
        self.held_in_all -= &resources.unallocated();
        self.count_available();
    }

    /// The framework holds nothing any more.
    pub(crate) fn forget(&mut self, framework: FrameworkHandle) {
        self.used.remove(&framework);
        if let Some(held) = self.held.remove(&framework) {
            self.held_in_all -= &held.unallocated();
            self.count_available();
        }
    }

    /// The agent has something else now.
    pub(crate) fn set_total(&mut self, total: Resources) {
        self.description.total = total;
        self.shrunk = !self.is_within_total();
        self.count_available();
    }

    /// Whether no more is held than there is; of shared resources any number of copies may be.
    pub(crate) fn is_within_total(&self) -> bool {
        self.description.total.contains(&self.held_in_all.non_shared())
    }

    /// The available resources, counted from scratch.
    pub(crate) fn counted_available(&self) -> Resources {
        let total = self.description.total.non_shared();
        (total - &self.held_in_all.non_shared()) + &self.description.total.shared()
    }

    fn count_available(&mut self) {
        self.available = self.counted_available();
        self.shrunk &= !self.is_within_total();
    }
}

fn take(from: &mut BTreeMap<FrameworkHandle, Resources>, framework: FrameworkHandle, resources: &Resources) {
    let rest = from.get(&framework).and_then(|held| held.checked_sub(resources));
    let rest = rest.unwrap_or_else(|| panic!("{framework} gives back {resources}, which it does not hold"));
    if rest.is_empty() {
        from.remove(&framework);
    } else {
        from.insert(framework, rest);
    }
}
