//! StatusUpdate: something happened to a task. The framework is told and acknowledges; the books are changed at once.

use tepui_proto::internal::StatusUpdateMessage;
use tepui_proto::v1::{self, TaskState};

use crate::cx::Cx;
use crate::events;
use crate::fact::Fact;
use crate::master::Master;
use crate::names::Pid;
use crate::status::task_key;
use crate::validation::call::check_uuid;

impl Master {
    pub(crate) fn status_update(&mut self, cx: &mut Cx, from: &Pid, message: StatusUpdateMessage) {
        cx.count("master/messages_status_update");
        let update = message.update;
        let agent_id = update.slave_id.clone().unwrap_or_default();
        let Some(agent) = self.speaker(cx, from, &agent_id, "StatusUpdateMessage") else {
            return cx.count("master/invalid_status_updates");
        };
        let uuid = update.uuid.clone().unwrap_or_default();
        if let Err(why) = check_uuid(&uuid) {
            cx.log(Fact::warn("status update dropped").with("from", from).with("why", why));
            return cx.count("master/invalid_status_updates");
        }
        let newest = update.latest_state.and_then(|state| TaskState::try_from(state).ok());
        let newest = newest.unwrap_or(update.status.state());
        let status = completed(update.status, &agent_id, update.executor_id, uuid.clone(), update.timestamp);

        let framework = self.frameworks.find(&update.framework_id.value);
        let task = task_key(&status.task_id);
        let Some((framework, task)) = framework.zip(task) else {
            return cx.count("master/invalid_status_updates");
        };
        // A task of this id may run on another agent: what this one says is told, and changes nothing there.
        let is_known = self.agents.registered[agent].tasks.contains(&(framework, task.clone()));
        let peer = self.frameworks.registered[framework].peer();
        let is_told = peer.is_some();
        if let Some(peer) = peer {
            let known = self.frameworks.registered[framework].tasks.get_mut(&task);
            if let Some(known) = known.filter(|_| is_known) {
                known.set_forwarded(status.state(), uuid);
            }
            cx.event(peer, events::update(status.clone()));
        }
        if is_known {
            self.update_task(cx, framework, &task, newest, &status);
        }
        let is_valid = is_told && is_known;
        cx.count(if is_valid { "master/valid_status_updates" } else { "master/invalid_status_updates" });
    }
}

/// The status with the envelope's fields filled in, as the framework gets it.
fn completed(
    mut status: v1::TaskStatus,
    agent: &v1::AgentId,
    executor: Option<v1::ExecutorId>,
    uuid: bytes::Bytes,
    timestamp: f64,
) -> v1::TaskStatus {
    status.agent_id.get_or_insert_with(|| agent.clone());
    if status.executor_id.is_none() {
        status.executor_id = executor;
    }
    status.timestamp.get_or_insert(timestamp);
    status.uuid = Some(uuid);
    status
}
