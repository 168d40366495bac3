//! `KillTaskMessage`: a framework wants a task ended.

use tepui_model::{ExecutorId, FrameworkId, TaskId};
use tepui_proto::internal::KillTaskMessage;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{KillPolicy, TaskState};

use crate::agent::{Agent, Phase};
use crate::cx::Cx;
use crate::effect::Effect;
use crate::event;
use crate::executor::{Executor, ExecutorPhase};
use crate::fact::Fact;
use crate::framework::FrameworkPhase;
use crate::status::Verdict;

impl Agent {
    pub(crate) fn kill_task(&mut self, cx: &mut Cx, message: &KillTaskMessage) {
        let ids = (FrameworkId::from_wire(&message.framework_id), TaskId::from_wire(&message.task_id));
        let (Ok(framework), Ok(task)) = ids else {
            cx.log(Fact::warn("kill with a bad id ignored").with("task", &message.task_id.value));
            return;
        };
        let ignored = |why: &'static str| Fact::warn(why).with("framework", &framework).with("task", &task);
        match self.phase {
            Phase::Running { .. } => {}
            Phase::Starting | Phase::Recovering | Phase::Disconnected { .. } | Phase::Terminating { .. } => {
                return cx.log(ignored("kill ignored while not registered"));
            }
        }
        let Some(found) = self.frameworks.get(&framework) else {
            // The master learns what is not here when this agent registers again.
            return cx.log(ignored("kill of a task of an unknown framework ignored"));
        };
        if found.phase == FrameworkPhase::Terminating {
            return cx.log(ignored("kill ignored: the framework shuts down"));
        }
        // An id may be used again once its task has ended, by another executor too.
        let has = |executor: &&Executor| {
            executor.queue_position(&task).is_some() || executor.launched.contains_key(&task)
        };
        let knows = |executor: &&Executor| executor.knows(&task);
        let executor = found.executors.values().find(has).or_else(|| found.executors.values().find(knows));
        let Some(executor) = executor.map(|executor| executor.id().clone()) else {
            let verdict = Verdict::new(found.dropped(), Reason::ExecutorTerminated, "Cannot find executor");
            return self.report(cx, &framework, &task, None, verdict);
        };
        self.kill(cx, &framework, &executor, &task, message.kill_policy);
    }

    /// Ends a task that is queued or with its executor.
    pub(crate) fn kill(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        executor: &ExecutorId,
        task: &TaskId,
        policy: Option<KillPolicy>,
    ) {
        let Some(executor) = self.executor_mut(framework, executor) else { return };
        let ignored = |why: &'static str| Fact::warn(why).with("framework", framework).with("task", task);
        if executor.queue_position(task).is_some() {
            let id = executor.id().clone();
            let why = "Killed before delivery to the executor";
            let verdict = Verdict::new(TaskState::TaskKilled, Reason::TaskKilledDuringLaunch, why);
            self.report(cx, framework, task, Some(&id), verdict);
            return self.end_if_useless(cx, framework, &id);
        }
        match &executor.phase {
            ExecutorPhase::Running { peer: Some(peer) } => {
                cx.push(Effect::Event { to: peer.clone(), event: event::kill(task, policy) });
            }
            ExecutorPhase::Running { peer: None } | ExecutorPhase::Registering => {
                cx.log(ignored("kill ignored: the executor is not connected"));
            }
            ExecutorPhase::Terminating { .. } | ExecutorPhase::Terminated => {
                cx.log(ignored("kill ignored: the executor is ending"));
            }
        }
    }
}
