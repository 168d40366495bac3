//! Endings: of an executor, of a framework, of the agent.

use tepui_model::{ContainerId, ExecutorId, FrameworkId, duration};
use tepui_proto::internal::UnregisterSlaveMessage;
use tepui_proto::v1::task_status::Reason;

use crate::agent::{Agent, Pending, Phase};
use crate::cx::Cx;
use crate::effect::{Effect, ToMaster, Write};
use crate::event;
use crate::executor::{Executor, ExecutorPhase, Granted};
use crate::fact::Fact;
use crate::framework::FrameworkPhase;
use crate::names::Timer;
use crate::status::Verdict;

impl Agent {
    /// Asks an executor to end, and destroys its container if it has not after its grace period.
    pub(crate) fn shutdown_executor(&mut self, cx: &mut Cx, framework: &FrameworkId, executor: &ExecutorId) {
        let default = self.settings.executor_shutdown_grace_period;
        let Some(executor) = self.executor_mut(framework, executor) else { return };
        let peer = match &executor.phase {
            ExecutorPhase::Registering => None,
            ExecutorPhase::Running { peer } => peer.clone(),
            ExecutorPhase::Terminating { .. } | ExecutorPhase::Terminated => return,
        };
        cx.log(Fact::info("executor asked to shut down").with("executor", &executor.run));
        executor.phase = ExecutorPhase::Terminating { peer: peer.clone() };
        if let Some(peer) = peer {
            cx.push(Effect::Event { to: peer, event: event::shutdown() });
        }
        let after = shutdown_grace(executor).unwrap_or(default);
        cx.push(Effect::Arm { timer: Timer::ShutdownGrace(executor.run.container.clone()), after });
    }

    pub(crate) fn shutdown_overdue(&mut self, cx: &mut Cx, container: &ContainerId) {
        let Some(executor) = self.executor_in(container) else { return };
        match executor.phase {
            ExecutorPhase::Terminating { .. } => {
                cx.log(Fact::info("executor did not end in time").with("executor", &executor.run));
                push_destroy(cx, executor);
            }
            ExecutorPhase::Registering | ExecutorPhase::Running { .. } | ExecutorPhase::Terminated => {}
        }
    }

    /// Destroys an executor's container; its tasks get `verdict` when it is gone.
    pub(crate) fn destroy(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        executor: &ExecutorId,
        verdict: Verdict,
    ) {
        let Some(executor) = self.executor_mut(framework, executor) else { return };
        let peer = executor.peer().cloned();
        executor.phase = ExecutorPhase::Terminating { peer };
        executor.verdict.get_or_insert(verdict);
        push_destroy(cx, executor);
    }

    /// An executor that never subscribed.
    pub(crate) fn registration_overdue(&mut self, cx: &mut Cx, container: &ContainerId) {
        let Some(executor) = self.executor_in(container) else { return };
        if executor.phase != ExecutorPhase::Registering {
            return;
        }
        let run = executor.run.clone();
        cx.log(Fact::warn("executor did not register in time").with("executor", &run));
        let within = duration::print(self.settings.executor_registration_timeout);
        let message = format!("Executor did not register within {within}");
        let verdict = Verdict::new(
            tepui_proto::v1::TaskState::TaskFailed,
            Reason::ExecutorRegistrationTimeout,
            message,
        );
        self.destroy(cx, &run.framework, &run.executor, verdict);
    }

    pub(crate) fn shutdown_framework(&mut self, cx: &mut Cx, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        if framework.phase == FrameworkPhase::Terminating {
            return;
        }
        cx.log(Fact::info("framework shuts down").with("framework", id));
        framework.phase = FrameworkPhase::Terminating;
        self.updates.forget(id);
        self.held.retain(|(of, _), _| of != id);
        let executors: Vec<ExecutorId> = framework.executors.keys().cloned().collect();
        for executor in &executors {
            self.shutdown_executor(cx, id, executor);
            self.remove_if_done(cx, id, executor);
        }
    }

    /// The master wants this agent gone, with everything on it.
    pub(crate) fn shutdown(&mut self, cx: &mut Cx, message: &str) {
        let why = if message.is_empty() {
            "the master asked this agent to shut down".to_owned()
        } else {
            format!("the master asked this agent to shut down: {message}")
        };
        self.checkpoint(cx, Pending::Note, vec![Write::ForgetAgent]);
        self.terminate_after_shutdown(cx, why);
    }

    pub(crate) fn terminate_after_shutdown(&mut self, cx: &mut Cx, why: String) {
        self.updates.pause();
        self.phase = Phase::Terminating { why };
        let frameworks: Vec<FrameworkId> = self.frameworks.keys().cloned().collect();
        for framework in &frameworks {
            self.shutdown_framework(cx, framework);
        }
        self.end_if_empty(cx);
    }

    /// When terminating: the process ends with the last executor.
    pub(crate) fn end_if_empty(&mut self, cx: &mut Cx) {
        let Phase::Terminating { why } = &self.phase else { return };
        if self.frameworks.is_empty() {
            cx.push(Effect::Terminate { why: why.clone() });
        }
    }

    /// Ends the process and leaves executors alone.
    pub(crate) fn terminate(&mut self, cx: &mut Cx, why: String) {
        self.updates.pause();
        self.phase = Phase::Terminating { why: why.clone() };
        cx.push(Effect::Terminate { why });
    }

    /// The operator ends this process. Executors that could not be found again are asked to end; an agent without any
    /// checkpointed executor tells the master that it is gone for good only if it was asked to shut down, never here: it
    /// may be back in a moment.
    pub(crate) fn stop(&mut self, cx: &mut Cx) {
        for framework in self.frameworks.values().filter(|framework| !framework.checkpoints()) {
            for peer in framework.executors.values().filter_map(Executor::peer) {
                cx.push(Effect::Event { to: peer.clone(), event: event::shutdown() });
            }
        }
        if let (Phase::Terminating { .. }, Some(id)) = (&self.phase, &self.id) {
            self.tell_master(cx, ToMaster::Unregister(UnregisterSlaveMessage { slave_id: id.to_wire() }));
        }
        self.updates.pause();
        self.phase = Phase::Terminating { why: "the operator stopped this agent".into() };
        cx.push(Effect::Terminate { why: "the operator stopped this agent".into() });
    }
}

/// What nobody was asked to make yet is not made when its checkpoint is written (`Agent::launch`).
fn push_destroy(cx: &mut Cx, executor: &Executor) {
    if executor.granted != Granted::Nothing {
        cx.push(Effect::Destroy(executor.run.container.clone()));
    }
}

fn shutdown_grace(executor: &Executor) -> Option<std::time::Duration> {
    let nanoseconds = executor.info.shutdown_grace_period.as_ref()?.nanoseconds;
    Some(std::time::Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0)))
}
