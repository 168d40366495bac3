//! What waits to be written to one peer: frames one after the other, as they will stand on the wire.
//!
//! Senders write straight into it, from their own threads; whoever writes to the socket takes what has gathered meanwhile. So a
//! busy link writes much at once, and an idle one at once. A message that comes to an idle link is even written by its sender: to wake
//! another thread takes longer than all else.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::time::Timestamp;
use crate::trace::MessageId;
use crate::transport::peer::Spoken;
use crate::transport::socket::PlainWriter;

/// Frames that are put into one write, in bytes. More than the kernel takes at once gains nothing.
const CHUNK: usize = 64 << 10;

/// Chunks that a link keeps for later which was busy a moment ago: as much as a peer reads in a few milliseconds.
const SPARE: usize = 32;

/// The most that a sender writes itself.
pub(super) const DIRECT_BYTES: usize = 16 << 10;

/// How long nothing may have been said before such a write: what comes sooner after another is put together with what follows, and
/// written by the thread of the sockets, so that who says much pays for few writes. As long as it takes to wake a thread, twice.
pub(super) const DIRECT_PAUSE: Duration = Duration::from_micros(50);

/// What a message costs besides its bytes while it waits: its id.
const ID_BYTES: usize = size_of::<MessageId>();

pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    chunks: VecDeque<Chunk>,
    // What the last message of the last chunk said.
    spoken: Spoken,
    // In the chunks and in the one that is being written.
    bytes: usize,
    ended: bool,
    // The writer has nothing to do and waits to be told.
    asleep: bool,
    // For who finds the writer asleep; none before the connection is there, or if it is encrypted.
    direct: Option<PlainWriter>,
    // Until then a sender does not write itself.
    quiet_until: Timestamp,
    // Empty ones that were written, so that their memory serves again, until the link rests.
    spare: Vec<Chunk>,
}

/// Whole frames.
#[derive(Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    /// The messages among the frames.
    messages: Vec<MessageId>,
}

/// Why nothing more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Ended,
    /// More waits than is allowed.
    Full,
}

/// Cuts a frame off again that was not written to its end, because its message panicked: the frames of others follow it.
struct Whole<'a> {
    bytes: &'a mut Vec<u8>,
    length: usize,
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.length);
    }
}

impl Chunk {
    fn cost(&self) -> usize {
        self.bytes.len() + self.messages.len() * ID_BYTES
    }
}

impl Outbox {
    pub(crate) fn new() -> Outbox {
        Outbox { waiting: Mutex::default(), filled: Notify::new() }
    }

    /// Adds the frame of a message, of at most `size` bytes, which `write` writes, given what was said before it. What is beyond
    /// `limit` before it, is refused.
    pub(crate) fn message(
        &self,
        id: MessageId,
        now: Timestamp,
        size: usize,
        limit: usize,
        write: impl FnOnce(&mut Vec<u8>, &mut Spoken),
    ) -> Result<(), Refusal> {
        if size >= CHUNK {
            // Others do not wait while it is written, and nothing copies it again.
            let (mut bytes, mut spoken) = (Vec::with_capacity(size), Spoken::default());
            write(&mut bytes, &mut spoken);
            return self.add(limit, None, |waiting| {
                waiting.spoken = spoken;
                waiting.chunks.push_back(Chunk { bytes, messages: vec![id] });
            });
        }
        self.add(limit, Some(now), |waiting| {
            let mut spoken = std::mem::take(&mut waiting.spoken);
            let chunk = waiting.last();
            let whole = Whole { length: chunk.bytes.len(), bytes: &mut chunk.bytes };
            // If its message panics, the next one says everything.
            write(whole.bytes, &mut spoken);
            std::mem::forget(whole);
            chunk.messages.push(id);
            waiting.spoken = spoken;
        })
    }

    /// Adds a frame that is no message of an actor. What is beyond `limit` before it, is refused.
    pub(crate) fn control(&self, frame: &[u8], limit: usize) -> Result<(), Refusal> {
        self.add(limit, None, |waiting| waiting.last().bytes.extend_from_slice(frame))
    }

    /// `now`: if the sender may write what it puts there.
    fn add(
        &self,
        limit: usize,
        now: Option<Timestamp>,
        put: impl FnOnce(&mut Waiting),
    ) -> Result<(), Refusal> {
        let mut waiting = self.lock();
        if waiting.ended {
            return Err(Refusal::Ended);
        }
        if waiting.bytes > limit {
            return Err(Refusal::Full);
        }
        let before = waiting.chunks.back().map_or(0, Chunk::cost);
        let count = waiting.chunks.len();
        put(&mut waiting);
        let after = waiting.chunks.back().map_or(0, Chunk::cost);
        waiting.bytes += if waiting.chunks.len() == count { after - before } else { after };
        let quiet_until = waiting.quiet_until;
        if let Some(now) = now {
            waiting.quiet_until = now + DIRECT_PAUSE;
            if waiting.asleep && now >= quiet_until && waiting.write_now() {
                return Ok(());
            }
        }
        let wake = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// What is to be written next, as soon as there is something. None once the link has ended and everything was taken.
    /// `written` was taken before, and is out of the way now.
    pub(crate) async fn next(&self, mut written: Option<Chunk>) -> Option<Chunk> {
        loop {
            if let Some(next) = self.try_next(written.take()) {
                return next;
            }
            self.filled.notified().await;
        }
    }

    fn try_next(&self, written: Option<Chunk>) -> Option<Option<Chunk>> {
        let mut waiting = self.lock();
        if let Some(written) = written {
            waiting.keep(written);
        }
        if let Some(chunk) = waiting.chunks.pop_front() {
            return Some(Some(chunk));
        }
        if waiting.ended {
            return Some(None);
        }
        waiting.asleep = true;
        // A pause long ago may have filled many; whose writer sleeps between two messages needs few.
        let enough = (waiting.spare.len() / 2).max(1);
        waiting.spare.truncate(enough);
        None
    }

    /// The connection is there, or is over: whoever may write to it.
    pub(crate) fn opens(&self, direct: Option<PlainWriter>) {
        self.lock().direct = direct;
    }

    /// Nothing was written for a while, but for `frame` now. A node has tens of thousands of links, most of them idle.
    pub(crate) fn rests(&self, frame: &[u8]) {
        let mut waiting = self.lock();
        waiting.spare = Vec::new();
        if !frame.is_empty() && !waiting.ended {
            waiting.last().bytes.extend_from_slice(frame);
            waiting.bytes += frame.len();
            waiting.asleep = false;
        }
    }

    /// Nothing more is taken in.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.filled.notify_one();
    }

    /// The messages that will not be written any more.
    pub(crate) fn abandon(&self) -> Vec<MessageId> {
        let mut waiting = self.lock();
        let Waiting { chunks, .. } = std::mem::take(&mut *waiting);
        waiting.ended = true;
        drop(waiting);
        chunks.into_iter().flat_map(|chunk| chunk.messages).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The writer sleeps, and there is one chunk: writes it. False if something is left.
    fn write_now(&mut self) -> bool {
        let (Some(direct), Some(chunk)) = (&self.direct, self.chunks.front_mut()) else { return false };
        if chunk.bytes.len() > DIRECT_BYTES {
            return false;
        }
        // What is wrong with the connection is found by its own task.
        let written = direct.try_write(&chunk.bytes).unwrap_or(0);
        if written < chunk.bytes.len() {
            chunk.bytes.drain(..written);
            self.bytes -= written;
            return false;
        }
        if let Some(written) = self.chunks.pop_front() {
            self.keep(written);
        }
        true
    }

    /// What was written is out of the way.
    fn keep(&mut self, mut written: Chunk) {
        self.bytes -= written.cost();
        written.bytes.clear();
        written.messages.clear();
        if written.bytes.capacity() <= 2 * CHUNK && self.spare.len() < SPARE {
            self.spare.push(written);
        }
    }

    /// The chunk that small frames go to.
    fn last(&mut self) -> &mut Chunk {
        if self.chunks.back().is_none_or(|last| last.bytes.len() >= CHUNK) {
            // What is written one chunk after the other is busy: it will be full.
            let room = if self.chunks.is_empty() { 0 } else { CHUNK + CHUNK / 16 };
            let new = || Chunk { bytes: Vec::with_capacity(room), messages: Vec::new() };
            let chunk = self.spare.pop().unwrap_or_else(new);
            self.chunks.push_back(chunk);
        }
        self.chunks.back_mut().expect("one was put there")
    }
}
