//! UpdateSlave: an agent tells what it has beyond its description: resources that may be taken back at any time, and the
//! version of its resources. Resource providers are not known to this version; what they have is not counted.

use tepui_model::Resources;
use tepui_proto::internal::UpdateSlaveMessage;

use crate::cx::Cx;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::Pid;
use tepui_allocator::Call;

impl Master {
    pub(crate) fn update_agent(&mut self, cx: &mut Cx, from: &Pid, message: UpdateSlaveMessage) {
        cx.count("master/messages_update_slave");
        let Some(handle) = self.speaker(cx, from, &message.slave_id, "UpdateSlaveMessage") else { return };
        let revocable = match Resources::from_wire(&message.oversubscribed_resources) {
            Ok(resources) => resources,
            Err(why) => {
                let dropped = Fact::warn("update of an agent dropped").with("from", from).with("why", why);
                return cx.log(dropped);
            }
        };
        let agent = &mut self.agents.registered[handle];
        if message.resource_version_uuid.is_some() {
            agent.resource_version = message.resource_version_uuid;
        }
        let operations = message.operations.unwrap_or_default().operations;
        self.compare_operations(cx, handle, operations);
        self.note_relief(handle);
        let agent = &mut self.agents.registered[handle];
        agent.operations_are_known = true;
        // Old agents do not say whether they tell of such resources; they always do.
        if !message.update_oversubscribed_resources.unwrap_or(true) {
            return;
        }
        let total = agent.total.non_revocable() + &revocable;
        if total == agent.total {
            return;
        }
        agent.total = total;
        let call = Call::UpdateAgent { agent: handle, description: agent.description() };
        cx.push(Effect::Allocator(call));
        self.changes.agents.insert(handle);
        self.rescind_revocable(cx, handle);
    }

    fn rescind_revocable(&mut self, cx: &mut Cx, agent: crate::names::AgentHandle) {
        for offer in self.agents.registered[agent].offers.clone() {
            if !self.offers.outstanding[offer].resources.revocable().is_empty() {
                self.rescind_offer(cx, offer);
            }
        }
    }
}
