//! `CheckpointResourcesMessage`: the master of an agent that it does not think capable of operations says what it is to have.

use tepui_proto::internal::CheckpointResourcesMessage;
use tepui_proto::internal::slave::ResourceState;

use crate::agent::{Agent, Pending, Phase};
use crate::assets;
use crate::cx::Cx;
use crate::fact::Fact;

impl Agent {
    pub(crate) fn checkpoint_resources(&mut self, cx: &mut Cx, message: CheckpointResourcesMessage) {
        if !matches!(self.phase, Phase::Running { .. }) {
            return cx.log(Fact::warn("resources to checkpoint ignored while not registered"));
        }
        let kept = ResourceState { resources: message.resources, ..ResourceState::default() };
        match assets::total(&self.info, &kept) {
            Ok(total) => {
                self.assets.total = total;
                self.assets.changed = true;
                self.checkpoint_assets(cx, Pending::Assets(None));
            }
            Err(why) => {
                cx.log(Fact::warn("resources to checkpoint refused").with("why", why));
                self.disconnect(cx);
            }
        }
    }
}
