//! Who holds what: the ledger's pages and the sorters, always changed together.

use std::time::Duration;

use tepui_model::Time;
use tepui_model::{Conversion, Resources, Role};

use crate::sorter::Sorter;
use crate::{AgentHandle, Allocator, FrameworkHandle, Held};

impl Allocator {
    /// A run hands out resources.
    pub(crate) fn hand_out(
        &mut self,
        agent: AgentHandle,
        framework: FrameworkHandle,
        role: &Role,
        resources: &Resources,
    ) {
        self.page(agent).hold(framework, resources, Held::Offered);
        self.frameworks.get_mut(&framework).expect("runs serve known frameworks").agents.insert(agent);
        let sorter = self.framework_sorters.get_mut(role).expect("runs serve roles with frameworks");
        sorter.allocated(&framework, agent, resources, &self.totals);
        self.role_sorter.allocated(role, agent, resources, &self.totals);
    }

    /// Somebody turns out to use resources that were not handed out.
    pub(crate) fn add_used(&mut self, agent: AgentHandle, framework: FrameworkHandle, resources: &Resources) {
        if !self.agents.contains_key(&agent) {
            return;
        }
        let page = self.page(agent);
        page.hold(framework, resources, Held::Used);
        page.shrunk |= !page.is_within_total();
        self.count(agent, framework, resources);
    }

    /// Offered resources are used now.
    pub(crate) fn launch(&mut self, agent: AgentHandle, framework: FrameworkHandle, resources: &Resources) {
        let known = self.frameworks.contains_key(&framework);
        if let Some(page) = self.agents.get_mut(&agent).filter(|_| known) {
            page.launch(framework, resources);
        }
    }

    /// Resources come back. They are offered anew with the next batch, not at once: whoever returned them would be
    /// first in turn again.
    pub(crate) fn recover(
        &mut self,
        agent: AgentHandle,
        framework: FrameworkHandle,
        resources: &Resources,
        how: Held,
    ) {
        let is_known = self.frameworks.contains_key(&framework);
        let Some(page) = self.agents.get(&agent).filter(|_| !resources.is_empty()) else { return };
        // An unknown framework has gone with all it held, or agents reported it before it was known.
        if !is_known && page.held_by(framework).is_none() {
            return;
        }
        self.page(agent).release(framework, resources, how);
        self.uncount(agent, framework, resources);
    }

    /// The framework does not want the like for a while, in the role that it was offered for.
    pub(crate) fn refuse(
        &mut self,
        now: Time,
        agent: AgentHandle,
        framework: FrameworkHandle,
        resources: &Resources,
        refused: Duration,
    ) {
        let is_known = self.agents.contains_key(&agent);
        let Some(framework) = self.frameworks.get_mut(&framework).filter(|_| is_known) else { return };
        if refused.is_zero() {
            return;
        }
        // A refusal outlives the next run of all agents, which may be one interval away.
        let until = now + refused.max(self.settings.allocation_interval);
        for (role, part) in resources.allocations() {
            let filters = framework.filters.entry(role).or_default().entry(agent).or_default();
            filters.add(part.unallocated(), until, self.batches);
        }
    }

    /// An operation turned held resources into others.
    pub(crate) fn convert(
        &mut self,
        agent: AgentHandle,
        framework: FrameworkHandle,
        conversions: &[Conversion],
    ) {
        let is_known = self.agents.contains_key(&agent) && self.frameworks.contains_key(&framework);
        for Conversion { consumed, converted } in conversions.iter().filter(|_| is_known) {
            let page = self.page(agent);
            page.release(framework, consumed, Held::Offered);
            // Further copies of a shared resource come from nothing, and the agent has not more of it for that.
            if !consumed.is_empty() {
                let conversion =
                    Conversion { consumed: consumed.unallocated(), converted: converted.unallocated() };
                let total = page.total().apply(&conversion);
                let total = total.unwrap_or_else(|why| panic!("{framework} converts on {agent}: {why}"));
                self.set_total(agent, total);
            }
            self.page(agent).hold(framework, converted, Held::Offered);
            self.uncount(agent, framework, consumed);
            self.count(agent, framework, converted);
        }
    }

    /// Counts what is on an agent's page in the sorters, if the framework is known.
    pub(crate) fn count(&mut self, agent: AgentHandle, framework: FrameworkHandle, resources: &Resources) {
        let Some(known) = self.frameworks.get_mut(&framework).filter(|_| !resources.is_empty()) else {
            return;
        };
        known.agents.insert(agent);
        for (role, part) in resources.allocations() {
            // It may hold something in a role that it is not, or no longer, subscribed to.
            self.enter_role(framework, &role);
            let sorter = self.framework_sorters.get_mut(&role).expect("the role was entered");
            sorter.add_held(&framework, agent, &part);
            self.role_sorter.add_held(&role, agent, &part);
        }
    }

    /// Uncounts what has left an agent's page.
    pub(crate) fn uncount(&mut self, agent: AgentHandle, framework: FrameworkHandle, resources: &Resources) {
        let Some(known) = self.frameworks.get_mut(&framework) else { return };
        if self.agents.get(&agent).is_none_or(|page| page.held_by(framework).is_none()) {
            known.agents.remove(&agent);
        }
        for (role, part) in resources.allocations() {
            let sorter =
                self.framework_sorters.get_mut(&role).expect("who holds something in a role is in it");
            sorter.unallocated(&framework, agent, &part);
            self.role_sorter.unallocated(&role, agent, &part);
            self.leave_role_if_idle(framework, &role);
        }
    }

    /// Makes the framework one of the role's, active if it wants offers.
    pub(crate) fn enter_role(&mut self, framework: FrameworkHandle, role: &Role) {
        if !self.framework_sorters.contains_key(role) {
            self.role_sorter.add(role.clone(), role.as_str());
            self.role_sorter.set_active(role, true);
            self.framework_sorters.insert(role.clone(), Sorter::new());
        }
        let sorter = self.framework_sorters.get_mut(role).expect("it was just made");
        let known = &self.frameworks[&framework];
        if !sorter.contains(&framework) {
            sorter.add(framework, known.description.id.as_str());
        }
        sorter.set_active(&framework, known.wants(role));
    }

    /// Lets the framework go from a role that it is not subscribed to and holds nothing in.
    pub(crate) fn leave_role_if_idle(&mut self, framework: FrameworkHandle, role: &Role) {
        let subscribed = self.frameworks[&framework].description.roles.contains(role);
        let Some(sorter) = self.framework_sorters.get_mut(role).filter(|sorter| sorter.contains(&framework))
        else {
            return;
        };
        if subscribed || !sorter.holds_nothing(&framework) {
            return;
        }
        sorter.remove(&framework);
        if sorter.is_empty() {
            self.framework_sorters.remove(role);
            self.role_sorter.remove(role);
        }
    }

    pub(crate) fn page(&mut self, agent: AgentHandle) -> &mut crate::agent::Agent {
        self.agents.get_mut(&agent).expect("the agent is known")
    }
}
