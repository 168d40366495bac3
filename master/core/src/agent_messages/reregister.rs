//! Reregister: an agent comes back, after its own restart, a lost connection, or a change of master, and tells what runs
//! on it. Four cases: it is registered, recovered from the registry, unreachable, or not known at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tepui_model::{AgentCapabilities, AgentId, ExecutorId, FrameworkId, Resources, TaskId, task_state};
use tepui_proto::internal::{
    KillTaskMessage, ReconcileTasksMessage, ReregisterSlaveMessage, ShutdownFrameworkMessage,
    ShutdownMessage, SlaveReregisteredMessage, archive,
};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, FrameworkInfo};

use crate::agent_life::Introduction;
use crate::agents::{Phase, Readmission};
use crate::changed::Changed;
use crate::cx::Cx;
use crate::effect::{Effect, ToAgent};
use crate::fact::Fact;
use crate::master::{Master, Pending};
use crate::names::{AgentHandle, FrameworkHandle, Pid};
use crate::registry::RegistryOperation;
use crate::status::{self, Verdict};
use crate::task::Task;
use crate::validation;
use crate::validation::agent::{Report, ReportedTask};
use tepui_allocator::Call;

impl Master {
    pub(crate) fn reregister(&mut self, cx: &mut Cx, from: Pid, message: ReregisterSlaveMessage) {
        cx.count("master/messages_reregister_slave");
        if let Some(id) = message.slave.id.as_ref().and_then(|id| AgentId::from_wire(id).ok()) {
            if self.is_in_transition(&id) {
                // It asks again until it is answered.
                return cx.log(Fact::debug("agent's return waits for the registry").with("agent", id));
            }
            if self.agents.gone.contains_key(&id) {
                return shut_down(cx, &from, "Agent has been marked gone");
            }
        }
        let (introduction, report) = match validation::agent::reintroduction(&from, message) {
            Ok(valid) => valid,
            Err(why) => {
                let refused =
                    Fact::warn("re-registration of an agent refused").with("from", from).with("why", why);
                return cx.log(refused);
            }
        };
        let readmission = Readmission { introduction, report };
        match self.agents.by_id.get(&readmission.introduction.id) {
            Some(handle) => self.reregister_known(cx, *handle, readmission),
            None => self.readmit(cx, readmission),
        }
    }

    /// Whether the registry is being written about this agent.
    fn is_in_transition(&self, id: &AgentId) -> bool {
        let leaving = self.agents.by_id.get(id).is_some_and(|handle| {
            let agent = &self.agents.registered[*handle];
            agent.phase == Phase::Leaving
        });
        leaving || self.agents.reregistering.contains(id) || self.agents.giving_up.contains(id)
    }

    /// An agent that is not registered: recovered, unreachable, or unknown, all of which are welcome.
    fn readmit(&mut self, cx: &mut Cx, readmission: Readmission) {
        let new = &readmission.introduction;
        let operation = match self.agents.recovered.get(&new.id) {
            Some(recovered) if **recovered == new.info => return self.readmitted(cx, readmission),
            Some(_) => RegistryOperation::UpdateAgent(Box::new(new.info.clone())),
            None => RegistryOperation::MarkReachable(Box::new(new.info.clone())),
        };
        self.agents.reregistering.insert(new.id.clone());
        self.persist(cx, operation, Pending::Readmit(Box::new(readmission)));
    }

    /// The registry holds the agent: it is added with everything that runs on it.
    pub(crate) fn readmitted(&mut self, cx: &mut Cx, readmission: Readmission) {
        let Readmission { introduction, mut report } = readmission;
        let id = introduction.id.clone();
        self.agents.reregistering.remove(&id);
        let was_recovered = self.agents.recovered.remove(&id).is_some();
        let was_unreachable = self.agents.unreachable.remove(&id).is_some();
        self.agents.removed.remove(&id);
        cx.count("master/slave_reregistrations");
        cx.log(Fact::info("agent re-registered").with("agent", &id).with("tasks", report.tasks.len()));

        let completed = self.split_off_completed(&mut report);
        let known = self.recover_frameworks(cx, &report);
        let agent = self.add_agent(cx, introduction);
        self.agents.registered[agent].reregistered = Some(cx.now);
        self.restore(cx, agent, report, (!was_recovered).then_some(was_unreachable));
        self.tell_allocator_of_agent(cx, agent);
        self.tell_reregistered(cx, agent, Vec::new());
        self.first_ping(cx, agent);
        self.shut_down_completed(cx, agent, &completed);
        self.tell_frameworks(cx, agent, &known);
    }

    /// Takes out what belongs to frameworks that ended, and returns those.
    fn split_off_completed(&self, report: &mut Report) -> Vec<FrameworkId> {
        let ended = |id: &FrameworkId| self.frameworks.completed.contains_key(id);
        report.tasks.retain(|task| !ended(&task.framework));
        report.executors.retain(|executor| !ended(&executor.framework));
        let completed = report.frameworks.extract_if(.., |framework| ended(&framework.id));
        completed.map(|framework| framework.id).collect()
    }

    fn shut_down_completed(&mut self, cx: &mut Cx, agent: AgentHandle, completed: &[FrameworkId]) {
        for id in completed {
            let message = ShutdownFrameworkMessage { framework_id: id.to_wire() };
            cx.send(&self.agents.registered[agent].pid, ToAgent::ShutdownFramework(message));
        }
    }

    /// Frameworks that only the agent knows are kept until they subscribe. Returns the others, of which the agent may know
    /// old descriptions.
    fn recover_frameworks(&mut self, cx: &mut Cx, report: &Report) -> Vec<FrameworkHandle> {
        let mut known = Vec::new();
        for framework in &report.frameworks {
            match self.frameworks.by_id.get(&framework.id) {
                Some(handle) => known.push(*handle),
                None => {
                    let (info, profile) = (framework.info.clone(), framework.profile.clone());
                    self.recover_framework(cx, framework.id.clone(), info, profile);
                }
            }
        }
        known
    }

    fn tell_frameworks(&mut self, cx: &mut Cx, agent: AgentHandle, frameworks: &[FrameworkHandle]) {
        for framework in frameworks {
            let message = self.frameworks.registered[*framework].update_message();
            cx.send(&self.agents.registered[agent].pid, ToAgent::UpdateFramework(Box::new(message)));
        }
    }

    /// Puts everything that runs on the agent into the books. Frameworks that were told that it is lost are told that it
    /// is not; `returned` says whether the agent was unreachable, or not even known, and is absent for a recovered one.
    fn restore(&mut self, cx: &mut Cx, agent: AgentHandle, report: Report, returned: Option<bool>) {
        for executor in report.executors {
            let framework = self.frameworks.by_id[&executor.framework];
            self.add_executor(framework, agent, executor.id, executor.info, executor.resources);
        }
        self.forget_stranded(agent);
        for task in report.tasks {
            let framework = self.frameworks.by_id[&task.framework];
            if self.frameworks.registered[framework].tasks.contains_key(&task.id) {
                // Its framework used the id again elsewhere when it took this one for lost.
                self.kill_on(cx, agent, &task);
                continue;
            }
            if let Some(was_unreachable) = returned {
                self.forget_completed(framework, &task.id);
                self.tell_returned(cx, framework, &task.message, was_unreachable);
            }
            let record = self.new_record();
            let message = Arc::new(task.message);
            self.add_task(framework, Task { record, id: task.id, agent, resources: task.resources, message });
        }
        self.restore_completed(agent, report.completed);
    }

    /// An agent that is back has no unreachable tasks: what it does not report has ended without a trace.
    fn forget_stranded(&mut self, agent: AgentHandle) {
        let id = self.agents.registered[agent].id.clone();
        for handle in self.frameworks.registered.handles() {
            let unreachable = &mut self.frameworks.registered[handle].unreachable;
            let stranded = unreachable.take(|task| task.message.agent_id.value == id.as_str());
            self.changes.others.extend(stranded.iter().map(|task| Changed::TaskForgotten(task.record)));
        }
    }

    fn forget_completed(&mut self, framework: FrameworkHandle, id: &TaskId) {
        let completed = self.frameworks.registered[framework].completed.take(|task| task.id == *id);
        self.changes.others.extend(completed.iter().map(|task| Changed::TaskForgotten(task.record)));
    }

    fn tell_returned(
        &mut self,
        cx: &mut Cx,
        framework: FrameworkHandle,
        task: &v1::Task,
        was_unreachable: bool,
    ) {
        let message =
            if was_unreachable { "Unreachable agent re-reregistered" } else { "Unknown agent reregistered" };
        let verdict = Verdict { state: task.state(), reason: Reason::AgentReregistered, message };
        let status = status::described(task, &verdict, cx.now);
        self.tell_status(cx, framework, status);
    }

    fn restore_completed(&mut self, agent: AgentHandle, completed: Vec<archive::Framework>) {
        for framework in completed {
            let id = framework.framework_info.id.unwrap_or_default();
            let Some(handle) = self.frameworks.find(&id.value) else { continue };
            for task in framework.tasks {
                let Ok(id) = TaskId::from_wire(&task.task_id) else { continue };
                let record = self.new_record();
                let message = Arc::new(task);
                self.complete_task(handle, Task { record, id, agent, resources: Resources::new(), message });
            }
        }
    }

    fn kill_on(&mut self, cx: &mut Cx, agent: AgentHandle, task: &ReportedTask) {
        let message = KillTaskMessage {
            framework_id: task.framework.to_wire(),
            task_id: task.id.to_wire(),
            kill_policy: None,
        };
        cx.send(&self.agents.registered[agent].pid, ToAgent::KillTask(message));
    }

    fn tell_reregistered(
        &mut self,
        cx: &mut Cx,
        agent: AgentHandle,
        reconciliations: Vec<ReconcileTasksMessage>,
    ) {
        let agent = &self.agents.registered[agent];
        let message = SlaveReregisteredMessage {
            slave_id: agent.id.to_wire(),
            reconciliations,
            connection: self.connection(),
        };
        cx.send(&agent.pid, ToAgent::Reregistered(Box::new(message)));
    }

    /// An agent that is registered: its process restarted, or its connection was lost.
    fn reregister_known(&mut self, cx: &mut Cx, handle: AgentHandle, readmission: Readmission) {
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
        cx.push(Effect::Allocator(Call::ActivateAgent(handle)));
    }
}

fn shut_down(cx: &mut Cx, agent: &Pid, why: &str) {
    cx.send(agent, ToAgent::Shutdown(ShutdownMessage { message: Some(why.to_owned()) }));
}

/// The host part of an actor's address.
fn address(pid: &Pid) -> &str {
    let (_, address) = pid.as_str().split_once('@').unwrap_or_default();
    address.rsplit_once(':').unwrap_or_default().0
}
