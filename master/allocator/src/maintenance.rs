//! Maintenance: agents that will be unavailable, and the inverse offers that ask frameworks to leave them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_model::{Time, duration};

use crate::allocator::Candidates;
use crate::{AgentHandle, Allocator, FrameworkHandle};

/// From when, and for how long; without a duration for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailability {
    /// From when.
    pub start: Time,
    /// For how long.
    pub duration: Option<Duration>,
}

/// A framework is asked to give back what it holds of an agent that will be unavailable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InverseOffer {
    /// Who is asked.
    pub framework: FrameworkHandle,
    /// About which agent.
    pub agent: AgentHandle,
    /// When the agent is unavailable.
    pub unavailability: Unavailability,
}

/// What a framework said to an inverse offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InverseAnswer {
    /// Whether it will leave.
    pub accepted: bool,
    /// When it said so.
    pub at: Time,
}

/// An agent's planned absence, and what frameworks say to it.
#[derive(Clone, Debug)]
pub(crate) struct Maintenance {
    unavailability: Unavailability,
    /// Who was asked and has not answered.
    outstanding: BTreeSet<FrameworkHandle>,
    answers: BTreeMap<FrameworkHandle, InverseAnswer>,
}

impl Allocator {
    /// The agent will be unavailable, at another time than before, or no longer.
    pub(crate) fn update_unavailability(
        &mut self,
        agent: AgentHandle,
        unavailability: Option<Unavailability>,
    ) {
        if !self.agents.contains(agent) {
            return;
        }
        // Whoever refused the agent, or did not want to leave it, did so under other circumstances.
        self.drop_refusals_on(agent);
        for (_, framework) in self.frameworks.iter_mut() {
            framework.undisturbed.remove(&agent);
        }
        self.set_maintenance(agent, unavailability);
        self.unsettle(agent);
        self.consider(agent);
    }

    pub(crate) fn set_maintenance(&mut self, agent: AgentHandle, unavailability: Option<Unavailability>) {
        match unavailability {
            Some(_) => self.in_maintenance.insert(agent),
            None => self.in_maintenance.remove(&agent),
        };
        self.agents[agent].maintenance = unavailability.map(|unavailability| Maintenance {
            unavailability,
            outstanding: BTreeSet::new(),
            answers: BTreeMap::new(),
        });
    }

    /// The framework answered, or (without an answer) its inverse offer was taken back.
    pub(crate) fn answer_inverse_offer(
        &mut self,
        now: Time,
        agent: AgentHandle,
        framework: FrameworkHandle,
        answer: Option<InverseAnswer>,
        refused: Option<Duration>,
    ) {
        let Some(maintenance) = self.agents.get_mut(agent).and_then(|page| page.maintenance.as_mut()) else {
            return;
        };
        let Some(known) = self.frameworks.get_mut(framework) else { return };
        maintenance.outstanding.remove(&framework);
        if let Some(answer) = answer {
            let last = maintenance.answers.entry(framework).or_insert(answer);
            if last.at <= answer.at {
                *last = answer;
            }
        }
        if let Some(refused) = refused {
            known.undisturbed.insert(agent, now + refused.max(self.settings.allocation_interval));
        }
    }

    pub(crate) fn forget_inverse_offers_of(&mut self, framework: FrameworkHandle) {
        for agent in &self.in_maintenance {
            if let Some(maintenance) = &mut self.agents[*agent].maintenance {
                maintenance.outstanding.remove(&framework);
                maintenance.answers.remove(&framework);
            }
        }
    }

    /// What frameworks said last about leaving an agent.
    pub fn inverse_answers(&self, agent: AgentHandle) -> BTreeMap<FrameworkHandle, InverseAnswer> {
        let maintenance = self.agents.get(agent).and_then(|page| page.maintenance.as_ref());
        maintenance.map(|maintenance| maintenance.answers.clone()).unwrap_or_default()
    }

    /// The inverse offers of the last run. Each is outstanding until it is answered or taken back.
    pub fn take_inverse_offers(&mut self) -> Vec<InverseOffer> {
        std::mem::take(&mut self.inverse_offers)
    }

    /// Asks whoever holds something of an agent in maintenance, and was not asked.
    pub(crate) fn make_inverse_offers(&mut self, now: Time, candidates: &Candidates) {
        for agent in &self.in_maintenance {
            if matches!(candidates, Candidates::Some(agents) if !agents.contains(agent)) {
                continue;
            }
            let page = &mut self.agents[*agent];
            let holders: Vec<FrameworkHandle> = page.held().keys().copied().collect();
            let Some(maintenance) = &mut page.maintenance else { continue };
            for framework in holders {
                let Some(known) = self.frameworks.get_mut(framework).filter(|known| known.active) else {
                    continue;
                };
                if known.undisturbed.get(agent).is_some_and(|until| now <= *until) {
                    continue;
                }
                known.undisturbed.remove(agent);
                if maintenance.outstanding.insert(framework) {
                    let unavailability = maintenance.unavailability;
                    self.inverse_offers.push(InverseOffer { framework, agent: *agent, unavailability });
                }
            }
        }
    }
}

impl fmt::Display for Unavailability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}", self.start)?;
        match self.duration {
            Some(lasts) => write!(f, " for {}", duration::print(lasts)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for InverseOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is asked to leave {}, unavailable {}", self.framework, self.agent, self.unavailability)
    }
}
