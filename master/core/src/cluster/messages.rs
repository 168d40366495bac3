//! Messages for tests, with everything in them that a test does not care about.

use tepui_model::{Resources, Role};
use tepui_proto::v1;

/// A command task on the first agent.
pub fn task(id: &str, resources: &str) -> v1::TaskInfo {
    task_on("m-S0", id, resources)
}

pub fn task_on(agent: &str, id: &str, resources: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.into(),
        task_id: v1::TaskId { value: id.into() },
        agent_id: v1::AgentId { value: agent.into() },
        resources: Resources::parse(resources, &Role::star())
            .expect("the test's resources are valid")
            .to_wire(),
        command: Some(Box::new(v1::CommandInfo { value: Some("true".into()), ..v1::CommandInfo::default() })),
        ..v1::TaskInfo::default()
    }
}

/// The same for a custom executor.
pub fn executor_task(id: &str, resources: &str, executor: &str, executor_resources: &str) -> v1::TaskInfo {
    let resources_of =
        |text| Resources::parse(text, &Role::star()).expect("the test's resources are valid").to_wire();
    let executor = v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: executor.into() },
        command: Some(Box::default()),
        resources: resources_of(executor_resources),
        ..v1::ExecutorInfo::default()
    };
    v1::TaskInfo { command: None, executor: Some(Box::new(executor)), ..task(id, resources) }
}

pub fn launch(tasks: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch as i32),
        launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
        ..v1::offer::Operation::default()
    }
}

pub fn capability(r#type: v1::framework_info::capability::Type) -> v1::framework_info::Capability {
    v1::framework_info::Capability { r#type: Some(r#type as i32) }
}

pub fn uuid(number: u8) -> bytes::Bytes {
    vec![number; 16].into()
}

pub fn ids(offers: &[&str]) -> Vec<v1::OfferId> {
    offers.iter().map(|id| v1::OfferId { value: (*id).into() }).collect()
}

pub fn all_capabilities() -> Vec<v1::agent_info::Capability> {
    (1..=8).map(|number| v1::agent_info::Capability { r#type: Some(number) }).collect()
}
