//! Inverse offers: a framework is asked to leave an agent that will be in maintenance. One for each framework and agent at a
//! time; what it answers is shown to the operator, and the allocator asks again later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tepui_allocator::{Call, InverseAnswer, InverseOffer};
use tepui_model::{FrameworkId, OfferId};
use tepui_proto::v1;
use tepui_proto::v1::allocator::{InverseOfferStatus, inverse_offer_status::Status};

use crate::cx::Cx;
use crate::effect::Effect;
use crate::events;
use crate::fact::Fact;
use crate::maintenance::Machine;
use crate::master::Master;
use crate::names::{AgentHandle, FrameworkHandle};

/// The outstanding ones, and the last answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InverseOffers {
    /// By their ids.
    pub outstanding: BTreeMap<OfferId, (AgentHandle, FrameworkHandle)>,
    /// The same ones.
    on: BTreeMap<AgentHandle, BTreeMap<FrameworkHandle, OfferId>>,
    /// A machine may have several agents.
    answers: BTreeMap<Machine, BTreeMap<(AgentHandle, FrameworkHandle), Answered>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answered {
    framework: FrameworkId,
    answer: InverseAnswer,
}

impl InverseOffers {
    pub fn answers_on(&self, machine: &Machine) -> Vec<InverseOfferStatus> {
        let status = |answered: &Answered| InverseOfferStatus {
            status: if answered.answer.accepted { Status::Accept } else { Status::Decline } as i32,
            framework_id: answered.framework.to_wire(),
            timestamp: answered.answer.at.into(),
        };
        self.answers.get(machine).into_iter().flat_map(BTreeMap::values).map(status).collect()
    }

    fn insert(&mut self, id: OfferId, agent: AgentHandle, framework: FrameworkHandle) {
        self.on.entry(agent).or_default().insert(framework, id.clone());
        self.outstanding.insert(id, (agent, framework));
    }

    fn remove(&mut self, agent: AgentHandle, framework: FrameworkHandle) -> Option<OfferId> {
        let on_agent = self.on.get_mut(&agent)?;
        let id = on_agent.remove(&framework)?;
        if on_agent.is_empty() {
            self.on.remove(&agent);
        }
        self.outstanding.remove(&id);
        Some(id)
    }

    /// Drops the answers that `gone` names, and says whether there were any.
    fn forget(&mut self, machine: &Machine, gone: impl Fn(AgentHandle, FrameworkHandle) -> bool) -> bool {
        let Some(answers) = self.answers.get_mut(machine) else { return false };
        let before = answers.len();
        answers.retain(|(agent, framework), _| !gone(*agent, *framework));
        let forgot = answers.len() < before;
        if answers.is_empty() {
            self.answers.remove(machine);
        }
        forgot
    }
}

impl Master {
    /// Sends what the allocator decided, one event for each framework. What became stale on its way is taken back at once.
    pub(crate) fn inverse_offers_made(&mut self, cx: &mut Cx, made: Vec<InverseOffer>) {
        let mut by_framework: BTreeMap<FrameworkHandle, Vec<v1::InverseOffer>> = BTreeMap::new();
        for InverseOffer { framework, agent, .. } in made {
            let id = self.new_offer_id();
            match self.inverse_offer(&id, framework, agent) {
                Some(message) => {
                    // Asked before the schedule changed, and overtaken by the question after it.
                    self.rescind_inverse_offer(cx, agent, framework);
                    self.offers.inverse.insert(id, agent, framework);
                    by_framework.entry(framework).or_default().push(message);
                }
                None => self.settle_inverse_offer(cx, agent, framework, None, None),
            }
        }
        for (framework, offers) in by_framework {
            if let Some(peer) = self.frameworks.registered[framework].peer() {
                cx.event(peer, events::inverse_offers(offers));
            }
        }
    }

    fn inverse_offer(
        &self,
        id: &OfferId,
        framework: FrameworkHandle,
        agent: AgentHandle,
    ) -> Option<v1::InverseOffer> {
        let framework = self.frameworks.registered.get(framework).filter(|known| known.link().is_some())?;
        let agent = self.agents.registered.get(agent)?;
        Some(v1::InverseOffer {
            id: id.to_wire(),
            url: self.url_of(agent).map(Box::new),
            framework_id: framework.id.to_wire(),
            agent_id: Some(agent.id.to_wire()),
            unavailability: self.unavailability_of(agent)?,
            resources: Vec::new(),
        })
    }

    /// A framework says whether it will leave.
    pub(crate) fn answer_inverse_offers(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        ids: &[v1::OfferId],
        accepted: bool,
        refused: Option<std::time::Duration>,
    ) {
        for wire in ids {
            let id = OfferId::from_wire(wire).ok();
            let known = id.as_ref().and_then(|id| self.offers.inverse.outstanding.get(id)).copied();
            let Some((agent, _)) = known.filter(|(_, framework)| *framework == from) else {
                let fact = Fact::debug("answer to an inverse offer that is not outstanding");
                cx.log(fact.with("offer", &wire.value));
                continue;
            };
            self.offers.inverse.remove(agent, from);
            let answer = InverseAnswer { accepted, at: cx.now };
            let machine = self.agents.registered[agent].machine();
            let answered = Answered { framework: self.frameworks.registered[from].id.clone(), answer };
            self.offers.inverse.answers.entry(machine.clone()).or_default().insert((agent, from), answered);
            self.changes.answered.insert(machine);
            self.settle_inverse_offer(cx, agent, from, Some(answer), refused);
        }
    }

    fn settle_inverse_offer(
        &mut self,
        cx: &mut Cx,
        agent: AgentHandle,
        framework: FrameworkHandle,
        answer: Option<InverseAnswer>,
        refused: Option<std::time::Duration>,
    ) {
        cx.push(Effect::Allocator(Call::AnswerInverseOffer { agent, framework, answer, refused }));
    }

    fn rescind_inverse_offer(&mut self, cx: &mut Cx, agent: AgentHandle, framework: FrameworkHandle) {
        let Some(id) = self.offers.inverse.remove(agent, framework) else { return };
        if let Some(peer) = self.frameworks.registered[framework].peer() {
            cx.event(peer, events::rescind_inverse(&id));
        }
    }

    /// The agent is gone, or its time is another one: answers mean nothing any more either.
    pub(crate) fn rescind_inverse_offers_on(&mut self, cx: &mut Cx, agent: AgentHandle) {
        let asked = self.offers.inverse.on.get(&agent).into_iter().flat_map(BTreeMap::keys);
        for framework in asked.copied().collect::<Vec<_>>() {
            self.rescind_inverse_offer(cx, agent, framework);
            self.settle_inverse_offer(cx, agent, framework, None, None);
        }
        let machine = self.agents.registered[agent].machine();
        if self.offers.inverse.forget(&machine, |on, _| on == agent) {
            self.changes.answered.insert(machine);
        }
    }

    /// The framework is away and will not answer.
    pub(crate) fn discard_inverse_offers_of(&mut self, cx: &mut Cx, framework: FrameworkHandle) {
        let asked = self.offers.inverse.outstanding.values().filter(|(_, of)| *of == framework);
        for (agent, _) in asked.copied().collect::<Vec<_>>() {
            self.offers.inverse.remove(agent, framework);
            self.settle_inverse_offer(cx, agent, framework, None, None);
        }
    }

    /// The framework has ended.
    pub(crate) fn forget_answers_of(&mut self, framework: FrameworkHandle) {
        for machine in self.offers.inverse.answers.keys().cloned().collect::<Vec<_>>() {
            if self.offers.inverse.forget(&machine, |_, of| of == framework) {
                self.changes.answered.insert(machine);
            }
        }
    }
}
