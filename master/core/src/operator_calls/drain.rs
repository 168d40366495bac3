//! DRAIN_AGENT: an agent gets no more tasks and ends those that it has.
//!
//! ```text
//! DRAIN_AGENT ── registry ──► Draining ── no task, no operation ── registry ──► Drained, or gone if `mark_gone`
//!                                ▲  │                                              │
//!                                └──┘ again, with another grace period             └── REACTIVATE_AGENT ──► offered
//! ```

use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, Time};
use tepui_proto::internal::DrainSlaveMessage;
use tepui_proto::v1::master::call::DrainAgent;
use tepui_proto::v1::{DrainConfig, DrainInfo, DrainState, DurationInfo};

use super::{Decision, Refused};
use crate::agents::{Agent, Phase};
use crate::cx::Cx;
use crate::effect::{Answer, ToAgent};
use crate::fact::Fact;
use crate::master::{Master, Pending};
use crate::names::{AgentHandle, RequestId};

/// What operators want of an agent that they drain, and how far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drain {
    pub info: DrainInfo,
    /// When this master first told the agent.
    pub told: Option<Time>,
    /// The registry is being told that it is drained.
    is_settling: bool,
}

impl From<DrainInfo> for Drain {
    fn from(info: DrainInfo) -> Drain {
        Drain { info, told: None, is_settling: false }
    }
}

impl Drain {
    pub fn is_under_way(&self) -> bool {
        self.info.state() == DrainState::Draining
    }
}

impl Agent {
    /// Nothing runs on it that somebody waits for, and all of its operations are known.
    fn has_drained(&self) -> bool {
        self.phase == Phase::Active
            && self.tasks.is_empty()
            && self.operations.is_empty()
            && self.operations_are_known
    }
}

impl Master {
    pub(crate) fn drain_agent(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        call: &DrainAgent,
    ) -> Result<(), Refused> {
        let refused = |why: String| Err(Answer::refused(400, why));
        let agent = self.agent_to_change(&call.agent_id)?;
        let config = config(call).map_err(|why| Answer::refused(400, why))?;
        if let Some(handle) = self.agents.by_id.get(&agent) {
            let known = &self.agents.registered[*handle];
            let machine = known.machine();
            if self.planned_maintenance().machines.contains_key(&machine) {
                return refused(format!(
                    "Agent {agent} is part of a maintenance schedule under Machine '{machine}'"
                ));
            }
            if !known.capabilities.agent_draining {
                return refused(format!("Agent {agent} is not capable of draining"));
            }
        }
        self.decide(cx, Some(request), agent, Decision::Drain(config));
        Ok(())
    }

    /// Whether it is, or will be once everything is written that was asked for.
    pub(crate) fn is_draining(&self, agent: &AgentId) -> bool {
        let is_asked = self.pending().any(|pending| match pending {
            Pending::Agent { agent: other, decision: Decision::Drain(_), .. } => other == agent,
            _ => false,
        });
        is_asked || self.agents.draining.get(agent).is_some_and(Drain::is_under_way)
    }

    /// The registry holds it: no more offers, and the agent is told.
    pub(crate) fn draining(&mut self, cx: &mut Cx, agent: &AgentId, config: DrainConfig) {
        cx.log(Fact::info("agent is draining").with("agent", agent));
        self.deactivated(cx, agent);
        let info = DrainInfo { state: DrainState::Draining as i32, config };
        self.agents.draining.insert(agent.clone(), info.into());
        if let Some(handle) = self.agents.by_id.get(agent).copied() {
            self.tell_to_drain(cx, handle);
        }
    }

    /// Tells an agent again each time that it comes back, also when it is drained: it knows by itself whether there is something to
    /// do.
    pub(crate) fn tell_to_drain(&mut self, cx: &mut Cx, handle: AgentHandle) {
        let agent = &self.agents.registered[handle];
        let Some(drain) = self.agents.draining.get_mut(&agent.id) else { return };
        drain.told.get_or_insert(cx.now);
        cx.send(&agent.pid, ToAgent::Drain(DrainSlaveMessage { config: drain.info.config }));
        self.changes.agents.insert(handle);
    }

    /// A task or an operation of the agent is done with; that may have been the last.
    pub(crate) fn note_relief(&mut self, handle: AgentHandle) {
        let draining = &self.agents.draining;
        if !draining.is_empty()
            && draining.get(&self.agents.registered[handle].id).is_some_and(Drain::is_under_way)
        {
            self.changes.agents.insert(handle);
        }
    }

    /// At the end of a step: agents that have nothing left are drained, in the registry first.
    pub(crate) fn settle_drains(&mut self, cx: &mut Cx) {
        if self.agents.draining.is_empty() {
            return;
        }
        for handle in self.changes.agents.clone() {
            let Some(agent) = self.agents.registered.get(handle).filter(|agent| agent.has_drained()) else {
                continue;
            };
            let id = agent.id.clone();
            let is_in_transition = self.is_in_transition(&id);
            let Some(drain) = self.agents.draining.get_mut(&id) else { continue };
            if !drain.is_under_way() || drain.is_settling || is_in_transition {
                continue;
            }
            if drain.info.config.mark_gone() {
                self.start_marking_gone(cx, None, id);
            } else {
                drain.is_settling = true;
                self.decide(cx, None, id, Decision::Drained);
            }
        }
    }

    /// The registry holds it, or another wish came before it.
    pub(crate) fn drained(&mut self, cx: &mut Cx, agent: &AgentId) {
        let Some(drain) = self.agents.draining.get_mut(agent) else { return };
        cx.log(Fact::info("agent is drained").with("agent", agent));
        drain.info.state = DrainState::Drained as i32;
        drain.is_settling = false;
        if let Some(handle) = self.agents.by_id.get(agent).copied() {
            self.changes.agents.insert(handle);
        }
    }
}

fn config(call: &DrainAgent) -> Result<DrainConfig, String> {
    let nanoseconds = call.max_grace_period.as_ref().map(|period| {
        let nanoseconds = period.seconds.checked_mul(1_000_000_000)?.checked_add(period.nanos.into())?;
        (nanoseconds >= 0).then_some(nanoseconds)
    });
    let max_grace_period = match nanoseconds {
        None => None,
        Some(Some(nanoseconds)) => Some(DurationInfo { nanoseconds }),
        Some(None) => {
            return Err("'max_grace_period' must be a duration from 0 to 292 years".into());
        }
    };
    Ok(DrainConfig { max_grace_period, mark_gone: Some(call.mark_gone()) })
}
