//! `FrameworkToExecutorMessage`: bytes for an executor; best effort.

use tepui_model::{ExecutorId, FrameworkId};
use tepui_proto::internal::FrameworkToExecutorMessage;
use tepui_proto::v1;

use crate::agent::Agent;
use crate::cx::Cx;
use crate::effect::Effect;
use crate::event;
use crate::executor::Executor;
use crate::fact::Fact;
use crate::names::Pid;

impl Agent {
    /// Whether this actor is the scheduler of a framework that runs something here.
    pub(crate) fn is_scheduler(&self, from: &Pid, framework: &v1::FrameworkId) -> bool {
        let framework = FrameworkId::from_wire(framework).ok().and_then(|id| self.frameworks.get(&id));
        framework.is_some_and(|framework| framework.pid == from.as_str())
    }

    pub(crate) fn framework_to_executor(&mut self, cx: &mut Cx, message: FrameworkToExecutorMessage) {
        let ids =
            (FrameworkId::from_wire(&message.framework_id), ExecutorId::from_wire(&message.executor_id));
        let (Ok(framework), Ok(executor)) = ids else { return };
        let found = self.frameworks.get(&framework).and_then(|framework| framework.executors.get(&executor));
        let Some(peer) = found.filter(|found| found.is_alive()).and_then(Executor::peer).cloned() else {
            self.counters.invalid_framework_messages += 1;
            cx.log(
                Fact::warn("message for an executor that is not connected dropped")
                    .with("executor", executor),
            );
            return;
        };
        self.counters.valid_framework_messages += 1;
        cx.push(Effect::Event { to: peer, event: event::message(message.data) });
    }
}
