//! `UpdateFrameworkMessage`: a framework subscribed again, perhaps elsewhere, perhaps changed.

use std::sync::Arc;

use tepui_model::FrameworkId;
use tepui_proto::internal::UpdateFrameworkMessage;

use crate::agent::{Agent, Pending};
use crate::cx::Cx;
use crate::effect::Write;
use crate::framework::FrameworkPhase;

impl Agent {
    pub(crate) fn update_framework(&mut self, cx: &mut Cx, message: UpdateFrameworkMessage) {
        let Ok(id) = FrameworkId::from_wire(&message.framework_id) else { return };
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        if framework.phase == FrameworkPhase::Terminating {
            return;
        }
        if let Some(info) = message.framework_info {
            framework.info = Arc::new(*info);
        }
        framework.pid = message.pid.unwrap_or_default();
        let (info, pid) = (Arc::clone(&framework.info), framework.pid.clone());
        let checkpointed = framework.executors.values().find(|executor| executor.checkpointed);
        if let Some(run) = checkpointed.map(|executor| executor.run.clone()) {
            self.checkpoint(cx, Pending::Note, vec![Write::Framework { run, info, pid }]);
        }
    }
}
