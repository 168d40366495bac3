//! A second allocator for tests: slow and obvious. It follows the steps of Mesos' allocation cycle one by one and keeps
//! nothing between runs: shares, consumption, headroom and orders are counted anew from the ledger's pages each time
//! they are needed. Only how often each was served is history, and taken over.
//!
//! Given the same order of agents it must make the same offers as the real one, which skips what cannot change them. The
//! agents that the real one did not look at are mixed in anywhere.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tepui_model::{AgentTraits, Resource, ResourceQuantities, Resources, Role, Time};

use crate::agent::Agent;
use crate::allocator::Candidates;
use crate::framework::Framework;
use crate::{AgentHandle, Allocation, Allocator, FrameworkHandle};

type Offers = BTreeMap<(FrameworkHandle, Role, AgentHandle), Resources>;

/// What a run of `before` at `now` allocates if it visits agents in these orders.
pub(crate) fn run(before: &Allocator, now: Time, visited: &[Vec<AgentHandle>; 2]) -> Vec<Allocation> {
    let mut cycle = Cycle::new(before, now);
    let mut random = StdRng::seed_from_u64(now.as_nanos() ^ before.batches);
    let candidates = cycle.candidates();
    let orders = visited.clone().map(|order| with_others(order, &candidates, &mut random));
    cycle.guarantees(&orders[0]);
    cycle.fair_share(&orders[1]);
    let offers = cycle.offers.into_iter();
    offers
        .map(|((framework, role, agent), resources)| Allocation { framework, role, agent, resources })
        .collect()
}

/// An order with all the other candidates anywhere in it.
fn with_others(
    order: Vec<AgentHandle>,
    all: &BTreeSet<AgentHandle>,
    random: &mut StdRng,
) -> Vec<AgentHandle> {
    assert!(order.iter().all(|agent| all.contains(agent)), "only candidates are visited");
    let mut mixed = order.clone();
    for other in all.iter().filter(|agent| !order.contains(agent)) {
        let at = random.random_range(0..=mixed.len());
        mixed.insert(at, *other);
    }
    mixed
}

struct Cycle<'a> {
    ledger: &'a Allocator,
    now: Time,
    held: BTreeMap<(AgentHandle, FrameworkHandle), Resources>,
    served_roles: BTreeMap<String, u64>,
    served_frameworks: BTreeMap<(Role, String), u64>,
    shared: BTreeMap<AgentHandle, Resources>,
    required: ResourceQuantities,
    offers: Offers,
}

impl<'a> Cycle<'a> {
    fn new(ledger: &'a Allocator, now: Time) -> Self {
        let mut held = BTreeMap::new();
        for (agent, page) in ledger.agents.iter() {
            held.extend(page.held().iter().map(|(framework, held)| ((agent, *framework), held.clone())));
        }
        let mut served_frameworks = BTreeMap::new();
        for (_, member) in ledger.roles.members() {
            let of_role = member.sorter.served().into_iter();
            served_frameworks.extend(of_role.map(|(id, served)| ((member.role.clone(), id), served)));
        }
        let mut cycle = Self {
            ledger,
            now,
            held,
            served_roles: ledger.role_sorter.served(),
            served_frameworks,
            shared: BTreeMap::new(),
            required: ResourceQuantities::new(),
            offers: BTreeMap::new(),
        };
        // Step 2: what must stay free is what guarantees exceed consumption by.
        for top in ledger.roles.tops() {
            cycle.required += &(top.quota.guarantees.clone() - &cycle.consumed(&top.role));
        }
        cycle
    }

    /// Step 0.
    fn candidates(&self) -> BTreeSet<AgentHandle> {
        let is_batch = self.now >= self.ledger.next_batch;
        let agents = self.ledger.agents.iter().filter(|(agent, page)| {
            let is_candidate = match &self.ledger.candidates {
                Candidates::All => true,
                Candidates::Some(agents) => agents.contains(agent),
            };
            (is_batch || is_candidate) && page.active && page.whitelisted
        });
        agents.map(|(agent, _)| agent).collect()
    }

    /// Step 4.
    fn guarantees(&mut self, agents: &[AgentHandle]) {
        for &agent in agents {
            for role in self.roles_in_order() {
                let quota = self.quota(&role);
                for framework in self.frameworks_in_order(&role) {
                    let unsatisfied = quota.guarantees.clone() - &self.consumed(&role.top());
                    let available = self.available(agent, &role);
                    if unsatisfied.is_empty() || !self.may_have(framework, &role, agent, &available) {
                        continue;
                    }
                    let available = self.understood(framework, &available);
                    let counted = available.filter(counts_for_quota);
                    let guaranteed = counted.shrink(&unsatisfied);
                    if guaranteed.is_empty() {
                        continue;
                    }
                    let mut more = counted - &guaranteed;
                    if !quota.limits.is_empty() {
                        let left =
                            quota.limits.remaining(&(self.consumed(&role.top()) + &guaranteed.quantities()));
                        more = more.shrink_within(&left);
                    }
                    if !self.required.is_empty() {
                        more = more.shrink(&(self.free() - &self.required));
                    }
                    let offer = available.filter(|entry| !counts_for_quota(entry)) + &guaranteed + &more;
                    if self.make_offer(framework, &role, agent, &offer) {
                        self.required -= &guaranteed.quantities();
                    }
                }
            }
        }
    }

    /// Step 5.
    fn fair_share(&mut self, agents: &[AgentHandle]) {
        for &agent in agents {
            for role in self.roles_in_order() {
                let quota = self.quota(&role);
                for framework in self.frameworks_in_order(&role) {
                    let available = self.available(agent, &role);
                    if !self.may_have(framework, &role, agent, &available) {
                        continue;
                    }
                    let available = self.understood(framework, &available);
                    let mut more = available.filter(counts_for_quota);
                    if !quota.limits.is_empty() {
                        more = more.shrink_within(&quota.limits.remaining(&self.consumed(&role.top())));
                    }
                    if !self.required.is_empty() {
                        more = more.shrink(&(self.free() - &self.required));
                    }
                    let offer = available.filter(|entry| !counts_for_quota(entry)) + &more;
                    self.make_offer(framework, &role, agent, &offer);
                }
            }
        }
    }

    /// Unless it is too little, or refused: makes the offer.
    fn make_offer(
        &mut self,
        handle: FrameworkHandle,
        role: &Role,
        agent: AgentHandle,
        offer: &Resources,
    ) -> bool {
        if !self.is_enough(handle, role, offer) || self.is_filtered(handle, role, agent, offer) {
            return false;
        }
        let allocated = offer.allocated_to(role);
        *self.held.entry((agent, handle)).or_default() += &allocated;
        *self.offers.entry((handle, role.clone(), agent)).or_default() += &allocated;
        *self.shared.entry(agent).or_default() += &offer.shared();
        let id = self.framework(handle).description.id.as_str().to_owned();
        *self.served_frameworks.get_mut(&(role.clone(), id)).unwrap() += 1;
        // The nodes of the tree above the role, its own, and its virtual leaf.
        for (path, served) in &mut self.served_roles {
            let is_above = role.as_str() == path || role.as_str().starts_with(&format!("{path}/"));
            if is_above || path.strip_suffix("/.") == Some(role.as_str()) {
                *served += 1;
            }
        }
        true
    }

    fn framework(&self, handle: FrameworkHandle) -> &'a Framework {
        &self.ledger.frameworks[handle]
    }

    fn page(&self, agent: AgentHandle) -> &'a Agent {
        &self.ledger.agents[agent]
    }

    fn quota(&self, role: &Role) -> tepui_model::Quota {
        self.ledger.roles.tops().find(|top| top.role == role.top()).unwrap().quota.clone()
    }

    /// What is left of an agent for a role.
    fn available(&self, agent: AgentHandle, role: &Role) -> Resources {
        let left = self.left(agent).allocatable_to(role);
        match self.shared.get(&agent) {
            Some(offered) => left - offered,
            None => left,
        }
    }

    fn left(&self, agent: AgentHandle) -> Resources {
        let held = self.held.iter().filter(|((on, _), _)| *on == agent);
        let held: Resources =
            held.map(|(_, held)| held.unallocated()).fold(Resources::new(), |all, held| all + &held);
        let total = self.page(agent).total();
        (total.non_shared() - &held.non_shared()) + &total.shared()
    }

    /// What nobody holds and any role may have.
    fn free(&self) -> ResourceQuantities {
        let mut free = ResourceQuantities::new();
        for (agent, _) in self.ledger.agents.iter() {
            free += &self.left(agent).filter(counts_for_quota).quantities();
        }
        free
    }

    /// Step 1: what counts against the quota of a top-level role.
    fn consumed(&self, top: &Role) -> ResourceQuantities {
        let mut consumed = ResourceQuantities::new();
        for held in self.known_held().map(|(_, _, held)| held) {
            for (role, part) in held.allocations() {
                if role.is_within(top) {
                    consumed += &part.filter(counts_for_quota).quantities();
                }
            }
        }
        for (_, page) in self.ledger.agents.iter() {
            for (role, part) in page.total().reservations() {
                if role.is_within(top) {
                    consumed += &part.quantities();
                }
            }
        }
        consumed
    }

    fn known_held(&self) -> impl Iterator<Item = (AgentHandle, FrameworkHandle, &Resources)> {
        let all = self.held.iter().map(|((agent, framework), held)| (*agent, *framework, held));
        all.filter(|(_, framework, _)| self.ledger.frameworks.contains(*framework))
    }

    /// Steps a to c.
    fn may_have(
        &self,
        handle: FrameworkHandle,
        role: &Role,
        agent: AgentHandle,
        available: &Resources,
    ) -> bool {
        let (framework, page) = (self.framework(handle), self.page(agent));
        let capabilities = &framework.description.capabilities;
        let knows_gpus = capabilities.gpu_resources || !self.ledger.settings.filter_gpu_resources;
        let is_remote =
            page.description.region.is_some() && page.description.region != self.ledger.settings.region;
        let traits = AgentTraits {
            hostname: &page.description.hostname,
            region: page.description.region.as_deref(),
            zone: page.description.zone.as_deref(),
            attributes: &page.description.attributes,
        };
        !framework.description.constraints.exclude(role, traits)
            && self.is_enough(handle, role, available)
            && (knows_gpus || page.total().gpus().is_zero())
            && (capabilities.region_aware || !is_remote)
    }

    /// Step d.
    fn understood(&self, handle: FrameworkHandle, available: &Resources) -> Resources {
        let capabilities = self.framework(handle).description.capabilities;
        let mut understood = available.clone();
        if !capabilities.shared_resources {
            understood = understood.non_shared();
        }
        if !capabilities.revocable_resources {
            understood = understood.non_revocable();
        }
        if !capabilities.reservation_refinement {
            understood = understood.filter(|entry| !entry.has_refined_reservation());
        }
        understood
    }

    fn is_enough(&self, handle: FrameworkHandle, role: &Role, resources: &Resources) -> bool {
        let own = self.framework(handle).description.min_allocatable.get(role);
        let sets = own.unwrap_or(&self.ledger.settings.min_allocatable);
        let is_any = sets.is_empty() || sets.iter().any(|set| resources.contains_quantities(set));
        !resources.is_empty() && is_any
    }

    fn is_filtered(
        &self,
        handle: FrameworkHandle,
        role: &Role,
        agent: AgentHandle,
        offer: &Resources,
    ) -> bool {
        let page = self.page(agent);
        let understands = &page.description.capabilities;
        if self.framework(handle).description.capabilities.multi_role && !understands.multi_role {
            return true;
        }
        if role.as_str().contains('/') && !understands.hierarchical_role {
            return true;
        }
        let id = self.ledger.roles.find(role).unwrap();
        let filters = page.refusals.get(&(id, handle));
        let live = filters.into_iter().flat_map(|filters| filters.live(self.now, self.ledger.batches));
        live.into_iter().any(|refused| refused.contains(offer))
    }

    /// All roles with frameworks, as their tree is walked.
    fn roles_in_order(&self) -> Vec<Role> {
        let clients: BTreeSet<Role> =
            self.ledger.roles.members().map(|(_, member)| member.role.clone()).collect();
        let mut listed = Vec::new();
        self.list_roles("", &clients, &mut listed);
        listed
    }

    fn list_roles(&self, above: &str, clients: &BTreeSet<Role>, listed: &mut Vec<Role>) {
        let below = |role: &Role| match above {
            "" => Some(role.as_str().to_owned()),
            _ => role.as_str().strip_prefix(&format!("{above}/")).map(str::to_owned),
        };
        let names: BTreeSet<String> =
            clients.iter().filter_map(below).map(|rest| rest.split('/').next().unwrap().to_owned()).collect();
        let path = |name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
        let mut nodes: Vec<String> = names.iter().map(|name| path(name)).collect();
        // A role with others below it has its frameworks in a leaf beside those.
        if clients.iter().any(|role| role.as_str() == above) {
            nodes.push(path("."));
        }
        nodes.sort_by(|left, right| {
            let key = |node: &str| (self.role_share(node), self.served_roles[node]);
            let ((left_share, left_served), (right_share, right_served)) = (key(left), key(right));
            let by_share = left_share.total_cmp(&right_share);
            by_share.then(left_served.cmp(&right_served)).then(left.cmp(right))
        });
        for node in nodes {
            let role = Role::parse(node.strip_suffix("/.").unwrap_or(&node)).unwrap();
            let is_inner = !node.ends_with("/.") && clients.iter().any(|client| client.is_below(&role));
            if is_inner { self.list_roles(&node, clients, listed) } else { listed.push(role) }
        }
    }

    fn role_share(&self, node: &str) -> f64 {
        let is_at_or_below = |role: &Role| match node.strip_suffix("/.") {
            Some(only) => role.as_str() == only,
            None => role.as_str() == node || role.as_str().starts_with(&format!("{node}/")),
        };
        self.share(|_, role| is_at_or_below(role)) / self.ledger.role_sorter.weight(node)
    }

    fn frameworks_in_order(&self, role: &Role) -> Vec<FrameworkHandle> {
        let all = self.ledger.frameworks.iter().filter(|(_, framework)| framework.wants(role));
        let mut keyed: Vec<(f64, u64, String, FrameworkHandle)> = all
            .map(|(handle, framework)| {
                let id = framework.description.id.as_str().to_owned();
                let share = self.share(|holder, held| holder == handle && held == role);
                (share, self.served_frameworks[&(role.clone(), id.clone())], id, handle)
            })
            .collect();
        keyed.sort_by(|left, right| {
            let by_share = left.0.total_cmp(&right.0);
            by_share.then(left.1.cmp(&right.1)).then_with(|| left.2.cmp(&right.2))
        });
        keyed.into_iter().map(|(.., handle)| handle).collect()
    }

    /// The largest fraction of anything that is held as said; a shared resource counts once per agent.
    fn share(&self, counts: impl Fn(FrameworkHandle, &Role) -> bool) -> f64 {
        let mut held = ResourceQuantities::new();
        let mut shared: BTreeSet<(AgentHandle, Resource)> = BTreeSet::new();
        for (agent, framework, resources) in self.known_held() {
            for (_, part) in resources.allocations().into_iter().filter(|(role, _)| counts(framework, role)) {
                held += &part.non_shared().quantities();
                shared.extend(part.shared().into_iter().map(|entry| (agent, entry.with_copies(1))));
            }
        }
        for (_, entry) in shared {
            held += &Resources::from_iter([entry]).quantities();
        }
        let mut totals = ResourceQuantities::new();
        for (_, page) in self.ledger.agents.iter() {
            totals += &self.ledger.shared_out(page.total());
        }
        totals.iter().map(|(name, total)| held.get(name).as_f64() / total.as_f64()).fold(0.0, f64::max)
    }
}

/// Unreserved scalars that stay.
fn counts_for_quota(entry: &Resource) -> bool {
    entry.is_scalar() && entry.reservations().is_empty() && !entry.is_revocable()
}
