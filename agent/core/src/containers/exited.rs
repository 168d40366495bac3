//! A container is gone: what its tasks, its framework and we make of it.

use tepui_model::{ExecutorId, FrameworkId};
use tepui_proto::internal::ExitedExecutorMessage;

use crate::agent::{Agent, Phase};
use crate::cx::Cx;
use crate::effect::{Effect, ToMaster};
use crate::executor::ExecutorPhase;
use crate::fact::Fact;
use crate::framework::FrameworkPhase;
use crate::input::Termination;

impl Agent {
    pub(crate) fn container_exited(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        id: &ExecutorId,
        end: &Termination,
    ) {
        let Some(executor) = self.executor_mut(framework, id) else { return };
        let run = executor.run.clone();
        let status = end.status.map_or("unknown".into(), |status| status.to_string());
        cx.log(Fact::info("executor terminated").with("executor", &run).with("status", status));
        let verdict = executor.verdict_of_end(end);
        let tasks = executor.unended_tasks();
        let generated = executor.generated;
        if let Some(peer) = executor.peer() {
            cx.push(Effect::Close(peer.clone()));
        }
        executor.phase = ExecutorPhase::Terminated;
        self.containers.remove(&run.container);
        self.counters.executors_terminated += 1;
        let heard =
            self.frameworks.get(framework).is_some_and(|found| found.phase == FrameworkPhase::Running);
        if heard {
            for task in &tasks {
                self.report(cx, framework, task, Some(id), verdict.clone());
            }
        }
        if !generated {
            self.tell_of_exit(cx, framework, id, end.status.unwrap_or(-1));
        }
        self.remove_if_done(cx, framework, id);
    }

    /// Frameworks hear of the ends of their own executors, not of those the agent made. Best effort, as in Mesos: while no
    /// master serves us, nobody hears.
    fn tell_of_exit(&mut self, cx: &mut Cx, framework: &FrameworkId, executor: &ExecutorId, status: i32) {
        let (Phase::Running { .. }, Some(agent)) = (&self.phase, &self.id) else { return };
        let message = ExitedExecutorMessage {
            slave_id: agent.to_wire(),
            framework_id: framework.to_wire(),
            executor_id: executor.to_wire(),
            status,
        };
        self.tell_master(cx, ToMaster::ExitedExecutor(message));
    }
}
