//! Reregister: an agent comes back, after its own restart, a lost connection, or a change of master, and tells what runs
//! on it. Four cases: it is registered (`reregister_known`), recovered from the registry, unreachable, or not known at all.

use std::sync::Arc;

use tepui_model::{AgentId, FrameworkId, Resources, TaskId};
use tepui_proto::internal::{
    KillTaskMessage, ReconcileTasksMessage, ReregisterSlaveMessage, ShutdownFrameworkMessage,
    ShutdownMessage, SlaveReregisteredMessage, archive,
};
use tepui_proto::v1;
use tepui_proto::v1::task_status::Reason;

use crate::agents::{Phase, Readmission};
use crate::changed::Changed;
use crate::cx::Cx;
use crate::effect::ToAgent;
use crate::fact::Fact;
use crate::limits;
use crate::maintenance::Machine;
use crate::master::{Master, Pending};
use crate::names::{AgentHandle, FrameworkHandle, Pid};
use crate::registry::RegistryOperation;
use crate::status::{self, Verdict};
use crate::task::Task;
use crate::validation;
use crate::validation::agent::{Report, ReportedTask};

/// What an agent of a machine that is down is told.
pub const MACHINE_DOWN: &str = "Machine is `DOWN`";

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
        let valid = validation::agent::reintroduction(&from, message);
        let valid = valid.and_then(|valid| self.check_domain(&valid.0.info).map(|()| valid));
        let (introduction, report) = match valid {
            Ok(valid) => valid,
            Err(why) => {
                let refused =
                    Fact::warn("re-registration of an agent refused").with("from", from).with("why", why);
                return cx.log(refused);
            }
        };
        if self.maintenance.is_down(&Machine::of_agent(&introduction.info, &from)) {
            return shut_down(cx, &from, MACHINE_DOWN);
        }
        let readmission = Readmission { introduction, report };
        match self.agents.by_id.get(&readmission.introduction.id) {
            Some(handle) => self.reregister_known(cx, *handle, readmission),
            None => self.readmit(cx, readmission),
        }
    }

    /// Whether the registry is being written about this agent.
    pub(crate) fn is_in_transition(&self, id: &AgentId) -> bool {
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
            None if self.agents.registered.len() >= limits::AGENTS => {
                let refused = Fact::warn("reregistration of an unknown agent refused, there are too many");
                return cx.log(refused.with("agent", &new.id).with("limit", limits::AGENTS));
            }
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
        let back = &mut self.agents.registered[agent];
        back.reregistered = Some(cx.now);
        // One that knows resource providers tells of its operations in its first update.
        back.operations_are_known = !back.capabilities.resource_provider;
        self.restore(cx, agent, report, (!was_recovered).then_some(was_unreachable));
        self.tell_allocator_of_agent(cx, agent);
        self.tell_reregistered(cx, agent, Vec::new());
        self.first_ping(cx, agent);
        self.shut_down_completed(cx, agent, &completed);
        self.tell_frameworks(cx, agent, &known);
        self.tell_to_drain(cx, agent);
        self.take_down_if_due(cx, agent);
    }

    /// Takes out what belongs to frameworks that ended, and returns those.
    pub(crate) fn split_off_completed(&self, report: &mut Report) -> Vec<FrameworkId> {
        let ended = |id: &FrameworkId| self.frameworks.completed.contains_key(id);
        report.tasks.retain(|task| !ended(&task.framework));
        report.executors.retain(|executor| !ended(&executor.framework));
        let completed = report.frameworks.extract_if(.., |framework| ended(&framework.id));
        completed.map(|framework| framework.id).collect()
    }

    pub(crate) fn shut_down_completed(&mut self, cx: &mut Cx, agent: AgentHandle, completed: &[FrameworkId]) {
        for id in completed {
            let message = ShutdownFrameworkMessage { framework_id: id.to_wire() };
            cx.send(&self.agents.registered[agent].pid, ToAgent::ShutdownFramework(message));
        }
    }

    /// Frameworks that only the agent knows are kept until they subscribe. Returns the others, of which the agent may know
    /// old descriptions.
    pub(crate) fn recover_frameworks(&mut self, cx: &mut Cx, report: &Report) -> Vec<FrameworkHandle> {
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

    pub(crate) fn tell_frameworks(
        &mut self,
        cx: &mut Cx,
        agent: AgentHandle,
        frameworks: &[FrameworkHandle],
    ) {
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
        let completed = self.frameworks.registered[framework].completed.take_named(id);
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

    pub(crate) fn kill_on(&mut self, cx: &mut Cx, agent: AgentHandle, task: &ReportedTask) {
        let message = KillTaskMessage {
            framework_id: task.framework.to_wire(),
            task_id: task.id.to_wire(),
            kill_policy: None,
        };
        cx.send(&self.agents.registered[agent].pid, ToAgent::KillTask(message));
    }

    pub(crate) fn tell_reregistered(
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
}

pub fn shut_down(cx: &mut Cx, agent: &Pid, why: &str) {
    cx.send(agent, ToAgent::Shutdown(ShutdownMessage { message: Some(why.to_owned()) }));
}
