//! `ReconcileOperationsMessage`: a master misses operations in what this agent told. Those that never arrived are dropped;
//! of the others it hears anyway.

use tepui_model::OperationUuid;
use tepui_proto::internal::ReconcileOperationsMessage;
use tepui_proto::v1::{OperationState, OperationStatus};

use crate::agent::{Agent, Phase};
use crate::cx::Cx;

impl Agent {
    pub(crate) fn reconcile_operations(&mut self, cx: &mut Cx, message: &ReconcileOperationsMessage) {
        if !matches!(self.phase, Phase::Running { .. }) {
            return;
        }
        for asked in &message.operations {
            let uuid = asked.operation_uuid.as_deref().and_then(OperationUuid::from_wire);
            match uuid {
                Some(uuid) if self.assets.operations.contains_key(&uuid) => {}
                Some(uuid) => self.drop_operation(cx, uuid, None, None, ""),
                // Frameworks ask by id only where a resource provider is not known to the master; there is none.
                None => {
                    let status = OperationStatus {
                        operation_id: asked.operation_id.clone(),
                        state: OperationState::OperationUnknown as i32,
                        message: Some("Reconciliation: Operation is unknown".into()),
                        agent_id: self.info.id.clone(),
                        resource_provider_id: asked.resource_provider_id.clone(),
                        ..OperationStatus::default()
                    };
                    self.tell_once(cx, None, message.framework_id.clone(), status);
                }
            }
        }
    }
}
