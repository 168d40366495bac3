//! Frameworks come, change their minds, and go.

use std::collections::BTreeSet;

use tepui_model::Role;

use crate::framework::Framework;
use crate::{Allocator, FrameworkDescription, FrameworkHandle};

impl Allocator {
    pub(crate) fn add_framework(
        &mut self,
        handle: FrameworkHandle,
        description: FrameworkDescription,
        active: bool,
    ) {
        let roles: Vec<Role> = description.roles.iter().cloned().collect();
        let before = self.frameworks.insert(handle, Framework::new(description, active));
        assert!(before.is_none(), "{handle} is added once");
        roles.iter().for_each(|role| self.enter_role(handle, role));
        self.count_what_agents_reported(handle);
        if active {
            self.consider_all();
        }
    }

    /// Agents may have reported the framework's tasks before it was known.
    fn count_what_agents_reported(&mut self, handle: FrameworkHandle) {
        let reported =
            self.agents.iter().filter_map(|(agent, page)| Some((*agent, page.held_by(handle)?.clone())));
        let reported: Vec<_> = reported.collect();
        for (agent, resources) in reported {
            self.count(agent, handle, &resources);
        }
    }

    pub(crate) fn update_framework(&mut self, handle: FrameworkHandle, description: FrameworkDescription) {
        let Some(framework) = self.frameworks.get_mut(&handle) else { return };
        let old = std::mem::replace(&mut framework.description, description);
        let new = &framework.description;
        let left: Vec<Role> = old.roles.difference(&new.roles).cloned().collect();
        let entered: Vec<Role> = new.roles.iter().cloned().collect();
        let revived: Vec<Role> = old.suppressed.difference(&new.suppressed).cloned().collect();
        let wants_more =
            !revived.is_empty() || new.roles != old.roles || new.capabilities != old.capabilities;
        for role in left.iter().chain(&revived) {
            framework.filters.remove(role);
        }
        entered.iter().for_each(|role| self.enter_role(handle, role));
        for role in &left {
            self.refresh_turn(handle, role);
            self.leave_role_if_idle(handle, role);
        }
        if wants_more {
            self.consider_all();
        }
    }

    pub(crate) fn activate_framework(&mut self, handle: FrameworkHandle) {
        let Some(framework) = self.frameworks.get_mut(&handle) else { return };
        framework.active = true;
        self.refresh_turns(handle);
        self.consider_all();
    }

    pub(crate) fn deactivate_framework(&mut self, handle: FrameworkHandle) {
        let Some(framework) = self.frameworks.get_mut(&handle) else { return };
        framework.active = false;
        framework.filters.clear();
        self.refresh_turns(handle);
    }

    pub(crate) fn remove_framework(&mut self, handle: FrameworkHandle) {
        let Some(framework) = self.frameworks.get_mut(&handle) else {
            // Agents may have reported it before it was known.
            return self.agents.values_mut().for_each(|page| page.forget(handle));
        };
        let agents = framework.agents.clone();
        let roles = std::mem::take(&mut framework.description.roles);
        for agent in agents {
            let page = self.page(agent);
            let held = page.held_by(handle).cloned().unwrap_or_default();
            page.forget(handle);
            self.uncount(agent, handle, &held);
        }
        roles.iter().for_each(|role| self.leave_role_if_idle(handle, role));
        self.frameworks.remove(&handle);
    }

    pub(crate) fn suppress(&mut self, handle: FrameworkHandle, roles: &BTreeSet<Role>) {
        let Some(framework) = self.frameworks.get_mut(&handle) else { return };
        for role in framework.named(roles) {
            framework.description.suppressed.insert(role);
        }
        self.refresh_turns(handle);
    }

    pub(crate) fn revive(&mut self, handle: FrameworkHandle, roles: &BTreeSet<Role>) {
        let Some(framework) = self.frameworks.get_mut(&handle) else { return };
        for role in framework.named(roles) {
            framework.description.suppressed.remove(&role);
            framework.filters.remove(&role);
        }
        self.refresh_turns(handle);
        self.consider_all();
    }

    fn refresh_turns(&mut self, handle: FrameworkHandle) {
        let roles = self.frameworks[&handle].description.roles.clone();
        roles.iter().for_each(|role| self.refresh_turn(handle, role));
    }

    fn refresh_turn(&mut self, handle: FrameworkHandle, role: &Role) {
        let wants = self.frameworks[&handle].wants(role);
        if let Some(sorter) = self.framework_sorters.get_mut(role) {
            sorter.set_active(&handle, wants);
        }
    }
}
