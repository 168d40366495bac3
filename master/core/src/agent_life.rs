//! An agent's life beside its messages: how it is added, pinged, and what becomes of it while it is disconnected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{AgentCapabilities, AgentId, Attributes, Resources};
use tepui_proto::internal::{MasterSlaveConnection, PingSlaveMessage};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, TaskState};

use crate::agents::{Agent, Phase, Pings};
use crate::cx::Cx;
use crate::effect::{Effect, ToAgent};
use crate::fact::Fact;
use crate::master::Master;
use crate::names::{AgentHandle, Alarm, FrameworkHandle, Pid, Timer};
use crate::status::Verdict;
use tepui_allocator::{AgentDescription, Call};

/// What an agent says of itself in both kinds of registration.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
        let domain = self.info.domain.as_ref().and_then(|domain| domain.fault_domain.as_ref());
        AgentDescription {
            hostname: self.info.hostname.clone(),
            total: self.total.clone(),
            capabilities: self.capabilities,
            attributes: self.attributes.clone(),
            region: domain.map(|domain| domain.region.name.clone()),
            zone: domain.map(|domain| domain.zone.name.clone()),
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
            operations: BTreeSet::new(),
            operations_are_known: true,
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
            active: !self.agents.deactivated.contains(&agent.id),
            used: self.used_on(handle),
        }));
        self.tell_allocator_of_maintenance(cx, handle);
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

    pub(crate) fn deactivate_agent(&mut self, cx: &mut Cx, handle: AgentHandle) {
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
}
