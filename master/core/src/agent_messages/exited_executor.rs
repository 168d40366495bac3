//! ExitedExecutor: a custom executor ended, whatever became of its tasks.

use tepui_model::ExecutorId;
use tepui_proto::internal::ExitedExecutorMessage;

use crate::cx::Cx;
use crate::events;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::Pid;

impl Master {
    pub(crate) fn exited_executor(&mut self, cx: &mut Cx, from: &Pid, message: &ExitedExecutorMessage) {
        cx.count("master/messages_exited_executor");
        let Some(agent) = self.speaker(cx, from, &message.slave_id, "ExitedExecutorMessage") else { return };
        let known = self.frameworks.find(&message.framework_id.value);
        let executor = ExecutorId::from_wire(&message.executor_id).ok();
        let (Some(framework), Some(executor)) = (known, executor) else { return };
        if !self.has_executor(framework, agent, &executor) {
            // Also what agents make for command tasks, should one tell of its exit.
            let executor = &message.executor_id.value;
            return cx
                .log(Fact::debug("unknown executor exited").with("executor", executor).with("from", from));
        }
        self.remove_executor(cx, framework, agent, &executor);
        if let Some(peer) = self.frameworks.registered[framework].peer() {
            let agent = &self.agents.registered[agent].id;
            cx.event(peer, events::executor_failure(agent, &executor, message.status));
        }
    }
}
