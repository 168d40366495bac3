//! `RunTaskGroupMessage`: refused, because there is no default executor yet.

use tepui_model::{FrameworkId, TaskId};
use tepui_proto::internal::RunTaskGroupMessage;
use tepui_proto::v1::TaskState;
use tepui_proto::v1::task_status::Reason;

use crate::agent::Agent;
use crate::cx::Cx;
use crate::fact::Fact;
use crate::status::Verdict;

impl Agent {
    /// Masters refuse groups themselves; one that does not gets an error for each task.
    pub(crate) fn run_task_group(&mut self, cx: &mut Cx, message: &RunTaskGroupMessage) {
        let Some(Ok(framework)) = message.framework.id.as_ref().map(FrameworkId::from_wire) else {
            cx.log(Fact::warn("task group without a framework ignored"));
            return;
        };
        for task in &message.task_group.tasks {
            let Ok(id) = TaskId::from_wire(&task.task_id) else { continue };
            let why = "Task groups are not supported by this agent: launch the tasks one by one";
            let verdict = Verdict::new(TaskState::TaskError, Reason::TaskGroupInvalid, why);
            self.report(cx, &framework, &id, None, verdict);
        }
    }
}
