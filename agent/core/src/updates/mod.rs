//! The status-update manager: at-least-once delivery of every task's updates to its scheduler, in order.
//!
//! Apart because it is a machine of its own: it knows streams of updates and nothing of executors or containers. An
//! update is durable before anybody hears of it, only the oldest of a task is in flight, and it is sent again after 10 s,
//! 20 s, … up to 10 min until the scheduler's acknowledgement arrives. While no master listens, it waits.

mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{FrameworkId, TaskId};
use tepui_proto::internal::{StatusUpdate, StatusUpdateMessage};
use tepui_proto::v1::TaskState;

use crate::cx::Cx;
use crate::effect::{Effect, ToMaster};
use crate::names::{Pid, Timer, UpdateId};
use crate::recovery::RecoveredTask;
use crate::run::Run;
use crate::status;
use stream::Stream;
pub use stream::{Acknowledged, Arrival};

/// Names a stream.
pub type StreamKey = (FrameworkId, TaskId);

/// All streams of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Updates {
    /// Us: where acknowledgements are to go.
    pid: Pid,
    /// Who listens; nothing is sent without.
    master: Option<Pid>,
    streams: BTreeMap<StreamKey, Stream>,
}

/// What is to be done about an acknowledgement.
#[derive(Debug, Clone, PartialEq)]
pub enum Acknowledging {
    /// It does not name the update in flight: nothing.
    Ignored,
    /// Write it down here, then call [`Updates::acknowledged`].
    Write(Run),
    /// Nothing to write: call [`Updates::acknowledged`].
    Ready,
}

impl Updates {
    pub(crate) fn new(pid: Pid) -> Updates {
        Updates { pid, master: None, streams: BTreeMap::new() }
    }

    /// An update arrives. If it is new, it must be written where the stream's updates go (`run` decides that for a new
    /// stream) and then be given to [`Updates::stored`].
    pub(crate) fn arrive(&mut self, key: &StreamKey, id: UpdateId, ends: bool, run: Option<Run>) -> Arrival {
        let stream = self.streams.entry(key.clone()).or_insert_with(|| Stream::new(run));
        stream.expect(id, ends)
    }

    /// Where the updates of a task are checkpointed.
    pub(crate) fn run_of(&self, key: &StreamKey) -> Option<Run> {
        self.streams.get(key).and_then(|stream| stream.run.clone())
    }

    /// The update is durable, or need not be: it takes its place, and is sent if it is the first.
    pub(crate) fn stored(&mut self, cx: &mut Cx, key: &StreamKey, id: UpdateId, update: Arc<StatusUpdate>) {
        // The framework may have been shut down while its update was being written.
        let Some(stream) = self.streams.get_mut(key) else { return };
        if stream.store(id, update) {
            self.send_head(cx, key);
        }
    }

    pub(crate) fn acknowledge(&mut self, key: &StreamKey, id: UpdateId) -> Acknowledging {
        let Some(stream) = self.streams.get_mut(key) else { return Acknowledging::Ignored };
        if !stream.acknowledging(id) {
            return Acknowledging::Ignored;
        }
        stream.run.clone().map_or(Acknowledging::Ready, Acknowledging::Write)
    }

    /// The acknowledgement is durable, or need not be: the head leaves and the next one is sent. A stream ends with the
    /// acknowledgement of what ended its task.
    pub(crate) fn acknowledged(
        &mut self,
        cx: &mut Cx,
        key: &StreamKey,
        id: UpdateId,
    ) -> Option<Acknowledged> {
        let stream = self.streams.get_mut(key)?;
        let acknowledged = stream.acknowledge(id)?;
        if acknowledged.ended && stream.is_idle() {
            self.streams.remove(key);
        } else {
            self.send_head(cx, key);
        }
        Some(acknowledged)
    }

    /// Nobody listens any more.
    pub(crate) fn pause(&mut self) {
        self.master = None;
    }

    /// A master listens: it gets every head, now.
    pub(crate) fn resume(&mut self, cx: &mut Cx, master: Pid) {
        self.master = Some(master);
        for stream in self.streams.values_mut() {
            stream.start_over();
        }
        let keys: Vec<StreamKey> = self.streams.keys().cloned().collect();
        for key in keys {
            self.send_head(cx, &key);
        }
    }

    /// [`Timer::Retry`] is due.
    pub(crate) fn retry(&mut self, cx: &mut Cx, key: &StreamKey, generation: u64) {
        if self.streams.get(key).is_some_and(|stream| stream.is_generation(generation)) {
            self.send_head(cx, key);
        }
    }

    fn send_head(&mut self, cx: &mut Cx, key: &StreamKey) {
        let Some(master) = self.master.clone() else { return };
        let Some(stream) = self.streams.get_mut(key) else { return };
        let Some((_, head)) = stream.head() else { return };
        let latest_state = stream.latest_state().map(|state| state as i32);
        let update = StatusUpdate { latest_state, ..StatusUpdate::clone(head) };
        let message = StatusUpdateMessage { update, pid: Some(self.pid.to_string()) };
        cx.push(Effect::Master { to: master, message: ToMaster::StatusUpdate(Box::new(message)) });
        let (generation, after) = stream.sent();
        let (framework, task) = key.clone();
        cx.push(Effect::Arm { timer: Timer::Retry { framework, task, generation }, after });
    }

    /// The framework is being shut down: nobody will acknowledge.
    pub(crate) fn forget(&mut self, framework: &FrameworkId) {
        self.streams.retain(|(of, _), _| of != framework);
    }

    /// Replays what an earlier life wrote. Gives the states the task went through, and whether all of them were
    /// acknowledged up to its end.
    pub(crate) fn recover(&mut self, key: StreamKey, run: Run, task: &RecoveredTask) -> Replay {
        use tepui_proto::internal::status_update_record::Type;
        let mut stream = Stream::new(Some(run));
        let mut replay = Replay::default();
        for record in &task.records {
            match (record.r#type(), &record.update) {
                (Type::Update, Some(update)) => {
                    let Some(id) = update.uuid.as_deref().and_then(UpdateId::from_bytes) else { continue };
                    let update: Arc<StatusUpdate> = Arc::new((**update).clone());
                    replay.updates.push(Arc::clone(&update));
                    stream.store(id, update);
                }
                (Type::Ack, _) => {
                    let Some(id) = record.uuid.as_deref().and_then(UpdateId::from_bytes) else { continue };
                    replay.ended |= stream.acknowledge(id).is_some_and(|head| head.ended);
                }
                (Type::Update, None) => {}
            }
        }
        replay.ended &= stream.is_idle();
        if !replay.ended && !replay.updates.is_empty() {
            self.streams.insert(key, stream);
        }
        replay
    }

    /// What is in flight for a task: its state and identity.
    pub fn in_flight(&self, key: &StreamKey) -> Option<(TaskState, UpdateId)> {
        let (id, update) = self.streams.get(key)?.head()?;
        Some((status::state_of(&update.status)?, id))
    }

    /// Whether a task has updates that somebody must still acknowledge, or that are being written.
    pub fn is_waiting(&self, key: &StreamKey) -> bool {
        self.streams.get(key).is_some_and(|stream| !stream.is_idle())
    }

    /// Whether exactly one update of a task is given to the disk or waits to be.
    pub(crate) fn is_writing_one(&self, key: &StreamKey) -> bool {
        self.streams.get(key).is_some_and(|stream| stream.writing() == 1)
    }

    /// Number of tasks with a stream.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}

/// What a replay found.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub updates: Vec<Arc<StatusUpdate>>,
    /// The last word about the task was acknowledged.
    pub ended: bool,
}
