//! What operators ask for: one file for each group of calls, and here the way to them. Only calls that change something come
//! here; readers answer the others.
//!
//! A handler returns its refusal, or answers by itself, at once or after the registry was written: then the request is part
//! of what waits for the registry.

mod agents;
mod drain;
mod maintenance;
mod quota;
mod resources;
mod weights;

pub use resources::described;

#[cfg(test)]
mod tests;

use tepui_proto::v1::master::{Call, call::Type};

use crate::cx::Cx;
use crate::effect::Answer;
use crate::input::OperatorCall;
use crate::master::Master;
use crate::names::RequestId;

pub use agents::Decision;
pub use drain::Drain;

/// Why a call is refused: what the operator is answered.
pub type Refused = Answer;

impl Master {
    pub(crate) fn operator_call(
        &mut self,
        cx: &mut Cx,
        OperatorCall { request, principal, call }: OperatorCall,
    ) {
        if !self.is_serving() {
            return cx.answer(request, Answer::refused(503, "Master has not finished recovery"));
        }
        if let Err(refused) = self.operator_decision(cx, request, principal.as_deref(), call) {
            cx.answer(request, refused);
        }
    }

    fn operator_decision(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        principal: Option<&str>,
        call: Call,
    ) -> Result<(), Refused> {
        match call.r#type() {
            Type::Teardown => {
                let framework = part(call.teardown, "teardown")?.framework_id;
                self.teardown_call(cx, request, &framework.value)
            }
            Type::UpdateQuota => self.update_quota(cx, request, *part(call.update_quota, "update_quota")?),
            #[expect(deprecated, reason = "operators' tools still send them")]
            Type::SetQuota => {
                self.set_quota_request(cx, request, part(call.set_quota, "set_quota")?.quota_request)
            }
            #[expect(deprecated, reason = "operators' tools still send them")]
            Type::RemoveQuota => {
                self.remove_quota(cx, request, &part(call.remove_quota, "remove_quota")?.role)
            }
            Type::UpdateWeights => {
                let infos = part(call.update_weights, "update_weights")?.weight_infos;
                self.update_weights(cx, request, &infos)
            }
            Type::UpdateMaintenanceSchedule => {
                let call = part(call.update_maintenance_schedule, "update_maintenance_schedule")?;
                self.update_schedule(cx, request, call.schedule)
            }
            Type::StartMaintenance => {
                let machines = part(call.start_maintenance, "start_maintenance")?.machines;
                self.start_maintenance(cx, request, &machines)
            }
            Type::StopMaintenance => {
                let machines = part(call.stop_maintenance, "stop_maintenance")?.machines;
                self.stop_maintenance(cx, request, &machines)
            }
            Type::DrainAgent => self.drain_agent(cx, request, &*part(call.drain_agent, "drain_agent")?),
            Type::DeactivateAgent => {
                let agent = part(call.deactivate_agent, "deactivate_agent")?.agent_id;
                self.deactivate_agent_call(cx, request, &agent)
            }
            Type::ReactivateAgent => {
                let agent = part(call.reactivate_agent, "reactivate_agent")?.agent_id;
                self.reactivate_agent_call(cx, request, &agent)
            }
            Type::MarkAgentGone => {
                let agent = part(call.mark_agent_gone, "mark_agent_gone")?.agent_id;
                self.mark_agent_gone(cx, request, &agent)
            }
            Type::ReserveResources
            | Type::UnreserveResources
            | Type::CreateVolumes
            | Type::DestroyVolumes
            | Type::GrowVolume
            | Type::ShrinkVolume => self.change_resources(cx, request, principal, call),
            other => {
                let name = other.as_str_name();
                let body = format!("501 Not Implemented. This version does not serve {name} yet.");
                Err(Answer::refused(501, body))
            }
        }
    }
}

/// The part of a call that belongs to its type.
fn part<T>(part: Option<T>, name: &str) -> Result<T, Refused> {
    part.ok_or_else(|| {
        Answer::refused(400, format!("Failed to validate master::Call: Expecting '{name}' to be present"))
    })
}
