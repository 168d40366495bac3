//! UPDATE_FRAMEWORK: a framework describes itself anew without a new subscription. The only call that is answered with its
//! outcome.

use tepui_proto::v1::scheduler::Call;

use crate::cx::Cx;
use crate::framework_life::Profile;
use crate::master::Master;
use crate::names::FrameworkHandle;
use crate::validation;

impl Master {
    pub(crate) fn update_framework(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        call: Call,
    ) -> Result<(), String> {
        let call = *call.update_framework.expect("the check saw it");
        let info = call.framework_info;
        let roles = validation::framework::check(&info, &self.config)
            .map_err(|why| format!("Supplied FrameworkInfo is not valid: {why}"))?;
        let known = &self.frameworks.registered[from].info;
        validation::framework::check_update(known, &info)
            .map_err(|why| format!("FrameworkInfo update is not valid: {why}"))?;
        let profile = Profile::new(&info, roles, &call.suppressed_roles, call.offer_constraints)
            .map_err(|why| format!("'UpdateFramework' call is not valid: {why}"))?;
        let is_changed = **known != info;
        self.change_framework(cx, from, info, profile);
        if is_changed {
            self.broadcast_framework(cx, from);
        }
        Ok(())
    }
}
