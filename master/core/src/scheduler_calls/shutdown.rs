//! SHUTDOWN: a custom executor is to end, with all its tasks.

use tepui_proto::internal::ShutdownExecutorMessage;
use tepui_proto::v1::scheduler::call::Shutdown;

use crate::cx::Cx;
use crate::effect::ToAgent;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::FrameworkHandle;

impl Master {
    pub(crate) fn shutdown_executor(&mut self, cx: &mut Cx, from: FrameworkHandle, call: Shutdown) {
        let Some(agent) = self.agents.find(&call.agent_id) else {
            return cx.log(Fact::warn("shutdown dropped, no such agent").with("agent", &call.agent_id.value));
        };
        let message = ShutdownExecutorMessage {
            executor_id: Some(call.executor_id),
            framework_id: Some(self.frameworks.registered[from].id.to_wire()),
        };
        cx.send(&self.agents.registered[agent].pid, ToAgent::ShutdownExecutor(message));
    }
}
