//! Coming back: an agent that starts again finds its executors and what it had not delivered.
//!
//! ```text
//! Start ──► RecoverContainers ──► executors subscribe … Reregistration timer ──► register
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId, duration};
use tepui_proto::internal::StatusUpdateRecord;
use tepui_proto::internal::slave::ResourceState;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, AgentInfo, ExecutorInfo, FrameworkInfo};

use crate::agent::{Agent, Pending, Phase};
use crate::checks;
use crate::cx::Cx;
use crate::effect::{Effect, Write};
use crate::executor::{Executor, ExecutorPhase, Granted, TaskRecord};
use crate::fact::Fact;
use crate::framework::Framework;
use crate::master_messages::Drain;
use crate::names::{Pid, Timer};
use crate::run::Run;
use crate::settings::Recover;
use crate::status::{self, Verdict};

/// What an earlier life of this agent wrote down, as it was read back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recovered {
    /// `slave.info`; `None` starts a new agent, and then there is nothing else but `assets`.
    pub info: Option<AgentInfo>,
    /// `resources_and_operations.state`, which outlives the agent's id.
    pub assets: ResourceState,
    /// `drain.config`.
    pub drain: Option<v1::DrainConfig>,
    /// By id.
    pub frameworks: Vec<RecoveredFramework>,
    /// Files that could not be read (without `--strict`).
    pub errors: u64,
}

/// `framework.info` and everything below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveredFramework {
    /// With its id.
    pub info: FrameworkInfo,
    /// `framework.pid`.
    pub pid: String,
    /// By id.
    pub executors: Vec<RecoveredExecutor>,
}

/// `executor.info` and everything below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveredExecutor {
    /// What it is.
    pub info: ExecutorInfo,
    /// The agent made it for a task.
    pub generated: bool,
    /// The run that `runs/latest` points to.
    pub latest: Option<RecoveredRun>,
    /// All other runs: they are over.
    pub older: Vec<ContainerId>,
}

/// One run and everything below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveredRun {
    /// Which.
    pub container: ContainerId,
    /// There is an `executor.sentinel`: it is over, with all its updates acknowledged.
    pub completed: bool,
    /// `pids/forked.pid`.
    pub pid: Option<u32>,
    /// `pids/libprocess.pid`: a driver, which does not come back without being asked.
    pub driver: Option<Pid>,
    /// By id.
    pub tasks: Vec<RecoveredTask>,
}

/// `task.info` and `task.updates`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveredTask {
    /// As it was when it was launched.
    pub task: v1::Task,
    /// What was written since, oldest first.
    pub records: Vec<StatusUpdateRecord>,
}

impl Agent {
    pub(crate) fn start(&mut self, cx: &mut Cx, recovered: Recovered) {
        self.phase = Phase::Recovering;
        self.counters.recovery_errors = recovered.errors;
        let id = recovered.info.as_ref().and_then(|info| info.id.as_ref()).map(AgentId::from_wire);
        let Some(Ok(id)) = id else {
            self.recover_assets(cx, &recovered.assets);
            // A new agent, perhaps in place of one whose checkpoints are lost: nobody knows what that one ran.
            return cx.push(Effect::RecoverContainers(Vec::new()));
        };
        self.id = Some(id.clone());
        self.info.id = Some(id.to_wire());
        self.recover_assets(cx, &recovered.assets);
        if recovered.info.as_ref() != Some(&self.info) {
            let write = Write::Agent(Box::new(self.info.clone()));
            self.checkpoint(cx, Pending::AgentInfo, vec![write]);
        }
        for framework in recovered.frameworks {
            self.recover_framework(cx, &id, framework);
        }
        // Executors hear of it when they are back.
        self.drain = recovered.drain.map(|config| Drain { config, since: cx.now });
        let runs =
            |framework: &Framework| framework.executors.values().map(|e| e.run.clone()).collect::<Vec<_>>();
        let runs: Vec<Run> = self.frameworks.values().flat_map(runs).collect();
        cx.log(Fact::info("recovering").with("agent", id).with("executors", runs.len()));
        cx.push(Effect::RecoverContainers(runs));
    }

    fn reconnect(&mut self, cx: &mut Cx, alive: &[ContainerId]) {
        let Some(agent) = self.id.clone() else { return };
        for executor in self.frameworks.values_mut().flat_map(|framework| framework.executors.values_mut()) {
            let driver = executor.to_reconnect.clone().filter(|_| alive.contains(&executor.run.container));
            if let Some(to) = driver {
                cx.push(Effect::Reconnect { to, agent: agent.clone() });
            }
        }
    }

    fn recover_framework(&mut self, cx: &mut Cx, agent: &AgentId, recovered: RecoveredFramework) {
        let Some(Ok(id)) = recovered.info.id.as_ref().map(FrameworkId::from_wire) else { return };
        let framework = Framework::new(id.clone(), Arc::new(recovered.info), recovered.pid);
        self.frameworks.insert(id.clone(), framework);
        for executor in recovered.executors {
            self.recover_executor(cx, agent, &id, executor);
        }
        self.remove_framework_if_done(cx, &id);
    }

    fn recover_executor(
        &mut self,
        cx: &mut Cx,
        agent: &AgentId,
        framework: &FrameworkId,
        recovered: RecoveredExecutor,
    ) {
        let Ok(id) = ExecutorId::from_wire(&recovered.info.executor_id) else { return };
        let run = |container: &ContainerId| Run {
            agent: agent.clone(),
            framework: framework.clone(),
            executor: id.clone(),
            container: container.clone(),
        };
        recovered.older.iter().for_each(|container| cx.push(Effect::Collect(run(container))));
        let Some(latest) = recovered.latest else { return };
        if latest.completed {
            return cx.push(Effect::Collect(run(&latest.container)));
        }
        let resources = checks::resources(&recovered.info.resources).unwrap_or_default();
        let run = run(&latest.container);
        let mut executor =
            Executor::new(run.clone(), Arc::new(recovered.info), recovered.generated, resources);
        executor.checkpointed = true;
        executor.served = true;
        executor.pid = latest.pid;
        executor.to_reconnect = latest.driver.clone();
        for task in &latest.tasks {
            self.recover_task(&mut executor, task);
        }
        executor.granted = Granted::Settled(executor.needs());
        self.containers.insert(run.container.clone(), (framework.clone(), id.clone()));
        if let Some(framework) = self.frameworks.get_mut(framework) {
            framework.executors.insert(id, executor);
        }
    }

    fn recover_task(&mut self, executor: &mut Executor, recovered: &RecoveredTask) {
        let Ok(id) = TaskId::from_wire(&recovered.task.task_id) else { return };
        let resources = checks::resources(&recovered.task.resources).unwrap_or_default();
        let latest = v1::TaskState::TaskStaging;
        executor.launched.insert(id.clone(), TaskRecord { task: recovered.task.clone(), resources, latest });
        let key = (executor.run.framework.clone(), id.clone());
        let replay = self.updates.recover(key, executor.run.clone(), recovered);
        for update in &replay.updates {
            if let Some(state) = status::state_of(&update.status) {
                executor.heard(&id, state);
                executor.shows(&id, &update.status);
            }
        }
        if replay.ended {
            executor.complete(&id);
        }
    }

    /// The processes that still run are known. Live executors get some time to subscribe; the agent does not register
    /// before that is over, so that the master hears of everything at once.
    pub(crate) fn containers_recovered(&mut self, cx: &mut Cx, alive: &[ContainerId]) {
        if self.phase != Phase::Recovering {
            return;
        }
        for executor in self.frameworks.values_mut().flat_map(|framework| framework.executors.values_mut()) {
            if !alive.contains(&executor.run.container) {
                // Its end is on the way; nobody is to wait for it or to destroy it.
                executor.phase = ExecutorPhase::Terminating { peer: None };
            }
        }
        if alive.is_empty() {
            return self.recovery_over(cx);
        }
        self.reconnect(cx, alive);
        let after = self.settings.executor_reregistration_timeout;
        cx.push(Effect::Arm { timer: Timer::Reregistration, after });
    }

    /// Executors had their time: those that did not come back are destroyed, and the agent looks for its master.
    pub(crate) fn recovery_over(&mut self, cx: &mut Cx) {
        if self.phase != Phase::Recovering {
            return;
        }
        let late: Vec<(FrameworkId, ExecutorId)> = self
            .frameworks
            .values()
            .flat_map(|framework| framework.executors.values())
            .filter(|executor| executor.phase == ExecutorPhase::Registering)
            .map(|executor| (executor.run.framework.clone(), executor.run.executor.clone()))
            .collect();
        let within = duration::print(self.settings.executor_reregistration_timeout).to_string();
        for (framework, executor) in &late {
            cx.log(Fact::warn("executor did not come back").with("executor", executor));
            let Some(state) = self.frameworks.get(framework).map(Framework::gone) else { continue };
            let message = format!("Executor did not reregister within {within}");
            self.destroy(
                cx,
                framework,
                executor,
                Verdict::new(state, Reason::ExecutorReregistrationTimeout, message),
            );
        }
        if self.settings.recover == Recover::Cleanup {
            return self.terminate_after_shutdown(
                cx,
                "recovered executors were shut down (--recover=cleanup)".into(),
            );
        }
        self.phase = Phase::Disconnected { attempt: 0 };
        self.disconnect(cx);
    }
}
