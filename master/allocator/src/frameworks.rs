//! Frameworks come, change their minds, and go.

use std::collections::BTreeSet;

use tepui_model::Role;

use crate::framework::Framework;
use crate::roles::RoleId;
use crate::{Allocator, FrameworkDescription, FrameworkHandle};

impl Allocator {
    pub(crate) fn add_framework(
        &mut self,
        handle: FrameworkHandle,
        description: FrameworkDescription,
        active: bool,
    ) {
        self.frameworks.insert(handle, Framework::new(description, active));
        self.subscribe(handle);
        self.count_what_agents_reported(handle);
        if active {
            self.awaken(handle);
            self.consider_all();
        }
    }

    /// Agents may have reported the framework's tasks before it was known.
    fn count_what_agents_reported(&mut self, handle: FrameworkHandle) {
        for agent in self.reported.remove(&handle).unwrap_or_default() {
            if let Some(resources) = self.agents[agent].held_by(handle).cloned() {
                self.count(agent, handle, &resources);
            }
        }
    }

    /// Enters the roles of the description.
    fn subscribe(&mut self, handle: FrameworkHandle) {
        let roles: Vec<Role> = self.frameworks[handle].description.roles.iter().cloned().collect();
        let subscriptions = roles.into_iter().map(|role| {
            let id = self.enter_role(handle, &role);
            (role, id)
        });
        let subscriptions = subscriptions.collect();
        self.frameworks[handle].subscriptions = subscriptions;
    }

    pub(crate) fn update_framework(&mut self, handle: FrameworkHandle, description: FrameworkDescription) {
        let Some(framework) = self.frameworks.get_mut(handle) else { return };
        let old = std::mem::replace(&mut framework.description, description);
        let new = &framework.description;
        let subscriptions = framework.subscriptions.clone();
        let has_left = |role: &Role| !new.roles.contains(role);
        let is_revived = |role: &Role| old.suppressed.contains(role) && !new.suppressed.contains(role);
        let left: Vec<RoleId> =
            subscriptions.iter().filter(|(role, _)| has_left(role)).map(|(_, id)| *id).collect();
        let forgiving =
            subscriptions.iter().filter(|(role, _)| has_left(role) || is_revived(role)).map(|(_, id)| *id);
        let forgiving: Vec<RoleId> = forgiving.collect();
        let is_changed = *new != old;

        forgiving.into_iter().for_each(|role| self.drop_refusals_in(handle, role));
        self.subscribe(handle);
        for role in left {
            self.refresh_turn(handle, role);
            self.leave_role_if_idle(handle, role);
        }
        if is_changed {
            self.awaken(handle);
            self.consider_all();
        }
    }

    pub(crate) fn activate_framework(&mut self, handle: FrameworkHandle) {
        let Some(framework) = self.frameworks.get_mut(handle) else { return };
        framework.active = true;
        self.refresh_turns(handle);
        self.awaken(handle);
        self.consider_all();
    }

    pub(crate) fn deactivate_framework(&mut self, handle: FrameworkHandle) {
        let Some(framework) = self.frameworks.get_mut(handle) else { return };
        framework.active = false;
        framework.undisturbed.clear();
        self.drop_refusals_of(handle);
        self.refresh_turns(handle);
    }

    pub(crate) fn remove_framework(&mut self, handle: FrameworkHandle) {
        if !self.frameworks.contains(handle) {
            return self.forget_what_agents_reported(handle);
        }
        self.drop_refusals_of(handle);
        self.forget_inverse_offers_of(handle);
        let framework = &mut self.frameworks[handle];
        let agents = framework.agents.clone();
        framework.description.roles.clear();
        let subscriptions = std::mem::take(&mut framework.subscriptions);
        // It leaves those where it holds something with what it holds.
        subscriptions.iter().for_each(|(_, role)| self.leave_role_if_idle(handle, *role));
        for agent in agents {
            let held = self.agents[agent].held_by(handle).cloned().unwrap_or_default();
            self.change_page(agent, |page| page.forget(handle));
            self.unsettle(agent);
            self.uncount(agent, handle, &held);
        }
        self.frameworks.remove(handle);
    }

    fn forget_what_agents_reported(&mut self, handle: FrameworkHandle) {
        for agent in self.reported.remove(&handle).unwrap_or_default() {
            self.change_page(agent, |page| page.forget(handle));
            self.unsettle(agent);
        }
    }

    pub(crate) fn suppress(&mut self, handle: FrameworkHandle, roles: &BTreeSet<Role>) {
        let Some(framework) = self.frameworks.get_mut(handle) else { return };
        for role in framework.named(roles) {
            framework.description.suppressed.insert(role);
        }
        self.refresh_turns(handle);
    }

    pub(crate) fn revive(&mut self, handle: FrameworkHandle, roles: &BTreeSet<Role>) {
        let Some(framework) = self.frameworks.get_mut(handle) else { return };
        framework.undisturbed.clear();
        for role in framework.named(roles) {
            let framework = &mut self.frameworks[handle];
            framework.description.suppressed.remove(&role);
            if let Some(role) = framework.subscription(&role) {
                self.drop_refusals_in(handle, role);
            }
        }
        self.refresh_turns(handle);
        self.awaken(handle);
        self.consider_all();
    }

    fn refresh_turns(&mut self, handle: FrameworkHandle) {
        let roles: Vec<RoleId> = self.frameworks[handle].subscriptions.iter().map(|(_, id)| *id).collect();
        roles.into_iter().for_each(|role| self.refresh_turn(handle, role));
    }

    fn refresh_turn(&mut self, handle: FrameworkHandle, role: RoleId) {
        let member = self.roles.member_mut(role);
        let wants = self.frameworks[handle].wants(&member.role);
        member.sorter.set_active(handle, wants, &self.totals);
    }
}
