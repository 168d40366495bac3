//! MESSAGE: bytes for the framework; best effort.

use tepui_model::{ExecutorId, FrameworkId};
use tepui_proto::internal::ExecutorToFrameworkMessage;
use tepui_proto::v1::executor::Call;

use crate::agent::{Agent, Phase};
use crate::cx::Cx;
use crate::effect::ToMaster;
use crate::fact::Fact;
use crate::limits;

impl Agent {
    pub(crate) fn message(
        &mut self,
        cx: &mut Cx,
        framework: &FrameworkId,
        executor: &ExecutorId,
        call: Call,
    ) {
        let (Some(message), Some(agent)) = (call.message, self.id.clone()) else { return };
        let size = message.data.len();
        let connected = matches!(self.phase, Phase::Running { .. });
        if size > limits::MESSAGE_BYTES || !connected {
            self.counters.invalid_framework_messages += 1;
            cx.log(
                Fact::warn("message of an executor dropped").with("executor", executor).with("bytes", size),
            );
            return;
        }
        self.counters.valid_framework_messages += 1;
        let message = ExecutorToFrameworkMessage {
            slave_id: agent.to_wire(),
            framework_id: framework.to_wire(),
            executor_id: executor.to_wire(),
            data: message.data,
        };
        self.tell_master(cx, ToMaster::ExecutorToFramework(message));
    }
}
