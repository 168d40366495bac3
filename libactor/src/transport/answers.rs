//! What goes back to a peer on the connection that it dialled: answers, news of watched actors, notes.
//!
//! Who has something to say on an idle connection writes it at once, from its own thread: to wake another one takes longer than
//! all else. What comes soon after it, or is not taken whole, waits in a queue, which the connection's own task writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::time::Timestamp;
use crate::transport::outbox::{DIRECT_BYTES, DIRECT_PAUSE};
use crate::transport::socket::PlainWriter;

/// Bytes of small frames that make one write.
const WRITTEN_TOGETHER: usize = 64 << 10;

/// For those who have something to say.
#[derive(Clone)]
pub(crate) struct Answers {
    queue: mpsc::Sender<Bytes>,
    idle: Arc<Mutex<Idle>>,
}

/// For the one that writes.
pub(crate) struct Answered {
    queue: mpsc::Receiver<Bytes>,
    idle: Arc<Mutex<Idle>>,
    writer: Option<PlainWriter>,
}

#[derive(Default)]
struct Idle {
    // There while the queue is empty and its task writes nothing.
    writer: Option<PlainWriter>,
    // Until then no frame is written at once.
    quiet_until: Timestamp,
}

/// A queue of so many frames. `writer`: none if nobody but the task can write.
pub(crate) fn answers(places: usize, writer: Option<PlainWriter>) -> (Answers, Answered) {
    let (send, receive) = mpsc::channel(places);
    let idle: Arc<Mutex<Idle>> = Arc::default();
    (Answers { queue: send, idle: idle.clone() }, Answered { queue: receive, idle, writer })
}

impl Answers {
    /// Writes a frame, or queues it.
    ///
    /// # Errors
    /// The queue is full, or the connection has ended.
    pub(crate) fn send(&self, mut frame: Bytes, now: Timestamp) -> Result<(), TrySendError<Bytes>> {
        // Held until the frame is in its place, so that another does not come in between.
        let mut idle = lock(&self.idle);
        let may_write = now >= idle.quiet_until && frame.len() <= DIRECT_BYTES;
        idle.quiet_until = now + DIRECT_PAUSE;
        if may_write && let Some(writer) = &idle.writer {
            // What is wrong with the connection is found by its task.
            let written = writer.try_write(&frame).unwrap_or(0);
            if written == frame.len() {
                return Ok(());
            }
            frame.advance(written);
        }
        idle.writer = None;
        self.queue.try_send(frame)
    }

    /// How many frames more the queue takes.
    pub(crate) fn room(&self) -> usize {
        self.queue.capacity()
    }
}

impl Answered {
    /// Puts the next frames into `buffer`, as soon as there are some. False once no more can come.
    pub(crate) async fn next(&mut self, buffer: &mut BytesMut) -> bool {
        self.rests();
        let Some(first) = self.queue.recv().await else { return false };
        buffer.extend_from_slice(&first);
        drop(first);
        while buffer.len() < WRITTEN_TOGETHER
            && let Ok(frame) = self.queue.try_recv()
        {
            buffer.extend_from_slice(&frame);
        }
        true
    }

    /// Nothing is written here for now.
    fn rests(&self) {
        let mut idle = lock(&self.idle);
        if self.queue.is_empty() {
            idle.writer = self.writer.clone();
        }
    }

    /// Something else is written. False if a frame waits, of which a part may be written already.
    pub(crate) fn pauses(&self) -> bool {
        let mut idle = lock(&self.idle);
        idle.writer = None;
        self.queue.is_empty()
    }

    /// Takes no more in.
    pub(crate) fn close(&mut self) {
        self.queue.close();
    }
}

/// The connection is over, though some may keep what they could answer with.
impl Drop for Answered {
    fn drop(&mut self) {
        lock(&self.idle).writer = None;
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
