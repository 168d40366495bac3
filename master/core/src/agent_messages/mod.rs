//! What agents say: one file for each message, and here the way to them.

mod executor_to_framework;
mod exited_executor;
mod operation_status;
mod pong;
mod register;
mod reregister;
mod reregister_known;
mod status_update;
mod unregister;
mod update;

#[cfg(test)]
mod tests;

use tepui_proto::v1;

use crate::cx::Cx;
use crate::fact::Fact;
use crate::input::FromAgent;
use crate::master::Master;
use crate::names::{AgentHandle, Pid};

impl Master {
    pub(crate) fn agent_message(&mut self, cx: &mut Cx, from: Pid, message: FromAgent) {
        if !self.is_serving() {
            // Agents repeat themselves until they are answered.
            return cx.count("master/dropped_messages");
        }
        match message {
            FromAgent::Register(message) => self.register(cx, from, *message),
            FromAgent::Reregister(message) => self.reregister(cx, from, *message),
            FromAgent::Unregister(message) => self.unregister(cx, &from, &message),
            FromAgent::Update(message) => self.update_agent(cx, &from, *message),
            FromAgent::StatusUpdate(message) => self.status_update(cx, &from, *message),
            FromAgent::ExitedExecutor(message) => self.exited_executor(cx, &from, &message),
            FromAgent::ExecutorToFramework(message) => self.executor_to_framework(cx, &from, message),
            FromAgent::OperationStatus(message) => self.operation_status(cx, &from, *message),
            FromAgent::Pong(_) => self.pong(&from),
        }
    }

    /// The registered agent a message claims to be from. One that was removed, or speaks from another address than it
    /// registered with, is not believed.
    fn speaker(
        &self,
        cx: &mut Cx,
        from: &Pid,
        id: &v1::AgentId,
        message: &'static str,
    ) -> Option<AgentHandle> {
        let dropped = |why: &str| {
            Fact::warn("message dropped")
                .with("message", message)
                .with("from", from)
                .with("agent", &id.value)
                .with("why", why)
        };
        let Some(handle) = self.agents.find(id) else {
            let was_removed = self.agents.removed.contains(id);
            cx.log(dropped(if was_removed {
                "the agent was removed"
            } else {
                "no such agent is registered"
            }));
            return None;
        };
        if self.agents.registered[handle].pid != *from {
            cx.log(dropped("the agent registered from another address"));
            return None;
        }
        Some(handle)
    }
}
