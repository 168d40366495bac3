//! Bytes read from one connection of which no whole frame has been made yet, and what all connections together may hold of such.
//!
//! Whoever connects can announce a frame and send half of it. So what a connection holds beyond a little is taken out of one budget
//! of its node, byte by byte as they really come: announcing costs nothing and gets nothing.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio::sync::Semaphore;
use tokio_util::io::poll_read_buf;

use crate::limits::{INCOMPLETE_FREE, INCOMPLETE_RATE};

/// How much is read at once: little from a sender that says little, of which a master has tens of thousands, and more from a busy
/// one. Also how far memory may run ahead of what a sender has really sent.
const SMALLEST_READ: usize = 2 << 10;
const LARGEST_READ: usize = 64 << 10;

/// How long a connection keeps the room of a busy one after the last byte. It is out of the budget of all.
const LINGER: Duration = Duration::from_millis(100);

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatherError {
    #[error("the connection failed")]
    Io(#[from] io::Error),
    #[error("no room for an incomplete message within {0:?}: others hold all that this node has for such")]
    NoRoom(Duration),
}

/// A connection's part of the budget.
pub(crate) struct Room {
    // The node's, one permit for each byte; and how many of them are here.
    all: Arc<Semaphore>,
    held: usize,
}

impl Room {
    pub(crate) fn new(all: Arc<Semaphore>) -> Room {
        Room { all, held: 0 }
    }

    /// For so many bytes of a message, of which a few are free. Waits for room, at most so long.
    pub(crate) async fn hold(&mut self, bytes: usize, patience: Duration) -> Result<(), GatherError> {
        let wanted = bytes.saturating_sub(INCOMPLETE_FREE);
        if self.try_set(wanted) {
            return Ok(());
        }
        let missing = u32::try_from(wanted - self.held).unwrap_or(u32::MAX);
        let taken = tokio::time::timeout(patience, self.all.acquire_many(missing)).await;
        let taken = taken.map_err(|_| GatherError::NoRoom(patience))?;
        taken.expect("the semaphore of a node is never closed").forget();
        self.held = wanted;
        Ok(())
    }

    /// False if there is not so much room now.
    fn try_set(&mut self, wanted: usize) -> bool {
        if wanted > self.held {
            let missing = u32::try_from(wanted - self.held).unwrap_or(u32::MAX);
            let Ok(taken) = self.all.try_acquire_many(missing) else { return false };
            taken.forget();
        } else {
            self.all.add_permits(self.held - wanted);
        }
        self.held = wanted;
        true
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.all.add_permits(self.held);
    }
}

/// The bytes of one connection.
pub(crate) struct Gathering {
    pub(crate) bytes: BytesMut,
    /// Bytes of the same message that were moved elsewhere already.
    pub(crate) aside: usize,
    next_read: usize,
    room: Room,
}

impl Gathering {
    /// `bytes` were read already; `room` is that of all connections.
    pub(crate) fn new(bytes: BytesMut, room: Arc<Semaphore>) -> Gathering {
        Gathering { bytes, aside: 0, next_read: SMALLEST_READ, room: Room::new(room) }
    }

    /// Waits until there is room for what is here already, at most so long. Room for a large read is taken if there is some.
    pub(crate) async fn make_room(&mut self, patience: Duration) -> Result<(), GatherError> {
        let here = self.aside + self.bytes.len();
        let ahead = self.next_read - SMALLEST_READ;
        if !self.room.try_set(here.saturating_sub(INCOMPLETE_FREE) + ahead) {
            self.next_read = SMALLEST_READ;
            self.room.hold(here, patience).await?;
        }
        Ok(())
    }

    /// Reads what there is, after room was made. Zero at the end of the connection.
    pub(crate) async fn fill(&mut self, read: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        // Who was busy a moment ago mostly goes on at once.
        if self.bytes.is_empty() && self.next_read > SMALLEST_READ {
            if let Ok(count) = tokio::time::timeout(LINGER, self.read(read)).await {
                return count;
            }
            self.rest();
        }
        self.read(read).await
    }

    async fn read(&mut self, read: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        let count = poll_fn(|task| {
            self.bytes.reserve(self.next_read);
            let polled = poll_read_buf(Pin::new(&mut *read), task, &mut self.bytes);
            if polled.is_pending() && self.bytes.is_empty() && self.next_read == SMALLEST_READ {
                self.rest();
            }
            polled
        });
        let count = count.await?;
        let more = count >= self.next_read;
        self.next_read = if more { self.next_read * 2 } else { self.next_read / 2 };
        self.next_read = self.next_read.clamp(SMALLEST_READ, LARGEST_READ);
        Ok(count)
    }

    /// What is idle holds nothing.
    fn rest(&mut self) {
        self.bytes = BytesMut::new();
        self.next_read = SMALLEST_READ;
        if self.aside == 0 {
            self.room.try_set(0);
        }
    }
}

/// How long a message may have taken of which so many bytes are here.
pub(crate) fn time_for(bytes: usize, silence: Duration) -> Duration {
    let millis = bytes.saturating_mul(1000) / INCOMPLETE_RATE;
    silence + Duration::from_millis(millis as u64)
}
