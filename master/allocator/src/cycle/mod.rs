//! One run: agents in random order, and on each, whoever's turn it is. First roles get what they are guaranteed, then
//! everything else is shared out.

mod offer;
mod turns;

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use tepui_model::{ResourceQuantities, Resources, Time};

use crate::agent::quota_counted;
use crate::allocator::Candidates;
use crate::attention::Attention;
use crate::roles::RoleId;
use crate::{AgentHandle, Allocation, Allocator, FrameworkHandle};

pub(crate) use offer::{Why, check_fit, portion, understood_by};

use offer::Offer;

/// What a run does, twice over all agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Roles that consume less than they are guaranteed.
    Guarantees,
    /// Everybody.
    FairShare,
}

/// What a run has done so far.
pub(crate) struct Run {
    allocations: Vec<Allocation>,
    /// Shared resources stay available when handed out; within a run they are handed out once.
    shared: BTreeMap<AgentHandle, Resources>,
    /// What must stay free for guarantees that are not met.
    required: ResourceQuantities,
    /// What any role may have and quota counts.
    free: ResourceQuantities,
    /// What of that may be handed out besides guarantees; `None` if nothing must stay free.
    surplus: Option<ResourceQuantities>,
}

/// An agent, and for whom it is looked at.
struct Visit {
    agent: AgentHandle,
    attention: Attention,
}

impl Run {
    pub(crate) fn new(required: ResourceQuantities, free: ResourceQuantities) -> Self {
        let mut run =
            Self { allocations: Vec::new(), shared: BTreeMap::new(), required, free, surplus: None };
        run.count_surplus();
        run
    }

    pub(crate) fn surplus(&self) -> Option<&ResourceQuantities> {
        self.surplus.as_ref()
    }

    fn count_surplus(&mut self) {
        self.surplus = (!self.required.is_empty()).then(|| self.free.clone() - &self.required);
    }

    /// An offer was made; `guaranteed` of it was owed.
    fn note(&mut self, counted: &ResourceQuantities, guaranteed: &ResourceQuantities) {
        if self.surplus.is_none() {
            return;
        }
        self.required -= guaranteed;
        self.free -= counted;
        self.count_surplus();
    }
}

impl Allocator {
    pub(crate) fn run(&mut self, now: Time) -> Vec<Allocation> {
        self.lapse_refusals(now);
        let mut run = Run::new(self.required_headroom(), self.free.clone());
        self.reconsider_held_back(&run);
        let candidates = std::mem::replace(&mut self.candidates, Candidates::Some(Default::default()));
        let mut visits = self.visits(&candidates);
        // Without guarantees that are not met, there is no first stage.
        if !run.required.is_empty() {
            visits.shuffle(&mut self.random);
        }
        self.retrace(&visits, 0);
        for visit in &visits {
            // Once nothing is owed to anybody, it is over.
            if run.required.is_empty() {
                break;
            }
            self.visit(&mut run, visit, Stage::Guarantees);
        }
        // Once more, so that those that came last are not always the ones that are left.
        visits.shuffle(&mut self.random);
        self.retrace(&visits, 1);
        for visit in &visits {
            self.visit(&mut run, visit, Stage::FairShare);
        }
        self.settle(&visits);
        self.make_inverse_offers(now, &candidates);
        self.surplus = run.surplus.take();
        merged(run.allocations)
    }

    /// The agents among the candidates at which a look can change something.
    fn visits(&mut self, candidates: &Candidates) -> Vec<Visit> {
        let is_quiet = self.awake == Attention::Settled;
        let agents: Vec<AgentHandle> = match candidates {
            Candidates::All if is_quiet => self.unsettled.iter().copied().collect(),
            Candidates::All => self.agents.iter().map(|(agent, _)| agent).collect(),
            Candidates::Some(agents) => {
                agents.iter().copied().filter(|agent| !is_quiet || self.unsettled.contains(agent)).collect()
            }
        };
        let mut visits = Vec::with_capacity(agents.len());
        for agent in agents {
            let Some(page) = self.agents.get_mut(agent) else { continue };
            self.unsettled.remove(&agent);
            // Who is not offered now is looked at anew when that changes.
            let own = std::mem::take(&mut page.attention);
            if page.is_offered() {
                visits.push(Visit { agent, attention: own.with(&self.awake) });
            }
        }
        if *candidates == Candidates::All {
            self.awake = Attention::Settled;
        }
        visits
    }

    /// Everybody had a turn on these.
    fn settle(&mut self, visits: &[Visit]) {
        for visit in visits {
            if self.agents[visit.agent].is_restless() {
                self.unsettle(visit.agent);
            }
        }
    }

    fn visit(&mut self, run: &mut Run, visit: &Visit, stage: Stage) {
        let mut turns = self.role_turns(&visit.attention);
        while let Some(role) = self.next_role(&mut turns) {
            if self.agents[visit.agent].available().is_empty() {
                return;
            }
            if !self.passes_over(role, visit.agent, stage) {
                self.offer_to_role(run, visit, role, stage);
            }
        }
    }

    fn offer_to_role(&mut self, run: &mut Run, visit: &Visit, role: RoleId, stage: Stage) {
        let agent = visit.agent;
        let mut turns = self.framework_turns(role, &visit.attention);
        // What this role may have, where that is not simply everything.
        let mut special = None;
        while let Some(framework) = self.next_framework(role, &mut turns) {
            let page = &self.agents[agent];
            if page.is_special && special.is_none() {
                special = Some(self.available_to(role, agent, run.shared.get(&agent)));
            }
            let available = special.as_ref().unwrap_or(page.available());
            if available.is_empty() {
                return;
            }
            let cut = self.offer_for(framework, role, agent, available, run.surplus(), stage);
            self.note_cut(role, agent, cut.limited, cut.held_back);
            if let Ok(offer) = cut.offer {
                self.record(run, agent, framework, role, offer);
                special = None;
                if self.passes_over(role, agent, stage) {
                    return;
                }
            }
        }
    }

    /// Remembers who got less than there was, for when there is more to be had.
    fn note_cut(&mut self, role: RoleId, agent: AgentHandle, limited: bool, held_back: bool) {
        if limited || held_back {
            self.roles.top_of_mut(role).pinched = true;
        }
        if held_back {
            self.hold_back(agent);
        }
    }

    fn record(
        &mut self,
        run: &mut Run,
        agent: AgentHandle,
        framework: FrameworkHandle,
        role: RoleId,
        offer: Offer,
    ) {
        let name = self.roles.member(role).role.clone();
        let resources = match offer {
            Offer::Everything => self.hand_out_everything(agent, framework, role, &name),
            Offer::Part { mut resources, guaranteed } => {
                run.note(&quota_counted(&resources), &guaranteed);
                let shared = resources.shared();
                if !shared.is_empty() {
                    *run.shared.entry(agent).or_default() += &shared;
                }
                resources.allocate(&name);
                self.hand_out(agent, framework, role, &resources);
                resources
            }
        };
        run.allocations.push(Allocation { framework, role: name, agent, resources });
    }

    #[cfg(test)]
    fn retrace(&mut self, visits: &[Visit], stage: usize) {
        self.visited[stage] = visits.iter().map(|visit| visit.agent).collect();
    }

    #[cfg(not(test))]
    fn retrace(&mut self, _visits: &[Visit], _stage: usize) {}
}

/// In order, and with what a framework got in two parts in one.
fn merged(mut allocations: Vec<Allocation>) -> Vec<Allocation> {
    allocations.sort_by(|left, right| {
        let by_framework = left.framework.cmp(&right.framework);
        by_framework.then_with(|| left.role.cmp(&right.role)).then_with(|| left.agent.cmp(&right.agent))
    });
    allocations.dedup_by(|next, first| {
        let is_one =
            (first.framework, first.agent) == (next.framework, next.agent) && first.role == next.role;
        if is_one {
            first.resources += &next.resources;
        }
        is_one
    });
    allocations
}
