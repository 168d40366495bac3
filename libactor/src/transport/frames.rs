//! Bytes of a peer connection to frames, and the two ways in which a connection dies of its bytes.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::transport::peer::{self, Frame, Kind, LENGTH_BYTES, MAGIC, PREFACE_BYTES, VERSION};

/// How much is read at once: little from a peer that says little, of which a master has tens of thousands, and more from a busy
/// one. Also how far memory may run ahead of what a peer has really sent.
const SMALLEST_READ: usize = 2 << 10;
const LARGEST_READ: usize = 64 << 10;

/// Why nothing more is read from a peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("closed by the peer")]
    Closed,
    #[error("the connection failed")]
    Io(#[from] io::Error),
    #[error("silent for {0:?}")]
    Silent(Duration),
    #[error("does not begin like the peer protocol")]
    NoPreface,
    #[error("speaks version {0} of the peer protocol, this node version {VERSION}")]
    Version(u8),
    #[error("frame of {length} bytes, at most {limit} are allowed")]
    Oversized { length: usize, limit: usize },
    #[error("frame that does not decode")]
    Malformed(#[from] prost::DecodeError),
    #[error("{0} where the protocol has none")]
    Unexpected(&'static str),
    #[error("refused by the peer: {0}")]
    Refused(String),
}

pub(crate) struct Frames<R> {
    read: R,
    buffer: BytesMut,
    limit: usize,
    silence: Duration,
    next_read: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// `buffer` holds what was read already.
    pub(crate) fn new(read: R, buffer: BytesMut, limit: usize, silence: Duration) -> Frames<R> {
        Frames { read, buffer, limit, silence, next_read: SMALLEST_READ }
    }

    /// Frames may be as long as this from now on.
    pub(crate) fn allow(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(crate) async fn preface(&mut self) -> Result<(), ReadError> {
        while self.buffer.len() < PREFACE_BYTES {
            let seen = self.buffer.len().min(MAGIC.len());
            if self.buffer[..seen] != MAGIC[..seen] {
                return Err(ReadError::NoPreface);
            }
            self.fill().await?;
        }
        let preface = self.buffer.split_to(PREFACE_BYTES);
        if preface[..MAGIC.len()] != MAGIC {
            return Err(ReadError::NoPreface);
        }
        if preface[MAGIC.len()] != VERSION {
            return Err(ReadError::Version(preface[MAGIC.len()]));
        }
        Ok(())
    }

    /// The first frame, which says who the peer is.
    pub(crate) async fn hello(&mut self) -> Result<peer::Hello, ReadError> {
        match self.next().await? {
            Kind::Hello(hello) => Ok(hello),
            Kind::Refused(refused) => Err(ReadError::Refused(refused.reason)),
            _ => Err(ReadError::Unexpected("no hello")),
        }
    }

    /// The next frame that is not a heartbeat, and of a kind that this version knows.
    pub(crate) async fn next(&mut self) -> Result<Kind, ReadError> {
        loop {
            let frame = self.frame().await?;
            if let Some(kind) = Frame::decode(frame)?.kind {
                return Ok(kind);
            }
        }
    }

    /// Whether the next frame is there already.
    pub(crate) fn is_buffered(&self) -> bool {
        self.length().is_some_and(|length| self.buffer.len() >= LENGTH_BYTES + length)
    }

    async fn frame(&mut self) -> Result<Bytes, ReadError> {
        while !self.is_buffered() {
            if let Some(length) = self.length()
                && length > self.limit
            {
                return Err(ReadError::Oversized { length, limit: self.limit });
            }
            self.fill().await?;
        }
        let length = self.length().unwrap_or_default();
        if length > self.limit {
            return Err(ReadError::Oversized { length, limit: self.limit });
        }
        self.buffer.advance(LENGTH_BYTES);
        Ok(self.buffer.split_to(length).freeze())
    }

    fn length(&self) -> Option<usize> {
        let length = self.buffer.first_chunk::<LENGTH_BYTES>()?;
        Some(u32::from_be_bytes(*length) as usize)
    }

    async fn fill(&mut self) -> Result<(), ReadError> {
        self.buffer.reserve(self.next_read);
        let read = tokio::time::timeout(self.silence, self.read.read_buf(&mut self.buffer)).await;
        match read.map_err(|_| ReadError::Silent(self.silence))?? {
            0 => Err(ReadError::Closed),
            count => {
                let more = count >= self.next_read;
                self.next_read = if more { self.next_read * 2 } else { self.next_read / 2 };
                self.next_read = self.next_read.clamp(SMALLEST_READ, LARGEST_READ);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Reads everything that was written in pieces of these sizes.
    fn read(bytes: Vec<u8>, pieces: Vec<usize>) -> (Vec<Kind>, ReadError) {
        crate::run(async move {
            let (mut write, read) = tokio::io::duplex(64);
            tokio::task::spawn_local(async move {
                let mut rest = &bytes[..];
                for piece in pieces.into_iter().cycle() {
                    let (now, later) = rest.split_at(piece.min(rest.len()));
                    if write.write_all(now).await.is_err() || later.is_empty() {
                        return;
                    }
                    rest = later;
                }
            });
            let mut frames = Frames::new(read, BytesMut::new(), 4096, Duration::from_secs(10));
            let mut kinds = Vec::new();
            loop {
                match frames.next().await {
                    Ok(kind) => kinds.push(kind),
                    Err(error) => return (kinds, error),
                }
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn however_bytes_are_cut_the_frames_are_the_same(
            numbers in prop::collection::vec(any::<u64>(), 1..20),
            pieces in prop::collection::vec(1_usize..40, 1..10),
        ) {
            let unwatch = |number: &u64| Kind::Unwatch(peer::Unwatch { number: *number });
            let heartbeat = [0; LENGTH_BYTES];
            let frames = numbers.iter().flat_map(|number| [peer::frame(unwatch(number)).to_vec(), heartbeat.to_vec()]);

            let (kinds, end) = read(frames.flatten().collect(), pieces);

            prop_assert_eq!(kinds, numbers.iter().map(unwatch).collect::<Vec<_>>());
            prop_assert!(matches!(end, ReadError::Closed));
        }

        #[test]
        fn whatever_bytes_come_the_reader_ends_with_an_error(
            bytes in prop::collection::vec(any::<u8>(), 1..200),
            small in any::<bool>(),
        ) {
            // Otherwise nearly all would be oversized.
            let length = bytes.len().saturating_sub(LENGTH_BYTES) as u32;
            let bytes = if small { [&length.to_be_bytes()[..], &bytes].concat() } else { bytes };

            let (_, end) = read(bytes, vec![50]);

            prop_assert!(!matches!(end, ReadError::Io(_) | ReadError::Silent(_)), "{end}");
        }
    }
}
