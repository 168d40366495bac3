//! Recording the core: the tape runs while somebody reads it over HTTP.

use libactor::{Context, Handler, Message};
use tepui_model::Time;
use tepui_recording::{Busy, Limits, Records, Why};

use crate::actor::AgentActor;

/// Begins a recording.
pub(crate) struct Record(pub(crate) Limits);

/// Ends it, if there is one.
pub(crate) struct EndRecording;

/// The time of this recording is up.
pub(crate) struct RecordingOver(u64);

impl Message for Record {
    type Reply = Result<Records, Busy>;
}
impl Message for EndRecording {
    type Reply = ();
}
impl Message for RecordingOver {
    type Reply = ();
}

impl Handler<Record> for AgentActor {
    fn handle(&mut self, cx: &mut Context<Self>, Record(limits): Record) -> Result<Records, Busy> {
        let now = Time::from_nanos(cx.now().as_nanos());
        let records = self.tape.begin(&self.core, &cx.me().to_string(), now, limits)?;
        tracing::info!(seconds = limits.time.as_secs(), "a recording begins");
        cx.after(limits.time, RecordingOver(records.number));
        Ok(records)
    }
}

impl Handler<EndRecording> for AgentActor {
    fn handle(&mut self, _cx: &mut Context<Self>, EndRecording: EndRecording) {
        self.tape.end(&self.core, Why::Asked);
    }
}

impl Handler<RecordingOver> for AgentActor {
    fn handle(&mut self, _cx: &mut Context<Self>, RecordingOver(number): RecordingOver) {
        self.tape.time_is_up(&self.core, number);
    }
}
