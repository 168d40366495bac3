//! The stream of events to one HTTP executor.

use std::time::Duration;

use bytes::Bytes;
use libactor::trace::Cause;
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
    pub client: Client,
}

/// Who reads.
#[derive(Debug)]
pub(crate) struct Client {
    pub framework: String,
    pub executor: String,
    /// Whether events are to say which message they are: a client that asks for it passes it on in `traceparent`.
    pub wants_causes: bool,
}

impl EventStream {
    /// A stream and its reading end: one chunk for each event.
    pub fn new(encoding: Encoding, client: Client) -> (EventStream, mpsc::Receiver<Bytes>) {
        let (chunks, reader) = mpsc::channel(WAITING);
        (EventStream { chunks, encoding, client }, reader)
    }

    pub fn encode(&self, event: &Event) -> Vec<u8> {
        match self.encoding {
            Encoding::Json => json::to_vec(event),
            Encoding::Protobuf => event.encode_to_vec(),
        }
    }

    /// Sends an encoded event, which is the message `cause`. False if the reader is gone or too far behind.
    pub fn send(&self, mut body: Vec<u8>, cause: Cause) -> bool {
        // JSON has no place for it that strict readers would skip.
        if self.client.wants_causes && self.encoding == Encoding::Protobuf {
            cause.append_to(&mut body);
        }
        self.chunks.try_send(recordio::encode(&body)).is_ok()
    }
}

pub(crate) fn heartbeat() -> Event {
    Event { r#type: Some(event::Type::Heartbeat as i32), ..Event::default() }
}
