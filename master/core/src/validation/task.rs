//! Whether a task may be launched with what is left of an offer.

use tepui_model::{ExecutorId, Resources, TaskId};
use tepui_proto::v1::{ExecutorInfo, TaskInfo};

use super::{Checked, check, command, container, executor, resources};
use crate::agents::Agent;
use crate::frameworks::{Executor, Framework};
use crate::limits;
use crate::names::AgentHandle;

/// A task that a framework wants to launch, its resources read.
#[derive(Clone, Debug)]
pub struct Launch {
    /// With everything filled in that its framework may leave out.
    pub info: TaskInfo,
    pub resources: Resources,
    pub executor_resources: Resources,
    /// What the task's resources say they are allocated to, in order.
    pub roles: Vec<String>,
    /// The framework named resources at all, if only none of them.
    pub had_resources: bool,
}

/// Where it is to be launched.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub framework: &'a Framework,
    pub agent: &'a Agent,
    pub agent_handle: AgentHandle,
    /// What is left of the offer.
    pub available: &'a Resources,
}

impl Scene<'_> {
    pub fn running_executor(&self, executor: &ExecutorInfo) -> Option<&Executor> {
        let id = ExecutorId::from_wire(&executor.executor_id).ok()?;
        self.framework.executors.get(&(self.agent_handle, id))
    }
}

/// The order of the checks is Mesos', since the first failure is what the framework reads.
pub fn check(launch: &Launch, scene: &Scene<'_>) -> Checked {
    let task = &launch.info;
    check_id(task, scene)?;
    if task.agent_id.value != scene.agent.id.as_str() {
        return Err(format!(
            "Task uses invalid agent {} while agent {} is expected",
            task.agent_id.value, scene.agent.id
        ));
    }
    check_times(task)?;
    if let Some(info) = &task.check {
        check::check_info(info).map_err(|why| format!("Task uses invalid check: {why}"))?;
    }
    if let Some(health_check) = &task.health_check {
        check::check_health(health_check).map_err(|why| format!("Task uses invalid health check: {why}"))?;
    }
    check_resources(launch)?;
    if let Some(command) = &task.command {
        command::check(command).map_err(|why| format!("Task's `CommandInfo` is invalid: {why}"))?;
    }
    if let Some(container) = &task.container {
        container::check(container).map_err(|why| format!("Task's `ContainerInfo` is invalid: {why}"))?;
    }
    check_limits(launch, scene)?;
    check_with_executor(launch, scene)?;
    check_share_cgroups(task)
}

fn check_id(task: &TaskInfo, scene: &Scene<'_>) -> Checked {
    let id = TaskId::from_wire(&task.task_id).map_err(|why| why.to_string())?;
    if scene.framework.tasks.contains_key(&id) {
        return Err(format!("Task has duplicate ID: {id}"));
    }
    if scene.framework.unreachable.contains(&id) {
        return Err(format!("Task reuses the ID of an unreachable task: {id}"));
    }
    if scene.framework.tasks.len() >= limits::TASKS_PER_FRAMEWORK {
        return Err(format!("The framework has {} tasks, no more are taken", limits::TASKS_PER_FRAMEWORK));
    }
    Ok(())
}

fn check_times(task: &TaskInfo) -> Checked {
    let grace_period = task.kill_policy.and_then(|policy| policy.grace_period);
    if grace_period.is_some_and(|period| period.nanoseconds < 0) {
        return Err("Task's 'kill_policy.grace_period' must be non-negative".into());
    }
    if task.max_completion_time.is_some_and(|time| time.nanoseconds < 0) {
        return Err("Task's `max_completion_time` must be non-negative".into());
    }
    Ok(())
}

fn check_resources(launch: &Launch) -> Checked {
    if !launch.had_resources {
        return Err("Task uses no resources".into());
    }
    let used = &launch.resources;
    resources::check(used).map_err(|why| format!("Task uses invalid resources: {why}"))?;
    resources::check_unique_persistence(used)
        .map_err(|why| format!("Task uses duplicate persistence ID: {why}"))?;
    resources::check_single_role(&launch.roles).map_err(|why| format!("Invalid task resources: {why}"))?;
    resources::check_revocable_apart(used)
        .map_err(|why| format!("Task mixes revocable and non-revocable resources: {why}"))
}

fn check_limits(launch: &Launch, scene: &Scene<'_>) -> Checked {
    let limits = &launch.info.limits;
    if limits.is_empty() {
        return Ok(());
    }
    if !scene.agent.capabilities.task_resource_limits {
        return Err("Agent is not capable of handling task resource limits".into());
    }
    if limits.keys().any(|name| name != "cpus" && name != "mem") {
        return Err("Only cpus and mem may be included in a task's resource limits".into());
    }
    let requests = [
        ("cpus", "CPU", "cpu", launch.resources.cpus()),
        ("mem", "memory", "memory", launch.resources.mem()),
    ];
    for (name, title, word, request) in requests {
        let Some(limit) = limits.get(name) else { continue };
        if request.is_zero() {
            return Err(format!(
                "When a {title} limit is specified, a {title} request must also be specified"
            ));
        }
        if limit.value.is_nan() || limit.value < request.as_f64() {
            return Err(format!("The {word} limit must be greater than or equal to the {word} request"));
        }
    }
    Ok(())
}

/// A task brings a command, which the agent's own executor runs, or an executor; what both need must be there.
fn check_with_executor(launch: &Launch, scene: &Scene<'_>) -> Checked {
    let task = &launch.info;
    if task.executor.is_some() == task.command.is_some() {
        return Err(
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".into()
        );
    }
    let mut total = launch.resources.clone();
    if let Some(executor) = &task.executor {
        executor::check(executor, launch, scene)?;
        check_together(launch)?;
        if scene.running_executor(executor).is_none() {
            total += &launch.executor_resources;
        }
    }
    if scene.available.contains(&total) {
        return Ok(());
    }
    Err(format!(
        "Total resources {total} required by task and its executor is more than available {}",
        scene.available
    ))
}

fn check_together(launch: &Launch) -> Checked {
    let total = &launch.resources + &launch.executor_resources;
    resources::check(&total).map_err(|why| format!("Task and its executor use invalid resources: {why}"))?;
    if resources::overlap(&launch.resources, &launch.executor_resources) {
        return Err(format!(
            "There are overlapping resources in the task resources {} and executor resources {}",
            launch.resources, launch.executor_resources
        ));
    }
    resources::check_unique_persistence(&total)
        .map_err(|why| format!("Task and its executor use duplicate persistence ID: {why}"))?;
    resources::check_revocable_apart(&total)
        .map_err(|why| format!("Task and its executor mix revocable and non-revocable resources: {why}"))
}

fn check_share_cgroups(task: &TaskInfo) -> Checked {
    let linux = task.container.as_ref().and_then(|container| container.linux_info.as_ref());
    if linux.is_some_and(|linux| linux.share_cgroups == Some(false)) {
        return Err("Only tasks in a task group may have 'share_cgroups' set to 'false'".into());
    }
    Ok(())
}
