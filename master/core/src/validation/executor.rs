//! Whether a custom executor may run the task that names it.

use tepui_model::{ExecutorId, secrets};
use tepui_proto::v1::ExecutorInfo;
use tepui_proto::v1::executor_info::Type;

use super::task::{Launch, Scene};
use super::{Checked, command, container, resources};

/// Everything about the executor but whether its resources are there. The order of the checks is Mesos'.
pub fn check(executor: &ExecutorInfo, launch: &Launch, scene: &Scene<'_>) -> Checked {
    check_type(executor)?;
    ExecutorId::from_wire(&executor.executor_id).map_err(|why| why.to_string())?;
    if executor.shutdown_grace_period.is_some_and(|period| period.nanoseconds < 0) {
        return Err("ExecutorInfo's 'shutdown_grace_period' must be non-negative".into());
    }
    if let Some(command) = &executor.command {
        command::check(command).map_err(|why| format!("Executor's `CommandInfo` is invalid: {why}"))?;
    }
    if let Some(container) = &executor.container {
        container::check(container).map_err(|why| format!("Executor's `ContainerInfo` is invalid: {why}"))?;
    }
    check_framework(executor, scene)?;
    check_resources(launch)?;
    check_compatible(executor, launch, scene)?;
    check_custom(executor, launch)
}

fn check_type(executor: &ExecutorInfo) -> Checked {
    match executor.r#type() {
        Type::Default if executor.command.is_some() => {
            Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".into())
        }
        Type::Custom if executor.command.is_none() => {
            Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".into())
        }
        Type::Default | Type::Custom | Type::Unknown => Ok(()),
    }
}

fn check_framework(executor: &ExecutorInfo, scene: &Scene<'_>) -> Checked {
    let expected = scene.framework.id.as_str();
    match &executor.framework_id {
        Some(actual) if actual.value != expected => Err(format!(
            "ExecutorInfo has an invalid FrameworkID (Actual: {} vs Expected: {expected})",
            actual.value
        )),
        _ => Ok(()),
    }
}

fn check_resources(launch: &Launch) -> Checked {
    let used = &launch.executor_resources;
    resources::check(used).map_err(|why| format!("Executor uses invalid resources: {why}"))?;
    resources::check_unique_persistence(used)
        .map_err(|why| format!("Executor uses duplicate persistence ID: {why}"))?;
    resources::check_revocable_apart(used)
        .map_err(|why| format!("Executor mixes revocable and non-revocable resources: {why}"))
}

/// One id is one executor: another description under a running one's id is refused.
fn check_compatible(executor: &ExecutorInfo, launch: &Launch, scene: &Scene<'_>) -> Checked {
    let Some(running) = scene.running_executor(executor) else { return Ok(()) };
    let described = |info: &ExecutorInfo| ExecutorInfo { resources: Vec::new(), ..info.clone() };
    if running.resources == launch.executor_resources && described(&running.info) == described(executor) {
        return Ok(());
    }
    let line = "-".repeat(60);
    Err(format!(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n{line}\n\
         Existing ExecutorInfo:\n{}\n{line}\nExecutorInfo:\n{}\n{line}\n",
        tepui_proto::json::to_string(&secrets::executor(&running.info)),
        tepui_proto::json::to_string(&secrets::executor(executor)),
    ))
}

fn check_custom(executor: &ExecutorInfo, launch: &Launch) -> Checked {
    if executor.r#type.is_some() && executor.r#type() != Type::Custom {
        return Err("'ExecutorInfo.type' must be 'CUSTOM'".into());
    }
    if executor.command.is_none() {
        return Err("'ExecutorInfo.command' must be set".into());
    }
    let used = &launch.executor_resources;
    if !used.shared().is_empty() {
        return Err(format!("Executor resources {used} should not contain any shared resources"));
    }
    let linux = executor.container.as_ref().and_then(|container| container.linux_info.as_ref());
    if linux.is_some_and(|linux| linux.share_cgroups == Some(true)) {
        return Err("The 'share_cgroups' field cannot be set to 'true' on executor containers".into());
    }
    Ok(())
}
