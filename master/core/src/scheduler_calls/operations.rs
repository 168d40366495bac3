//! Operations beside launches. None is performed by this version: whoever asks for one that can be told about is told, and
//! nobody can have one to acknowledge.

use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::scheduler::call::{AcknowledgeOperationStatus, reconcile_operations};
use tepui_proto::v1::{OperationState, OperationStatus};

use crate::agents::Whereabouts;
use crate::cx::Cx;
use crate::events;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::FrameworkHandle;

impl Master {
    /// An operation is told about if its framework gave it an id.
    pub(crate) fn reject_operation(
        &mut self,
        cx: &mut Cx,
        framework: FrameworkHandle,
        operation: &Operation,
        why: &str,
    ) {
        let framework = &self.frameworks.registered[framework];
        cx.log(Fact::warn("operation dropped").with("framework", &framework.id).with("why", why));
        let (Some(id), Some(peer)) = (&operation.id, framework.peer()) else { return };
        let status = OperationStatus {
            operation_id: Some(id.clone()),
            state: OperationState::OperationError as i32,
            message: Some(why.to_owned()),
            ..OperationStatus::default()
        };
        cx.event(peer, events::operation_update(status));
    }

    pub(crate) fn acknowledge_operation(&mut self, cx: &mut Cx, call: &AcknowledgeOperationStatus) {
        cx.count("master/messages_operation_status_update_acknowledgement");
        cx.count("master/invalid_operation_status_update_acknowledgements");
        let unknown = Fact::warn("acknowledgement of an unknown operation dropped");
        cx.log(unknown.with("operation", &call.operation_id.value));
    }

    /// No operation is known, so that the answer depends on the agent alone. Asking for all of them gets no answer.
    pub(crate) fn reconcile_operations(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        operations: &[reconcile_operations::Operation],
    ) {
        cx.count("master/messages_reconcile_operations");
        for operation in operations {
            let agent = operation.agent_id.as_ref();
            let (state, message) = match agent.map(|id| self.whereabouts(id)) {
                Some(Whereabouts::Recovered) => {
                    (OperationState::OperationRecovering, "Reconciliation: Agent is recovering")
                }
                Some(Whereabouts::Unreachable) => {
                    (OperationState::OperationUnreachable, "Reconciliation: Agent is unreachable")
                }
                Some(Whereabouts::Gone) => {
                    (OperationState::OperationGoneByOperator, "Reconciliation: Agent marked gone by operator")
                }
                Some(Whereabouts::Registered | Whereabouts::Unknown) | None => {
                    (OperationState::OperationUnknown, "Reconciliation: Operation is unknown")
                }
            };
            let status = OperationStatus {
                operation_id: Some(operation.operation_id.clone()),
                state: state as i32,
                message: Some(message.to_owned()),
                agent_id: operation.agent_id.clone(),
                resource_provider_id: operation.resource_provider_id.clone(),
                ..OperationStatus::default()
            };
            if let Some(peer) = self.frameworks.registered[from].peer() {
                cx.event(peer, events::operation_update(status));
            }
        }
    }
}
