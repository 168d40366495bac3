//! A task's life in the master's books: launched, updated, told of, and removed.

use tepui_model::{TaskId, task_state};
use tepui_proto::v1::{self, TaskState, TaskStatus};

use crate::changed::{Changed, TaskStanding};
use crate::counter::Counter;
use crate::cx::Cx;
use crate::effect::Effect;
use crate::events;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::FrameworkHandle;
use crate::status::Verdict;
use crate::task::Task;
use tepui_allocator::{Call, Held};

impl Master {
    /// Adds a task that runs or will run on its agent.
    pub(crate) fn add_task(&mut self, handle: FrameworkHandle, task: Task) {
        let framework = &mut self.frameworks.registered[handle];
        let agent = &mut self.agents.registered[task.agent];
        if task.holds_resources() {
            framework.used += &task.resources;
            agent.used += &task.resources;
        }
        agent.tasks.insert((handle, task.id.clone()));
        self.changes.push(Changed::Task(framework.task_view(&task, TaskStanding::Active)));
        self.changes.frameworks.insert(handle);
        self.changes.agents.insert(task.agent);
        framework.tasks.insert(task.id.clone(), task);
    }

    /// Takes a status into a task's record. `newest` may be ahead of it: the agent tells updates one by one, each when the
    /// one before was acknowledged, and with each the state it knows by now. What the task held is free at its end.
    pub(crate) fn update_task(
        &mut self,
        cx: &mut Cx,
        handle: FrameworkHandle,
        id: &TaskId,
        newest: TaskState,
        status: &TaskStatus,
    ) {
        let framework = &mut self.frameworks.registered[handle];
        let task = framework.tasks.get_mut(id).expect("the caller found it");
        let held = task.holds_resources();
        task.record_status(newest, status);
        cx.log(
            Fact::debug("task updated")
                .with("task", id)
                .with("framework", &framework.id)
                .with("state", task.state().as_str_name())
                .with("status", status.state().as_str_name()),
        );
        let released = held && !task.holds_resources();
        let task = &framework.tasks[id];
        self.changes.push(Changed::Task(framework.task_view(task, TaskStanding::Active)));
        if released {
            self.release_task(cx, handle, id);
            count_end(cx, status);
        }
    }

    fn release_task(&mut self, cx: &mut Cx, handle: FrameworkHandle, id: &TaskId) {
        let framework = &mut self.frameworks.registered[handle];
        let task = &framework.tasks[id];
        let agent = &mut self.agents.registered[task.agent];
        framework.used -= &task.resources;
        agent.used -= &task.resources;
        cx.push(Effect::Allocator(Call::Recover {
            agent: task.agent,
            framework: handle,
            resources: task.resources.clone(),
            held: Held::Used,
            refused: None,
        }));
        self.changes.frameworks.insert(handle);
        self.changes.agents.insert(task.agent);
    }

    /// Takes a task off its agent; its record goes where `to` says. One that did not end gives back what it held.
    pub(crate) fn remove_task(
        &mut self,
        cx: &mut Cx,
        handle: FrameworkHandle,
        id: &TaskId,
        to: TaskStanding,
    ) {
        if self.frameworks.registered[handle].tasks[id].holds_resources() {
            self.release_task(cx, handle, id);
        }
        let framework = &mut self.frameworks.registered[handle];
        let task = framework.tasks.remove(id).expect("the caller found it");
        self.note_relief(task.agent);
        let agent = &mut self.agents.registered[task.agent];
        let key = (handle, task.id.clone());
        agent.tasks.remove(&key);
        agent.killed.remove(&key);
        match to {
            TaskStanding::Completed => self.complete_task(handle, task),
            TaskStanding::Unreachable => self.strand_task(handle, task),
            TaskStanding::Active => unreachable!("a removed task is not active"),
        }
    }

    /// Keeps an ended task for readers.
    pub(crate) fn complete_task(&mut self, handle: FrameworkHandle, task: Task) {
        let framework = &mut self.frameworks.registered[handle];
        self.changes.push(Changed::Task(framework.task_view(&task, TaskStanding::Completed)));
        let forgotten = framework.completed.push(task, self.config.max_completed_tasks_per_framework);
        self.changes.others.extend(forgotten.iter().map(|task| Changed::TaskForgotten(task.record)));
    }

    fn strand_task(&mut self, handle: FrameworkHandle, task: Task) {
        let framework = &mut self.frameworks.registered[handle];
        self.changes.push(Changed::Task(framework.task_view(&task, TaskStanding::Unreachable)));
        let forgotten = framework.unreachable.push(task, self.config.max_unreachable_tasks_per_framework);
        self.changes.others.extend(forgotten.iter().map(|task| Changed::TaskForgotten(task.record)));
    }

    /// Tells a framework of a status; one whose scheduler is away asks later.
    pub(crate) fn tell_status(&mut self, cx: &mut Cx, handle: FrameworkHandle, status: TaskStatus) {
        match self.frameworks.registered[handle].peer() {
            Some(peer) => cx.event(peer, events::update(status)),
            None => cx.log(
                Fact::debug("status not told, the scheduler is away")
                    .with("framework", &self.frameworks.registered[handle].id)
                    .with("task", &status.task_id.value),
            ),
        }
    }

    /// Tells a framework that a task it wanted to launch will never run.
    pub(crate) fn reject_task(
        &mut self,
        cx: &mut Cx,
        handle: FrameworkHandle,
        task: &v1::TaskInfo,
        verdict: &Verdict<'_>,
    ) {
        let status = verdict.about(task.task_id.clone(), Some(task.agent_id.clone()), cx.now);
        count_end(cx, &status);
        self.tell_status(cx, handle, status);
    }
}

fn count_end(cx: &mut Cx, status: &TaskStatus) {
    if task_state::is_terminal(status.state()) {
        cx.push(Effect::Count(Counter::ended(status.state())));
    }
    if status.reason.is_some() {
        let counter = Counter::task_reason(status.state(), status.source(), status.reason());
        cx.push(Effect::Count(counter));
    }
}
