//! The stream of events to one HTTP executor.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tepui_proto::v1::executor::{Event, event};
use tepui_proto::{json, recordio};
use tokio::sync::mpsc;

use crate::http::Encoding;

/// How often an otherwise silent stream gets an event: Mesos' number.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

/// Events that may wait for a reader. An executor gets one for each of its tasks at once in the worst case it is made for:
/// a thousand tasks; one that is this far behind has stopped reading.
const WAITING: usize = 4096;

/// Its writing end. Dropping it ends the stream after what was sent.
#[derive(Debug)]
pub(crate) struct EventStream {
    chunks: mpsc::Sender<Bytes>,
    encoding: Encoding,
}

impl EventStream {
    /// A stream and its reading end: one chunk for each event.
    pub fn new(encoding: Encoding) -> (EventStream, mpsc::Receiver<Bytes>) {
        let (chunks, reader) = mpsc::channel(WAITING);
        (EventStream { chunks, encoding }, reader)
    }

    /// False if the reader is gone or too far behind.
    pub fn send(&self, event: &Event) -> bool {
        let body = match self.encoding {
            Encoding::Json => json::to_vec(event),
            Encoding::Protobuf => event.encode_to_vec(),
        };
        self.chunks.try_send(recordio::encode(&body)).is_ok()
    }
}

pub(crate) fn heartbeat() -> Event {
    Event { r#type: Some(event::Type::Heartbeat as i32), ..Event::default() }
}
