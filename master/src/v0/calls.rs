//! What drivers say, as the calls of the v1 API.

use tepui_proto::internal;
use tepui_proto::mesos::scheduler::Call as DriverCall;
use tepui_proto::v1::offer::{Operation, operation};
use tepui_proto::v1::scheduler::{Call, call};
use tepui_proto::v1::{FrameworkInfo, TaskStatus};

use super::call_of;
use call::Type;

/// A call, and what only drivers say with it.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) call: Call,
    /// See [`Driver::force`](tepui_master_core::Driver).
    pub(crate) force: bool,
}

impl From<Call> for Said {
    fn from(call: Call) -> Said {
        Said { call, force: false }
    }
}

/// A driver's message, which is a call; the error is what its sender is told instead.
pub(super) trait IntoCall {
    fn into_call(self) -> Result<Said, &'static str>;
}

impl IntoCall for DriverCall {
    fn into_call(self) -> Result<Said, &'static str> {
        let force = self.subscribe.as_ref().is_some_and(|subscribe| subscribe.force());
        let mut call = Call::from(self);
        // The driver says its id inside only.
        if let Some(subscribe) = &call.subscribe
            && call.framework_id.is_none()
        {
            call.framework_id = subscribe.framework_info.id.clone();
        }
        Ok(Said { call, force })
    }
}

impl IntoCall for internal::RegisterFrameworkMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        if has_id(&self.framework) {
            return Err("Registering with 'id' already set");
        }
        Ok(subscribe(self.framework).into())
    }
}

impl IntoCall for internal::ReregisterFrameworkMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        if !has_id(&self.framework) {
            return Err("Re-registering without an 'id'");
        }
        Ok(Said { call: subscribe(self.framework), force: self.failover })
    }
}

impl IntoCall for internal::UnregisterFrameworkMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        Ok(call_of(self.framework_id, Type::Teardown).into())
    }
}

impl IntoCall for internal::ResourceRequestMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        let request = call::Request { requests: self.requests };
        Ok(Call { request: Some(request), ..call_of(self.framework_id, Type::Request) }.into())
    }
}

impl IntoCall for internal::LaunchTasksMessage {
    /// Nothing to launch gives the offers back.
    fn into_call(self) -> Result<Said, &'static str> {
        let (offer_ids, filters) = (self.offer_ids, Some(self.filters));
        if self.tasks.is_empty() {
            let decline = call::Decline { offer_ids, filters };
            let call = call_of(self.framework_id, Type::Decline);
            return Ok(Call { decline: Some(Box::new(decline)), ..call }.into());
        }
        let launch = Operation {
            r#type: Some(operation::Type::Launch as i32),
            launch: Some(operation::Launch { task_infos: self.tasks }),
            ..Operation::default()
        };
        let accept = call::Accept { offer_ids, operations: vec![launch], filters };
        let call = call_of(self.framework_id, Type::Accept);
        Ok(Call { accept: Some(Box::new(accept)), ..call }.into())
    }
}

impl IntoCall for internal::ReviveOffersMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        let revive = call::Revive { roles: self.roles };
        Ok(Call { revive: Some(revive), ..call_of(self.framework_id, Type::Revive) }.into())
    }
}

impl IntoCall for internal::KillTaskMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        let kill = call::Kill { task_id: self.task_id, agent_id: None, kill_policy: self.kill_policy };
        Ok(Call { kill: Some(Box::new(kill)), ..call_of(self.framework_id, Type::Kill) }.into())
    }
}

impl IntoCall for internal::StatusUpdateAcknowledgementMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        let acknowledge =
            call::Acknowledge { agent_id: self.slave_id, task_id: self.task_id, uuid: self.uuid };
        let call = call_of(self.framework_id, Type::Acknowledge);
        Ok(Call { acknowledge: Some(Box::new(acknowledge)), ..call }.into())
    }
}

impl IntoCall for internal::FrameworkToExecutorMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        let message =
            call::Message { agent_id: self.slave_id, executor_id: self.executor_id, data: self.data };
        let call = call_of(self.framework_id, Type::Message);
        Ok(Call { message: Some(Box::new(message)), ..call }.into())
    }
}

impl IntoCall for internal::ReconcileTasksMessage {
    fn into_call(self) -> Result<Said, &'static str> {
        let asked =
            |status: TaskStatus| call::reconcile::Task { task_id: status.task_id, agent_id: status.agent_id };
        let reconcile = call::Reconcile { tasks: self.statuses.into_iter().map(asked).collect() };
        Ok(Call { reconcile: Some(reconcile), ..call_of(self.framework_id, Type::Reconcile) }.into())
    }
}

fn has_id(info: &FrameworkInfo) -> bool {
    info.id.as_ref().is_some_and(|id| !id.value.is_empty())
}

fn subscribe(framework_info: FrameworkInfo) -> Call {
    Call {
        framework_id: framework_info.id.clone(),
        r#type: Some(Type::Subscribe as i32),
        subscribe: Some(Box::new(call::Subscribe { framework_info, ..call::Subscribe::default() })),
        ..Call::default()
    }
}
