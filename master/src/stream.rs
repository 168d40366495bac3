//! One event stream to an HTTP scheduler: the queue between the master and the socket.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use libactor::trace::Cause;
use libactor::{ActorRef, Pid};
use tepui_master_core::Connection;
use tepui_proto::recordio;
use tepui_proto::v1::scheduler::Event;
use tokio::sync::mpsc;

use crate::actor::{MasterActor, NewOutlet, StreamEnded};
use crate::encoding::Encoding;

/// Bytes of events that wait for a slow reader: a hundred thousand updates, or the offers of a whole large cluster. Beyond
/// it the stream is closed: the scheduler subscribes again and reconciles, and the master's memory is not its queue.
const MAX_WAITING: usize = 64 << 20;

/// The master's end.
pub(crate) struct Outlet {
    /// Who reads, as the flight recorder calls it.
    pub(crate) client: Pid,
    encoding: Encoding,
    wants_causes: bool,
    records: mpsc::UnboundedSender<Bytes>,
    waiting: Arc<AtomicUsize>,
}

/// The reader's end, the body of the response. Its drop tells the master that the scheduler is gone.
pub(crate) struct EventStream {
    id: String,
    encoding: Encoding,
    records: mpsc::UnboundedReceiver<Bytes>,
    waiting: Arc<AtomicUsize>,
    connection: Connection,
    master: ActorRef<MasterActor>,
}

/// Makes both ends.
pub(crate) fn open(
    new: NewOutlet,
    client: Pid,
    connection: Connection,
    master: ActorRef<MasterActor>,
) -> (Outlet, EventStream) {
    let (sender, records) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let read = waiting.clone();
    let NewOutlet { id, encoding, wants_causes } = new;
    let stream = EventStream { id, encoding, records, waiting: read, connection, master };
    (Outlet { client, encoding, wants_causes, records: sender, waiting }, stream)
}

impl Outlet {
    pub(crate) fn encode(&self, event: &Event) -> Vec<u8> {
        self.encoding.encode(event)
    }

    /// Queues an encoded event as one record; false if the stream cannot take it and must be closed.
    #[must_use]
    pub(crate) fn send(&self, mut event: Vec<u8>, cause: Cause) -> bool {
        // JSON has no place for it that strict readers would skip.
        if self.wants_causes && self.encoding == Encoding::Protobuf {
            cause.append_to(&mut event);
        }
        let record = recordio::encode(&event);
        let waiting = self.waiting.fetch_add(record.len(), Ordering::Relaxed);
        // One event is taken however large it is: a stream that is read must not be closed for it.
        (waiting == 0 || waiting + record.len() <= MAX_WAITING) && self.records.send(record).is_ok()
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
        let polled = self.records.poll_recv(cx);
        if let Poll::Ready(Some(record)) = &polled {
            self.waiting.fetch_sub(record.len(), Ordering::Relaxed);
        }
        polled
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.master.tell(StreamEnded(self.connection));
    }
}
