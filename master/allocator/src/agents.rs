//! Agents come, change, and go.

use std::collections::BTreeMap;

use tepui_model::Resources;

use crate::agent::Agent;
use crate::{AgentDescription, AgentHandle, Allocator, FrameworkHandle};

impl Allocator {
    pub(crate) fn add_agent(
        &mut self,
        handle: AgentHandle,
        description: AgentDescription,
        active: bool,
        used: BTreeMap<FrameworkHandle, Resources>,
    ) {
        self.change_totals(&Resources::new(), &description.total);
        let before = self.agents.insert(handle, Agent::new(description, active));
        assert!(before.is_none(), "{handle} is added once");
        for (framework, resources) in used {
            self.add_used(handle, framework, &resources);
        }
        self.consider(handle);
    }

    pub(crate) fn update_agent(&mut self, handle: AgentHandle, description: AgentDescription) {
        let Some(page) = self.agents.get_mut(&handle) else { return };
        if page.description == description {
            return;
        }
        // Frameworks may have refused the agent for what it said of itself then.
        let is_another = page.description.attributes != description.attributes
            || page.description.region != description.region;
        let total = description.total.clone();
        page.description = AgentDescription { total: page.total().clone(), ..description };
        self.set_total(handle, total);
        if is_another {
            self.drop_filters(handle);
        }
        self.consider(handle);
    }

    pub(crate) fn activate_agent(&mut self, handle: AgentHandle) {
        if let Some(page) = self.agents.get_mut(&handle) {
            page.active = true;
            self.consider(handle);
        }
    }

    pub(crate) fn deactivate_agent(&mut self, handle: AgentHandle) {
        if let Some(page) = self.agents.get_mut(&handle) {
            page.active = false;
        }
    }

    pub(crate) fn remove_agent(&mut self, handle: AgentHandle) {
        let Some(page) = self.agents.remove(&handle) else { return };
        for (framework, held) in page.held() {
            self.uncount(handle, *framework, held);
        }
        self.change_totals(page.total(), &Resources::new());
        self.drop_filters(handle);
    }

    pub(crate) fn set_total(&mut self, handle: AgentHandle, total: Resources) {
        let before = self.agents[&handle].total().clone();
        self.change_totals(&before, &total);
        self.page(handle).set_total(total);
    }

    /// Shares are fractions of what all agents have; a new version makes every order stale.
    fn change_totals(&mut self, before: &Resources, after: &Resources) {
        let excluded = &self.settings.excluded_from_sharing;
        let counted =
            |resources: &Resources| resources.filter(|entry| !excluded.contains(entry.name())).quantities();
        let (before, after) = (counted(before), counted(after));
        if before == after {
            return;
        }
        self.totals.quantities -= &before;
        self.totals.quantities += &after;
        self.totals.version += 1;
    }

    fn drop_filters(&mut self, agent: AgentHandle) {
        for framework in self.frameworks.values_mut() {
            for filters in framework.filters.values_mut() {
                filters.remove(&agent);
            }
        }
    }
}
