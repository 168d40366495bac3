//! Agents come, change, and go.

use std::collections::{BTreeMap, BTreeSet};

use tepui_model::{ResourceQuantities, Resources};

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
        let whitelisted = is_whitelisted(self.whitelist.as_ref(), &description.hostname);
        let page = Agent::new(description, active, whitelisted);
        self.free += page.free();
        self.agents.insert(handle, page);
        for (framework, resources) in used {
            self.add_used(handle, framework, &resources);
        }
        self.unsettle(handle);
        self.consider(handle);
        self.count_towards_recovery();
    }

    pub(crate) fn update_agent(&mut self, handle: AgentHandle, description: AgentDescription) {
        let Some(page) = self.agents.get_mut(handle) else { return };
        if page.description == description {
            return;
        }
        let (old, new) = (&page.description, &description);
        // Frameworks may have refused the agent for what it said of itself then.
        let is_another = old.attributes != new.attributes || old.region != new.region || old.zone != new.zone;
        let total = description.total.clone();
        page.whitelisted = is_whitelisted(self.whitelist.as_ref(), &description.hostname);
        page.description = AgentDescription { total: page.total().clone(), ..description };
        self.set_total(handle, total);
        if is_another {
            self.drop_refusals_on(handle);
        }
        self.unsettle(handle);
        self.consider(handle);
    }

    pub(crate) fn activate_agent(&mut self, handle: AgentHandle) {
        if let Some(page) = self.agents.get_mut(handle) {
            page.active = true;
            self.unsettle(handle);
            self.consider(handle);
        }
    }

    pub(crate) fn deactivate_agent(&mut self, handle: AgentHandle) {
        if let Some(page) = self.agents.get_mut(handle) {
            page.active = false;
        }
    }

    pub(crate) fn remove_agent(&mut self, handle: AgentHandle) {
        if !self.agents.contains(handle) {
            return;
        }
        self.drop_refusals_on(handle);
        self.set_maintenance(handle, None);
        let page = self.agents.remove(handle).expect("it is there");
        self.free -= page.free();
        for (framework, held) in page.held() {
            self.uncount(handle, *framework, held);
        }
        self.change_totals(page.total(), &Resources::new());
        self.unsettled.remove(&handle);
        self.held_back.remove(&handle);
    }

    pub(crate) fn set_whitelist(&mut self, whitelist: Option<BTreeSet<String>>) {
        self.whitelist = whitelist;
        for (_, page) in self.agents.iter_mut() {
            page.whitelisted = is_whitelisted(self.whitelist.as_ref(), &page.description.hostname);
        }
        let named: Vec<AgentHandle> =
            self.agents.iter().filter(|(_, page)| page.whitelisted).map(|(agent, _)| agent).collect();
        named.into_iter().for_each(|agent| self.unsettle(agent));
    }

    pub(crate) fn set_total(&mut self, handle: AgentHandle, total: Resources) {
        let before = self.agents[handle].total().clone();
        self.change_totals(&before, &total);
        self.change_page(handle, |page| page.set_total(total));
    }

    /// Shares are fractions of what all agents have; a new version makes every order stale. Reservations count against
    /// quota, held or not.
    fn change_totals(&mut self, before: &Resources, after: &Resources) {
        let freed = self.roles.change_reserved(before, after);
        for top in freed {
            self.awaken_top(top);
            self.roles.forget_top_if_idle(top);
        }
        let (before, after) = (self.shared_out(before), self.shared_out(after));
        if before == after {
            return;
        }
        self.totals.quantities -= &before;
        self.totals.quantities += &after;
        self.totals.version += 1;
    }

    /// What counts for shares.
    pub(crate) fn shared_out(&self, resources: &Resources) -> ResourceQuantities {
        let excluded = &self.settings.excluded_from_sharing;
        if excluded.is_empty() {
            return resources.quantities();
        }
        resources.filter(|entry| !excluded.contains(entry.name())).quantities()
    }
}

fn is_whitelisted(whitelist: Option<&BTreeSet<String>>, hostname: &str) -> bool {
    whitelist.is_none_or(|whitelist| whitelist.contains(hostname))
}
