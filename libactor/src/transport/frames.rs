//! Bytes of a peer connection to frames, and the two ways in which a connection dies of its bytes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use prost::Message;
use tokio::io::AsyncRead;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::transport::gathering::{GatherError, Gathering, time_for};
use crate::transport::peer::{self, Frame, Kind, LENGTH_BYTES, MAGIC, PREFACE_BYTES, VERSION};

/// Why nothing more is read from a peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("closed by the peer")]
    Closed,
    #[error("the connection failed")]
    Io(#[from] io::Error),
    #[error("silent for {0:?}")]
    Silent(Duration),
    #[error("{bytes} bytes of a frame that was not complete after {within:?}")]
    Slow { bytes: usize, within: Duration },
    #[error(transparent)]
    NoRoom(GatherError),
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

impl From<GatherError> for ReadError {
    fn from(error: GatherError) -> ReadError {
        match error {
            GatherError::Io(error) => ReadError::Io(error),
            GatherError::NoRoom(_) => ReadError::NoRoom(error),
        }
    }
}

pub(crate) struct Frames<R> {
    read: R,
    gathering: Gathering,
    limit: usize,
    silence: Duration,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// `buffer` holds what was read already.
    pub(crate) fn new(
        read: R,
        buffer: BytesMut,
        limit: usize,
        silence: Duration,
        room: Arc<Semaphore>,
    ) -> Frames<R> {
        Frames { read, gathering: Gathering::new(buffer, room), limit, silence }
    }

    /// Frames may be as long as this from now on.
    pub(crate) fn allow(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(crate) async fn preface(&mut self) -> Result<(), ReadError> {
        while self.bytes().len() < PREFACE_BYTES {
            let seen = self.bytes().len().min(MAGIC.len());
            if self.bytes()[..seen] != MAGIC[..seen] {
                return Err(ReadError::NoPreface);
            }
            self.fill(None).await?;
        }
        let preface = self.gathering.bytes.split_to(PREFACE_BYTES);
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
            let length = self.ready().await?;
            if let Some(kind) = self.decode(length)? {
                return Ok(kind);
            }
        }
    }

    /// Waits until the next frame is whole, and says how long it is.
    pub(crate) async fn ready(&mut self) -> Result<usize, ReadError> {
        if let Some(length) = self.buffered()? {
            return Ok(length);
        }
        let mut began = None;
        loop {
            if began.is_none() && !self.bytes().is_empty() {
                began = Some(Instant::now());
            }
            let waited = self.fill(began).await?;
            began = began.map(|began| began + waited);
            if let Some(length) = self.buffered()? {
                return Ok(length);
            }
        }
    }

    /// The length of the next frame if it is there, whole.
    pub(crate) fn buffered(&self) -> Result<Option<usize>, ReadError> {
        match self.length() {
            Some(length) if length > self.limit => Err(ReadError::Oversized { length, limit: self.limit }),
            Some(length) if self.bytes().len() >= LENGTH_BYTES + length => Ok(Some(length)),
            _ => Ok(None),
        }
    }

    /// A frame of that length that is there, whole.
    pub(crate) fn peek(&self, length: usize) -> &[u8] {
        &self.bytes()[LENGTH_BYTES..LENGTH_BYTES + length]
    }

    /// Leaves out a frame of that length that is there, whole.
    pub(crate) fn skip(&mut self, length: usize) {
        self.gathering.bytes.advance(LENGTH_BYTES + length);
    }

    /// Takes out a frame of that length that is there, whole. None for a heartbeat, or a kind that this version does not know.
    pub(crate) fn decode(&mut self, length: usize) -> Result<Option<Kind>, ReadError> {
        self.gathering.bytes.advance(LENGTH_BYTES);
        Ok(Frame::decode(self.gathering.bytes.split_to(length).freeze())?.kind)
    }

    fn bytes(&self) -> &[u8] {
        &self.gathering.bytes
    }

    fn length(&self) -> Option<usize> {
        let length = self.bytes().first_chunk::<LENGTH_BYTES>()?;
        Some(u32::from_be_bytes(*length) as usize)
    }

    /// Reads what there is, of a frame that began then; says how long this waited for room.
    async fn fill(&mut self, began: Option<Instant>) -> Result<Duration, ReadError> {
        let before = Instant::now();
        self.gathering.make_room(self.silence).await?;
        let now = Instant::now();
        let bytes = self.bytes().len();
        let within = time_for(bytes, self.silence);
        let deadline = began.map(|began| began + (now - before) + within);
        let until = deadline.map_or(now + self.silence, |deadline| deadline.min(now + self.silence));
        match tokio::time::timeout_at(until, self.gathering.fill(&mut self.read)).await {
            Ok(Ok(0)) => Err(ReadError::Closed),
            Ok(Ok(_)) => Ok(now - before),
            Ok(Err(error)) => Err(error.into()),
            Err(_) if deadline.is_some_and(|deadline| deadline <= until) => {
                Err(ReadError::Slow { bytes, within })
            }
            Err(_) => Err(ReadError::Silent(self.silence)),
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
            let room = Arc::new(Semaphore::new(1 << 20));
            let mut frames = Frames::new(read, BytesMut::new(), 4096, Duration::from_secs(10), room);
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
