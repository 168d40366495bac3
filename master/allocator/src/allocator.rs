//! The state, and the two doors to it: calls, and the clock.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tepui_model::{ResourceQuantities, Resources, Time};

use crate::agent::Agent;
use crate::attention::Attention;
use crate::framework::Framework;
use crate::keeping::ByHandle;
use crate::quotas::Pause;
use crate::refusals::Lapse;
use crate::roles::{RoleId, Roles};
use crate::sorter::{Sorter, Totals};
use crate::{AgentHandle, Allocation, Call, FrameworkHandle, InverseOffer, Settings};

/// The ledger and the order of turns.
#[derive(Clone, Debug)]
pub struct Allocator {
    pub(crate) settings: Settings,
    pub(crate) agents: ByHandle<AgentHandle, Agent>,
    pub(crate) frameworks: ByHandle<FrameworkHandle, Framework>,
    /// Agents that told of frameworks that are not known yet.
    pub(crate) reported: BTreeMap<FrameworkHandle, BTreeSet<AgentHandle>>,
    /// Roles with frameworks, with whose turn it is among these, and quota.
    pub(crate) roles: Roles,
    /// Which of the roles has its turn.
    pub(crate) role_sorter: Sorter<RoleId>,
    pub(crate) totals: Totals,
    /// What any role may have and quota counts, of all agents.
    pub(crate) free: ResourceQuantities,
    pub(crate) candidates: Candidates,
    /// The agents that something changed on since everybody had a turn.
    pub(crate) unsettled: BTreeSet<AgentHandle>,
    /// Whom something changed for on every agent, since the last run of all.
    pub(crate) awake: Attention,
    /// Agents where something was held back for guarantees.
    pub(crate) held_back: BTreeSet<AgentHandle>,
    /// What the last run left to hand out besides the headroom; `None` if no headroom is wanted.
    pub(crate) surplus: Option<ResourceQuantities>,
    /// When refusals lapse.
    pub(crate) lapses: BTreeSet<Lapse>,
    /// The only hosts whose agents are offered, if that is limited.
    pub(crate) whitelist: Option<BTreeSet<String>>,
    pub(crate) in_maintenance: BTreeSet<AgentHandle>,
    pub(crate) inverse_offers: Vec<InverseOffer>,
    pub(crate) pause: Option<Pause>,
    /// When all agents are considered next.
    pub(crate) next_batch: Time,
    /// How many runs of all agents the clock has caused.
    pub(crate) batches: u64,
    pub(crate) random: StdRng,
    /// The agents of the last run in the order of each stage, for who wants to retrace it.
    #[cfg(test)]
    pub(crate) visited: [Vec<AgentHandle>; 2],
}

/// The agents that the next run considers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Candidates {
    /// Those something happened to; none if nothing happened.
    Some(BTreeSet<AgentHandle>),
    /// All.
    All,
}

impl Allocator {
    /// An allocator that knows nobody; the first run of all agents is due one interval after `now`.
    pub fn new(settings: Settings, now: Time) -> Self {
        Self {
            next_batch: now + settings.allocation_interval,
            random: StdRng::seed_from_u64(settings.seed),
            role_sorter: Sorter::new(settings.role_sorter),
            settings,
            agents: ByHandle::new(),
            frameworks: ByHandle::new(),
            reported: BTreeMap::new(),
            roles: Roles::new(),
            totals: Totals::default(),
            free: ResourceQuantities::new(),
            candidates: Candidates::Some(BTreeSet::new()),
            unsettled: BTreeSet::new(),
            awake: Attention::Settled,
            held_back: BTreeSet::new(),
            surplus: None,
            lapses: BTreeSet::new(),
            whitelist: None,
            in_maintenance: BTreeSet::new(),
            inverse_offers: Vec::new(),
            pause: None,
            batches: 0,
            #[cfg(test)]
            visited: Default::default(),
        }
    }

    /// Takes note of something that happened.
    ///
    /// # Panics
    ///
    /// If the call contradicts the ledger: an agent or framework is added twice, or gives back what it does not hold.
    /// Calls about agents or frameworks that are gone are ignored.
    pub fn call(&mut self, now: Time, call: Call) {
        match call {
            Call::AddFramework { framework, description, active } => {
                self.add_framework(framework, description, active);
            }
            Call::UpdateFramework { framework, description } => self.update_framework(framework, description),
            Call::ActivateFramework(framework) => self.activate_framework(framework),
            Call::DeactivateFramework(framework) => self.deactivate_framework(framework),
            Call::RemoveFramework(framework) => self.remove_framework(framework),
            Call::AddAgent { agent, description, active, used } => {
                self.add_agent(agent, description, active, used)
            }
            Call::UpdateAgent { agent, description } => self.update_agent(agent, description),
            Call::AddUsed { agent, framework, resources } => self.add_used(agent, framework, &resources),
            Call::ActivateAgent(agent) => self.activate_agent(agent),
            Call::DeactivateAgent(agent) => self.deactivate_agent(agent),
            Call::RemoveAgent(agent) => self.remove_agent(agent),
            Call::Launch { agent, framework, resources } => self.launch(agent, framework, &resources),
            Call::Convert { agent, framework, conversions } => self.convert(agent, framework, &conversions),
            Call::Recover { agent, framework, resources, held, refused } => {
                self.recover(agent, framework, &resources, held);
                if let Some(refused) = refused {
                    self.refuse(now, agent, framework, &resources, refused);
                }
            }
            Call::Suppress { framework, roles } => self.suppress(framework, &roles),
            Call::Revive { framework, roles } => self.revive(framework, &roles),
            Call::UpdateWeights(weights) => {
                weights.iter().for_each(|(role, weight)| self.role_sorter.set_weight(role.as_str(), *weight));
            }
            Call::UpdateQuota { role, quota } => self.update_quota(&role, quota),
            Call::AwaitAgents(expected) => self.await_agents(now, expected),
            Call::SetWhitelist(whitelist) => self.set_whitelist(whitelist),
            Call::UpdateUnavailability { agent, unavailability } => {
                self.update_unavailability(agent, unavailability);
            }
            Call::AnswerInverseOffer { agent, framework, answer, refused } => {
                self.answer_inverse_offer(now, agent, framework, answer, refused);
            }
        }
    }

    /// When to call [`Allocator::on_timer`] next: at once if something happened since the last run, else when all
    /// agents are due, or when a pause ends.
    pub fn next_wakeup(&self) -> Time {
        match self.pause_ends() {
            Some(end) => end,
            None if self.candidates == Candidates::Some(BTreeSet::new()) => self.next_batch,
            None => Time::ZERO,
        }
    }

    /// Runs: considers the agents that something happened to, or all if the interval is over.
    pub fn on_timer(&mut self, now: Time) -> Vec<Allocation> {
        if self.is_paused(now) {
            return Vec::new();
        }
        let is_batch = now >= self.next_batch;
        if is_batch {
            self.next_batch = now + self.settings.allocation_interval;
            self.candidates = Candidates::All;
        }
        let allocations = self.run(now);
        self.batches += u64::from(is_batch);
        allocations
    }

    /// What nobody holds of an agent; `None` if the agent is unknown.
    pub fn available(&self, agent: AgentHandle) -> Option<&Resources> {
        self.agents.get(agent).map(Agent::available)
    }

    /// What a framework holds of an agent, offered or used.
    pub fn held(&self, agent: AgentHandle, framework: FrameworkHandle) -> Option<&Resources> {
        self.agents.get(agent)?.held_by(framework)
    }

    pub(crate) fn consider(&mut self, agent: AgentHandle) {
        if let Candidates::Some(agents) = &mut self.candidates {
            agents.insert(agent);
        }
    }

    pub(crate) fn consider_all(&mut self) {
        self.candidates = Candidates::All;
    }
}
