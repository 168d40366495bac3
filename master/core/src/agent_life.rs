//! An agent's life beside its messages: how it is added, pinged, lost, given up and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tepui_model::{AgentCapabilities, AgentId, Attributes, Resources, Time, duration};
use tepui_proto::internal::{MasterSlaveConnection, PingSlaveMessage};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, TaskState};

use crate::agents::{Agent, Phase, Pings};
use crate::changed::{AgentStanding, Changed, TaskStanding};
use crate::cx::Cx;
use crate::effect::{Effect, ToAgent};
use crate::events;
use crate::fact::Fact;
use crate::master::{Master, Pending};
use crate::names::{AgentHandle, Alarm, FrameworkHandle, Pid, Timer};
use crate::registry::RegistryOperation;
use crate::status::Verdict;
use crate::views::absent_agent;
use tepui_allocator::{AgentDescription, Call};

/// What an agent says of itself in both kinds of registration.
#[derive(Clone, Debug)]
pub struct Introduction {
    pub id: AgentId,
    pub pid: Pid,
    pub info: v1::AgentInfo,
    pub total: Resources,
    pub attributes: Attributes,
    pub version: String,
    pub capabilities: Vec<v1::agent_info::Capability>,
    pub resource_version: Option<Box<v1::Uuid>>,
}

impl Agent {
    pub fn description(&self) -> AgentDescription {
        let region = self.info.domain.as_ref().and_then(|domain| domain.fault_domain.as_ref());
        AgentDescription {
            total: self.total.clone(),
            capabilities: self.capabilities,
            attributes: self.attributes.clone(),
            region: region.map(|domain| domain.region.name.clone()),
        }
    }
}

impl Master {
    /// Adds an agent that the registry holds; neither it nor the allocator knows yet.
    pub(crate) fn add_agent(&mut self, cx: &mut Cx, new: Introduction) -> AgentHandle {
        let handle = self.agents.registered.next_handle();
        let timer = self.arm(cx, Alarm::Ping(handle), self.config.agent_ping_timeout);
        cx.push(Effect::Watch(new.pid.clone()));
        self.agents.by_id.insert(new.id.clone(), handle);
        self.agents.by_pid.insert(new.pid.clone(), handle);
        self.agents.registered.insert(Agent {
            id: new.id,
            info: Arc::new(new.info),
            pid: new.pid,
            phase: Phase::Active,
            version: new.version,
            capabilities: AgentCapabilities::from(new.capabilities.as_slice()),
            announced_capabilities: Arc::new(new.capabilities),
            registered: cx.now,
            reregistered: None,
            resource_version: new.resource_version,
            total: new.total,
            attributes: new.attributes,
            used: Resources::new(),
            offered: Resources::new(),
            offers: BTreeSet::new(),
            tasks: BTreeSet::new(),
            executors: BTreeSet::new(),
            killed: BTreeSet::new(),
            pings: Pings { timer, answered: false, missed: 0 },
        });
        self.changes.agents.insert(handle);
        handle
    }

    pub(crate) fn tell_allocator_of_agent(&mut self, cx: &mut Cx, handle: AgentHandle) {
        let agent = &self.agents.registered[handle];
        cx.push(Effect::Allocator(Call::AddAgent {
            agent: handle,
            description: agent.description(),
            active: true,
            used: self.used_on(handle),
        }));
    }

    /// What frameworks use on an agent, counted from its tasks and executors.
    pub(crate) fn used_on(&self, handle: AgentHandle) -> BTreeMap<FrameworkHandle, Resources> {
        let agent = &self.agents.registered[handle];
        let mut used: BTreeMap<FrameworkHandle, Resources> = BTreeMap::new();
        for (framework, id) in &agent.tasks {
            let task = &self.frameworks.registered[*framework].tasks[id];
            if task.holds_resources() {
                *used.entry(*framework).or_default() += &task.resources;
            }
        }
        for (framework, id) in &agent.executors {
            let executor = &self.frameworks.registered[*framework].executors[&(handle, id.clone())];
            *used.entry(*framework).or_default() += &executor.resources;
        }
        used
    }

    /// How long the agent may hear nothing before it must look for a master again.
    pub(crate) fn connection(&self) -> Option<MasterSlaveConnection> {
        let timeout = self.config.total_ping_timeout().as_secs_f64();
        Some(MasterSlaveConnection { total_ping_timeout_seconds: Some(timeout) })
    }

    /// The first ping goes out behind the answer to the registration; the timer that expects its pong is armed already.
    pub(crate) fn first_ping(&mut self, cx: &mut Cx, handle: AgentHandle) {
        cx.send(&self.agents.registered[handle].pid, ToAgent::Ping(PingSlaveMessage { connected: true }));
    }

    /// Looks whether the last ping was answered, and sends the next. Pings go on while an agent is disconnected: one that
    /// is there but not registered learns from them that it must register again.
    pub(crate) fn ping_due(&mut self, cx: &mut Cx, handle: AgentHandle, timer: Timer) {
        let Some(agent) = self.agents.registered.get_mut(handle) else { return };
        if agent.pings.timer != timer {
            return;
        }
        agent.pings.missed = if agent.pings.answered { 0 } else { agent.pings.missed + 1 };
        let missed = agent.pings.missed;
        let message = PingSlaveMessage { connected: agent.is_active() };
        agent.pings.answered = false;
        cx.send(&agent.pid, ToAgent::Ping(message));
        let next = self.arm(cx, Alarm::Ping(handle), self.config.agent_ping_timeout);
        self.agents.registered[handle].pings.timer = next;
        if missed >= self.config.max_agent_ping_timeouts {
            cx.count("master/slave_unreachable_scheduled");
            self.mark_unreachable(cx, handle, "health check timed out".into());
        }
    }

    /// The connection to an actor is lost: a scheduler's, an agent's, or of somebody who matters no more.
    pub(crate) fn exited(&mut self, cx: &mut Cx, pid: &Pid) {
        self.scheduler_exited(cx, pid);
        let Some(handle) = self.agents.by_pid.get(pid).copied() else { return };
        if self.agents.registered[handle].is_active() {
            self.agent_disconnected(cx, handle);
        }
    }

    fn agent_disconnected(&mut self, cx: &mut Cx, handle: AgentHandle) {
        let until = self.arm(cx, Alarm::Reregistration(handle), self.config.agent_reregister_timeout);
        let agent = &mut self.agents.registered[handle];
        agent.phase = Phase::Disconnected { until };
        cx.log(Fact::warn("agent disconnected").with("agent", &agent.id));
        self.deactivate_agent(cx, handle);
        // What does not checkpoint does not survive an agent's restart, which this may be.
        let agent = &self.agents.registered[handle];
        let tasks = agent.tasks.iter().map(|(framework, _)| *framework);
        let there: BTreeSet<FrameworkHandle> =
            tasks.chain(agent.executors.iter().map(|(of, _)| *of)).collect();
        for framework in there {
            if !self.frameworks.registered[framework].checkpoints() {
                self.remove_from_agent(cx, framework, handle);
            }
        }
    }

    fn deactivate_agent(&mut self, cx: &mut Cx, handle: AgentHandle) {
        self.changes.agents.insert(handle);
        cx.push(Effect::Allocator(Call::DeactivateAgent(handle)));
        self.rescind_offers_on(cx, handle);
    }

    /// Everything of a framework on a disconnected agent is lost, even for one that knows of partitions.
    fn remove_from_agent(&mut self, cx: &mut Cx, framework: FrameworkHandle, handle: AgentHandle) {
        let why = format!("Agent {} disconnected", self.agents.registered[handle].info.hostname);
        let verdict =
            Verdict { state: TaskState::TaskLost, reason: Reason::AgentDisconnected, message: &why };
        self.lose_tasks(cx, handle, Some(framework), None, |_| verdict);
        let executors = self.agents.registered[handle].executors.clone();
        for (_, executor) in executors.iter().filter(|(of, _)| *of == framework) {
            self.remove_executor(cx, framework, handle, executor);
        }
    }

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
    fn mark_unreachable(&mut self, cx: &mut Cx, handle: AgentHandle, why: String) {
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
        reason: &'static str,
    ) {
        let agent = &self.agents.registered[handle];
        if agent.phase == Phase::Leaving {
            return;
        }
        cx.log(Fact::info("removing agent").with("agent", &agent.id).with("why", why));
        let operation = RegistryOperation::RemoveAgent(agent.id.clone());
        self.start_leaving(cx, handle);
        self.persist(cx, operation, Pending::Remove { agent: handle, why, reason });
    }

    fn start_leaving(&mut self, cx: &mut Cx, handle: AgentHandle) {
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
        self.forget_agent(cx, handle);
        let view = absent_agent(id, Some(info), AgentStanding::Unreachable { since: at });
        self.changes.push(Changed::Agent(view.into()));
    }

    pub(crate) fn removed(&mut self, cx: &mut Cx, handle: AgentHandle, why: &str, reason: &'static str) {
        let Some(agent) = self.agents.registered.get(handle) else { return };
        let id = agent.id.clone();
        let message = format!("Agent {} removed: {why}", agent.info.hostname);
        cx.count("master/slave_removals");
        cx.count(reason);
        let verdict = Verdict { state: TaskState::TaskLost, reason: Reason::AgentRemoved, message: &message };
        self.lose_tasks(cx, handle, None, None, |_| verdict);
        self.forget_agent(cx, handle);
        self.changes.push(Changed::AgentForgotten(id));
    }

    /// Ends the tasks of an agent in the books, of all frameworks or one, and tells who is there. Those of an agent that
    /// became unreachable may come back, and are kept apart.
    fn lose_tasks<'a>(
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
    fn forget_agent(&mut self, cx: &mut Cx, handle: AgentHandle) {
        self.remove_executors_on(cx, handle);
        self.rescind_offers_on(cx, handle);
        let agent = self.agents.registered.remove(handle).expect("it is removed once");
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
