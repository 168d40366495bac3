//! `StatusUpdateAcknowledgementMessage`: a scheduler has seen an update.

use bytes::Bytes;
use tepui_model::{ExecutorId, FrameworkId, TaskId};
use tepui_proto::internal::status_update_record::Type;
use tepui_proto::internal::{StatusUpdateAcknowledgementMessage, StatusUpdateRecord};

use crate::agent::{Agent, Pending};
use crate::cx::Cx;
use crate::effect::Write;
use crate::fact::Fact;
use crate::names::UpdateId;
use crate::run::Run;
use crate::updates::{Acknowledging, StreamKey};

/// What is appended to `task.updates`.
pub(crate) fn ack_record(run: &Run, task: &TaskId, id: UpdateId) -> Write {
    let uuid = Some(Bytes::copy_from_slice(&id.0));
    let record = StatusUpdateRecord { r#type: Type::Ack as i32, update: None, uuid };
    Write::Update { run: run.clone(), task: task.clone(), record: Box::new(record) }
}

impl Agent {
    pub(crate) fn acknowledge(&mut self, cx: &mut Cx, message: &StatusUpdateAcknowledgementMessage) {
        let ids = (FrameworkId::from_wire(&message.framework_id), TaskId::from_wire(&message.task_id));
        let (Ok(framework), Ok(task), Some(id)) = (ids.0, ids.1, UpdateId::from_bytes(&message.uuid)) else {
            cx.log(Fact::warn("malformed acknowledgement ignored").with("task", &message.task_id.value));
            return;
        };
        let key: StreamKey = (framework, task);
        match self.updates.acknowledge(&key, id) {
            Acknowledging::Ignored => {
                cx.log(
                    Fact::warn("unexpected acknowledgement ignored")
                        .with("task", &key.1)
                        .with("uuid", format!("{id:?}")),
                );
            }
            Acknowledging::Ready => self.acknowledged(cx, &key, id),
            Acknowledging::Write(run) => {
                let write = ack_record(&run, &key.1, id);
                self.checkpoint(cx, Pending::Acknowledgement { key, id, run }, vec![write]);
            }
        }
    }

    /// The acknowledgement will not be forgotten: on to the next update. After a task's last word, its executor may be
    /// done.
    pub(crate) fn acknowledged(&mut self, cx: &mut Cx, key: &StreamKey, id: UpdateId) {
        let Some(done) = self.updates.acknowledged(cx, key, id) else { return };
        let (framework, task) = key;
        let Some(found) = self.frameworks.get_mut(framework) else { return };
        found.executors.values_mut().for_each(|executor| executor.acknowledged(task, &done.update.status));
        if !done.ended {
            return;
        }
        let of_task = found
            .executors
            .values_mut()
            .filter_map(|executor| executor.complete(task).then(|| executor.id().clone()));
        let executors: Vec<ExecutorId> = of_task.collect();
        for executor in &executors {
            self.remove_if_done(cx, framework, executor);
        }
    }
}
