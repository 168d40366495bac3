//! KILL: a task is to end. The agent does it; the framework learns of it by an update.

use tepui_proto::internal::KillTaskMessage;
use tepui_proto::v1::scheduler::call::{Kill, reconcile};

use crate::cx::Cx;
use crate::effect::ToAgent;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::FrameworkHandle;
use crate::status::task_key;

impl Master {
    pub(crate) fn kill(&mut self, cx: &mut Cx, from: FrameworkHandle, call: Kill) {
        cx.count("master/messages_kill_task");
        let framework = &self.frameworks.registered[from];
        let task = task_key(&call.task_id).and_then(|id| framework.tasks.get(&id));
        let Some(task) = task else {
            // The framework asks for something that has ended, or never was: it is told which.
            let question = reconcile::Task { task_id: call.task_id, agent_id: call.agent_id };
            return self.reconcile(cx, from, &[question]);
        };
        let on = &task.message.agent_id;
        if call.agent_id.as_ref().is_some_and(|named| named != on) {
            let dropped = Fact::warn("kill dropped, the task is on another agent");
            return cx.log(dropped.with("task", &task.id).with("agent", &on.value));
        }
        let (key, handle) = ((from, task.id.clone()), task.agent);
        let message = KillTaskMessage {
            framework_id: framework.id.to_wire(),
            task_id: call.task_id,
            kill_policy: call.kill_policy,
        };
        let agent = &mut self.agents.registered[handle];
        // Asked for again, should the agent come back with the task still running.
        agent.killed.insert(key);
        if agent.is_active() {
            cx.send(&agent.pid, ToAgent::KillTask(message));
        }
    }
}
