//! An agent's disk: its checkpoints as a tree of values, which outlives the agent's process.

use std::collections::BTreeMap;

use tepui_agent_core::{
    Recovered, RecoveredExecutor, RecoveredFramework, RecoveredRun, RecoveredTask, Run, Write,
};
use tepui_model::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};
use tepui_proto::internal::StatusUpdateRecord;
use tepui_proto::internal::slave::ResourceState;
use tepui_proto::v1;

/// `slaves`: one directory for each agent that ever had this disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    latest: Option<AgentId>,
    assets: ResourceState,
    agents: BTreeMap<AgentId, AgentFiles>,
}

#[derive(Clone, Debug, Default)]
struct AgentFiles {
    info: Option<v1::AgentInfo>,
    drain: Option<v1::DrainConfig>,
    frameworks: BTreeMap<FrameworkId, FrameworkFiles>,
}

#[derive(Clone, Debug, Default)]
struct FrameworkFiles {
    info: Option<v1::FrameworkInfo>,
    pid: String,
    executors: BTreeMap<ExecutorId, ExecutorFiles>,
}

#[derive(Clone, Debug, Default)]
struct ExecutorFiles {
    info: Option<v1::ExecutorInfo>,
    generated: bool,
    latest: Option<ContainerId>,
    runs: BTreeMap<ContainerId, RunFiles>,
}

#[derive(Clone, Debug, Default)]
struct RunFiles {
    completed: bool,
    pid: Option<u32>,
    tasks: BTreeMap<TaskId, TaskFiles>,
}

#[derive(Clone, Debug, Default)]
struct TaskFiles {
    task: Option<v1::Task>,
    records: Vec<StatusUpdateRecord>,
}

impl Disk {
    pub fn write(&mut self, write: Write) {
        match write {
            Write::Agent(info) => {
                let id = info.id.as_ref().map(AgentId::from_wire);
                if let Some(Ok(id)) = id {
                    self.agents.entry(id.clone()).or_default().info = Some(*info);
                    self.latest = Some(id);
                }
            }
            Write::Assets(state) => self.assets = *state,
            Write::ForgetAgent => self.latest = None,
            Write::Drain { agent, config } => self.agents.entry(agent).or_default().drain = config,
            Write::Framework { run, info, pid } => {
                let files = self.framework(&run);
                files.info = Some((*info).clone());
                files.pid = pid;
            }
            Write::Executor { run, info, generated } => {
                let files = self.executor(&run);
                files.info = Some((*info).clone());
                files.generated = generated;
                files.latest = Some(run.container.clone());
                files.runs.entry(run.container).or_default();
            }
            Write::Task { run, task } => {
                if let Ok(id) = TaskId::from_wire(&task.task_id) {
                    self.run(&run).tasks.entry(id).or_default().task = Some(*task);
                }
            }
            Write::Update { run, task, record } => {
                self.run(&run).tasks.entry(task).or_default().records.push(*record);
            }
            // How an executor talks to its agent is for tools that look at the directory.
            Write::Subscription { .. } => {}
            Write::Sentinel(run) => self.run(&run).completed = true,
        }
    }

    /// The first process of a container, which the containerizer writes.
    pub fn forked(&mut self, run: &Run, pid: u32) {
        self.run(run).pid = Some(pid);
    }

    /// Deletes a run, and what is empty without it.
    pub fn collect(&mut self, run: &Run) {
        let Some(agent) = self.agents.get_mut(&run.agent) else { return };
        let Some(framework) = agent.frameworks.get_mut(&run.framework) else { return };
        let Some(executor) = framework.executors.get_mut(&run.executor) else { return };
        executor.runs.remove(&run.container);
        if executor.runs.is_empty() {
            framework.executors.remove(&run.executor);
        }
        if framework.executors.is_empty() {
            agent.frameworks.remove(&run.framework);
        }
    }

    fn framework(&mut self, run: &Run) -> &mut FrameworkFiles {
        let agent = self.agents.entry(run.agent.clone()).or_default();
        agent.frameworks.entry(run.framework.clone()).or_default()
    }

    fn executor(&mut self, run: &Run) -> &mut ExecutorFiles {
        self.framework(run).executors.entry(run.executor.clone()).or_default()
    }

    fn run(&mut self, run: &Run) -> &mut RunFiles {
        self.executor(run).runs.entry(run.container.clone()).or_default()
    }

    /// What a new process reads.
    pub fn read(&self) -> Recovered {
        let latest = self.latest.as_ref().and_then(|latest| self.agents.get(latest));
        let assets = self.assets.clone();
        let Some(AgentFiles { info: Some(info), drain, frameworks }) = latest else {
            return Recovered { assets, ..Recovered::default() };
        };
        let frameworks = frameworks.values().filter_map(FrameworkFiles::read).collect();
        Recovered { info: Some(info.clone()), assets, drain: *drain, frameworks, errors: 0 }
    }
}

impl FrameworkFiles {
    fn read(&self) -> Option<RecoveredFramework> {
        let info = self.info.clone()?;
        let executors = self.executors.values().filter_map(ExecutorFiles::read).collect();
        Some(RecoveredFramework { info, pid: self.pid.clone(), executors })
    }
}

impl ExecutorFiles {
    fn read(&self) -> Option<RecoveredExecutor> {
        let latest = self.latest.as_ref().filter(|latest| self.runs.contains_key(latest));
        Some(RecoveredExecutor {
            info: self.info.clone()?,
            generated: self.generated,
            latest: latest.map(|latest| self.runs[latest].read(latest)),
            older: self.runs.keys().filter(|run| Some(*run) != latest).cloned().collect(),
        })
    }
}

impl RunFiles {
    fn read(&self, container: &ContainerId) -> RecoveredRun {
        let task = |files: &TaskFiles| {
            let task = files.task.clone()?;
            Some(RecoveredTask { task, records: files.records.clone() })
        };
        let tasks = if self.completed { Vec::new() } else { self.tasks.values().filter_map(task).collect() };
        RecoveredRun {
            container: container.clone(),
            completed: self.completed,
            pid: self.pid,
            driver: None,
            tasks,
        }
    }
}
