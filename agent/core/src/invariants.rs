//! What must hold after every step.

use tepui_model::{Resources, TaskId};

use crate::agent::{Agent, Phase};
use crate::executor::{Executor, ExecutorPhase, Granted};
use crate::framework::{Framework, FrameworkPhase};
use crate::{limits, status};

impl Agent {
    /// Checks the whole state.
    ///
    /// # Errors
    /// The first thing that is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        self.check_phase()?;
        for framework in self.frameworks.values() {
            self.check_framework(framework)?;
        }
        for (container, (framework, executor)) in &self.containers {
            let found =
                self.frameworks.get(framework).and_then(|framework| framework.executors.get(executor));
            hold(found.is_some_and(|found| found.run.container == *container), || {
                format!("container {container} belongs to no executor")
            })?;
        }
        self.check_assets()?;
        hold(self.completed.len() <= limits::COMPLETED_FRAMEWORKS, || "too many completed frameworks".into())
    }

    fn check_phase(&self) -> Result<(), String> {
        hold(
            self.info.id.as_ref().map(|id| id.value.as_str())
                == self.id.as_ref().map(tepui_model::Id::as_str),
            || "the agent's id and its info disagree".into(),
        )?;
        let is_running = matches!(self.phase, Phase::Running { .. });
        hold(!is_running || (self.id.is_some() && self.master.is_some()), || {
            "running without id or master".into()
        })
    }

    /// What is written can be read back: nothing was lost or won by operations.
    fn check_assets(&self) -> Result<(), String> {
        let back = crate::total(&self.info, &self.assets.state());
        hold(back.as_ref() == Ok(&self.assets.total), || {
            format!("the agent has {}, and would have {back:?} after a restart", self.assets.total)
        })?;
        hold(self.assets.operations.len() <= limits::OPERATIONS, || "too many operations".into())
    }

    fn check_framework(&self, framework: &Framework) -> Result<(), String> {
        let id = &framework.id;
        let done = |executor: &Executor| {
            executor.phase == ExecutorPhase::Terminated
                && (!executor.has_incomplete_tasks() || framework.phase == FrameworkPhase::Terminating)
        };
        for executor in framework.executors.values() {
            let run = &executor.run;
            hold(run.framework == *id, || format!("executor {run} is in framework {id}"))?;
            hold(!done(executor), || format!("executor {run} is done but not removed"))?;
            let mapped = self.containers.contains_key(&run.container);
            let lives = executor.phase != ExecutorPhase::Terminated;
            hold(mapped == lives, || format!("executor {run}: container known {mapped}, alive {lives}"))?;
            check_tasks(executor)?;
        }
        let kept = self.settings.max_completed_executors_per_framework;
        hold(framework.completed.len() <= kept, || format!("framework {id} keeps too many executors"))
    }
}

fn check_tasks(executor: &Executor) -> Result<(), String> {
    let run = &executor.run;
    for queued in &executor.queued {
        let twice =
            executor.launched.contains_key(&queued.id) || executor.terminated.contains_key(&queued.id);
        hold(!twice, || format!("task {} of {run} is both queued and delivered", queued.id))?;
    }
    for (id, record) in &executor.launched {
        let shown = status::is_terminal(record.task.state());
        hold(!shown, || format!("task {id} of {run} has ended but is not apart"))?;
        hold(!executor.terminated.contains_key(id), || format!("task {id} of {run} is there twice"))?;
    }
    for (id, record) in &executor.terminated {
        let ended = status::is_terminal(record.latest) && status::is_terminal(record.task.state());
        hold(ended, || format!("task {id} of {run} is apart but has not ended"))?;
    }
    let ended_with_work = executor.phase == ExecutorPhase::Terminated && !executor.unended_tasks().is_empty();
    let unended = || executor.unended_tasks().iter().map(TaskId::to_string).collect::<Vec<_>>().join(", ");
    hold(!ended_with_work, || format!("{run} is gone but not its tasks {}", unended()))?;
    let granted = match &executor.granted {
        Granted::Nothing => &Resources::new(),
        Granted::Launching(granted) | Granted::Settled(granted) | Granted::Changing(granted) => granted,
    };
    let delivered: Resources = executor
        .launched
        .values()
        .filter(|record| !status::is_terminal(record.latest))
        .map(|record| &record.resources)
        .sum();
    hold(granted.contains(&delivered), || format!("{run} runs {delivered} with {granted}"))?;
    hold(executor.completed.len() <= limits::COMPLETED_TASKS, || {
        format!("{run} keeps too many completed tasks")
    })
}

fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
