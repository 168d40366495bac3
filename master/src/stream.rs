//! One event stream to an HTTP scheduler: the queue between the master and the socket.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use libactor::ActorRef;
use tepui_master_core::Connection;
use tepui_proto::recordio;
use tepui_proto::v1::scheduler::Event;
use tokio::sync::mpsc;

use crate::actor::{MasterActor, StreamEnded};
use crate::encoding::Encoding;

/// Events that wait for a slow reader. Beyond it the stream is closed: the scheduler subscribes again and reconciles, and
/// the master's memory is not the scheduler's queue.
const MAX_WAITING: usize = 10_000;

/// The master's end.
pub(crate) struct Outlet {
    encoding: Encoding,
    records: mpsc::Sender<Bytes>,
}

/// The reader's end, the body of the response. Its drop tells the master that the scheduler is gone.
pub(crate) struct EventStream {
    id: String,
    encoding: Encoding,
    records: mpsc::Receiver<Bytes>,
    connection: Connection,
    master: ActorRef<MasterActor>,
}

/// Makes both ends.
pub(crate) fn open(
    id: String,
    encoding: Encoding,
    connection: Connection,
    master: ActorRef<MasterActor>,
) -> (Outlet, EventStream) {
    let (sender, records) = mpsc::channel(MAX_WAITING);
    (Outlet { encoding, records: sender }, EventStream { id, encoding, records, connection, master })
}

impl Outlet {
    /// Queues an event as one record; false if the stream cannot take it and must be closed.
    #[must_use]
    pub(crate) fn send(&self, event: &Event) -> bool {
        self.records.try_send(recordio::encode(&self.encoding.encode(event))).is_ok()
    }
}

impl EventStream {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }
}

/// One record is one chunk of the response: clients in the field depend on it.
impl Stream for EventStream {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.records.poll_recv(cx)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.master.tell(StreamEnded(self.connection));
    }
}
