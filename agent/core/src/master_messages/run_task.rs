//! `RunTaskMessage`: a framework accepted an offer of this agent.
//!
//! ```text
//! RunTask ──► checkpoint ──► Launch ──► SUBSCRIBE ──► Update ──► LAUNCH     new executor
//! RunTask ──► checkpoint ──────────────────────────► Update ──► LAUNCH     executor is there
//! ```

use std::sync::Arc;

use tepui_model::{ContainerId, ExecutorId, FrameworkId, Resources, TaskId, uuid_text};
use tepui_proto::internal::RunTaskMessage;
use tepui_proto::v1;
use tepui_proto::v1::TaskState;
use tepui_proto::v1::task_status::Reason;

use crate::agent::{Agent, Pending, Phase};
use crate::command_executor;
use crate::cx::Cx;
use crate::effect::{Effect, Launch, Write};
use crate::executor::{Executor, Granted, Queued, staging_task};
use crate::fact::Fact;
use crate::framework::{Framework, FrameworkPhase};
use crate::limits;
use crate::names::Timer;
use crate::run::Run;
use crate::status::Verdict;

/// A task whose lawful parts were read.
struct Asked {
    framework: FrameworkId,
    task: TaskId,
    executor: ExecutorId,
    info: Arc<v1::TaskInfo>,
    resources: Resources,
    executor_info: v1::ExecutorInfo,
    executor_resources: Resources,
    /// The task came without an executor.
    generated: bool,
    /// `None`: a master that does not say.
    may_launch_executor: Option<bool>,
}

impl Agent {
    pub(crate) fn run_task(&mut self, cx: &mut Cx, message: RunTaskMessage) {
        let task = message.task.task_id.value.clone();
        if !matches!(self.phase, Phase::Running { .. }) {
            cx.log(Fact::warn("task ignored while not registered").with("task", task));
            return;
        }
        let is_ours = self.id.as_ref().is_some_and(|own| own.as_str() == message.task.agent_id.value);
        if !is_ours {
            let agent = &message.task.agent_id.value;
            cx.log(Fact::warn("task of another agent ignored").with("task", task).with("agent", agent));
            return;
        }
        let (Some(Ok(framework)), Ok(id)) = (
            message.framework.id.as_ref().map(FrameworkId::from_wire),
            TaskId::from_wire(&message.task.task_id),
        ) else {
            cx.log(Fact::warn("task with a bad id ignored").with("task", task));
            return;
        };
        self.admit_framework(cx, &framework, message.framework, message.pid.unwrap_or_default());
        match self.read(&framework, &id, message.task, message.launch_executor) {
            Ok(asked) => self.place(cx, asked),
            Err(why) => {
                let verdict = Verdict::new(TaskState::TaskError, Reason::TaskInvalid, why);
                self.report(cx, &framework, &id, None, verdict);
                self.remove_framework_if_done(cx, &framework);
            }
        }
    }

    /// Makes the framework's entry, or takes it back from those that were done.
    fn admit_framework(&mut self, cx: &mut Cx, id: &FrameworkId, info: v1::FrameworkInfo, pid: String) {
        if self.frameworks.contains_key(id) {
            return;
        }
        cx.log(Fact::info("framework added").with("framework", id));
        let mut framework = Framework::new(id.clone(), Arc::new(info), pid);
        if let Some(at) = self.completed.iter().position(|done| done.id == *id)
            && let Some(done) = self.completed.remove(at)
        {
            framework.completed = done.completed;
        }
        self.frameworks.insert(id.clone(), framework);
    }

    fn read(
        &self,
        framework: &FrameworkId,
        id: &TaskId,
        task: v1::TaskInfo,
        may_launch_executor: Option<bool>,
    ) -> Result<Asked, String> {
        let generated = task.executor.is_none();
        let executor_info = match &task.executor {
            Some(info) => v1::ExecutorInfo { framework_id: Some(framework.to_wire()), ..(**info).clone() },
            None => command_executor::for_task(&self.settings.command_executor, framework, &task)?,
        };
        let executor = ExecutorId::from_wire(&executor_info.executor_id).map_err(|why| why.to_string())?;
        let resources = crate::checks::resources(&task.resources)?;
        let executor_resources = crate::checks::resources(&executor_info.resources)?;
        Ok(Asked {
            framework: framework.clone(),
            task: id.clone(),
            executor,
            info: Arc::new(task),
            resources,
            executor_info,
            executor_resources,
            generated,
            may_launch_executor,
        })
    }

    fn place(&mut self, cx: &mut Cx, asked: Asked) {
        let Some(framework) = self.frameworks.get(&asked.framework) else { return };
        if framework.phase == FrameworkPhase::Terminating {
            cx.log(Fact::warn("task of a framework that shuts down ignored").with("task", &asked.task));
            return;
        }
        let dropped = framework.dropped();
        if self.drain.is_some() {
            let why = "Task was received while agent was already draining";
            let verdict = Verdict::new(dropped, Reason::AgentDraining, why);
            self.report(cx, &asked.framework, &asked.task, None, verdict);
            return self.remove_framework_if_done(cx, &asked.framework);
        }
        if let Some(why) = self.unknown_assets(&asked) {
            let verdict = Verdict::new(dropped, Reason::ResourcesUnknown, why);
            self.report(cx, &asked.framework, &asked.task, None, verdict);
            return self.remove_framework_if_done(cx, &asked.framework);
        }
        let refuse = |why: &str| Verdict::new(dropped, Reason::ExecutorTerminated, why);
        let verdict = match framework.executors.get(&asked.executor) {
            None if asked.may_launch_executor == Some(false) => {
                refuse("No executor is expected to launch and there is no executor running")
            }
            None if self.containers.len() >= limits::EXECUTORS => refuse("Too many executors on this agent"),
            None => return self.run_on_new_executor(cx, asked),
            Some(executor) if !executor.is_alive() => refuse("Executor terminating/terminated"),
            Some(executor) if executor.knows(&asked.task) => {
                cx.log(Fact::warn("task that is already there ignored").with("task", &asked.task));
                return;
            }
            Some(executor)
                if executor.queued.len() + executor.launched.len() >= limits::TASKS_PER_EXECUTOR =>
            {
                refuse("Too many tasks on this executor")
            }
            Some(_) => return self.run_on_executor(cx, asked),
        };
        self.report(cx, &asked.framework, &asked.task, None, verdict);
        self.remove_framework_if_done(cx, &asked.framework);
    }

    /// What a master counts on beyond the flags must be there, above all volumes.
    fn unknown_assets(&self, asked: &Asked) -> Option<&'static str> {
        let total = &self.assets.total;
        let is_known = |resources: &Resources| {
            let kept = resources.checkpointed().unallocated();
            kept.iter().all(|entry| total.contains_entry(&entry.clone().with_copies(1)))
        };
        if !is_known(&asked.resources) {
            return Some(
                "The checkpointed resources being used by the task or task group are unknown to the agent",
            );
        }
        (!is_known(&asked.executor_resources))
            .then_some("The checkpointed resources being used by the executor are unknown to the agent")
    }

    fn run_on_new_executor(&mut self, cx: &mut Cx, asked: Asked) {
        let container = uuid_text(self.uuid());
        let container = ContainerId::root(&container).expect("a UUID is a container id");
        let Some(agent) = self.id.clone() else { return };
        let Asked { framework, executor, .. } = &asked;
        let run = Run {
            agent,
            framework: framework.clone(),
            executor: executor.clone(),
            container: container.clone(),
        };
        let info = Arc::new(asked.executor_info);
        let mut new =
            Executor::new(run.clone(), Arc::clone(&info), asked.generated, asked.executor_resources);
        let queued = Queued { id: asked.task, info: asked.info, resources: asked.resources, ready: true };
        let task = staging_task(&queued, &run);
        new.queued.push(queued);
        let (framework, generated) = (asked.framework, asked.generated);
        let Some(of) = self.frameworks.get_mut(&framework) else { return };
        let checkpoints = of.checkpoints();
        new.checkpointed = checkpoints;
        of.executors.insert(run.executor.clone(), new);
        let (framework_info, pid) = (Arc::clone(&of.info), of.pid.clone());
        self.containers.insert(container, (framework, run.executor.clone()));
        if !checkpoints {
            if self.assets_are_being_written() {
                // Its volume may not be there yet.
                return self.checkpoint_assets(cx, Pending::Launch { run });
            }
            return self.launch(cx, &run);
        }
        // A task whose agent is not on disk could not be found again.
        let agent = self.is_being_written().then(|| Write::Agent(Box::new(self.info.clone())));
        let mut writes: Vec<Write> = agent.into_iter().collect();
        writes.extend([
            Write::Framework { run: run.clone(), info: framework_info, pid },
            Write::Executor { run: run.clone(), info, generated },
            Write::Task { run: run.clone(), task: Box::new(task) },
        ]);
        self.checkpoint(cx, Pending::Launch { run }, writes);
    }

    /// Everything that recovery would need is written: the container may be made.
    pub(crate) fn launch(&mut self, cx: &mut Cx, run: &Run) {
        let timeout = self.settings.executor_registration_timeout;
        let Some(framework) = self.frameworks.get_mut(&run.framework) else { return };
        let info = Arc::clone(&framework.info);
        let Some(executor) = framework.executors.get_mut(&run.executor) else { return };
        if !executor.is_alive() {
            // It was told to end while its checkpoint was being written.
            return self.launch_failed(
                cx,
                &run.framework,
                &run.executor,
                "Killed before it was launched".into(),
            );
        }
        let resources = executor.needs();
        executor.granted = Granted::Launching(resources.clone());
        let task =
            executor.queued.first().filter(|_| executor.generated).map(|queued| Arc::clone(&queued.info));
        let launch = Launch {
            run: run.clone(),
            framework: info,
            executor: Arc::clone(&executor.info),
            task,
            resources,
        };
        cx.log(Fact::info("launching executor").with("executor", run));
        cx.push(Effect::Launch(Box::new(launch)));
        cx.push(Effect::Arm { timer: Timer::Registration(run.container.clone()), after: timeout });
    }

    fn run_on_executor(&mut self, cx: &mut Cx, asked: Asked) {
        let Some(executor) = self.executor_mut(&asked.framework, &asked.executor) else { return };
        let run = executor.run.clone();
        let checkpoints = executor.checkpointed;
        let queued =
            Queued { id: asked.task.clone(), info: asked.info, resources: asked.resources, ready: false };
        let task = Box::new(staging_task(&queued, &run));
        executor.queued.push(queued);
        if !checkpoints {
            if self.assets_are_being_written() {
                return self.checkpoint_assets(cx, Pending::Task { run, task: asked.task });
            }
            return self.task_ready(cx, &run, &asked.task);
        }
        let write = Write::Task { run: run.clone(), task };
        self.checkpoint(cx, Pending::Task { run, task: asked.task }, vec![write]);
    }

    /// The task's checkpoint is written: it may be delivered.
    pub(crate) fn task_ready(&mut self, cx: &mut Cx, run: &Run, task: &TaskId) {
        let Some(executor) = self.executor_mut(&run.framework, &run.executor) else { return };
        if executor.run != *run {
            return;
        }
        // It may have been killed in the meantime.
        let Some(at) = executor.queue_position(task) else { return };
        executor.queued[at].ready = true;
        self.deliver(cx, &run.framework, &run.executor);
    }

    pub(crate) fn task_not_checkpointed(&mut self, cx: &mut Cx, run: &Run, task: &TaskId, why: &str) {
        let executor = self.executor_mut(&run.framework, &run.executor);
        if executor.is_none_or(|executor| executor.run != *run || executor.queue_position(task).is_none()) {
            // It ended while it was being written: with its executor, or by a kill. That was its last word.
            return;
        }
        let verdict = Verdict::new(TaskState::TaskFailed, Reason::ContainerLaunchFailed, why);
        self.report(cx, &run.framework, task, Some(&run.executor), verdict);
    }
}
