//! An executor and its tasks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{ExecutorId, Resources, TaskId};
use tepui_proto::v1::{self, TaskState};

use crate::input::Termination;
use crate::limits;
use crate::names::{Peer, Pid};
use crate::run::Run;
use crate::status::{self, Verdict};
use crate::task_limits::TaskLimits;

/// One executor in one container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Executor {
    /// Names it and its container.
    pub run: Run,
    /// What the framework, or the agent itself, asked to run.
    pub info: Arc<v1::ExecutorInfo>,
    /// The agent made it for a task that came without an executor.
    pub generated: bool,
    /// Its own resources, without those of its tasks.
    pub resources: Resources,
    /// Where it stands.
    pub phase: ExecutorPhase,
    /// Its checkpoints exist, or are being written: so are those of its tasks and their updates, behind them.
    pub checkpointed: bool,
    /// It was given a task, in this life of the agent or in an earlier one.
    pub served: bool,
    /// The first process of its container, once there is one.
    pub pid: Option<u32>,
    /// The driver that is to register again: an earlier life of this agent knew it, or its connection was lost.
    pub(crate) to_reconnect: Option<Pid>,
    /// What its container may use.
    pub granted: Granted,
    /// Why it is being destroyed, if we know better than its end will tell.
    pub(crate) verdict: Option<Verdict>,
    /// Not delivered yet, in the order they came.
    pub queued: Vec<Queued>,
    /// Delivered, and not ended as far as anybody may know.
    pub launched: BTreeMap<TaskId, TaskRecord>,
    /// Ended; the last word is not acknowledged.
    pub terminated: BTreeMap<TaskId, TaskRecord>,
    /// Ended and acknowledged, oldest first.
    pub completed: VecDeque<v1::Task>,
    /// It reported on these, which it was never given; their ends are not acknowledged.
    strangers: BTreeSet<TaskId>,
}

/// ```text
///              SUBSCRIBE            shutdown
/// Registering ──────────► Running ──────────► Terminating ──┐
///      │                    │                     │         │ container gone
///      └────────────────────┴─────────────────────┴─────────┴──► Terminated ──last acknowledgement──► (completed)
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ExecutorPhase {
    /// Its container is being made, or it has not called yet.
    Registering,
    /// It has called.
    Running {
        /// How to reach it; `None` while its stream is broken.
        peer: Option<Peer>,
    },
    /// It was told to end, or is being destroyed.
    Terminating {
        /// How to reach it.
        peer: Option<Peer>,
    },
    /// Its container is gone.
    Terminated,
}

/// What a container may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Granted {
    /// Nothing: there is no container yet, and nobody was asked to make it.
    Nothing,
    /// The container is being made, with this much.
    Launching(Resources),
    /// This much.
    Settled(Resources),
    /// This much as soon as the change is done.
    Changing(Resources),
}

/// A task that waits for its executor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Queued {
    /// Its id.
    pub id: TaskId,
    /// What to run.
    pub info: Arc<v1::TaskInfo>,
    /// What it may use.
    pub resources: Resources,
    /// Its checkpoint is written, or need not be.
    pub ready: bool,
}

/// A task that was delivered, or ended before it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskRecord {
    /// What readers and masters see: nothing that is not durable.
    pub task: v1::Task,
    /// What it may use.
    pub resources: Resources,
    /// The newest state we were told, durable or not: what decisions go by.
    pub latest: TaskState,
}

impl Executor {
    pub(crate) fn new(
        run: Run,
        info: Arc<v1::ExecutorInfo>,
        generated: bool,
        resources: Resources,
    ) -> Executor {
        Executor {
            run,
            info,
            generated,
            resources,
            phase: ExecutorPhase::Registering,
            checkpointed: false,
            served: false,
            pid: None,
            to_reconnect: None,
            granted: Granted::Nothing,
            verdict: None,
            queued: Vec::new(),
            launched: BTreeMap::new(),
            terminated: BTreeMap::new(),
            completed: VecDeque::new(),
            strangers: BTreeSet::new(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &ExecutorId {
        &self.run.executor
    }

    /// How to reach it, if it is connected.
    pub fn peer(&self) -> Option<&Peer> {
        match &self.phase {
            ExecutorPhase::Running { peer } | ExecutorPhase::Terminating { peer } => peer.as_ref(),
            ExecutorPhase::Registering | ExecutorPhase::Terminated => None,
        }
    }

    /// Whether new tasks may still be given to it.
    pub fn is_alive(&self) -> bool {
        match self.phase {
            ExecutorPhase::Registering | ExecutorPhase::Running { .. } => true,
            ExecutorPhase::Terminating { .. } | ExecutorPhase::Terminated => false,
        }
    }

    /// Whether it has tasks whose last word is not acknowledged.
    pub fn has_incomplete_tasks(&self) -> bool {
        !(self.queued.is_empty() && self.launched.is_empty() && self.terminated.is_empty())
    }

    /// What its container needs now: its own resources and those of all tasks that have not ended.
    pub fn needs(&self) -> Resources {
        let mut needs = self.resources.clone();
        for queued in self.queued.iter().filter(|queued| queued.ready) {
            needs += &queued.resources;
        }
        for record in self.launched.values().filter(|record| !status::is_terminal(record.latest)) {
            needs += &record.resources;
        }
        needs
    }

    /// What its container may use at most, where its tasks say that this is more than they need.
    pub fn limits(&self) -> TaskLimits {
        let queued = self.queued.iter().filter(|queued| queued.ready);
        let queued = queued.map(|queued| (&queued.resources, &queued.info.limits));
        let launched = self.launched.values().filter(|record| !status::is_terminal(record.latest));
        let launched = launched.map(|record| (&record.resources, &record.task.limits));
        TaskLimits::of(&self.resources, queued.chain(launched))
    }

    pub(crate) fn queue_position(&self, task: &TaskId) -> Option<usize> {
        self.queued.iter().position(|queued| queued.id == *task)
    }

    /// Whether it has, or had, this task in its current run.
    pub(crate) fn knows(&self, task: &TaskId) -> bool {
        self.queue_position(task).is_some()
            || self.launched.contains_key(task)
            || self.terminated.contains_key(task)
            || self.completed.iter().any(|completed| completed.task_id.value == task.as_str())
    }

    /// Whether it may report on this task: always on its own, and on a limited number of others.
    pub(crate) fn may_report(&mut self, task: &TaskId) -> bool {
        if self.strangers.contains(task) || self.knows(task) {
            return true;
        }
        if self.strangers.len() >= limits::STRANGERS_PER_EXECUTOR {
            return false;
        }
        self.strangers.insert(task.clone())
    }

    /// Tasks that have not ended: queued ones first, then delivered ones.
    pub(crate) fn unended_tasks(&self) -> Vec<TaskId> {
        let queued = self.queued.iter().map(|queued| queued.id.clone());
        let launched = self.launched.iter().filter(|(_, record)| !status::is_terminal(record.latest));
        queued.chain(launched.map(|(id, _)| id.clone())).collect()
    }

    /// A task is being delivered.
    pub(crate) fn take(&mut self, queued: Queued) {
        let task = staging_task(&queued, &self.run);
        let record = TaskRecord { task, resources: queued.resources, latest: TaskState::TaskStaging };
        self.launched.insert(queued.id, record);
        self.served = true;
    }

    /// A state was reported: decisions go by it from now on. A queued task that ends without being delivered stops
    /// waiting.
    pub(crate) fn heard(&mut self, task: &TaskId, state: TaskState) {
        if let Some(at) = self.queue_position(task)
            && status::is_terminal(state)
        {
            let queued = self.queued.remove(at);
            let task = staging_task(&queued, &self.run);
            let record = TaskRecord { task, resources: queued.resources, latest: state };
            self.launched.insert(queued.id, record);
            return;
        }
        if let Some(record) = self.launched.get_mut(task)
            && !status::is_terminal(record.latest)
        {
            record.latest = state;
        }
    }

    /// A status is durable: readers may see it. Ended tasks wait for their acknowledgement apart; true if the task became
    /// one of them.
    pub(crate) fn shows(&mut self, task: &TaskId, status: &v1::TaskStatus) -> bool {
        let Some(state) = status::state_of(status) else { return false };
        if let Some(record) = self.launched.get_mut(task) {
            record.append(status);
            record.task.state = state as i32;
            if status::is_terminal(state)
                && let Some(record) = self.launched.remove(task)
            {
                self.terminated.insert(task.clone(), record);
                return true;
            }
        } else if let Some(record) = self.terminated.get_mut(task) {
            record.append(status);
        }
        false
    }

    /// An update of a task was acknowledged: the last one known to have arrived.
    pub(crate) fn acknowledged(&mut self, task: &TaskId, status: &v1::TaskStatus) {
        let record = self.launched.get_mut(task).or_else(|| self.terminated.get_mut(task));
        if let Some(record) = record {
            record.task.status_update_state = Some(status.state);
            record.task.status_update_uuid = status.uuid.clone();
        }
    }

    /// The last word about a task was acknowledged. True if it was waiting for that.
    pub(crate) fn complete(&mut self, task: &TaskId) -> bool {
        self.strangers.remove(task);
        let Some(record) = self.terminated.remove(task) else { return false };
        if self.completed.len() >= limits::COMPLETED_TASKS {
            self.completed.pop_front();
        }
        self.completed.push_back(record.task);
        true
    }

    /// What becomes of its tasks now that its container is gone.
    pub(crate) fn verdict_of_end(&self, end: &Termination) -> Verdict {
        use v1::task_status::Reason;
        let known = self.verdict.as_ref();
        let state = end.state.or(known.map(|known| known.state)).unwrap_or(TaskState::TaskFailed);
        let reason = end.reason.or(known.map(|known| known.reason)).unwrap_or(Reason::ExecutorTerminated);
        let messages = [end.message.as_deref(), known.map(|known| known.message.as_str())];
        let message = messages
            .into_iter()
            .flatten()
            .filter(|message| !message.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
        Verdict { state, reason, message, limited: end.limited.clone() }
    }
}

impl TaskRecord {
    /// Keeps the last status of each run of equal states, without its data: what Mesos keeps.
    fn append(&mut self, status: &v1::TaskStatus) {
        let status = v1::TaskStatus { data: None, ..status.clone() };
        match self.task.statuses.last_mut() {
            Some(last) if last.state == status.state => *last = status,
            _ => self.task.statuses.push(status),
        }
    }
}

/// The record of a task that was not heard of yet.
pub(crate) fn staging_task(queued: &Queued, run: &Run) -> v1::Task {
    let info = &*queued.info;
    let command =
        info.executor.as_ref().and_then(|executor| executor.command.as_ref()).or(info.command.as_ref());
    v1::Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: run.framework.to_wire(),
        // Mesos leaves it out for tasks whose executor the agent made.
        executor_id: info.executor.as_ref().map(|executor| executor.executor_id.clone()),
        agent_id: info.agent_id.clone(),
        state: TaskState::TaskStaging as i32,
        resources: info.resources.clone(),
        labels: info.labels.clone(),
        discovery: info.discovery.clone(),
        container: info.container.clone(),
        health_check: info.health_check.clone(),
        kill_policy: info.kill_policy,
        user: command.and_then(|command| command.user.clone()),
        limits: info.limits.clone(),
        ..v1::Task::default()
    }
}
