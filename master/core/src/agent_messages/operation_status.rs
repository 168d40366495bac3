//! UpdateOperationStatus: something became of an operation. Its framework is told and acknowledges; where nobody will, the
//! master does.

use std::time::Duration;

use tepui_model::{FrameworkId, OperationUuid};
use tepui_proto::internal::{
    ReconcileOperationsMessage, UpdateOperationStatusMessage, reconcile_operations_message,
};
use tepui_proto::v1::{self, OperationStatus};

use crate::cx::Cx;
use crate::effect::ToAgent;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::{AgentHandle, Pid};
use crate::operations::{Operation, is_terminal};

/// How long a framework that only agents know may take to come back for its operations, after their agent registered.
/// Mesos' number.
const ORPHANED_AFTER: Duration = Duration::from_secs(10 * 60);

impl Master {
    pub(crate) fn operation_status(
        &mut self,
        cx: &mut Cx,
        from: &Pid,
        message: UpdateOperationStatusMessage,
    ) {
        cx.count("master/messages_operation_status_update");
        let invalid = "master/invalid_operation_status_updates";
        let agent_id = message.slave_id.unwrap_or_default();
        let Some(agent) = self.speaker(cx, from, &agent_id, "UpdateOperationStatusMessage") else {
            return cx.count(invalid);
        };
        let uuid = message.operation_uuid.as_deref().and_then(OperationUuid::from_wire);
        let Some(uuid) = uuid.filter(|uuid| self.agents.registered[agent].operations.contains(uuid)) else {
            cx.count(invalid);
            let framework = message.framework_id.and_then(|id| FrameworkId::from_wire(&id).ok());
            return self.status_of_unknown(cx, agent, uuid, framework, message.status);
        };
        cx.count("master/valid_operation_status_updates");
        let operation = &self.operations.all[&uuid];
        let mut status = message.status;
        // An agent that never had the operation does not know its id.
        status.operation_id = operation.id().cloned();
        self.update_operation(uuid, &status);
        let acknowledges = self.will_acknowledge(cx, agent, uuid);
        let is_waited_for = status.uuid.is_some() && acknowledges.is_some();
        let is_over = is_terminal(status.state());
        if let Some(framework) = acknowledges {
            self.tell_operation(cx, &framework, status);
        } else if let Some(told) = status.uuid {
            self.tell_acknowledged(cx, agent, uuid, *told);
        }
        if is_over && !is_waited_for {
            self.remove_operation(uuid);
        }
    }

    /// The framework that is told and acknowledges, if there is one.
    fn will_acknowledge(&self, cx: &Cx, agent: AgentHandle, uuid: OperationUuid) -> Option<FrameworkId> {
        let operation = &self.operations.all[&uuid];
        let framework = operation.framework.as_ref().filter(|_| operation.id().is_some())?;
        if self.frameworks.by_id.contains_key(framework) {
            return Some(framework.clone());
        }
        let agent = &self.agents.registered[agent];
        let since = agent.reregistered.unwrap_or(agent.registered);
        let may_return =
            !self.frameworks.completed.contains_key(framework) && cx.now.since(since) < ORPHANED_AFTER;
        may_return.then(|| framework.clone())
    }

    /// An answer to a framework's question that was passed on to the agent, or an outcome that was acknowledged when the
    /// agent did not hear of that.
    fn status_of_unknown(
        &mut self,
        cx: &mut Cx,
        agent: AgentHandle,
        uuid: Option<OperationUuid>,
        framework: Option<FrameworkId>,
        status: OperationStatus,
    ) {
        match (uuid, status.uuid.as_deref().cloned()) {
            (Some(uuid), Some(told)) => self.tell_acknowledged(cx, agent, uuid, told),
            (None, None) => {
                if let Some(framework) = framework {
                    self.tell_operation(cx, &framework, status);
                }
            }
            (Some(_), None) | (None, Some(_)) => {
                cx.log(Fact::warn("update of an unknown operation dropped"));
            }
        }
    }

    /// What an agent that has registered tells of its operations. Those that it does not know never reached it, or its last
    /// life; it is asked, and says so.
    pub(crate) fn compare_operations(&mut self, cx: &mut Cx, agent: AgentHandle, told: Vec<v1::Operation>) {
        let mut missing = self.agents.registered[agent].operations.clone();
        for message in told {
            let Some(uuid) = OperationUuid::from_wire(&message.uuid) else {
                cx.log(Fact::warn("operation without a proper uuid ignored"));
                continue;
            };
            if missing.remove(&uuid) || self.operations.all.contains_key(&uuid) {
                continue;
            }
            let framework = message.framework_id.as_ref().and_then(|id| FrameworkId::from_wire(id).ok());
            self.add_operation(uuid, Operation { agent, framework, message: message.into() });
        }
        if missing.is_empty() {
            return;
        }
        let asked = |uuid: OperationUuid| reconcile_operations_message::Operation {
            operation_uuid: Some(Box::new(uuid.to_wire())),
            ..Default::default()
        };
        let message = ReconcileOperationsMessage {
            operations: missing.into_iter().map(asked).collect(),
            framework_id: None,
        };
        cx.send(&self.agents.registered[agent].pid, ToAgent::ReconcileOperations(message));
    }
}
