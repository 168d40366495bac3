//! UpdateOperationStatus: something happened to an operation. This master starts none, so that it can only be one that an
//! earlier master started; nobody waits for it.

use tepui_proto::internal::UpdateOperationStatusMessage;

use crate::cx::Cx;
use crate::fact::Fact;
use crate::master::Master;

impl Master {
    pub(crate) fn operation_status(&mut self, cx: &mut Cx, message: &UpdateOperationStatusMessage) {
        cx.count("master/messages_operation_status_update");
        cx.count("master/invalid_operation_status_updates");
        let agent = message.slave_id.as_ref().map_or("", |id| id.value.as_str());
        cx.log(Fact::warn("update of an unknown operation dropped").with("agent", agent));
    }
}
