//! Unregister: an agent leaves for good, and says so.

use tepui_proto::internal::UnregisterSlaveMessage;

use crate::cx::Cx;
use crate::master::Master;
use crate::names::Pid;

impl Master {
    pub(crate) fn unregister(&mut self, cx: &mut Cx, from: &Pid, message: &UnregisterSlaveMessage) {
        cx.count("master/messages_unregister_slave");
        if let Some(agent) = self.speaker(cx, from, &message.slave_id, "UnregisterSlaveMessage") {
            self.remove_agent(
                cx,
                agent,
                "the agent unregistered",
                Some("master/slave_removals/reason_unregistered"),
            );
        }
    }
}
