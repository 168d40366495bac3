//! Reregister of an agent that is registered: its process restarted, or its connection was lost. Master and agent compare
//! what they know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tepui_allocator::Call;
use tepui_model::{AgentCapabilities, ExecutorId, FrameworkId, TaskId, task_state};
use tepui_proto::internal::ReconcileTasksMessage;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, FrameworkInfo};

use super::reregister::shut_down;
use crate::agent_life::Introduction;
use crate::agents::{Phase, Readmission};
use crate::cx::Cx;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::master::{Master, Pending};
use crate::names::{AgentHandle, FrameworkHandle, Pid};
use crate::registry::RegistryOperation;
use crate::status::Verdict;
use crate::validation::agent::{Report, ReportedTask};

impl Master {
    /// An agent that is registered: its process restarted, or its connection was lost.
    pub(crate) fn reregister_known(&mut self, cx: &mut Cx, handle: AgentHandle, readmission: Readmission) {
        let agent = &self.agents.registered[handle];
        let new = &readmission.introduction;
        if address(&agent.pid) != address(&new.pid) || agent.info.hostname != new.info.hostname {
            let why = "Agent attempted to reregister with different IP / hostname";
            cx.log(
                Fact::warn("agent came back from elsewhere, shut down")
                    .with("agent", &agent.id)
                    .with("at", &new.pid),
            );
            return shut_down(cx, &new.pid, why);
        }
        if *agent.info == new.info {
            return self.returned(cx, readmission);
        }
        self.agents.reregistering.insert(new.id.clone());
        let operation = RegistryOperation::UpdateAgent(Box::new(new.info.clone()));
        self.persist(cx, operation, Pending::Update(Box::new(readmission)));
    }

    /// The registry holds the registered agent as it describes itself now.
    pub(crate) fn returned(&mut self, cx: &mut Cx, readmission: Readmission) {
        let Readmission { introduction, mut report } = readmission;
        self.agents.reregistering.remove(&introduction.id);
        let Some(handle) = self.agents.by_id.get(&introduction.id).copied() else { return };
        cx.count("master/slave_reregistrations");
        cx.log(
            Fact::info("agent returned").with("agent", &introduction.id).with("tasks", report.tasks.len()),
        );
        self.adopt(cx, handle, introduction);
        let completed = self.split_off_completed(&mut report);
        let known = self.recover_frameworks(cx, &report);
        let reconciliations = self.reconciliations(cx, handle, &report.tasks);
        self.tell_reregistered(cx, handle, reconciliations);
        self.drop_executors_but(cx, handle, &report);
        self.kill_unwanted(cx, handle, &report.tasks);
        self.shut_down_completed(cx, handle, &completed);
        self.reactivate(cx, handle);
        self.tell_frameworks(cx, handle, &known);
        self.tell_to_drain(cx, handle);
    }

    /// Takes over what the agent says of itself. Offers made of what it had before are void if that changed.
    fn adopt(&mut self, cx: &mut Cx, handle: AgentHandle, new: Introduction) {
        cx.push(Effect::Watch(new.pid.clone()));
        let agent = &mut self.agents.registered[handle];
        if self.agents.by_pid.get(&agent.pid) == Some(&handle) {
            self.agents.by_pid.remove(&agent.pid);
        }
        let offers_are_void = agent.total != new.total || agent.info.attributes != new.info.attributes;
        self.agents.by_pid.insert(new.pid.clone(), handle);
        agent.pid = new.pid;
        agent.info = Arc::new(new.info);
        agent.total = new.total;
        agent.attributes = new.attributes;
        agent.version = new.version;
        agent.capabilities = AgentCapabilities::from(new.capabilities.as_slice());
        agent.announced_capabilities = Arc::new(new.capabilities);
        agent.resource_version = new.resource_version;
        agent.reregistered = Some(cx.now);
        // Its message is as good as a pong.
        agent.pings.answered = true;
        agent.pings.missed = 0;
        self.changes.agents.insert(handle);
        let call = Call::UpdateAgent { agent: handle, description: agent.description() };
        cx.push(Effect::Allocator(call));
        if offers_are_void {
            self.rescind_offers_on(cx, handle);
        }
    }

    /// What the agent did not report and should have: it is asked about each, and answers with updates.
    fn reconciliations(
        &self,
        cx: &Cx,
        handle: AgentHandle,
        tasks: &[ReportedTask],
    ) -> Vec<ReconcileTasksMessage> {
        let reported: BTreeSet<(&FrameworkId, &TaskId)> =
            tasks.iter().map(|task| (&task.framework, &task.id)).collect();
        let mut missing: BTreeMap<FrameworkHandle, Vec<v1::TaskStatus>> = BTreeMap::new();
        for (framework, id) in &self.agents.registered[handle].tasks {
            let owner = &self.frameworks.registered[*framework];
            if reported.contains(&(&owner.id, id)) {
                continue;
            }
            let task = &owner.tasks[id];
            let message = "Reconciliation request";
            let verdict = Verdict { state: task.told_state(), reason: Reason::Reconciliation, message };
            let status = verdict.about(id.to_wire(), Some(task.message.agent_id.clone()), cx.now);
            missing.entry(*framework).or_default().push(status);
        }
        let question = |(framework, statuses)| {
            let framework = &self.frameworks.registered[framework];
            let info = Some(Box::new(FrameworkInfo::clone(&framework.info)));
            ReconcileTasksMessage { framework_id: framework.id.to_wire(), statuses, framework: info }
        };
        missing.into_iter().map(question).collect()
    }

    fn drop_executors_but(&mut self, cx: &mut Cx, handle: AgentHandle, report: &Report) {
        let there: BTreeSet<(&FrameworkId, &ExecutorId)> =
            report.executors.iter().map(|executor| (&executor.framework, &executor.id)).collect();
        for (framework, executor) in self.agents.registered[handle].executors.clone() {
            if !there.contains(&(&self.frameworks.registered[framework].id, &executor)) {
                self.remove_executor(cx, framework, handle, &executor);
            }
        }
    }

    /// Ends what should not run: tasks whose kill did not reach the agent, and tasks that their frameworks were told are
    /// lost because the agent was away.
    fn kill_unwanted(&mut self, cx: &mut Cx, handle: AgentHandle, tasks: &[ReportedTask]) {
        for task in tasks.iter().filter(|task| !task_state::is_terminal(task.message.state())) {
            let key = (self.frameworks.by_id[&task.framework], task.id.clone());
            let agent = &self.agents.registered[handle];
            if agent.killed.contains(&key) || !agent.tasks.contains(&key) {
                self.kill_on(cx, handle, task);
            }
        }
    }

    fn reactivate(&mut self, cx: &mut Cx, handle: AgentHandle) {
        let agent = &mut self.agents.registered[handle];
        let Phase::Disconnected { until } = agent.phase else { return };
        agent.phase = Phase::Active;
        cx.push(Effect::Disarm(until));
        if !self.agents.deactivated.contains(&self.agents.registered[handle].id) {
            cx.push(Effect::Allocator(Call::ActivateAgent(handle)));
        }
    }
}

/// The host part of an actor's address.
fn address(pid: &Pid) -> &str {
    let (_, address) = pid.as_str().split_once('@').unwrap_or_default();
    address.rsplit_once(':').unwrap_or_default().0
}
