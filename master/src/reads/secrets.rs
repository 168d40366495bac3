//! What no reader may see: the values of secrets in commands, containers and volumes.

use tepui_proto::v1;

/// The executor without the values of its secrets; what they are called stays.
pub(super) fn without_secrets(executor: &v1::ExecutorInfo) -> v1::ExecutorInfo {
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
pub(super) fn task_without_secrets(task: &v1::Task) -> v1::Task {
    let mut task = task.clone();
    if let Some(container) = &mut task.container {
        hide_in_container(container);
    }
    if let Some(command) = task.health_check.as_mut().and_then(|check| check.command.as_mut()) {
        hide_in_command(command);
    }
    task
}

pub(super) fn hide_in_command(command: &mut v1::CommandInfo) {
    for variable in command.environment.iter_mut().flat_map(|environment| &mut environment.variables) {
        if let Some(secret) = &mut variable.secret {
            secret.value = None;
        }
    }
}

pub(super) fn hide_in_container(container: &mut v1::ContainerInfo) {
    for volume in &mut container.volumes {
        let secret = volume.source.as_mut().and_then(|source| source.secret.as_mut());
        if let Some(secret) = secret {
            secret.value = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_keeps_its_name_and_loses_its_value() {
        let value = Some(v1::secret::Value { data: "hush".into() }.into());
        let secret = Some(v1::Secret { value, ..Default::default() });
        let variable = v1::environment::Variable { name: "PASSWORD".into(), secret, ..Default::default() };
        let environment = Some(v1::Environment { variables: vec![variable] });
        let command = Some(v1::CommandInfo { environment, ..Default::default() }.into());

        let shown = without_secrets(&v1::ExecutorInfo { command, ..Default::default() });

        let shown = tepui_proto::json::to_string(&shown);
        assert!(shown.contains("PASSWORD") && !shown.contains("aHVzaA"), "{shown}");
    }
}
