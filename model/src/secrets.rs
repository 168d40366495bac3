//! What no reader, log or answer may show: the values of secrets in commands, containers and volumes.
//!
//! Here because both daemons show the same messages, and the list of secret fields must not be kept twice.

use tepui_proto::v1;

/// The executor without the values of its secrets; what they are called stays.
pub fn executor(executor: &v1::ExecutorInfo) -> v1::ExecutorInfo {
    let mut executor = executor.clone();
    if let Some(command) = &mut executor.command {
        hide_in_command(command);
    }
    if let Some(container) = &mut executor.container {
        hide_in_container(container);
    }
    executor
}

/// The task likewise.
pub fn task(task: &v1::Task) -> v1::Task {
    let mut task = task.clone();
    hide_in_task(&mut task);
    task
}

/// Blanks the values of the secrets of a task's container and health check.
pub fn hide_in_task(task: &mut v1::Task) {
    if let Some(container) = &mut task.container {
        hide_in_container(container);
    }
    if let Some(check) = &mut task.health_check {
        hide_in_check(check);
    }
}

/// Blanks the values of the secrets of a health check's command.
pub fn hide_in_check(check: &mut v1::HealthCheck) {
    if let Some(command) = &mut check.command {
        hide_in_command(command);
    }
}

/// Blanks the values of a command's secret variables.
pub fn hide_in_command(command: &mut v1::CommandInfo) {
    for variable in command.environment.iter_mut().flat_map(|environment| &mut environment.variables) {
        if let Some(secret) = &mut variable.secret {
            secret.value = None;
        }
    }
}

/// Blanks the values of a container's secret volumes.
pub fn hide_in_container(container: &mut v1::ContainerInfo) {
    for volume in &mut container.volumes {
        let secret = volume.source.as_mut().and_then(|source| source.secret.as_mut());
        if let Some(secret) = secret {
            secret.value = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1;

    #[test]
    fn a_secret_keeps_its_name_and_loses_its_value() {
        let value = Some(v1::secret::Value { data: "hush".into() }.into());
        let secret = Some(v1::Secret { value, ..Default::default() });
        let variable = v1::environment::Variable { name: "PASSWORD".into(), secret, ..Default::default() };
        let environment = Some(v1::Environment { variables: vec![variable] });
        let command = Some(v1::CommandInfo { environment, ..Default::default() }.into());

        let shown = super::executor(&v1::ExecutorInfo { command, ..Default::default() });

        let shown = tepui_proto::json::to_string(&shown);
        assert!(shown.contains("PASSWORD") && !shown.contains("aHVzaA"), "{shown}");
    }
}
