//! MESSAGE: a framework's message for one of its executors, best effort.

use tepui_proto::internal::FrameworkToExecutorMessage;
use tepui_proto::v1::scheduler::call::Message;

use crate::cx::Cx;
use crate::effect::ToAgent;
use crate::master::Master;
use crate::names::FrameworkHandle;

impl Master {
    pub(crate) fn message_to_executor(&mut self, cx: &mut Cx, from: FrameworkHandle, call: Message) {
        cx.count("master/messages_framework_to_executor");
        let agent =
            self.agents.find(&call.agent_id).filter(|agent| self.agents.registered[*agent].is_active());
        let Some(agent) = agent else {
            return cx.count("master/invalid_framework_to_executor_messages");
        };
        let message = FrameworkToExecutorMessage {
            slave_id: call.agent_id,
            framework_id: self.frameworks.registered[from].id.to_wire(),
            executor_id: call.executor_id,
            data: call.data,
        };
        cx.send(&self.agents.registered[agent].pid, ToAgent::FrameworkToExecutor(message));
        cx.count("master/valid_framework_to_executor_messages");
    }
}
