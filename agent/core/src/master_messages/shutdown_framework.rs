//! `ShutdownFrameworkMessage`: a framework is gone for good.

use tepui_model::FrameworkId;
use tepui_proto::internal::ShutdownFrameworkMessage;

use crate::agent::Agent;
use crate::cx::Cx;

impl Agent {
    pub(crate) fn shutdown_framework_message(&mut self, cx: &mut Cx, message: &ShutdownFrameworkMessage) {
        if let Ok(id) = FrameworkId::from_wire(&message.framework_id) {
            self.shutdown_framework(cx, &id);
        }
    }
}
