//! What frameworks refused: kept with the agents, where it is looked up, and in a queue by when it lapses.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_model::{Resources, Time};

use crate::filter::Filters;
use crate::roles::RoleId;
use crate::{AgentHandle, Allocator, FrameworkHandle};

/// One agent's part.
pub(crate) type RefusalsHere = BTreeMap<(RoleId, FrameworkHandle), Filters>;

/// When the first refusal of a framework in a role on an agent ends.
pub(crate) type Lapse = (Time, AgentHandle, RoleId, FrameworkHandle);

impl Allocator {
    /// The framework does not want the like for a while, in the role that it was offered for.
    pub(crate) fn refuse(
        &mut self,
        now: Time,
        agent: AgentHandle,
        framework: FrameworkHandle,
        resources: &Resources,
        refused: Duration,
    ) {
        if !self.agents.contains(agent) || refused.is_zero() {
            return;
        }
        // A refusal outlives the next run of all agents, which may be one interval away.
        let until = now + refused.max(self.settings.allocation_interval);
        for (role, part) in resources.allocations() {
            let Some(known) = self.frameworks.get_mut(framework) else { return };
            // In a role that it left it is offered nothing anyway.
            let Some(role) = known.subscription(&role) else { continue };
            known.refused.entry(role).or_default().insert(agent);
            let batch = self.batches;
            self.change_refusals(agent, role, framework, |filters| {
                filters.add(part.unallocated(), until, batch)
            });
        }
    }

    /// Forgets what the framework refused in a role, on all agents.
    pub(crate) fn drop_refusals_in(&mut self, framework: FrameworkHandle, role: RoleId) {
        let agents = self.frameworks[framework].refused.remove(&role).unwrap_or_default();
        for agent in agents {
            self.change_refusals(agent, role, framework, |filters| *filters = Filters::default());
        }
    }

    pub(crate) fn drop_refusals_of(&mut self, framework: FrameworkHandle) {
        let roles: Vec<RoleId> = self.frameworks[framework].refused.keys().copied().collect();
        roles.iter().for_each(|role| self.drop_refusals_in(framework, *role));
    }

    /// Forgets what all frameworks refused on an agent.
    pub(crate) fn drop_refusals_on(&mut self, agent: AgentHandle) {
        let all: Vec<(RoleId, FrameworkHandle)> = self.agents[agent].refusals.keys().copied().collect();
        for (role, framework) in all {
            self.change_refusals(agent, role, framework, |filters| *filters = Filters::default());
            self.forget_refused(agent, role, framework);
        }
    }

    /// Drops what has lapsed by now. Its frameworks are to be asked again.
    pub(crate) fn lapse_refusals(&mut self, now: Time) {
        let due = self.lapses.iter().take_while(|(until, ..)| *until < now);
        let due: Vec<Lapse> = due.copied().collect();
        let batches = self.batches;
        for (_, agent, role, framework) in due {
            let mut has_lapsed = false;
            self.change_refusals(agent, role, framework, |filters| {
                has_lapsed = filters.lapse(now, batches);
            });
            if has_lapsed {
                self.awaken_here(agent, role, framework);
            }
            if !self.agents[agent].refusals.contains_key(&(role, framework)) {
                self.forget_refused(agent, role, framework);
            }
        }
    }

    fn forget_refused(&mut self, agent: AgentHandle, role: RoleId, framework: FrameworkHandle) {
        if let Some(agents) = self.frameworks[framework].refused.get_mut(&role) {
            agents.remove(&agent);
        }
    }

    /// Changes refusals and their place in the queue together.
    fn change_refusals(
        &mut self,
        agent: AgentHandle,
        role: RoleId,
        framework: FrameworkHandle,
        change: impl FnOnce(&mut Filters),
    ) {
        let filters = self.agents[agent].refusals.entry((role, framework)).or_default();
        let before = filters.first_end();
        change(filters);
        let after = filters.first_end();
        if after.is_none() {
            self.agents[agent].refusals.remove(&(role, framework));
        }
        if before != after {
            if let Some(until) = before {
                self.lapses.remove(&(until, agent, role, framework));
            }
            if let Some(until) = after {
                self.lapses.insert((until, agent, role, framework));
            }
        }
    }
}
