//! DEACTIVATE_AGENT, REACTIVATE_AGENT and MARK_AGENT_GONE: what becomes of one agent, whether it is registered, not back since
//! this master's start, or unreachable.

use serde::{Deserialize, Serialize};
use tepui_allocator::Call as AllocatorCall;
use tepui_model::{AgentId, Time};
use tepui_proto::internal::ShutdownMessage;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, DrainConfig, OperationState, TaskState};

use super::Refused;
use crate::changed::Changed;
use crate::cx::Cx;
use crate::effect::{Answer, Effect, ToAgent};
use crate::fact::Fact;
use crate::master::{Master, Pending};
use crate::names::RequestId;
use crate::registry::RegistryOperation;
use crate::status::Verdict;

/// What an agent that is gone, and its tasks, are told.
const GONE: &str = "Agent has been marked gone";

/// What an operator decided of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// No more offers of it; its tasks run on.
    Deactivate,
    /// Offers of it again.
    Reactivate,
    /// No more offers of it; its tasks are ended.
    Drain(DrainConfig),
    /// They have ended.
    Drained,
    /// It is dead, and so is what ran on it.
    Gone { at: Time },
}

impl Master {
    pub(crate) fn deactivate_agent_call(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        id: &v1::AgentId,
    ) -> Result<(), Refused> {
        let agent = self.agent_to_change(id)?;
        self.decide(cx, Some(request), agent, Decision::Deactivate);
        Ok(())
    }

    pub(crate) fn reactivate_agent_call(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        id: &v1::AgentId,
    ) -> Result<(), Refused> {
        let agent = self.agent_to_change(id)?;
        if !self.agents.deactivated.contains(&agent) {
            return Err(Answer::refused(400, format!("Agent {agent} is not deactivated")));
        }
        if self.is_draining(&agent) {
            return Err(Answer::refused(400, format!("Agent {agent} is still in the DRAINING state")));
        }
        self.decide(cx, Some(request), agent, Decision::Reactivate);
        Ok(())
    }

    /// Marking an agent gone that is gone is no mistake; one that is on its way somewhere else has to arrive first.
    pub(crate) fn mark_agent_gone(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        id: &v1::AgentId,
    ) -> Result<(), Refused> {
        let agent = parsed(id)?;
        if self.agents.gone.contains_key(&agent) {
            cx.answer(request, Answer::ok());
            return Ok(());
        }
        if self.is_in_transition(&agent) {
            return Err(Answer::refused(503, format!("Agent {agent} is currently in transition; try again")));
        }
        if !self.is_known_agent(&agent) {
            return Err(Answer::refused(404, format!("Agent '{agent}' not found")));
        }
        self.start_marking_gone(cx, Some(request), agent);
        Ok(())
    }

    pub(crate) fn start_marking_gone(&mut self, cx: &mut Cx, request: Option<RequestId>, agent: AgentId) {
        cx.log(Fact::info("marking agent gone").with("agent", &agent));
        match self.agents.by_id.get(&agent).copied() {
            Some(handle) => self.start_leaving(cx, handle),
            None => drop(self.agents.giving_up.insert(agent.clone())),
        }
        self.decide(cx, request, agent, Decision::Gone { at: cx.now });
    }

    /// Writes it to the registry first. Without a request it is the master's own conclusion.
    pub(crate) fn decide(
        &mut self,
        cx: &mut Cx,
        request: Option<RequestId>,
        agent: AgentId,
        decision: Decision,
    ) {
        let operation = match decision {
            Decision::Drain(config) => RegistryOperation::Drain { agent: agent.clone(), config },
            Decision::Drained => RegistryOperation::MarkDrained(agent.clone()),
            Decision::Deactivate => RegistryOperation::Deactivate(agent.clone()),
            Decision::Reactivate => RegistryOperation::Reactivate(agent.clone()),
            Decision::Gone { at } => RegistryOperation::MarkGone { agent: agent.clone(), at },
        };
        self.persist(cx, operation, Pending::Agent { request, agent, decision });
    }

    pub(crate) fn agent_to_change(&self, id: &v1::AgentId) -> Result<AgentId, Refused> {
        let agent = parsed(id)?;
        if !self.is_known_agent(&agent) {
            return Err(Answer::refused(400, format!("Unknown agent {agent}")));
        }
        let is_going = self.pending().any(|pending| match pending {
            Pending::Agent { agent: going, decision: Decision::Gone { .. }, .. } => *going == agent,
            _ => false,
        });
        if is_going {
            return Err(Answer::refused(409, format!("Agent {agent} is being marked gone")));
        }
        Ok(agent)
    }

    fn is_known_agent(&self, agent: &AgentId) -> bool {
        self.agents.by_id.contains_key(agent)
            || self.agents.recovered.contains_key(agent)
            || self.agents.unreachable.contains_key(agent)
    }

    /// The registry holds the decision. The agent may have been removed meanwhile; then nothing is left to do.
    pub(crate) fn agent_decided(
        &mut self,
        cx: &mut Cx,
        request: Option<RequestId>,
        agent: &AgentId,
        decision: Decision,
    ) {
        match decision {
            Decision::Gone { at } => self.gone(cx, agent, at),
            _ if !self.is_known_agent(agent) => {}
            Decision::Drain(config) => self.draining(cx, agent, config),
            Decision::Drained => self.drained(cx, agent),
            Decision::Deactivate => self.deactivated(cx, agent),
            Decision::Reactivate => self.reactivated(cx, agent),
        }
        if let Some(request) = request {
            cx.answer(request, Answer::ok());
        }
    }

    pub(crate) fn deactivated(&mut self, cx: &mut Cx, agent: &AgentId) {
        self.agents.deactivated.insert(agent.clone());
        if let Some(handle) = self.agents.by_id.get(agent).copied() {
            self.deactivate_agent(cx, handle);
        }
    }

    fn reactivated(&mut self, cx: &mut Cx, agent: &AgentId) {
        self.agents.forget_decisions(agent);
        if let Some(handle) = self.agents.by_id.get(agent).copied() {
            self.changes.agents.insert(handle);
            if self.agents.registered[handle].is_active() {
                cx.push(Effect::Allocator(AllocatorCall::ActivateAgent(handle)));
            }
        }
    }

    /// What ran on it is gone too; frameworks that do not know the word hear that it is lost.
    fn gone(&mut self, cx: &mut Cx, agent: &AgentId, at: Time) {
        self.agents.giving_up.remove(agent);
        self.agents.recovered.remove(agent);
        self.agents.unreachable.remove(agent);
        if let Some(handle) = self.agents.by_id.get(agent).copied() {
            cx.count("master/slave_removals");
            let known = &self.agents.registered[handle];
            cx.send(&known.pid, ToAgent::Shutdown(ShutdownMessage { message: Some(GONE.into()) }));
            self.lose_tasks(cx, handle, None, None, |partition_aware| {
                let (state, reason) = if partition_aware {
                    (TaskState::TaskGoneByOperator, Reason::AgentRemovedByOperator)
                } else {
                    (TaskState::TaskLost, Reason::AgentRemoved)
                };
                Verdict { state, reason, message: GONE }
            });
            self.lose_operations(cx, handle, OperationState::OperationGoneByOperator, GONE);
            self.forget_agent(cx, handle);
        }
        self.agents.forget_decisions(agent);
        self.agents.gone.insert(agent.clone(), at);
        self.changes.push(Changed::AgentForgotten(agent.clone()));
    }
}

fn parsed(id: &v1::AgentId) -> Result<AgentId, Refused> {
    AgentId::from_wire(id).map_err(|_| Answer::refused(400, format!("'{}' is no agent's id", id.value)))
}
