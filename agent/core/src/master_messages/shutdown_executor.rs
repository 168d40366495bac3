//! `ShutdownExecutorMessage`: a framework wants an executor ended.

use tepui_model::{ExecutorId, FrameworkId};
use tepui_proto::internal::ShutdownExecutorMessage;

use crate::agent::Agent;
use crate::cx::Cx;
use crate::fact::Fact;

impl Agent {
    pub(crate) fn shutdown_executor_message(&mut self, cx: &mut Cx, message: &ShutdownExecutorMessage) {
        let framework = message.framework_id.as_ref().map(FrameworkId::from_wire);
        let executor = message.executor_id.as_ref().map(ExecutorId::from_wire);
        let (Some(Ok(framework)), Some(Ok(executor))) = (framework, executor) else {
            cx.log(Fact::warn("shutdown of an executor without a name ignored"));
            return;
        };
        if self.executor_mut(&framework, &executor).is_none() {
            cx.log(Fact::warn("shutdown of an unknown executor ignored").with("executor", executor));
            return;
        }
        self.shutdown_executor(cx, &framework, &executor);
    }
}
