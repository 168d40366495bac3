//! Reading the lawful parts of messages: pure preconditions and why not.

use tepui_model::Resources;
use tepui_proto::v1::executor::{Call, call};
use tepui_proto::v1::task_status::Source;
use tepui_proto::v1::{self, TaskState};

use crate::names::UpdateId;

/// The resources a message carries.
pub(crate) fn resources(wire: &[v1::Resource]) -> Result<Resources, String> {
    Resources::from_wire(wire).map_err(|why| why.to_string())
}

/// Whether a call makes sense by itself; the words are Mesos'.
pub(crate) fn call(call: &Call) -> Result<call::Type, String> {
    let kind = call.r#type.and_then(|kind| call::Type::try_from(kind).ok()).ok_or_else(|| missing("type"))?;
    match kind {
        call::Type::Subscribe if call.subscribe.is_none() => Err(missing("subscribe")),
        call::Type::Message if call.message.is_none() => Err(missing("message")),
        call::Type::Update => {
            let update = call.update.as_ref().ok_or_else(|| missing("update"))?;
            status(call, &update.status)?;
            Ok(kind)
        }
        call::Type::Subscribe | call::Type::Message | call::Type::Heartbeat | call::Type::Unknown => Ok(kind),
    }
}

fn missing(field: &str) -> String {
    format!("Failed to validate Executor::Call: Expecting '{field}' to be present")
}

fn status(call: &Call, status: &v1::TaskStatus) -> Result<(), String> {
    let (executor, framework) = (&call.executor_id.value, &call.framework_id.value);
    let invalid = |why: String| Err(format!("Failed to validate Executor::Call: {why}"));
    let Some(uuid) = &status.uuid else { return Err(missing("uuid")) };
    if UpdateId::from_bytes(uuid).is_none() {
        return invalid("Not a valid UUID".into());
    }
    if let Some(told) = &status.executor_id
        && told.value != *executor
    {
        let told = &told.value;
        return invalid(format!(
            "ExecutorID in Call: {executor} does not match ExecutorID in TaskStatus: {told}"
        ));
    }
    if status.source != Some(Source::Executor as i32) {
        return invalid(format!(
            "Received Call from executor {executor} of framework {framework} with invalid source, expecting \
             'SOURCE_EXECUTOR'"
        ));
    }
    if status.state == TaskState::TaskStaging as i32 {
        return invalid(format!(
            "Received TASK_STAGING from executor {executor} of framework {framework} which is not allowed"
        ));
    }
    if TaskState::try_from(status.state).is_err() {
        return invalid(format!("{} is not a task state", status.state));
    }
    Ok(())
}
