//! ACKNOWLEDGE: a framework has seen an update. The agent may send the next; an ended task is done with.

use tepui_model::task_state;
use tepui_proto::internal::StatusUpdateAcknowledgementMessage;
use tepui_proto::v1::scheduler::call::Acknowledge;

use crate::changed::TaskStanding;
use crate::cx::Cx;
use crate::effect::ToAgent;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::FrameworkHandle;
use crate::status::task_key;

impl Master {
    pub(crate) fn acknowledge(&mut self, cx: &mut Cx, from: FrameworkHandle, call: Acknowledge) {
        cx.count("master/messages_status_update_acknowledgement");
        let agent =
            self.agents.find(&call.agent_id).filter(|agent| self.agents.registered[*agent].is_active());
        let Some(handle) = agent else {
            let dropped = Fact::warn("acknowledgement dropped, the agent is not connected");
            cx.log(dropped.with("agent", &call.agent_id.value).with("task", &call.task_id.value));
            return cx.count("master/invalid_status_update_acknowledgements");
        };
        let key = task_key(&call.task_id).map(|id| (from, id));
        if let Some(key) = key.filter(|key| self.agents.registered[handle].tasks.contains(key)) {
            let task = &self.frameworks.registered[from].tasks[&key.1];
            let Some((state, uuid)) = task.forwarded() else {
                cx.log(Fact::warn("acknowledgement dropped, nothing was sent").with("task", &key.1));
                return cx.count("master/invalid_status_update_acknowledgements");
            };
            if task_state::is_terminal(state) && *uuid == call.uuid {
                self.remove_task(cx, from, &key.1, TaskStanding::Completed);
            }
        }
        let message = StatusUpdateAcknowledgementMessage {
            slave_id: call.agent_id,
            framework_id: self.frameworks.registered[from].id.to_wire(),
            task_id: call.task_id,
            uuid: call.uuid,
        };
        cx.send(&self.agents.registered[handle].pid, ToAgent::StatusUpdateAcknowledgement(message));
        cx.count("master/valid_status_update_acknowledgements");
    }
}
