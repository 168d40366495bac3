//! How agents are given up and removed, in the registry first; and what becomes of what ran on them.

use std::sync::Arc;

use tepui_allocator::Call;
use tepui_model::{AgentId, Time, duration};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{OperationState, TaskState};

use crate::agents::Phase;
use crate::changed::{AgentStanding, Changed, TaskStanding};
use crate::counter::Counter;
use crate::cx::Cx;
use crate::effect::Effect;
use crate::events;
use crate::fact::Fact;
use crate::master::{Master, Pending};
use crate::names::{AgentHandle, FrameworkHandle, Timer};
use crate::registry::RegistryOperation;
use crate::status::Verdict;
use crate::views::absent_agent;

impl Master {
    pub(crate) fn reregistration_due(&mut self, cx: &mut Cx, handle: AgentHandle, timer: Timer) {
        let Some(agent) = self.agents.registered.get(handle) else { return };
        if agent.phase != (Phase::Disconnected { until: timer }) {
            return;
        }
        cx.count("master/slave_unreachable_scheduled");
        let timeout = duration::print(self.config.agent_reregister_timeout);
        let why = format!("agent did not reregister within {timeout} after disconnecting");
        self.mark_unreachable(cx, handle, why);
    }

    /// Gives an agent up, in the registry first. One that is coming back at this moment is left alone.
    pub(crate) fn mark_unreachable(&mut self, cx: &mut Cx, handle: AgentHandle, why: String) {
        let agent = &self.agents.registered[handle];
        if agent.phase == Phase::Leaving || self.agents.reregistering.contains(&agent.id) {
            return cx.count("master/slave_unreachable_canceled");
        }
        cx.log(Fact::warn("marking agent unreachable").with("agent", &agent.id).with("why", &why));
        let operation = RegistryOperation::MarkUnreachable { agent: agent.id.clone(), at: cx.now };
        self.start_leaving(cx, handle);
        self.persist(cx, operation, Pending::MarkUnreachable { agent: handle, at: cx.now, why });
    }

    /// Takes an agent out of the cluster for good, in the registry first. `reason` names a counter.
    pub(crate) fn remove_agent(
        &mut self,
        cx: &mut Cx,
        handle: AgentHandle,
        why: &'static str,
        reason: Option<&'static str>,
    ) {
        let agent = &self.agents.registered[handle];
        if agent.phase == Phase::Leaving {
            return;
        }
        cx.log(Fact::info("removing agent").with("agent", &agent.id).with("why", why));
        let operation = RegistryOperation::RemoveAgent(agent.id.clone());
        self.start_leaving(cx, handle);
        self.persist(
            cx,
            operation,
            Pending::Remove { agent: handle, why: why.into(), reason: reason.map(Counter::named) },
        );
    }

    pub(crate) fn start_leaving(&mut self, cx: &mut Cx, handle: AgentHandle) {
        let agent = &mut self.agents.registered[handle];
        match std::mem::replace(&mut agent.phase, Phase::Leaving) {
            Phase::Active => self.deactivate_agent(cx, handle),
            Phase::Disconnected { until } => cx.push(Effect::Disarm(until)),
            Phase::Leaving => unreachable!("an agent leaves once"),
        }
    }

    pub(crate) fn marked_unreachable(&mut self, cx: &mut Cx, handle: AgentHandle, at: Time, why: &str) {
        let Some(agent) = self.agents.registered.get(handle) else { return };
        let (id, info) = (agent.id.clone(), agent.info.clone());
        for counter in [
            "master/slave_removals",
            "master/slave_removals/reason_unhealthy",
            "master/slave_unreachable_completed",
        ] {
            cx.count(counter);
        }
        self.agents.unreachable.insert(id.clone(), at);
        self.lose_tasks(cx, handle, None, Some(at), |partition_aware| Verdict {
            state: if partition_aware { TaskState::TaskUnreachable } else { TaskState::TaskLost },
            reason: Reason::AgentRemoved,
            message: why,
        });
        let lost = "Agent was marked unreachable";
        self.lose_operations(cx, handle, OperationState::OperationUnreachable, lost);
        self.forget_agent(cx, handle);
        let view = absent_agent(id, Some(info), AgentStanding::Unreachable { since: at });
        self.changes.push(Changed::Agent(view.into()));
    }

    pub(crate) fn removed(&mut self, cx: &mut Cx, handle: AgentHandle, why: &str, reason: Option<Counter>) {
        let Some(agent) = self.agents.registered.get(handle) else { return };
        let id = agent.id.clone();
        let message = format!("Agent {} removed: {why}", agent.info.hostname);
        cx.count("master/slave_removals");
        if let Some(reason) = reason {
            cx.push(Effect::Count(reason));
        }
        let verdict = Verdict { state: TaskState::TaskLost, reason: Reason::AgentRemoved, message: &message };
        self.lose_tasks(cx, handle, None, None, |_| verdict);
        self.lose_operations(cx, handle, OperationState::OperationGoneByOperator, &message);
        self.forget_agent(cx, handle);
        self.agents.forget_decisions(&id);
        self.changes.push(Changed::AgentForgotten(id));
    }

    /// Ends the tasks of an agent in the books, of all frameworks or one, and tells who is there. Those of an agent that
    /// became unreachable may come back, and are kept apart.
    pub(crate) fn lose_tasks<'a>(
        &mut self,
        cx: &mut Cx,
        handle: AgentHandle,
        only: Option<FrameworkHandle>,
        unreachable_since: Option<Time>,
        verdict: impl Fn(bool) -> Verdict<'a>,
    ) {
        let to =
            if unreachable_since.is_some() { TaskStanding::Unreachable } else { TaskStanding::Completed };
        for (framework, id) in self.agents.registered[handle].tasks.clone() {
            if only.is_some_and(|only| only != framework) {
                continue;
            }
            let owner = &self.frameworks.registered[framework];
            let verdict = verdict(owner.is_partition_aware());
            let mut status = owner.tasks[&id].judged(&verdict, cx.now);
            status.unreachable_time = unreachable_since.map(Into::into);
            self.update_task(cx, framework, &id, verdict.state, &status);
            self.remove_task(cx, framework, &id, to);
            self.tell_status(cx, framework, status);
        }
    }

    /// The last of an agent: executors, offers, timers, and a word to every framework.
    pub(crate) fn forget_agent(&mut self, cx: &mut Cx, handle: AgentHandle) {
        self.remove_executors_on(cx, handle);
        self.rescind_offers_on(cx, handle);
        self.rescind_inverse_offers_on(cx, handle);
        let agent = self.agents.registered.remove(handle).expect("it is removed once");
        assert!(agent.operations.is_empty(), "the caller told of them");
        assert!(agent.tasks.is_empty() && agent.executors.is_empty() && agent.offers.is_empty());
        cx.push(Effect::Allocator(Call::RemoveAgent(handle)));
        self.agents.by_id.remove(&agent.id);
        if self.agents.by_pid.get(&agent.pid) == Some(&handle) {
            self.agents.by_pid.remove(&agent.pid);
        }
        cx.push(Effect::Disarm(agent.pings.timer));
        self.agents.removed.insert(agent.id.clone());
        self.tell_agent_lost(cx, &agent.id);
    }

    /// FAILURE without an executor: to every framework, also those that had nothing there.
    pub(crate) fn tell_agent_lost(&mut self, cx: &mut Cx, agent: &AgentId) {
        let event = Arc::new(events::agent_failure(agent));
        for (_, framework) in self.frameworks.registered.iter() {
            if let Some(to) = framework.peer() {
                cx.push(Effect::Event { to, event: event.clone() });
            }
        }
    }
}
