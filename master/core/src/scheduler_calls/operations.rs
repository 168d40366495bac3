//! What frameworks hear and ask of their operations: those that are refused, ACKNOWLEDGE_OPERATION_STATUS and
//! RECONCILE_OPERATIONS.

use tepui_model::FrameworkId;
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::scheduler::call::{AcknowledgeOperationStatus, reconcile_operations};
use tepui_proto::v1::{OperationState, OperationStatus, Uuid};

use crate::agents::Whereabouts;
use crate::cx::Cx;
use crate::events;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::FrameworkHandle;
use crate::operations::is_terminal;

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

    pub(crate) fn acknowledge_operation(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        call: AcknowledgeOperationStatus,
    ) {
        cx.count("master/messages_operation_status_update_acknowledgement");
        if let Err(why) = self.acknowledged_operation(cx, from, &call) {
            cx.count("master/invalid_operation_status_update_acknowledgements");
            let dropped = Fact::warn("acknowledgement of an operation dropped");
            cx.log(dropped.with("operation", &call.operation_id.value).with("why", why));
        }
    }

    fn acknowledged_operation(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        call: &AcknowledgeOperationStatus,
    ) -> Result<(), &'static str> {
        let agent = call.agent_id.as_ref().and_then(|id| self.agents.find(id));
        let agent = agent.ok_or("the agent is not registered")?;
        if !self.agents.registered[agent].is_active() {
            return Err("the agent is disconnected");
        }
        let framework = self.frameworks.registered[from].id.clone();
        let key = (framework, call.operation_id.value.clone());
        let uuid = *self.operations.by_id.get(&key).ok_or("the operation is unknown")?;
        let operation = &self.operations.all[&uuid];
        if operation.agent != agent {
            return Err("the operation is on another agent");
        }
        let told =
            |status: &&OperationStatus| status.uuid.as_ref().is_some_and(|uuid| uuid.value == call.uuid);
        let status = operation.message.statuses.iter().find(told).ok_or("the status is unknown")?;
        let ends = is_terminal(status.state());
        self.tell_acknowledged(cx, agent, uuid, Uuid { value: call.uuid.clone() });
        if ends {
            self.remove_operation(uuid);
        }
        Ok(())
    }

    /// Answers what is known; asking for nothing in particular is asking for all.
    pub(crate) fn reconcile_operations(
        &mut self,
        cx: &mut Cx,
        from: FrameworkHandle,
        operations: &[reconcile_operations::Operation],
    ) {
        cx.count("master/messages_reconcile_operations");
        let framework = self.frameworks.registered[from].id.clone();
        let answers: Vec<OperationStatus> = if operations.is_empty() {
            let first = (framework.clone(), String::new());
            let own = self.operations.by_id.range(first..).take_while(|((of, _), _)| *of == framework);
            own.map(|(_, uuid)| self.operations.all[uuid].last_told()).collect()
        } else {
            operations.iter().map(|operation| self.status_of(&framework, operation)).collect()
        };
        for status in answers {
            self.tell_operation(cx, &framework, status);
        }
    }

    fn status_of(
        &self,
        framework: &FrameworkId,
        operation: &reconcile_operations::Operation,
    ) -> OperationStatus {
        if let Some(status) = self.told_of_operation(framework, &operation.operation_id) {
            return status;
        }
        let agent = operation.agent_id.as_ref();
        let (state, message) = match agent.map(|id| self.whereabouts(id)) {
            Some(Whereabouts::Recovered) => (
                OperationState::OperationRecovering,
                "Reconciliation: Agent is recovered but has not re-registered",
            ),
            Some(Whereabouts::Unreachable) => {
                (OperationState::OperationUnreachable, "Reconciliation: Agent is unreachable")
            }
            Some(Whereabouts::Gone) => {
                (OperationState::OperationGoneByOperator, "Reconciliation: Agent marked gone by operator")
            }
            Some(Whereabouts::Registered) => {
                (OperationState::OperationUnknown, "Reconciliation: Operation is unknown")
            }
            Some(Whereabouts::Unknown) => {
                (OperationState::OperationUnknown, "Reconciliation: Both operation and agent are unknown")
            }
            None => (
                OperationState::OperationUnknown,
                "Reconciliation: Operation is unknown and no 'agent_id' was provided",
            ),
        };
        OperationStatus {
            operation_id: Some(operation.operation_id.clone()),
            state: state as i32,
            message: Some(message.to_owned()),
            agent_id: operation.agent_id.clone(),
            resource_provider_id: operation.resource_provider_id.clone(),
            ..OperationStatus::default()
        }
    }
}
