//! ExecutorToFramework: an executor's message for its scheduler, best effort.

use tepui_proto::internal::ExecutorToFrameworkMessage;

use crate::cx::Cx;
use crate::events;
use crate::master::Master;
use crate::names::Pid;

impl Master {
    pub(crate) fn executor_to_framework(
        &mut self,
        cx: &mut Cx,
        from: &Pid,
        message: ExecutorToFrameworkMessage,
    ) {
        cx.count("master/messages_executor_to_framework");
        let speaker = self.speaker(cx, from, &message.slave_id, "ExecutorToFrameworkMessage");
        let framework = self.frameworks.find(&message.framework_id.value);
        let peer = framework.and_then(|framework| self.frameworks.registered[framework].peer());
        let (Some(_), Some(peer)) = (speaker, peer) else {
            return cx.count("master/invalid_executor_to_framework_messages");
        };
        cx.event(peer, events::message(message.slave_id, message.executor_id, message.data));
        cx.count("master/valid_executor_to_framework_messages");
    }
}
