//! How large a cluster is, in the shapes of Mesos' benchmarks of its master, and what its agents say.

use tepui_model::{Resources, Role};
use tepui_proto::internal::{ReregisterSlaveMessage, archive};
use tepui_proto::v1::{self, TaskState};

/// Agents, each of which reports the same.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub agents: usize,
    /// Frameworks with tasks on each agent, the same on all.
    pub frameworks: usize,
    /// Running tasks of each of them on each agent.
    pub tasks: usize,
    /// Frameworks that ended on each agent.
    pub ended: usize,
    /// Tasks of each of them on each agent.
    pub ended_tasks: usize,
    /// The ended tasks are of the live frameworks. In Mesos' benchmarks they are not, and no reader ever sees them.
    pub shown: bool,
}

impl Shape {
    /// In the order of Mesos' parameters.
    pub const fn new(numbers: [usize; 5]) -> Shape {
        let [agents, frameworks, tasks, ended, ended_tasks] = numbers;
        Shape { agents, frameworks, tasks, ended, ended_tasks, shown: false }
    }

    /// The ended tasks are there for readers.
    pub const fn with_ended_tasks_shown(mut self) -> Shape {
        self.shown = true;
        self
    }

    /// How many agents are at most so many, with at most so many tasks.
    pub fn at_a_time(&self, agents: usize, tasks: usize) -> usize {
        let of_each = self.frameworks * self.tasks + self.ended * self.ended_tasks;
        (tasks / of_each.max(1)).clamp(1, agents).min(self.agents)
    }

    /// What an agent says when it comes back; the master's registry does not know it.
    pub fn report(&self, agent: usize) -> ReregisterSlaveMessage {
        let id = v1::AgentId { value: format!("agent{agent}") };
        let tasks = (0..self.frameworks).flat_map(|framework| {
            let id = id.clone();
            (0..self.tasks).map(move |number| task(&id, framework, number, TaskState::TaskRunning))
        });
        let ended = (0..self.ended).map(|number| {
            let framework = if self.shown { number } else { self.frameworks + number };
            let tasks = (0..self.ended_tasks)
                .map(|number| task(&id, framework, self.tasks + number, TaskState::TaskFinished));
            archive::Framework {
                framework_info: framework_info(framework),
                tasks: tasks.collect(),
                ..Default::default()
            }
        });
        ReregisterSlaveMessage {
            tasks: tasks.collect(),
            frameworks: (0..self.frameworks).map(framework_info).collect(),
            completed_frameworks: ended.collect(),
            slave: agent_info(&id.value),
            version: Some(tepui_master::MESOS_VERSION.into()),
            agent_capabilities: (1..=8)
                .map(|number| v1::agent_info::Capability { r#type: Some(number) })
                .collect(),
            ..ReregisterSlaveMessage::default()
        }
    }
}

pub fn agent_info(id: &str) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: id.to_owned(),
        id: Some(v1::AgentId { value: id.to_owned() }),
        resources: resources("cpus:20;mem:10240"),
        ..v1::AgentInfo::default()
    }
}

pub fn framework_info(number: usize) -> v1::FrameworkInfo {
    let multi_role = v1::framework_info::capability::Type::MultiRole as i32;
    v1::FrameworkInfo {
        user: "root".into(),
        name: "default".into(),
        id: Some(v1::FrameworkId { value: format!("framework{number}") }),
        roles: vec!["*".into()],
        checkpoint: Some(true),
        capabilities: vec![v1::framework_info::Capability { r#type: Some(multi_role) }],
        ..v1::FrameworkInfo::default()
    }
}

/// With ten labels, as in Mesos' benchmarks.
fn task(agent: &v1::AgentId, framework: usize, number: usize, state: TaskState) -> v1::Task {
    let id = format!(
        "{:0>8}-{framework:0>4}-{number:0>4}-8000-000000000000",
        agent.value.trim_start_matches("agent")
    );
    let label = |n: usize| v1::Label { key: format!("key{n}"), value: Some(format!("value{n}")) };
    v1::Task {
        name: id.clone(),
        task_id: v1::TaskId { value: id },
        framework_id: v1::FrameworkId { value: format!("framework{framework}") },
        agent_id: agent.clone(),
        state: state as i32,
        resources: resources("cpus:0.1;mem:5"),
        labels: Some(v1::Labels { labels: (0..10).map(label).collect() }),
        ..v1::Task::default()
    }
}

/// Task's and agents', which are the same again and again.
pub fn resources(text: &'static str) -> Vec<v1::Resource> {
    thread_local! {
        static KNOWN: std::cell::RefCell<std::collections::BTreeMap<&'static str, Vec<v1::Resource>>> = Default::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let parse =
            || Resources::parse(text, &Role::star()).expect("the resources are well-formed").to_wire();
        known.entry(text).or_insert_with(parse).clone()
    })
}
