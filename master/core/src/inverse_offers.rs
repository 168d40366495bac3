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
    pub outstanding: BTreeMap<OfferId, (AgentHandle, FrameworkHandle)>,
    answers: BTreeMap<(AgentHandle, FrameworkHandle), Answered>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answered {
    machine: Machine,
    framework: FrameworkId,
    answer: InverseAnswer,
}

impl InverseOffers {
    pub fn answers_on(&self, machine: &Machine) -> impl Iterator<Item = InverseOfferStatus> {
        let status = |answered: &Answered| InverseOfferStatus {
            status: if answered.answer.accepted { Status::Accept } else { Status::Decline } as i32,
            framework_id: answered.framework.to_wire(),
            timestamp: answered.answer.at.into(),
        };
        self.answers.values().filter(move |answered| answered.machine == *machine).map(status)
    }

    fn named(&self, wanted: impl Fn(AgentHandle, FrameworkHandle) -> bool) -> Vec<OfferId> {
        let outstanding =
            self.outstanding.iter().filter(|(_, (agent, framework))| wanted(*agent, *framework));
        outstanding.map(|(id, _)| id.clone()).collect()
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
                    self.offers.inverse.outstanding.insert(id, (agent, framework));
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
            id.and_then(|id| self.offers.inverse.outstanding.remove(&id));
            let answer = InverseAnswer { accepted, at: cx.now };
            let answered = Answered {
                machine: self.agents.registered[agent].machine(),
                framework: self.frameworks.registered[from].id.clone(),
                answer,
            };
            self.offers.inverse.answers.insert((agent, from), answered);
            self.changes.maintenance = true;
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

    /// The agent is gone, or its time is another one: answers mean nothing any more either.
    pub(crate) fn rescind_inverse_offers_on(&mut self, cx: &mut Cx, agent: AgentHandle) {
        for id in self.offers.inverse.named(|on, _| on == agent) {
            let (_, framework) = self.offers.inverse.outstanding.remove(&id).expect("it was just found");
            if let Some(peer) = self.frameworks.registered[framework].peer() {
                cx.event(peer, events::rescind_inverse(&id));
            }
            self.settle_inverse_offer(cx, agent, framework, None, None);
        }
        self.forget_answers(|on, _| on == agent);
    }

    /// The framework is away and will not answer.
    pub(crate) fn discard_inverse_offers_of(&mut self, cx: &mut Cx, framework: FrameworkHandle) {
        for id in self.offers.inverse.named(|_, of| of == framework) {
            let (agent, _) = self.offers.inverse.outstanding.remove(&id).expect("it was just found");
            self.settle_inverse_offer(cx, agent, framework, None, None);
        }
    }

    /// The framework has ended.
    pub(crate) fn forget_answers_of(&mut self, framework: FrameworkHandle) {
        self.forget_answers(|_, of| of == framework);
    }

    fn forget_answers(&mut self, gone: impl Fn(AgentHandle, FrameworkHandle) -> bool) {
        let answers = &mut self.offers.inverse.answers;
        let before = answers.len();
        answers.retain(|(agent, framework), _| !gone(*agent, *framework));
        self.changes.maintenance |= answers.len() < before;
    }
}
