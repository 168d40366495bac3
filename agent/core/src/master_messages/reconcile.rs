//! `ReconcileTasksMessage`: the master believes these tasks to be here.

use tepui_model::{FrameworkId, TaskId};
use tepui_proto::internal::ReconcileTasksMessage;
use tepui_proto::v1::TaskState;
use tepui_proto::v1::task_status::Reason;

use crate::agent::Agent;
use crate::cx::Cx;
use crate::status::{self, Verdict};

impl Agent {
    /// Silence means "yes, it is here": its updates say the rest. What is not here is reported as such.
    pub(crate) fn reconcile(&mut self, cx: &mut Cx, message: &ReconcileTasksMessage) {
        let Ok(framework) = FrameworkId::from_wire(&message.framework_id) else { return };
        let state = message.framework.as_deref().map_or(TaskState::TaskLost, status::dropped);
        for told in &message.statuses {
            let Ok(task) = TaskId::from_wire(&told.task_id) else { continue };
            if self.has_task(&framework, &task) {
                continue;
            }
            let why = "Reconciliation: task unknown to the agent";
            let verdict = Verdict::new(state, Reason::Reconciliation, why);
            self.report(cx, &framework, &task, None, verdict);
        }
    }

    fn has_task(&self, framework: &FrameworkId, task: &TaskId) -> bool {
        let here = self
            .frameworks
            .get(framework)
            .is_some_and(|framework| framework.executors.values().any(|executor| executor.knows(task)));
        here || self.updates.is_waiting(&(framework.clone(), task.clone()))
    }
}
