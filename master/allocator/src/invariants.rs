//! What must hold between any two calls.

use std::collections::{BTreeMap, BTreeSet};

use tepui_model::{Resource, ResourceQuantities, Resources, Role};

use crate::agent::{Agent, quota_counted};
use crate::roles::Member;
use crate::{AgentHandle, Allocator, FrameworkHandle};

impl Allocator {
    /// Counts everything anew and says what does not fit together; nothing if all is well. Costs as much as the
    /// cluster is large.
    pub fn invariants(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (handle, page) in self.agents.iter() {
            broken.extend(broken_page(handle, page));
        }
        self.check_totals(&mut broken);
        self.check_quota(&mut broken);
        self.check_refusals(&mut broken);
        self.check_frameworks(&mut broken);
        self.check_sorters(&mut broken);
        broken
    }

    fn check_totals(&self, broken: &mut Vec<String>) {
        let mut counted = ResourceQuantities::new();
        let mut free = ResourceQuantities::new();
        for (_, page) in self.agents.iter() {
            counted += &self.shared_out(page.total());
            free += &quota_counted(page.available());
        }
        if counted != self.totals.quantities {
            broken.push(format!("all agents have {counted}, but the totals say {}", self.totals.quantities));
        }
        if free != self.free {
            broken.push(format!("all agents have {free} free, not {}", self.free));
        }
    }

    fn check_quota(&self, broken: &mut Vec<String>) {
        let mut consumed: BTreeMap<Role, ResourceQuantities> = BTreeMap::new();
        for (_, page) in self.agents.iter() {
            let known = page.held().iter().filter(|(framework, _)| self.frameworks.contains(**framework));
            for (role, part) in known.flat_map(|(_, held)| held.allocations()) {
                *consumed.entry(role.top()).or_default() += &quota_counted(&part);
            }
            for (role, part) in page.total().reservations() {
                *consumed.entry(role.top()).or_default() += &part.quantities();
            }
        }
        let nothing = ResourceQuantities::new();
        for top in self.roles.tops() {
            let counted = consumed.remove(&top.role).unwrap_or_default();
            if counted != top.consumed {
                broken.push(format!("{} consumes {counted}, not {}", top.role, top.consumed));
            }
            if top.unsatisfied != top.quota.guarantees.clone() - &counted {
                broken.push(format!("{} lacks {}, which is wrong", top.role, top.unsatisfied));
            }
        }
        for (role, quantities) in consumed.into_iter().filter(|(_, quantities)| *quantities != nothing) {
            broken.push(format!("{role} consumes {quantities}, which nobody counts"));
        }
    }

    fn check_refusals(&self, broken: &mut Vec<String>) {
        let mut lapses = BTreeSet::new();
        for (agent, page) in self.agents.iter() {
            for ((role, framework), filters) in &page.refusals {
                lapses.extend(filters.first_end().map(|end| (end, agent, *role, *framework)));
                let known = self.frameworks.get(*framework);
                if !known.is_some_and(|known| known.refused.get(role).is_some_and(|all| all.contains(&agent)))
                {
                    broken
                        .push(format!("{agent} says that {framework} refused it, who knows nothing of that"));
                }
            }
        }
        if lapses != self.lapses {
            broken.push(format!("refusals lapse at {lapses:?}, but {:?} is waited for", self.lapses));
        }
    }

    fn check_frameworks(&self, broken: &mut Vec<String>) {
        for (handle, framework) in self.frameworks.iter() {
            let holding = self.agents.iter().filter(|(_, page)| page.held_by(handle).is_some());
            let holding: BTreeSet<AgentHandle> = holding.map(|(agent, _)| agent).collect();
            if holding != framework.agents {
                broken
                    .push(format!("{handle} holds something on {holding:?}, not on {:?}", framework.agents));
            }
            for role in &framework.description.roles {
                let member = self.roles.find(role).map(|id| self.roles.member(id));
                if !member.is_some_and(|member| member.sorter.contains(handle)) {
                    broken.push(format!("{handle} is subscribed to {role} but has no turn there"));
                }
            }
        }
    }

    fn check_sorters(&self, broken: &mut Vec<String>) {
        let held = self.held_by_role();
        let nothing = ResourceQuantities::new();
        for (id, Member { role, sorter, .. }) in self.roles.members() {
            let of_role = held.get(role).map_or(&nothing, |(all, _)| all);
            let counted = self.role_sorter.held_by(id);
            if counted != of_role {
                broken.push(format!("{role} holds {of_role}, but its turn says {counted}"));
            }
            for client in sorter.clients() {
                let own = held.get(role).and_then(|(_, each)| each.get(&client)).unwrap_or(&nothing);
                if sorter.held_by(client) != own {
                    broken.push(format!("{client} holds {own} as {role}, not {}", sorter.held_by(client)));
                }
                let subscribed =
                    self.frameworks.get(client).is_some_and(|f| f.description.roles.contains(role));
                if !subscribed && !self.holds_any(client, role) {
                    broken.push(format!("{client} has a turn as {role} without subscription or holdings"));
                }
            }
        }
        for role in held.keys().filter(|role| self.roles.find(role).is_none()) {
            broken.push(format!("something is held in {role}, which has no turns"));
        }
    }

    /// What each role and each framework in it holds, counted from the pages; a shared resource once per agent.
    fn held_by_role(
        &self,
    ) -> BTreeMap<Role, (ResourceQuantities, BTreeMap<FrameworkHandle, ResourceQuantities>)> {
        let mut by_role: BTreeMap<Role, (ResourceQuantities, BTreeMap<_, ResourceQuantities>)> =
            BTreeMap::new();
        for (_, page) in self.agents.iter() {
            let mut shared: BTreeSet<Resource> = BTreeSet::new();
            for (framework, held) in
                page.held().iter().filter(|(handle, _)| self.frameworks.contains(**handle))
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
    if page.counted_available() != *page.available() {
        broken.push(format!(
            "on {handle}, {} is available, not {}",
            page.counted_available(),
            page.available()
        ));
    }
    if quota_counted(page.available()) != *page.free() {
        broken.push(format!("of {} on {handle}, {} is not what is free", page.available(), page.free()));
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
