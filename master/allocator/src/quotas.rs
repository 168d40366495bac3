//! Quota: guarantees that are kept free, limits that offers do not exceed, and the pause while agents come back.
//!
//! Quota belongs to top-level roles and holds for everything below them: what a subtree's frameworks hold counts, the
//! guarantee may be used by any of them, and the limit cuts the offers of all.

use tepui_model::{Quota, ResourceQuantities, Role, Time};

use crate::cycle::Run;
use crate::{AgentHandle, Allocator};

/// Why there are no runs now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pause {
    /// Over when so many agents are there.
    agents: usize,
    /// Over then, in any case.
    until: Time,
}

impl Allocator {
    /// Sets the quota of a top-level role; the default takes it away. Ignored for a role below another, which has none.
    pub(crate) fn update_quota(&mut self, role: &Role, quota: Quota) {
        if role.is_nested() {
            return;
        }
        let id = self.roles.find_or_add_top(role);
        let top = self.roles.top_mut(id);
        top.set_quota(quota);
        top.pinched = true;
        self.awaken_top(id);
        self.roles.forget_top_if_idle(id);
    }

    /// Starts from what the registry says: where there is quota, nothing is offered until most agents are back, lest the
    /// first of them are handed to roles that others are guaranteed.
    pub(crate) fn await_agents(&mut self, now: Time, expected: usize) {
        if self.roles.tops().all(|top| top.quota.is_default()) {
            return;
        }
        let agents = (expected as f64 * self.settings.recovery_factor).floor() as usize;
        self.pause = Some(Pause { agents, until: now + self.settings.recovery_timeout });
        self.count_towards_recovery();
    }

    pub(crate) fn count_towards_recovery(&mut self) {
        if self.pause.is_some_and(|pause| self.agents.iter().count() >= pause.agents) {
            self.end_pause();
        }
    }

    fn end_pause(&mut self) {
        self.pause = None;
        self.consider_all();
    }

    /// Whether there are no runs now. A pause ends by the clock too.
    pub(crate) fn is_paused(&mut self, now: Time) -> bool {
        if self.pause.is_some_and(|pause| pause.until <= now) {
            self.end_pause();
        }
        self.pause.is_some()
    }

    /// When a pause ends, if agents do not end it before.
    pub(crate) fn pause_ends(&self) -> Option<Time> {
        self.pause.map(|pause| pause.until)
    }

    /// What must stay free for the guarantees that are not met.
    pub(crate) fn required_headroom(&self) -> ResourceQuantities {
        let mut required = ResourceQuantities::new();
        for top in self.roles.tops() {
            required += &top.unsatisfied;
        }
        required
    }

    /// More may be handed out than at the end of the last run: those agents where something was held back are looked at
    /// again.
    pub(crate) fn reconsider_held_back(&mut self, run: &Run) {
        if has_grown(self.surplus.as_ref(), run.surplus()) {
            for agent in std::mem::take(&mut self.held_back) {
                self.unsettle(agent);
            }
        }
    }

    /// Something on the agent was held back for the headroom.
    pub(crate) fn hold_back(&mut self, agent: AgentHandle) {
        self.held_back.insert(agent);
    }
}

/// Whether there is more of anything; `None` is no bound.
fn has_grown(before: Option<&ResourceQuantities>, after: Option<&ResourceQuantities>) -> bool {
    match (before, after) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => !before.contains(after),
    }
}
