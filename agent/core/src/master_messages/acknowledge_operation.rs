//! `AcknowledgeOperationStatusMessage`: what became of an operation is known to whoever asked for it.

use tepui_model::OperationUuid;
use tepui_proto::internal::AcknowledgeOperationStatusMessage;

use crate::agent::{Agent, Pending};
use crate::cx::Cx;
use crate::fact::Fact;

impl Agent {
    pub(crate) fn acknowledge_operation(&mut self, cx: &mut Cx, message: &AcknowledgeOperationStatusMessage) {
        let known = OperationUuid::from_wire(&message.operation_uuid).filter(|uuid| {
            let applied = self.assets.operations.get(uuid).filter(|applied| applied.written);
            let told = applied.and_then(|applied| applied.message.latest_status.uuid.as_deref());
            told == Some(&message.status_uuid)
        });
        let Some(uuid) = known else {
            return cx.log(Fact::warn("unexpected acknowledgement of an operation ignored"));
        };
        self.assets.operations.remove(&uuid);
        // One that is lost is told, and acknowledged, once more.
        self.checkpoint_assets(cx, Pending::Note);
    }
}
