//! One agent's page of the ledger: what it has, and who holds what of it.

use std::collections::BTreeMap;

use tepui_model::{
    AgentCapabilities, AgentTraits, Attributes, Resource, ResourceQuantities, Resources, Role, Value,
};

use crate::attention::Attention;
use crate::maintenance::Maintenance;
use crate::mask::Mask;
use crate::refusals::RefusalsHere;
use crate::roles::is_quota_counted;
use crate::{FrameworkHandle, Held};

/// What the allocator needs to know of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentDescription {
    /// What whitelists name it by, and frameworks choose by.
    pub hostname: String,
    /// All it has, revocable resources included; not allocated.
    pub total: Resources,
    /// What it understands.
    pub capabilities: AgentCapabilities,
    /// What frameworks choose by.
    pub attributes: Attributes,
    /// Where it is; `None` is taken for the master's region.
    pub region: Option<String>,
    /// Where in the region.
    pub zone: Option<String>,
}

/// An agent and its page.
///
/// `available` is the total without what is held, except that a shared resource stays available. What is held can
/// exceed the total: an agent may come back with less than its tasks use.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) description: AgentDescription,
    pub(crate) active: bool,
    /// Named by the whitelist, if there is one.
    pub(crate) whitelisted: bool,
    /// Offered or used, by framework; never empty resources.
    held: BTreeMap<FrameworkHandle, Resources>,
    /// The part of `held` that is used.
    used: BTreeMap<FrameworkHandle, Resources>,
    available: Resources,
    /// The part of `available` that any role may have and that quota counts.
    free: ResourceQuantities,
    /// Which kinds are available.
    pub(crate) kinds: Mask,
    /// Whether something available is reserved or shared: then it depends on the role or the run what of it can be had.
    pub(crate) is_special: bool,
    /// Set if the agent itself is the cause that more is held than it has.
    pub(crate) shrunk: bool,
    pub(crate) has_gpus: bool,
    pub(crate) refusals: RefusalsHere,
    pub(crate) attention: Attention,
    pub(crate) maintenance: Option<Maintenance>,
}

impl Agent {
    pub(crate) fn new(description: AgentDescription, active: bool, whitelisted: bool) -> Self {
        let mut page = Self {
            active,
            whitelisted,
            held: BTreeMap::new(),
            used: BTreeMap::new(),
            available: description.total.clone(),
            free: ResourceQuantities::new(),
            kinds: Mask::NOTHING,
            is_special: false,
            shrunk: false,
            has_gpus: false,
            refusals: RefusalsHere::default(),
            attention: Attention::Settled,
            maintenance: None,
            description,
        };
        page.has_gpus = !page.total().gpus().is_zero();
        page.free = quota_counted(&page.available);
        page.note_kinds();
        page
    }

    pub(crate) fn total(&self) -> &Resources {
        &self.description.total
    }

    /// What constraints look at.
    pub(crate) fn traits(&self) -> AgentTraits<'_> {
        AgentTraits {
            hostname: &self.description.hostname,
            region: self.description.region.as_deref(),
            zone: self.description.zone.as_deref(),
            attributes: &self.description.attributes,
        }
    }

    pub(crate) fn available(&self) -> &Resources {
        &self.available
    }

    pub(crate) fn free(&self) -> &ResourceQuantities {
        &self.free
    }

    pub(crate) fn held(&self) -> &BTreeMap<FrameworkHandle, Resources> {
        &self.held
    }

    pub(crate) fn held_by(&self, framework: FrameworkHandle) -> Option<&Resources> {
        self.held.get(&framework)
    }

    pub(crate) fn used_by(&self, framework: FrameworkHandle) -> Option<&Resources> {
        self.used.get(&framework)
    }

    /// Whether what is available may be offered.
    pub(crate) fn is_offered(&self) -> bool {
        self.active && self.whitelisted && !self.available.is_empty()
    }

    /// Whether a smaller cut of what is available need not be part of a larger one, or it can be had again: then nothing
    /// follows from nobody having wanted it.
    pub(crate) fn is_restless(&self) -> bool {
        self.available
            .iter()
            .any(|entry| entry.is_shared() || (is_quota_counted(entry) && entry.is_indivisible()))
    }

    /// The framework holds more.
    pub(crate) fn hold(&mut self, framework: FrameworkHandle, resources: &Resources, how: Held) {
        if resources.is_empty() {
            return;
        }
        *self.held.entry(framework).or_default() += resources;
        if how == Held::Used {
            self.launch(framework, resources);
        }
        if how == Held::Offered && !self.shrunk {
            for entry in resources.iter().filter(|entry| !entry.is_shared()) {
                self.take_available(entry);
            }
            self.note_kinds();
        } else {
            self.count_available();
        }
    }

    /// The framework holds all that is available, which is nothing shared, in a role. Says what.
    pub(crate) fn hold_everything(&mut self, framework: FrameworkHandle, role: &Role) -> Resources {
        let mut resources = std::mem::take(&mut self.available);
        self.free = ResourceQuantities::new();
        self.kinds = Mask::NOTHING;
        resources.allocate(role);
        *self.held.entry(framework).or_default() += &resources;
        resources
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
        if self.shrunk {
            return self.count_available();
        }
        for entry in resources.iter().filter(|entry| !entry.is_shared()) {
            self.give_available(entry);
        }
        self.note_kinds();
    }

    /// The framework holds nothing any more.
    pub(crate) fn forget(&mut self, framework: FrameworkHandle) {
        self.used.remove(&framework);
        if self.held.remove(&framework).is_some() {
            self.count_available();
        }
    }

    /// The agent has something else now.
    pub(crate) fn set_total(&mut self, total: Resources) {
        self.description.total = total;
        self.has_gpus = !self.total().gpus().is_zero();
        self.shrunk = !self.is_within_total();
        self.count_available();
    }

    /// Whether no more is held than there is; of shared resources any number of copies may be.
    pub(crate) fn is_within_total(&self) -> bool {
        self.description.total.contains(&self.held_in_all().non_shared())
    }

    /// The sum of what is held, not allocated.
    pub(crate) fn held_in_all(&self) -> Resources {
        let mut all = Resources::new();
        for held in self.held.values() {
            all += &held.unallocated();
        }
        all
    }

    /// The available resources, counted from scratch.
    pub(crate) fn counted_available(&self) -> Resources {
        let total = self.description.total.non_shared();
        (total - &self.held_in_all().non_shared()) + &self.description.total.shared()
    }

    pub(crate) fn count_available(&mut self) {
        self.available = self.counted_available();
        self.free = quota_counted(&self.available);
        self.shrunk &= !self.is_within_total();
        self.note_kinds();
    }

    /// An allocated entry is no longer available.
    fn take_available(&mut self, entry: &Resource) {
        self.available -= &entry.clone().unallocated();
        if let (true, Value::Scalar(amount)) = (is_quota_counted(entry), entry.value()) {
            self.free.decrease(entry.name(), *amount);
        }
    }

    fn give_available(&mut self, entry: &Resource) {
        self.available += entry.clone().unallocated();
        if let (true, Value::Scalar(amount)) = (is_quota_counted(entry), entry.value()) {
            self.free.increase(entry.name(), *amount);
        }
    }

    fn note_kinds(&mut self) {
        self.kinds = Mask::of_resources(&self.available);
        self.is_special = self.available.iter().any(|entry| entry.is_reserved() || entry.is_shared());
    }
}

/// What any role may have and quota counts.
pub(crate) fn quota_counted(resources: &Resources) -> ResourceQuantities {
    let mut counted = ResourceQuantities::new();
    for entry in resources.iter().filter(|entry| is_quota_counted(entry)) {
        if let Value::Scalar(amount) = *entry.value() {
            counted.increase(entry.name(), amount);
        }
    }
    counted
}

fn take(from: &mut BTreeMap<FrameworkHandle, Resources>, framework: FrameworkHandle, resources: &Resources) {
    let Some(held) = from.get_mut(&framework).filter(|held| held.contains(resources)) else {
        panic!("{framework} gives back {resources}, which it does not hold");
    };
    *held -= resources;
    if held.is_empty() {
        from.remove(&framework);
    }
}
