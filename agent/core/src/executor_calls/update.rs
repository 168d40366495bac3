//! UPDATE: the state of a task.

use tepui_model::{ExecutorId, FrameworkId};
use tepui_proto::v1::executor::Call;

use crate::agent::Agent;
use crate::cx::Cx;
use crate::fact::Fact;

impl Agent {
    pub(crate) fn update(&mut self, cx: &mut Cx, framework: &FrameworkId, executor: &ExecutorId, call: Call) {
        let Some(update) = call.update else { return };
        let told = update.status.agent_id.as_ref().map(|agent| agent.value.as_str());
        let own = self.id.as_ref().map(tepui_model::Id::as_str);
        // Left out by some executors, which is as good as right; empty comes from those that print every field.
        if told.is_some_and(|told| !told.is_empty() && Some(told) != own) {
            self.counters.invalid_status_updates += 1;
            let told = told.unwrap_or_default();
            cx.log(
                Fact::warn("update that names another agent dropped")
                    .with("executor", executor)
                    .with("agent", told),
            );
            return;
        }
        self.executor_update(cx, framework, executor, update.status);
    }
}
