//! RESERVE_RESOURCES, UNRESERVE_RESOURCES, CREATE_VOLUMES, DESTROY_VOLUMES, GROW_VOLUME and SHRINK_VOLUME: what operators do to
//! agents' resources. What is offered and needed for it is taken back first.

use tepui_model::{OfferOperation, Resources};
use tepui_proto::v1::AgentId;
use tepui_proto::v1::master::{Call, call};
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::{
    Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type, Unreserve,
};

use super::{Refused, part};
use crate::agents::Agent;
use crate::cx::Cx;
use crate::effect::{Answer, Effect};
use crate::fact::Fact;
use crate::master::Master;
use crate::names::{AgentHandle, RequestId};
use crate::validation;
use tepui_allocator::Call as ToAllocator;

/// The agent, and what is to be done with its resources.
fn operation_of(call: Call) -> Result<(AgentId, Operation), Refused> {
    let of = |kind: Type| Operation { r#type: Some(kind as i32), ..Operation::default() };
    Ok(match call.r#type() {
        call::Type::ReserveResources => {
            let it = *part(call.reserve_resources, "reserve_resources")?;
            let reserve = Reserve { source: it.source, resources: it.resources };
            (it.agent_id, Operation { reserve: Some(reserve.into()), ..of(Type::Reserve) })
        }
        call::Type::UnreserveResources => {
            let it = part(call.unreserve_resources, "unreserve_resources")?;
            let unreserve = Unreserve { resources: it.resources };
            (it.agent_id, Operation { unreserve: Some(unreserve), ..of(Type::Unreserve) })
        }
        call::Type::CreateVolumes => {
            let it = part(call.create_volumes, "create_volumes")?;
            (it.agent_id, Operation { create: Some(Create { volumes: it.volumes }), ..of(Type::Create) })
        }
        call::Type::DestroyVolumes => {
            let it = part(call.destroy_volumes, "destroy_volumes")?;
            (it.agent_id, Operation { destroy: Some(Destroy { volumes: it.volumes }), ..of(Type::Destroy) })
        }
        call::Type::GrowVolume => {
            let it = *part(call.grow_volume, "grow_volume")?;
            let agent = part(it.agent_id, "grow_volume.agent_id")?;
            let grow = GrowVolume { volume: it.volume, addition: it.addition };
            (agent, Operation { grow_volume: Some(grow.into()), ..of(Type::GrowVolume) })
        }
        _ => {
            let it = *part(call.shrink_volume, "shrink_volume")?;
            let agent = part(it.agent_id, "shrink_volume.agent_id")?;
            let shrink = ShrinkVolume { volume: it.volume, subtract: it.subtract };
            (agent, Operation { shrink_volume: Some(shrink.into()), ..of(Type::ShrinkVolume) })
        }
    })
}

impl Master {
    pub(super) fn change_resources(
        &mut self,
        cx: &mut Cx,
        request: RequestId,
        principal: Option<&str>,
        call: Call,
    ) -> Result<(), Refused> {
        let (agent, wire) = operation_of(call)?;
        let Some(handle) = self.agents.find(&agent) else {
            return Err(Answer::refused(400, "No agent found with specified ID"));
        };
        let operation =
            OfferOperation::from_wire(&wire).map_err(|why| Answer::refused(400, why.to_string()))?;
        let agent = &self.agents.registered[handle];
        let scene = validation::operation::Scene { agent, framework: None, principal };
        validation::operation::check(&operation, &scene).map_err(|why| {
            let kind = operation.kind().as_str_name();
            Answer::refused(400, format!("Invalid {kind} operation on agent {}: {why}", described(agent)))
        })?;
        if !agent.is_active() {
            let why = format!("Agent {} is not connected; try again when it is back", described(agent));
            return Err(Answer::refused(409, why));
        }
        let conflict = |why: String| Answer::refused(409, why);
        // Offers are not taken back for what tasks hold.
        operation.apply(&free_on(agent, false)).map_err(conflict)?;
        self.take_back_for(cx, handle, &operation);
        operation.apply(&free_on(&self.agents.registered[handle], true)).map_err(conflict)?;
        cx.log(
            Fact::info("operator changes an agent's resources")
                .with("agent", &self.agents.registered[handle].id)
                .with("kind", operation.kind().as_str_name()),
        );
        self.apply_operation(cx, handle, None, &operation, None).map_err(conflict)?;
        let description = self.agents.registered[handle].description();
        cx.push(Effect::Allocator(ToAllocator::UpdateAgent { agent: handle, description }));
        cx.answer(request, Answer::accepted());
        Ok(())
    }

    /// Rescinds offers one by one until there is enough. Those that would not help stay.
    fn take_back_for(&mut self, cx: &mut Cx, handle: AgentHandle, operation: &OfferOperation) {
        let is_destroyed = matches!(operation, OfferOperation::Destroy(_));
        let Ok(conversions) = operation.conversions() else { return };
        let needed: Resources = conversions.iter().map(|conversion| &conversion.consumed).sum();
        for offer in self.agents.registered[handle].offers.clone() {
            let is_enough = operation.apply(&free_on(&self.agents.registered[handle], true)).is_ok();
            let offered = self.offers.outstanding[offer].resources.unallocated();
            // Copies of a shared volume are offered without being taken from what is free.
            let has_copy =
                is_destroyed && needed.shared().iter().any(|volume| offered.contains_entry(volume));
            let helps = &needed - &offered != needed;
            if has_copy || (helps && !is_enough) {
                self.rescind_offer(cx, offer);
            }
        }
    }
}

/// What nobody uses, and if `and_not_offered`, nobody is offered.
fn free_on(agent: &Agent, and_not_offered: bool) -> Resources {
    let mut held = agent.used.non_shared();
    if and_not_offered {
        held += &agent.offered.non_shared();
    }
    &agent.total - &held.unallocated()
}

/// As Mesos names agents in its answers.
pub fn described(agent: &Agent) -> String {
    format!("{} at {} ({})", agent.id, agent.pid, agent.info.hostname)
}
