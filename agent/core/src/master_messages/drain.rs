//! `DrainSlaveMessage`: an operator wants this agent empty. What runs is killed, and what comes is refused, until nothing is left.
//!
//! ```text
//! Drain ──► written ──► KILL to every task, again to executors that come back ──► no task, no operation ──► forgotten
//! ```

use serde::{Deserialize, Serialize};
use tepui_model::{ExecutorId, FrameworkId, TaskId, Time};
use tepui_proto::internal::DrainSlaveMessage;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{DrainConfig, KillPolicy, TaskState, TaskStatus};

use crate::agent::{Agent, Pending};
use crate::cx::Cx;
use crate::effect::Write;
use crate::executor::Executor;
use crate::fact::Fact;
use crate::framework::{Framework, FrameworkPhase};
use crate::status;

/// What this agent was told, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// How the operator wants it.
    pub config: DrainConfig,
    /// When this process heard of it.
    pub since: Time,
}

impl Agent {
    /// A master repeats it each time that this agent registers.
    pub(crate) fn drain_message(&mut self, cx: &mut Cx, message: DrainSlaveMessage) {
        if !self.has_something_to_drain() {
            return cx.log(Fact::info("nothing to drain"));
        }
        self.start_draining(cx, message.config);
        self.checkpoint(cx, Pending::Drain, vec![self.write_drain()]);
    }

    pub(crate) fn start_draining(&mut self, cx: &mut Cx, config: DrainConfig) {
        let since = self.drain.map_or(cx.now, |drain| drain.since);
        self.drain = Some(Drain { config, since });
        cx.log(Fact::info("draining"));
        let executors = |framework: &Framework| framework.executors.keys().cloned().collect::<Vec<_>>();
        let all = self.frameworks.iter().map(|(id, framework)| (id.clone(), executors(framework)));
        for (framework, executors) in all.collect::<Vec<_>>() {
            for executor in executors {
                self.drain_executor(cx, &framework, &executor);
            }
        }
    }

    /// Also when it subscribes: it was away when its tasks were to be killed, perhaps.
    pub(crate) fn drain_executor(&mut self, cx: &mut Cx, framework: &FrameworkId, executor: &ExecutorId) {
        let Some(drain) = self.drain else { return };
        let Some(found) = self.executor_mut(framework, executor) else { return };
        let own = |task: &TaskId| found.launched.get(task).and_then(|record| record.task.kill_policy);
        let tasks = found.unended_tasks().into_iter().map(|task| (own(&task), task));
        for (own, task) in tasks.collect::<Vec<_>>() {
            self.kill(cx, framework, executor, &task, shorter(own, &drain.config));
        }
    }

    fn has_something_to_drain(&self) -> bool {
        // Of a framework that is shut down nobody hears any more.
        let frameworks = self.frameworks.values();
        let running = frameworks.filter(|framework| framework.phase == FrameworkPhase::Running);
        let mut executors = running.flat_map(|framework| framework.executors.values());
        !self.assets.operations.is_empty() || executors.any(Executor::has_incomplete_tasks)
    }

    /// Executors without tasks may stay: masters do not wait for them either.
    pub(crate) fn end_drain_if_done(&mut self, cx: &mut Cx) {
        if self.drain.is_some() && !self.has_something_to_drain() {
            cx.log(Fact::info("drained"));
            self.drain = None;
            self.checkpoint(cx, Pending::Drain, vec![self.write_drain()]);
        }
    }

    pub(crate) fn write_drain(&self) -> Write {
        let agent = self.id.clone().expect("only registered agents are drained");
        Write::Drain { agent, config: self.drain.map(|drain| drain.config) }
    }

    /// Frameworks are told why their tasks are killed, whatever the executor says. One that is being killed is not gone yet.
    pub(crate) fn explain_drain(&self, framework: &FrameworkId, status: &mut TaskStatus) {
        let Some(drain) = self.drain else { return };
        let state = status::state_of(status);
        if !matches!(state, Some(TaskState::TaskKilling | TaskState::TaskKilled)) {
            return;
        }
        status.reason = Some(Reason::AgentDraining as i32);
        let is_aware =
            self.frameworks.get(framework).is_some_and(|known| status::is_partition_aware(&known.info));
        if state == Some(TaskState::TaskKilled) && drain.config.mark_gone() && is_aware {
            status.state = TaskState::TaskGoneByOperator as i32;
        }
    }
}

/// The operator's grace period, where the task has a longer one or none.
fn shorter(own: Option<KillPolicy>, config: &DrainConfig) -> Option<KillPolicy> {
    let most = config.max_grace_period?;
    let own = own.and_then(|own| own.grace_period);
    let is_longer = own.is_none_or(|own| own.nanoseconds > most.nanoseconds);
    is_longer.then_some(KillPolicy { grace_period: Some(most) })
}
