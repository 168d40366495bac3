//! What must hold between any two calls.

use std::collections::{BTreeMap, BTreeSet};

use tepui_model::{Resource, ResourceQuantities, Resources, Role};

use crate::agent::Agent;
use crate::{AgentHandle, Allocator, FrameworkHandle};

impl Allocator {
    /// Counts everything anew and says what does not fit together; nothing if all is well. Costs as much as the
    /// cluster is large.
    pub fn invariants(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (handle, page) in &self.agents {
            broken.extend(broken_page(*handle, page));
        }
        self.check_totals(&mut broken);
        self.check_frameworks(&mut broken);
        self.check_sorters(&mut broken);
        broken
    }

    fn check_totals(&self, broken: &mut Vec<String>) {
        let excluded = &self.settings.excluded_from_sharing;
        let mut counted = ResourceQuantities::new();
        for page in self.agents.values() {
            counted += &page.total().filter(|entry| !excluded.contains(entry.name())).quantities();
        }
        if counted != self.totals.quantities {
            broken.push(format!("all agents have {counted}, but the totals say {}", self.totals.quantities));
        }
    }

    fn check_frameworks(&self, broken: &mut Vec<String>) {
        for (handle, framework) in &self.frameworks {
            let holding = self.agents.iter().filter(|(_, page)| page.held_by(*handle).is_some());
            let holding: BTreeSet<AgentHandle> = holding.map(|(agent, _)| *agent).collect();
            if holding != framework.agents {
                broken
                    .push(format!("{handle} holds something on {holding:?}, not on {:?}", framework.agents));
            }
            for role in &framework.description.roles {
                if !self.framework_sorters.get(role).is_some_and(|sorter| sorter.contains(handle)) {
                    broken.push(format!("{handle} is subscribed to {role} but has no turn there"));
                }
            }
        }
    }

    fn check_sorters(&self, broken: &mut Vec<String>) {
        let held = self.held_by_role();
        let nothing = ResourceQuantities::new();
        for (role, sorter) in &self.framework_sorters {
            let of_role = held.get(role).map_or(&nothing, |(all, _)| all);
            if self.role_sorter.held_by(role) != of_role {
                broken.push(format!(
                    "{role} holds {of_role}, but its turn says {}",
                    self.role_sorter.held_by(role)
                ));
            }
            for client in sorter.clients() {
                let own = held.get(role).and_then(|(_, each)| each.get(client)).unwrap_or(&nothing);
                if sorter.held_by(client) != own {
                    broken.push(format!("{client} holds {own} as {role}, not {}", sorter.held_by(client)));
                }
                let subscribed =
                    self.frameworks.get(client).is_some_and(|f| f.description.roles.contains(role));
                if !subscribed && own.is_empty() && sorter.holds_nothing(client) {
                    broken.push(format!("{client} has a turn as {role} without subscription or holdings"));
                }
            }
        }
        for role in held.keys().filter(|role| !self.framework_sorters.contains_key(*role)) {
            broken.push(format!("something is held in {role}, which has no turns"));
        }
    }

    /// What each role and each framework in it holds, counted from the pages; a shared resource once per agent.
    fn held_by_role(
        &self,
    ) -> BTreeMap<Role, (ResourceQuantities, BTreeMap<FrameworkHandle, ResourceQuantities>)> {
        let mut by_role: BTreeMap<Role, (ResourceQuantities, BTreeMap<_, ResourceQuantities>)> =
            BTreeMap::new();
        for page in self.agents.values() {
            let mut shared: BTreeSet<Resource> = BTreeSet::new();
            for (framework, held) in
                page.held().iter().filter(|(handle, _)| self.frameworks.contains_key(handle))
            {
                for (role, part) in held.allocations() {
                    let (all, each) = by_role.entry(role).or_default();
                    *all += &part.non_shared().quantities();
                    for entry in &part.shared() {
                        let entry = entry.clone().with_copies(1);
                        if shared.insert(entry.clone()) {
                            *all += &Resources::from_iter([entry]).quantities();
                        }
                    }
                    *each.entry(*framework).or_default() += &part.quantities();
                }
            }
        }
        by_role
    }
}

fn broken_page(handle: AgentHandle, page: &Agent) -> Vec<String> {
    let mut broken = Vec::new();
    let held: Resources = page.held().values().sum();
    if held.unallocated() != *page.held_in_all() {
        broken.push(format!("on {handle}, {held} is held, but the page says {}", page.held_in_all()));
    }
    if page.counted_available() != *page.available() {
        broken.push(format!(
            "on {handle}, {} is available, not {}",
            page.counted_available(),
            page.available()
        ));
    }
    if !page.is_within_total() && !page.shrunk {
        broken.push(format!("{handle} has {}, but {} is held", page.total(), page.held_in_all()));
    }
    for (framework, held) in page.held() {
        if held.is_empty() || held.iter().any(|entry| entry.allocation().is_none()) {
            broken.push(format!("on {handle}, {framework} holds {held}, which is not allocated"));
        }
        if page.used_by(*framework).is_some_and(|used| !held.contains(used)) {
            broken.push(format!("on {handle}, {framework} uses more than it holds"));
        }
    }
    broken
}
