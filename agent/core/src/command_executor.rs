//! The executor that the agent makes for a task that comes with a command instead of one: the command executor, or for a task
//! in a Docker container the Docker executor.

use std::time::Duration;

use tepui_model::{FrameworkId, Resources, Role};
use tepui_proto::v1::{self, container_info};

/// What the executor itself may use on top of its task; Mesos' numbers. The machine is overcommitted by this much, as
/// masters do not account for it.
const OWN_RESOURCES: &str = "cpus:0.1;mem:32";

/// On top of the task's own grace period: until the executor has seen the end of the command and has told us.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(2);

/// Letters of the command that its executor's name shows; Mesos' number.
const SHOWN: usize = 12;

#[expect(deprecated, reason = "older frameworks and tools still read `source`")]
pub(crate) fn for_task(
    program: &str,
    framework: &FrameworkId,
    task: &v1::TaskInfo,
) -> Result<v1::ExecutorInfo, String> {
    let Some(command) = &task.command else {
        return Err("Task has neither an executor nor a command".into());
    };
    let docker = task.container.as_ref().is_some_and(|info| info.r#type() == container_info::Type::Docker);
    let (kind, title) = if docker { ("docker", "Docker Executor") } else { ("command", "Command Executor") };
    let arguments = ["tepui", "executor", kind].map(String::from).to_vec();
    let own = v1::CommandInfo {
        shell: Some(false),
        value: Some(program.to_owned()),
        arguments,
        // The agent fetches for the executor; the task finds the files in the sandbox they share.
        uris: command.uris.clone(),
        user: command.user.clone(),
        ..v1::CommandInfo::default()
    };
    Ok(v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: task.task_id.value.clone() },
        framework_id: Some(framework.to_wire()),
        command: Some(Box::new(own)),
        container: task.container.clone(),
        resources: own_resources(task),
        name: Some(format!("{title} (Task: {}) (Command: {})", task.task_id.value, shown(command))),
        source: Some(task.task_id.value.clone()),
        discovery: task.discovery.clone(),
        shutdown_grace_period: task
            .kill_policy
            .as_ref()
            .and_then(|policy| policy.grace_period.as_ref())
            .map(with_margin),
        labels: task.labels.clone(),
        ..v1::ExecutorInfo::default()
    })
}

fn own_resources(task: &v1::TaskInfo) -> Vec<v1::Resource> {
    let mut resources = Resources::parse(OWN_RESOURCES, &Role::star()).expect("a constant parses");
    let role = task.resources.iter().find_map(|resource| resource.allocation_info.as_ref()?.role.as_deref());
    if let Some(Ok(role)) = role.map(Role::parse) {
        resources.allocate(&role);
    }
    resources.to_wire()
}

fn with_margin(grace: &v1::DurationInfo) -> v1::DurationInfo {
    let margin = i64::try_from(SHUTDOWN_MARGIN.as_nanos()).unwrap_or(i64::MAX);
    v1::DurationInfo { nanoseconds: grace.nanoseconds.saturating_add(margin) }
}

/// `sh -c 'sleep 10'`, shortened.
fn shown(command: &v1::CommandInfo) -> String {
    let value = command.value.as_deref().unwrap_or_default();
    if !command.shell() {
        return [value]
            .into_iter()
            .chain(command.arguments.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(", ");
    }
    match value.char_indices().nth(SHOWN) {
        None => format!("sh -c '{value}'"),
        Some((end, _)) => format!("sh -c '{}...'", &value[..end]),
    }
}
