//! The state, and the two doors to it: calls, and the clock.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tepui_model::{Resources, Role, Time};

use crate::agent::Agent;
use crate::framework::Framework;
use crate::sorter::{Sorter, Totals};
use crate::{AgentHandle, Allocation, Call, FrameworkHandle, Settings};

/// The ledger and the order of turns.
#[derive(Clone, Debug)]
pub struct Allocator {
    pub(crate) settings: Settings,
    pub(crate) agents: BTreeMap<AgentHandle, Agent>,
    pub(crate) frameworks: BTreeMap<FrameworkHandle, Framework>,
    /// Roles with frameworks.
    pub(crate) role_sorter: Sorter<Role>,
    /// The frameworks of each role: those subscribed to it, and those that hold something in it.
    pub(crate) framework_sorters: BTreeMap<Role, Sorter<FrameworkHandle>>,
    pub(crate) totals: Totals,
    pub(crate) candidates: Candidates,
    /// When all agents are considered next.
    pub(crate) next_batch: Time,
    /// How many runs of all agents the clock has caused.
    pub(crate) batches: u64,
    pub(crate) random: StdRng,
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
            settings,
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            role_sorter: Sorter::new(),
            framework_sorters: BTreeMap::new(),
            totals: Totals::default(),
            candidates: Candidates::Some(BTreeSet::new()),
            batches: 0,
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
        }
    }

    /// When to call [`Allocator::on_timer`] next: at once if something happened since the last run, else when all
    /// agents are due.
    pub fn next_wakeup(&self) -> Time {
        if self.candidates == Candidates::Some(BTreeSet::new()) { self.next_batch } else { Time::ZERO }
    }

    /// Runs: considers the agents that something happened to, or all if the interval is over.
    pub fn on_timer(&mut self, now: Time) -> Vec<Allocation> {
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
        self.agents.get(&agent).map(Agent::available)
    }

    /// What a framework holds of an agent, offered or used.
    pub fn held(&self, agent: AgentHandle, framework: FrameworkHandle) -> Option<&Resources> {
        self.agents.get(&agent)?.held_by(framework)
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
