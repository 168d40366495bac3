//! What drivers of executors say, as the calls of the v1 API.

use tepui_proto::internal;
use tepui_proto::v1::executor::{Call, call};
use tepui_proto::v1::task_status::Source;
use tepui_proto::v1::{ExecutorId, FrameworkId, TaskStatus};

use call::Type;

pub(super) trait IntoCall {
    fn into_call(self) -> Call;
}

impl IntoCall for internal::RegisterExecutorMessage {
    fn into_call(self) -> Call {
        subscribe(self.executor_id, self.framework_id, call::Subscribe::default())
    }
}

impl IntoCall for internal::ReregisterExecutorMessage {
    /// With what this agent may have missed.
    fn into_call(self) -> Call {
        let updates = self.updates.into_iter().map(|update| call::Update { status: status(update) });
        let again =
            call::Subscribe { unacknowledged_tasks: self.tasks, unacknowledged_updates: updates.collect() };
        subscribe(self.executor_id, self.framework_id, again)
    }
}

impl IntoCall for internal::StatusUpdateMessage {
    fn into_call(self) -> Call {
        let executor_id = self.update.executor_id.clone().unwrap_or_default();
        let framework_id = self.update.framework_id.clone();
        let update = Some(Box::new(call::Update { status: status(self.update) }));
        Call { update, ..of(executor_id, framework_id, Type::Update) }
    }
}

impl IntoCall for internal::ExecutorToFrameworkMessage {
    fn into_call(self) -> Call {
        let message = Some(Box::new(call::Message { data: self.data }));
        Call { message, ..of(self.executor_id, self.framework_id, Type::Message) }
    }
}

fn of(executor_id: ExecutorId, framework_id: FrameworkId, r#type: Type) -> Call {
    Call { executor_id, framework_id, r#type: Some(r#type as i32), ..Call::default() }
}

fn subscribe(executor_id: ExecutorId, framework_id: FrameworkId, subscribe: call::Subscribe) -> Call {
    Call { subscribe: Some(Box::new(subscribe)), ..of(executor_id, framework_id, Type::Subscribe) }
}

/// The status alone; what stands around it in the older form goes into it.
fn status(update: internal::StatusUpdate) -> TaskStatus {
    let mut status = update.status;
    status.uuid = update.uuid.or(status.uuid);
    status.agent_id = status.agent_id.or(update.slave_id);
    status.executor_id = status.executor_id.or(update.executor_id);
    // Drivers say so; not all of those that are not libmesos' own do.
    status.source = Some(Source::Executor as i32);
    status.timestamp = status.timestamp.or(Some(update.timestamp));
    status
}
