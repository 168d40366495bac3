//! REVIVE: a framework wants offers again, also of what it refused.

use std::collections::BTreeSet;

use tepui_model::Role;

use crate::cx::Cx;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::FrameworkHandle;
use tepui_allocator::Call;

impl Master {
    pub(crate) fn revive(&mut self, cx: &mut Cx, from: FrameworkHandle, roles: &[String]) {
        cx.count("master/messages_revive_offers");
        let roles = match self.own_roles(from, roles) {
            Ok(roles) => roles,
            Err(why) => return cx.log(Fact::warn("revive dropped").with("why", why)),
        };
        let framework = &mut self.frameworks.registered[from];
        if roles.is_empty() {
            framework.suppressed.clear();
        } else {
            framework.suppressed.retain(|role| !roles.contains(role));
        }
        self.changes.frameworks.insert(from);
        cx.push(Effect::Allocator(Call::Revive { framework: from, roles }));
    }

    /// The roles a call names, all of which must be the framework's.
    pub(crate) fn own_roles(
        &self,
        from: FrameworkHandle,
        roles: &[String],
    ) -> Result<BTreeSet<Role>, String> {
        let own = &self.frameworks.registered[from].roles;
        let checked = |text: &String| {
            let role = Role::parse(text).map_err(|why| format!("role '{text}' is invalid: {why}"))?;
            if own.contains(&role) {
                Ok(role)
            } else {
                Err(format!("role '{role}' is not one of the framework's subscribed roles"))
            }
        };
        roles.iter().map(checked).collect()
    }
}
