//! RECONCILE: a framework asks how its tasks are: all that the master knows of, or those it names.

use tepui_model::task_state;
use tepui_proto::v1::scheduler::call::reconcile;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{TaskState, TaskStatus};

use crate::agents::Whereabouts;
use crate::cx::Cx;
use crate::events;
use crate::fact::Fact;
use crate::frameworks::Framework;
use crate::master::Master;
use crate::names::FrameworkHandle;
use crate::status::{Verdict, task_key};
use crate::task::Task;

impl Master {
    pub(crate) fn reconcile(&mut self, cx: &mut Cx, from: FrameworkHandle, tasks: &[reconcile::Task]) {
        cx.count("master/messages_reconcile_tasks");
        let framework = &self.frameworks.registered[from];
        let Some(peer) = framework.peer() else { return };
        let answers: Vec<TaskStatus> = if tasks.is_empty() {
            framework.tasks.values().map(|task| how_it_is(cx, task)).collect()
        } else {
            tasks.iter().filter_map(|task| self.answer(cx, framework, task)).collect()
        };
        for status in answers {
            cx.event(peer.clone(), events::update(status));
        }
    }

    /// The first rule that fits. No answer while an agent that may have the task is not back yet: the framework asks again.
    fn answer(&self, cx: &mut Cx, framework: &Framework, question: &reconcile::Task) -> Option<TaskStatus> {
        let known = task_key(&question.task_id).and_then(|id| framework.tasks.get(&id));
        if let Some(task) = known {
            return Some(how_it_is(cx, task));
        }
        let agent = question.agent_id.as_ref();
        let whereabouts = match agent {
            Some(id) => self.whereabouts(id),
            None if self.agents.recovered.is_empty() => Whereabouts::Unknown,
            None => Whereabouts::Recovered,
        };
        let (state, message) = match whereabouts {
            Whereabouts::Recovered => {
                let task = &question.task_id.value;
                cx.log(Fact::debug("reconciliation waits for agents to come back").with("task", task));
                return None;
            }
            Whereabouts::Registered => (TaskState::TaskGone, "Reconciliation: Task is unknown to the agent"),
            Whereabouts::Unreachable => (TaskState::TaskUnreachable, "Reconciliation: Task is unreachable"),
            Whereabouts::Gone => (TaskState::TaskGoneByOperator, "Reconciliation: Task is gone"),
            Whereabouts::Unknown => (TaskState::TaskUnknown, "Reconciliation: Task is unknown"),
        };
        let state = if framework.is_partition_aware() {
            state
        } else {
            task_state::without_partition_awareness(state)
        };
        let verdict = Verdict { state, reason: Reason::Reconciliation, message };
        let mut status = verdict.about(question.task_id.clone(), question.agent_id.clone(), cx.now);
        if whereabouts == Whereabouts::Unreachable {
            status.unreachable_time = agent.and_then(|id| self.unreachable_since(id)).map(Into::into);
        }
        Some(status)
    }
}

fn how_it_is(cx: &Cx, task: &Task) -> TaskStatus {
    let message = "Reconciliation: Latest task state";
    task.described(&Verdict { state: task.told_state(), reason: Reason::Reconciliation, message }, cx.now)
}
