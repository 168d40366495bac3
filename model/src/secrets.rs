//! What no reader, log or answer may show: the values of secrets in commands, containers and volumes.
//!
//! Here because both daemons show the same messages. Which fields of messages are secret, `tepui_proto::secrets` says.

use std::borrow::Cow;

use tepui_proto::secrets::is_secret;
use tepui_proto::{json, v1};

/// Any message by its name as JSON, without secrets and without the values of environment variables, which often are. For
/// those who watch messages pass.
///
/// A call or an event of an HTTP client goes by its message's name and its own: `mesos.v1.scheduler.Call.ACCEPT`.
pub fn shown(name: &str, body: &[u8]) -> Option<serde_json::Value> {
    let whole = || json::render(name, body, &is_secret);
    whole().or_else(|| json::render(name.rsplit_once('.')?.0, body, &is_secret))
}

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

/// The task likewise; most have nothing that could be secret, and are shown as they are.
pub fn task(task: &v1::Task) -> Cow<'_, v1::Task> {
    if task.container.is_none() && task.health_check.is_none() {
        return Cow::Borrowed(task);
    }
    let mut task = task.clone();
    hide_in_task(&mut task);
    Cow::Owned(task)
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

/// Blanks the values of a container's secret volumes, and what its images are fetched with.
pub fn hide_in_container(container: &mut v1::ContainerInfo) {
    if let Some(image) = container.mesos.as_mut().and_then(|mesos| mesos.image.as_mut()) {
        hide_in_image(image);
    }
    for volume in &mut container.volumes {
        let secret = volume.source.as_mut().and_then(|source| source.secret.as_mut());
        if let Some(secret) = secret {
            secret.value = None;
        }
        if let Some(image) = &mut volume.image {
            hide_in_image(image);
        }
    }
}

#[expect(deprecated, reason = "clients may still send what a later field replaced")]
fn hide_in_image(image: &mut v1::Image) {
    let Some(docker) = &mut image.docker else { return };
    if let Some(config) = &mut docker.config {
        config.value = None;
    }
    if let Some(credential) = &mut docker.credential {
        credential.secret = None;
    }
}

#[cfg(test)]
mod tests {
    use tepui_proto::{json, v1};

    use prost::Message as _;

    #[test]
    fn whoever_watches_messages_sees_no_secret_and_no_variable() {
        let variable =
            v1::environment::Variable { name: "A".into(), value: Some("hush".into()), ..Default::default() };
        let environment = Some(v1::Environment { variables: vec![variable] });
        let command = Some(v1::CommandInfo { environment, ..Default::default() }.into());
        let task = v1::TaskInfo { name: "t".into(), command, ..Default::default() };
        let credential = v1::Credential { principal: "p".into(), secret: Some("hush".into()) };

        let task = super::shown("mesos.v1.TaskInfo", &task.encode_to_vec()).expect("a message").to_string();
        let credential = super::shown("mesos.v1.Credential", &credential.encode_to_vec()).expect("a message");

        assert!(task.contains("\"name\":\"A\"") && !task.contains("hush"), "{task}");
        assert_eq!(credential, serde_json::json!({ "principal": "p", "secret": json::HIDDEN }));
        assert!(super::shown("mesos.v1.scheduler.Call.ACCEPT", &[]).is_some());
    }

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
