//! A driver aborts: its framework wants no offers until it subscribes again. Only drivers say so; the v1 API has no such call.

use tepui_proto::v1::FrameworkId;

use crate::cx::Cx;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::frameworks::Phase;
use crate::master::Master;
use crate::names::Pid;
use tepui_allocator::Call;

impl Master {
    pub(crate) fn deactivate(&mut self, cx: &mut Cx, from: &Pid, framework: &FrameworkId) {
        if !self.is_serving() {
            return cx.count("master/dropped_messages");
        }
        cx.count("master/messages_deactivate_framework");
        let named = self.frameworks.find(&framework.value);
        let its_own = named.filter(|named| self.frameworks.by_pid.get(from) == Some(named));
        let Some(handle) = its_own else {
            let dropped = Fact::warn("deactivation dropped, the framework is not its sender's");
            return cx.log(dropped.with("from", from).with("framework", &framework.value));
        };
        let framework = &mut self.frameworks.registered[handle];
        let Phase::Active(link) = framework.phase.clone() else { return };
        framework.phase = Phase::Inactive(link);
        cx.log(Fact::info("framework deactivated").with("framework", &framework.id));
        self.changes.frameworks.insert(handle);
        cx.push(Effect::Allocator(Call::DeactivateFramework(handle)));
        let offers: Vec<_> = self.frameworks.registered[handle].offers.iter().copied().collect();
        for offer in offers {
            self.rescind_offer(cx, offer);
        }
    }
}
