//! RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME and SHRINK_VOLUME in an ACCEPT: offered resources become others. The operations
//! and launches behind it see what it made, except that a volume that was resized is not touched again.

use tepui_model::{OfferOperation, Resources};
use tepui_proto::v1;
use tepui_proto::v1::offer::Operation;

use super::accept::Bargain;
use crate::cx::Cx;
use crate::effect::Peer;
use crate::events;
use crate::master::Master;
use crate::names::{AgentHandle, FrameworkHandle};
use crate::operator_calls::described;
use crate::validation;

impl Master {
    pub(super) fn operate_on_offer(&mut self, cx: &mut Cx, bargain: &mut Bargain, wire: Operation) {
        if let (Some(_), Some(driver @ Peer::Driver(_))) =
            (&wire.id, self.frameworks.registered[bargain.framework].peer())
        {
            let why = "The 'id' field was set in an offer operation, but operation feedback is not supported for the \
                       SchedulerDriver API; please use the HTTP scheduler API for this feature";
            return cx.event(driver, events::error(why));
        }
        let operation = match self.checked_operation(bargain, &wire) {
            Ok(operation) => operation,
            Err(why) => return self.reject_operation(cx, bargain.framework, &wire, &why),
        };
        if let OfferOperation::Destroy(volumes) = &operation
            && operation.apply(&bargain.remaining).is_ok()
        {
            self.rescind_copies(cx, bargain.agent, volumes);
        }
        if let Err(why) = self.perform_operation(cx, bargain, &operation, wire.id.clone()) {
            self.reject_operation(cx, bargain.framework, &wire, &why);
        }
    }

    fn checked_operation(&self, bargain: &Bargain, wire: &Operation) -> Result<OfferOperation, String> {
        let operation = OfferOperation::from_wire(wire).map_err(|why| why.to_string())?;
        if let Some(id) = &wire.id {
            self.check_feedback(bargain.framework, bargain.agent, id)?;
        }
        let operation = operation.allocated_by_default_to(&bargain.role);
        let framework = &self.frameworks.registered[bargain.framework];
        let agent = &self.agents.registered[bargain.agent];
        let scene = validation::operation::Scene {
            agent,
            framework: Some(framework),
            principal: framework.info.principal.as_deref(),
        };
        validation::operation::check(&operation, &scene)
            .map_err(|why| format!("{why}; on agent {}", described(agent)))?;
        Ok(operation)
    }

    /// Whether the framework can be told what becomes of it.
    fn check_feedback(
        &self,
        framework: FrameworkHandle,
        agent: AgentHandle,
        id: &v1::OperationId,
    ) -> Result<(), String> {
        let agent = &self.agents.registered[agent];
        if !agent.capabilities.resource_provider {
            return Err(format!(
                "Operation requested feedback, but agent {} does not have the required RESOURCE_PROVIDER capability",
                agent.id
            ));
        }
        if !agent.capabilities.agent_operation_feedback {
            return Err(format!(
                "Operation on agent default resources requested feedback, but agent {} does not have the required \
                 AGENT_OPERATION_FEEDBACK and RESOURCE_PROVIDER capabilities",
                agent.id
            ));
        }
        let framework = &self.frameworks.registered[framework].id;
        // Mesos lets the newer one take the id over, and the older one can never be acknowledged.
        if self.operations.by_id.contains_key(&(framework.clone(), id.value.clone())) {
            return Err(format!("Operation ID '{}' is in use; acknowledge that operation first", id.value));
        }
        Ok(())
    }

    fn perform_operation(
        &mut self,
        cx: &mut Cx,
        bargain: &mut Bargain,
        operation: &OfferOperation,
        id: Option<v1::OperationId>,
    ) -> Result<(), String> {
        let conversions = operation.conversions()?;
        let resizes =
            matches!(operation, OfferOperation::GrowVolume { .. } | OfferOperation::ShrinkVolume { .. });
        let remaining = if resizes {
            let consumed: Resources = conversions.iter().map(|conversion| &conversion.consumed).sum();
            bargain.remaining.checked_sub(&consumed).ok_or_else(|| {
                let kind = operation.kind().as_str_name();
                format!("Invalid {kind} operation: {} does not contain {consumed}", bargain.remaining)
            })?
        } else {
            operation.apply(&bargain.remaining)?
        };
        self.apply_operation(cx, bargain.agent, Some(bargain.framework), operation, id)?;
        bargain.remaining = remaining;
        if resizes {
            let converted: Resources = conversions.iter().map(|conversion| &conversion.converted).sum();
            bargain.resized += &converted;
        } else if matches!(operation, OfferOperation::Create(_) | OfferOperation::Destroy(_)) {
            bargain.shared = bargain.remaining.shared();
        }
        bargain.conversions.extend(conversions);
        Ok(())
    }

    /// Copies of a volume that goes may be on offer.
    fn rescind_copies(&mut self, cx: &mut Cx, agent: AgentHandle, volumes: &Resources) {
        let volumes = volumes.unallocated();
        for offer in self.agents.registered[agent].offers.clone() {
            let offered = self.offers.outstanding[offer].resources.unallocated();
            if volumes.iter().any(|volume| offered.contains_entry(&volume.clone().with_copies(1))) {
                self.rescind_offer(cx, offer);
            }
        }
    }
}
