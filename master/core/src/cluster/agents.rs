//! The agents of a test cluster: what they say, and what runs on them.

use tepui_model::{Resources, Role};
use tepui_proto::{internal, v1};

use super::Cluster;
use super::messages::{all_capabilities, uuid};
use crate::{FromAgent, Input, Pid};

/// An agent of the test.
#[derive(Clone, Debug)]
pub struct Machine {
    pub pid: Pid,
    pub info: v1::AgentInfo,
    /// Does not answer pings.
    pub silent: bool,
}

impl Cluster {
    /// A registered agent. The n-th has the address `10.0.0.n`.
    pub fn agent(mut self, name: &str, resources: &str) -> Cluster {
        let message = self.introduce(name, resources);
        self.say(name, FromAgent::Register(Box::new(message)));
        self.settle(name);
        self
    }

    /// The message with which the agent would register.
    pub fn introduce(&mut self, name: &str, resources: &str) -> internal::RegisterSlaveMessage {
        let number = self.agents.len() + 1;
        let info = v1::AgentInfo {
            hostname: format!("{name}.example"),
            port: Some(5051),
            resources: Resources::parse(resources, &Role::star())
                .expect("the test's resources are valid")
                .to_wire(),
            ..v1::AgentInfo::default()
        };
        let pid = Pid::new(format!("slave(1)@10.0.0.{number}:5051"));
        self.agents.insert(name.into(), Machine { pid, info: info.clone(), silent: false });
        internal::RegisterSlaveMessage {
            slave: info,
            version: Some("1.11.0".into()),
            agent_capabilities: all_capabilities(),
            ..internal::RegisterSlaveMessage::default()
        }
    }

    fn settle(&mut self, name: &str) {
        let pid = self.agents[name].pid.clone();
        let handle = self.master.agents.by_pid.get(&pid).copied();
        if let Some(handle) = handle {
            self.agents.get_mut(name).expect("it was introduced").info.id =
                Some(self.master.agents.registered[handle].id.to_wire());
        }
        self.forget();
    }

    pub fn machine(&mut self, name: &str) -> &mut Machine {
        self.agents.get_mut(name).expect("the test's agent exists")
    }

    /// A message of an agent.
    pub fn say(&mut self, name: &str, message: FromAgent) {
        let from = self.agents[name].pid.clone();
        self.step(Input::Agent { from, message });
    }

    /// The message with which the agent would register again, nothing running.
    pub fn reintroduce(&self, name: &str) -> internal::ReregisterSlaveMessage {
        internal::ReregisterSlaveMessage {
            slave: self.agents[name].info.clone(),
            version: Some("1.11.0".into()),
            agent_capabilities: all_capabilities(),
            ..internal::ReregisterSlaveMessage::default()
        }
    }

    pub fn reregister(&mut self, name: &str, message: internal::ReregisterSlaveMessage) {
        self.say(name, FromAgent::Reregister(Box::new(message)));
    }

    /// The connection to the agent is lost, and it is not heard of any more.
    pub fn lose(&mut self, name: &str) {
        self.silence(name);
        let pid = self.agents[name].pid.clone();
        self.step(Input::Exited(pid));
    }

    /// The agent answers no more pings.
    pub fn silence(&mut self, name: &str) {
        self.agents.get_mut(name).expect("the test's agent exists").silent = true;
    }

    /// What the agent would say of its tasks: as the master has them.
    pub fn reported_tasks(&self, name: &str) -> Vec<v1::Task> {
        let handle = self.master.agents.by_pid[&self.agents[name].pid];
        let tasks = self.master.agents.registered[handle].tasks.iter();
        let task = |(framework, id): &(crate::FrameworkHandle, tepui_model::TaskId)| {
            v1::Task::clone(&self.master.frameworks.registered[*framework].tasks[id].message)
        };
        tasks.map(task).collect()
    }

    /// The same of its executors.
    pub fn reported_executors(&self, name: &str) -> Vec<v1::ExecutorInfo> {
        let handle = self.master.agents.by_pid[&self.agents[name].pid];
        let executors = self.master.agents.registered[handle].executors.iter();
        let executor = |(framework, id): &(crate::FrameworkHandle, tepui_model::ExecutorId)| {
            let executors = &self.master.frameworks.registered[*framework].executors;
            v1::ExecutorInfo::clone(&executors[&(handle, id.clone())].info)
        };
        executors.map(executor).collect()
    }

    /// The message with which the agent would register again, with everything that runs on it.
    pub fn reintroduce_busy(&self, name: &str, frameworks: &[&str]) -> internal::ReregisterSlaveMessage {
        internal::ReregisterSlaveMessage {
            frameworks: frameworks.iter().map(|framework| self.frameworks[*framework].info.clone()).collect(),
            tasks: self.reported_tasks(name),
            executor_infos: self.reported_executors(name),
            ..self.reintroduce(name)
        }
    }

    /// The same, of an agent that may not be registered now, and without frameworks that ended.
    pub fn report_if_registered(
        &self,
        name: &str,
        frameworks: &[&str],
    ) -> Option<internal::ReregisterSlaveMessage> {
        let handle = self.master.agents.by_pid.get(&self.agents[name].pid)?;
        let id = self.master.agents.registered[*handle].id.to_wire();
        let is_alive = |name: &&&str| self.master.frameworks.find(&self.framework_id(name).value).is_some();
        let frameworks: Vec<&str> = frameworks.iter().filter(is_alive).copied().collect();
        let mut report = self.reintroduce_busy(name, &frameworks);
        report.checkpointed_resources = self.master.agents.registered[*handle].total.checkpointed().to_wire();
        report.slave.id = Some(id);
        Some(report)
    }

    /// A status update of a task of the framework, with a uuid made of `number`.
    pub fn update(&mut self, agent: &str, framework: &str, task: &str, state: v1::TaskState, number: u8) {
        self.update_ahead(agent, framework, task, state, None, number);
    }

    /// The same from an agent that knows a newer state already.
    pub fn update_ahead(
        &mut self,
        agent: &str,
        framework: &str,
        task: &str,
        state: v1::TaskState,
        latest: Option<v1::TaskState>,
        number: u8,
    ) {
        let status = v1::TaskStatus {
            task_id: v1::TaskId { value: task.into() },
            state: state as i32,
            source: Some(v1::task_status::Source::Executor as i32),
            data: Some("d".into()),
            ..v1::TaskStatus::default()
        };
        let update = internal::StatusUpdate {
            framework_id: self.framework_id(framework),
            executor_id: None,
            slave_id: self.agents[agent].info.id.clone(),
            status,
            timestamp: self.now.as_secs_f64(),
            uuid: Some(uuid(number)),
            latest_state: latest.map(|state| state as i32),
        };
        let message = internal::StatusUpdateMessage { update, pid: None };
        self.say(agent, FromAgent::StatusUpdate(Box::new(message)));
    }
}
