//! SUPPRESS: a framework wants no offers for now.

use crate::cx::Cx;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::FrameworkHandle;
use tepui_allocator::Call;

impl Master {
    pub(crate) fn suppress(&mut self, cx: &mut Cx, from: FrameworkHandle, roles: &[String]) {
        cx.count("master/messages_suppress_offers");
        let roles = match self.own_roles(from, roles) {
            Ok(roles) => roles,
            Err(why) => return cx.log(Fact::warn("suppress dropped").with("why", why)),
        };
        let framework = &mut self.frameworks.registered[from];
        framework.suppressed.extend(if roles.is_empty() { framework.roles.clone() } else { roles.clone() });
        self.changes.frameworks.insert(from);
        cx.push(Effect::Allocator(Call::Suppress { framework: from, roles }));
    }
}
