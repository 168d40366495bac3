//! One run: agents in random order, and on each, whoever's turn it is.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use tepui_model::{FrameworkCapabilities, Resource, Resources, Role, Time};

use crate::agent::Agent;
use crate::allocator::Candidates;
use crate::framework::Framework;
use crate::{AgentHandle, Allocation, Allocator, FrameworkHandle};

/// What a run has done so far.
struct Run {
    now: Time,
    offers: BTreeMap<(FrameworkHandle, Role, AgentHandle), Resources>,
    /// Shared resources stay available when handed out; within a run they are handed out once.
    shared: BTreeMap<AgentHandle, Resources>,
}

impl Allocator {
    pub(crate) fn run(&mut self, now: Time) -> Vec<Allocation> {
        let mut run = Run { now, offers: BTreeMap::new(), shared: BTreeMap::new() };
        for agent in self.take_candidates() {
            self.offer_agent(&mut run, agent);
        }
        let offers = run.offers.into_iter();
        offers
            .map(|((framework, role, agent), resources)| Allocation { framework, role, agent, resources })
            .collect()
    }

    fn take_candidates(&mut self) -> Vec<AgentHandle> {
        let mut agents: Vec<_> =
            match std::mem::replace(&mut self.candidates, Candidates::Some(Default::default())) {
                Candidates::All => self.agents.keys().copied().collect(),
                Candidates::Some(agents) => agents.into_iter().collect(),
            };
        agents.retain(|agent| self.agents.get(agent).is_some_and(|page| page.active));
        agents.shuffle(&mut self.random);
        agents
    }

    fn offer_agent(&mut self, run: &mut Run, agent: AgentHandle) {
        if self.agents[&agent].available().is_empty() {
            return;
        }
        for role in self.role_sorter.sort(&self.totals) {
            if self.agents[&agent].available().is_empty() {
                return;
            }
            self.offer_to_role(run, agent, &role);
        }
    }

    fn offer_to_role(&mut self, run: &mut Run, agent: AgentHandle, role: &Role) {
        let sorter = self.framework_sorters.get_mut(role).expect("sorted roles have frameworks");
        let mut available = None;
        for handle in sorter.sort(&self.totals) {
            let available = available.get_or_insert_with(|| self.available_to(run, agent, role));
            if available.is_empty() {
                return;
            }
            let Some(offer) = self.offer_for(handle, role, agent, available, run.now) else { continue };
            *available -= &offer;
            self.record(run, agent, handle, role, &offer);
        }
    }

    /// What the role may have of what is left on the agent.
    fn available_to(&self, run: &Run, agent: AgentHandle, role: &Role) -> Resources {
        let available = self.agents[&agent].available().allocatable_to(role);
        match run.shared.get(&agent) {
            Some(shared) => available - shared,
            None => available,
        }
    }

    /// What the framework is offered of it, unless it cannot use it or does not want it.
    fn offer_for(
        &mut self,
        handle: FrameworkHandle,
        role: &Role,
        agent: AgentHandle,
        available: &Resources,
        now: Time,
    ) -> Option<Resources> {
        let (framework, page) = (&self.frameworks[&handle], &self.agents[&agent]);
        let may_have = self.is_allocatable(available, role, framework) && self.is_capable(framework, page);
        if !may_have || is_unfit(framework, role, page) {
            return None;
        }
        let offer = understood_by(&framework.description.capabilities, available);
        if !self.is_allocatable(&offer, role, framework) || self.is_refused(handle, role, agent, &offer, now)
        {
            return None;
        }
        Some(offer)
    }

    /// Whether it is enough for an offer: it holds all of at least one of the sets that the framework, or else the
    /// operator, wants.
    fn is_allocatable(&self, resources: &Resources, role: &Role, framework: &Framework) -> bool {
        let own = framework.description.min_allocatable.get(role);
        let sets = own.unwrap_or(&self.settings.min_allocatable);
        !resources.is_empty()
            && (sets.is_empty() || sets.iter().any(|set| resources.contains_quantities(set)))
    }

    /// Whether the framework says it knows what is special about the agent.
    fn is_capable(&self, framework: &Framework, page: &Agent) -> bool {
        let capabilities = &framework.description.capabilities;
        if self.settings.filter_gpu_resources && !capabilities.gpu_resources && page.has_gpus() {
            return false;
        }
        let is_remote = page.description.region.is_some() && page.description.region != self.settings.region;
        capabilities.region_aware || !is_remote
    }

    /// Whether the framework refused it. Refusals that have lapsed are dropped on the way.
    fn is_refused(
        &mut self,
        handle: FrameworkHandle,
        role: &Role,
        agent: AgentHandle,
        offer: &Resources,
        now: Time,
    ) -> bool {
        let framework = self.frameworks.get_mut(&handle).expect("sorted frameworks are known");
        let Some(of_role) = framework.filters.get_mut(role) else { return false };
        let Some(filters) = of_role.get_mut(&agent) else { return false };
        if !filters.lapse(now, self.batches) {
            of_role.remove(&agent);
            return false;
        }
        filters.cover(offer)
    }

    fn record(
        &mut self,
        run: &mut Run,
        agent: AgentHandle,
        handle: FrameworkHandle,
        role: &Role,
        offer: &Resources,
    ) {
        let allocated = offer.allocated_to(role);
        self.hand_out(agent, handle, role, &allocated);
        let shared = offer.shared();
        if !shared.is_empty() {
            *run.shared.entry(agent).or_default() += &shared;
        }
        *run.offers.entry((handle, role.clone(), agent)).or_default() += &allocated;
    }
}

/// Whether the agent does not understand the framework or its role.
fn is_unfit(framework: &Framework, role: &Role, page: &Agent) -> bool {
    let agent = &page.description.capabilities;
    (framework.description.capabilities.multi_role && !agent.multi_role)
        || (role.is_nested() && !agent.hierarchical_role)
}

/// What the framework knows how to use.
fn understood_by(capabilities: &FrameworkCapabilities, resources: &Resources) -> Resources {
    resources.filter(|entry: &Resource| {
        (capabilities.shared_resources || !entry.is_shared())
            && (capabilities.revocable_resources || !entry.is_revocable())
            && (capabilities.reservation_refinement || !entry.has_refined_reservation())
    })
}
