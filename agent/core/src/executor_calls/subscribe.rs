//! SUBSCRIBE: an executor is there, for the first time or again.

use std::collections::BTreeSet;

use tepui_model::{ExecutorId, FrameworkId, TaskId};
use tepui_proto::v1::TaskState;
use tepui_proto::v1::executor::call::Subscribe;
use tepui_proto::v1::task_status::Reason;

use crate::agent::{Agent, Pending};
use crate::cx::Cx;
use crate::effect::{Effect, Reply, Write};
use crate::event;
use crate::executor::{Executor, ExecutorPhase, Granted};
use crate::executor_calls::reply;
use crate::fact::Fact;
use crate::framework::FrameworkPhase;
use crate::input::ExecutorCall;
use crate::names::Peer;
use crate::settings::Recover;
use crate::status::Verdict;

impl Agent {
    pub(crate) fn subscribe(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        id: &ExecutorId,
        call: ExecutorCall,
    ) {
        let Some(peer) = call.peer else {
            return reply(cx, call.request, Reply::BadRequest("SUBSCRIBE came without a stream".into()));
        };
        reply(cx, call.request, Reply::Subscribed);
        let unwelcome = self.settings.recover == Recover::Cleanup
            || self.frameworks.get(framework).is_some_and(|found| found.phase == FrameworkPhase::Terminating);
        let Some(executor) = self.executor_mut(framework, id) else { return };
        if unwelcome || !executor.is_alive() {
            cx.log(
                Fact::info("executor subscribed too late, told to shut down").with("executor", &executor.run),
            );
            if let ExecutorPhase::Terminating { peer: old } = &mut executor.phase {
                *old = Some(peer.clone());
            }
            return cx.push(Effect::Event { to: peer, event: event::shutdown() });
        }
        if is_taken(executor, &peer) {
            cx.log(
                Fact::warn("another executor with the id of one that is here told to shut down")
                    .with("executor", &executor.run)
                    .with("from", &peer),
            );
            return cx.push(Effect::Event { to: peer, event: event::shutdown() });
        }
        let subscribe = call.call.subscribe.map(|subscribe| *subscribe).unwrap_or_default();
        self.welcome(cx, framework, id, peer);
        self.replay(cx, framework, id, subscribe);
        self.deliver(cx, framework, id);
        self.drain_executor(cx, framework, id);
        self.end_if_useless(cx, framework, id);
    }

    fn welcome(&mut self, cx: &mut Cx, framework: &FrameworkId, id: &ExecutorId, peer: Peer) {
        let agent = self.info.clone();
        let Some(of) = self.frameworks.get_mut(framework) else { return };
        let Some(executor) = of.executors.get_mut(id) else { return };
        if let Some(old) = executor.peer().filter(|old| **old != peer) {
            cx.push(Effect::Close(old.clone()));
        }
        cx.log(Fact::info("executor subscribed").with("executor", &executor.run));
        executor.phase = ExecutorPhase::Running { peer: Some(peer.clone()) };
        executor.to_reconnect = None;
        let event = event::subscribed(&executor.info, &of.info, &agent, &executor.run.container);
        cx.push(Effect::Event { to: peer.clone(), event });
        let pid = match &peer {
            Peer::Driver(pid) => {
                cx.push(Effect::Watch(pid.clone()));
                // It has to be told of another life of this agent.
                Some(pid.clone())
            }
            Peer::Actor(pid) => {
                cx.push(Effect::Watch(pid.clone()));
                None
            }
            Peer::Http(_) => None,
        };
        if executor.checkpointed {
            let write = Write::Subscription { run: executor.run.clone(), pid };
            self.checkpoint(cx, Pending::Note, vec![write]);
        }
    }

    /// What the executor did while we were apart; and what it never got.
    fn replay(&mut self, cx: &mut Cx, framework: &FrameworkId, id: &ExecutorId, told: Subscribe) {
        for update in told.unacknowledged_updates {
            self.executor_update(cx, framework, id, update.status);
        }
        let got: BTreeSet<&str> =
            told.unacknowledged_tasks.iter().map(|task| task.task_id.value.as_str()).collect();
        let Some(of) = self.frameworks.get(framework) else { return };
        let (state, Some(executor)) = (of.dropped(), of.executors.get(id)) else { return };
        let staging = executor.launched.iter().filter(|(_, record)| record.latest == TaskState::TaskStaging);
        let lost: Vec<TaskId> =
            staging.map(|(task, _)| task.clone()).filter(|task| !got.contains(task.as_str())).collect();
        for task in &lost {
            let why = "Task launched during agent restart";
            let verdict = Verdict::new(state, Reason::AgentRestarted, why);
            self.report(cx, framework, task, Some(id), verdict);
        }
    }

    /// Gives an executor the tasks that wait for it, in order, once its container may use what they need.
    pub(crate) fn deliver(&mut self, cx: &mut Cx, framework: &FrameworkId, id: &ExecutorId) {
        let Some(executor) = self.executor_mut(framework, id) else { return };
        let ExecutorPhase::Running { peer: Some(peer) } = executor.phase.clone() else { return };
        if executor.queued.is_empty() {
            return;
        }
        let needs = executor.needs();
        match &executor.granted {
            // What is under way ends in another call of this.
            Granted::Nothing | Granted::Launching(_) | Granted::Changing(_) => return,
            Granted::Settled(granted) if *granted != needs => return grant(cx, executor, needs),
            Granted::Settled(_) => {}
        }
        // In the order they came: one that is not ready holds up those behind it.
        let ready = executor.queued.iter().take_while(|queued| queued.ready).count();
        let tasks: Vec<_> = executor.queued.drain(..ready).collect();
        for queued in tasks {
            cx.push(Effect::Event { to: peer.clone(), event: event::launch(&queued.info) });
            executor.take(queued);
        }
    }

    /// Gives back what ended tasks held, if the executor goes on without them. A container with nothing left to run keeps
    /// what it has: it ends, or gets its next task.
    pub(crate) fn settle_resources(&mut self, cx: &mut Cx, framework: &FrameworkId, id: &ExecutorId) {
        let Some(executor) = self.executor_mut(framework, id) else { return };
        if !executor.is_alive() || executor.unended_tasks().is_empty() {
            return;
        }
        let needs = executor.needs();
        if matches!(&executor.granted, Granted::Settled(granted) if *granted != needs) {
            grant(cx, executor, needs);
        }
    }

    /// An executor whose tasks were all killed before it got one has no reason to live.
    pub(crate) fn end_if_useless(&mut self, cx: &mut Cx, framework: &FrameworkId, id: &ExecutorId) {
        let Some(executor) = self.executor_mut(framework, id) else { return };
        if executor.served || !executor.unended_tasks().is_empty() {
            return;
        }
        match executor.phase {
            ExecutorPhase::Registering => {
                let why = "All tasks were killed before the executor registered";
                let verdict = Verdict::new(TaskState::TaskKilled, Reason::TaskKilledDuringLaunch, why);
                self.destroy(cx, framework, id, verdict);
            }
            ExecutorPhase::Running { .. } => self.shutdown_executor(cx, framework, id),
            ExecutorPhase::Terminating { .. } | ExecutorPhase::Terminated => {}
        }
    }
}

/// Whether the executor is there already as another actor or driver, or is asked to come back as one: an address is all that tells one from
/// another. A stream may be replaced, because who opens it anew cannot say that it is the same.
fn is_taken(executor: &Executor, peer: &Peer) -> bool {
    let is_here = executor.peer().is_some_and(|own| own.pid().is_some() && own != peer);
    let is_awaited =
        executor.to_reconnect.as_ref().is_some_and(|driver| *peer != Peer::Driver(driver.clone()));
    is_here || is_awaited
}

fn grant(cx: &mut Cx, executor: &mut Executor, needs: tepui_model::Resources) {
    executor.granted = Granted::Changing(needs.clone());
    cx.push(Effect::Update { container: executor.run.container.clone(), resources: needs });
}
