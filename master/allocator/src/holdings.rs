//! Who holds what: the ledger's pages, the orders of turns and the consumption of quota, always changed together.

use tepui_model::{Conversion, NotContained, Resources, Role};

use crate::agent::Agent;
use crate::roles::RoleId;
use crate::{AgentHandle, Allocator, FrameworkHandle, Held};

impl Allocator {
    /// A run hands out resources, allocated to the role.
    pub(crate) fn hand_out(
        &mut self,
        agent: AgentHandle,
        framework: FrameworkHandle,
        role: RoleId,
        resources: &Resources,
    ) {
        self.change_page(agent, |page| page.hold(framework, resources, Held::Offered));
        self.count_as_served(agent, framework, role, resources);
    }

    /// A run hands out all that is available.
    pub(crate) fn hand_out_everything(
        &mut self,
        agent: AgentHandle,
        framework: FrameworkHandle,
        role: RoleId,
        name: &Role,
    ) -> Resources {
        let page = &mut self.agents[agent];
        self.free -= page.free();
        let resources = page.hold_everything(framework, name);
        self.count_as_served(agent, framework, role, &resources);
        resources
    }

    fn count_as_served(
        &mut self,
        agent: AgentHandle,
        framework: FrameworkHandle,
        role: RoleId,
        resources: &Resources,
    ) {
        self.frameworks[framework].agents.insert(agent);
        let member = self.roles.member_mut(role);
        member.sorter.allocated(framework, agent, resources, &self.totals);
        self.role_sorter.allocated(role, agent, resources, &self.totals);
        self.roles.top_of_mut(role).hold(resources);
    }

    /// Somebody turns out to use resources that were not handed out.
    pub(crate) fn add_used(&mut self, agent: AgentHandle, framework: FrameworkHandle, resources: &Resources) {
        if !self.agents.contains(agent) || resources.is_empty() {
            return;
        }
        self.change_page(agent, |page| {
            page.hold(framework, resources, Held::Used);
            page.shrunk |= !page.is_within_total();
        });
        if !self.frameworks.contains(framework) {
            self.reported.entry(framework).or_default().insert(agent);
        }
        self.count(agent, framework, resources);
    }

    /// Offered resources are used now.
    pub(crate) fn launch(&mut self, agent: AgentHandle, framework: FrameworkHandle, resources: &Resources) {
        let known = self.frameworks.contains(framework);
        if let Some(page) = self.agents.get_mut(agent).filter(|_| known) {
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
        let is_known = self.frameworks.contains(framework);
        let Some(page) = self.agents.get(agent).filter(|_| !resources.is_empty()) else { return };
        // An unknown framework has gone with all it held, or agents reported it before it was known.
        if !is_known && page.held_by(framework).is_none() {
            return;
        }
        self.change_page(agent, |page| page.release(framework, resources, how));
        self.unsettle(agent);
        self.uncount(agent, framework, resources);
    }

    /// An operation turned held resources into others.
    pub(crate) fn convert(
        &mut self,
        agent: AgentHandle,
        framework: FrameworkHandle,
        conversions: &[Conversion],
    ) {
        let is_known = self.agents.contains(agent) && self.frameworks.contains(framework);
        for Conversion { consumed, converted } in conversions.iter().filter(|_| is_known) {
            let was_shrunk = self.agents[agent].shrunk;
            self.change_page(agent, |page| page.release(framework, consumed, Held::Offered));
            let conversion =
                Conversion { consumed: consumed.unallocated(), converted: converted.unallocated() };
            match self.agents[agent].total().apply(&conversion) {
                // Further copies of a shared resource come from nothing, and the agent has not more of it for that.
                _ if consumed.is_empty() => {}
                Ok(total) => self.set_total(agent, total),
                // The agent came back with less, so that what is converted is not there any more. It will refuse.
                Err(_) if was_shrunk => {}
                Err(why) => panic!("{framework} converts on {agent}: {why}"),
            }
            self.change_page(agent, |page| {
                page.hold(framework, converted, Held::Offered);
                page.shrunk |= was_shrunk && !page.is_within_total();
                page.count_available();
            });
            self.unsettle(agent);
            self.uncount(agent, framework, consumed);
            self.count(agent, framework, converted);
        }
    }

    /// Turns what nobody holds of an agent into something else: an operator's reservation or volume. Refused as a whole if
    /// it is not all available.
    pub fn convert_available(
        &mut self,
        agent: AgentHandle,
        conversions: &[Conversion],
    ) -> Result<(), NotContained> {
        let Some(page) = self.agents.get(agent) else { return Ok(()) };
        let (mut available, mut total) = (page.available().clone(), page.total().clone());
        for conversion in conversions {
            available = available.apply(conversion)?;
            total = total.apply(conversion)?;
        }
        self.set_total(agent, total);
        // Whoever refused the agent refused it without these reservations.
        self.drop_refusals_on(agent);
        self.unsettle(agent);
        self.consider(agent);
        Ok(())
    }

    /// Counts what is on an agent's page in the sorters, if the framework is known.
    pub(crate) fn count(&mut self, agent: AgentHandle, framework: FrameworkHandle, resources: &Resources) {
        let Some(known) = self.frameworks.get_mut(framework).filter(|_| !resources.is_empty()) else {
            return;
        };
        known.agents.insert(agent);
        for (role, part) in resources.allocations() {
            // It may hold something in a role that it is not, or no longer, subscribed to.
            let role = self.enter_role(framework, &role);
            self.roles.member_mut(role).sorter.add_held(framework, agent, &part, &self.totals);
            self.role_sorter.add_held(role, agent, &part, &self.totals);
            self.roles.top_of_mut(role).hold(&part);
        }
    }

    /// Uncounts what has left an agent's page.
    pub(crate) fn uncount(&mut self, agent: AgentHandle, framework: FrameworkHandle, resources: &Resources) {
        let holds_more = self.agents.get(agent).is_some_and(|page| page.held_by(framework).is_some());
        let Some(known) = self.frameworks.get_mut(framework) else {
            if !holds_more && let Some(agents) = self.reported.get_mut(&framework) {
                agents.remove(&agent);
                if agents.is_empty() {
                    self.reported.remove(&framework);
                }
            }
            return;
        };
        if !holds_more {
            known.agents.remove(&agent);
        }
        for (role, part) in resources.allocations() {
            let role = self.roles.find(&role).expect("who holds something in a role is in it");
            self.roles.member_mut(role).sorter.unallocated(framework, agent, &part, &self.totals);
            self.role_sorter.unallocated(role, agent, &part, &self.totals);
            self.roles.top_of_mut(role).release(&part);
            self.awaken_top(self.roles.member(role).top);
            self.leave_role_if_idle(framework, role);
        }
    }

    /// Makes the framework one of the role's, active if it wants offers.
    pub(crate) fn enter_role(&mut self, framework: FrameworkHandle, role: &Role) -> RoleId {
        let id = self.roles.find(role).unwrap_or_else(|| {
            let id = self.roles.add(role, self.settings.framework_sorter);
            self.role_sorter.add(id, role.as_str(), &self.totals);
            self.role_sorter.set_active(id, true, &self.totals);
            id
        });
        let known = &self.frameworks[framework];
        let sorter = &mut self.roles.member_mut(id).sorter;
        if !sorter.contains(framework) {
            sorter.add(framework, known.description.id.as_str(), &self.totals);
        }
        sorter.set_active(framework, known.wants(role), &self.totals);
        id
    }

    /// Lets the framework go from a role that it is not subscribed to and holds nothing in.
    pub(crate) fn leave_role_if_idle(&mut self, framework: FrameworkHandle, role: RoleId) {
        let member = self.roles.member(role);
        let is_subscribed = self.frameworks[framework].description.roles.contains(&member.role);
        let is_idle = member.sorter.contains(framework) && member.sorter.holds_nothing(framework);
        if is_subscribed || !is_idle || self.holds_any(framework, &member.role) {
            return;
        }
        let member = self.roles.member_mut(role);
        member.sorter.remove(framework, &self.totals);
        if member.sorter.is_empty() {
            self.forget_attention(role);
            self.role_sorter.remove(role, &self.totals);
            self.roles.remove(role);
        }
    }

    /// Whether the pages say that the framework holds something as this role. Its turn knows only what counts for shares,
    /// which ports do not.
    pub(crate) fn holds_any(&self, framework: FrameworkHandle, role: &Role) -> bool {
        let held = |agent: &AgentHandle| self.agents.get(*agent)?.held_by(framework);
        self.frameworks[framework]
            .agents
            .iter()
            .filter_map(held)
            .flatten()
            .any(|entry| entry.allocation() == Some(role))
    }

    /// Changes a page, and what all agents have free with it.
    pub(crate) fn change_page(&mut self, agent: AgentHandle, change: impl FnOnce(&mut Agent)) {
        let page = &mut self.agents[agent];
        let before = page.free().clone();
        change(page);
        self.free -= &before;
        self.free += page.free();
    }
}
