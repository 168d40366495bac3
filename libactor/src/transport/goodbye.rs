//! How a connection of a peer ends: what is counted, and what the peer is told.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::counters;
use crate::transport::frames::ReadError;
use crate::transport::peer;

/// What a peer gets to read why it is refused.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Why a connection of a peer ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InboundError {
    #[error("no handshake within the time for it")]
    Handshake,
    #[error("read from the peer")]
    Read(#[source] ReadError),
    #[error("write to the peer")]
    Write(#[source] io::Error),
    #[error("{0}")]
    Broken(String),
    #[error("the peer has a newer connection")]
    Superseded,
    #[error("the node {0} is connected already, from another IP address")]
    Taken(SocketAddr),
    #[error("the node {0} is said to be at another IP address than its connection comes from")]
    Foreign(SocketAddr),
    #[error("more waits for the peer than is allowed: it reads too slowly")]
    Overrun,
    #[error("this node is shut down")]
    Closing,
}

impl From<ReadError> for InboundError {
    fn from(error: ReadError) -> InboundError {
        InboundError::Read(error)
    }
}

/// Which counter an end belongs to, and what the peer is told; nothing for those in good order.
pub(crate) fn judge(error: &InboundError) -> (Option<&'static str>, Option<String>) {
    let told = |error: &dyn std::fmt::Display| Some(error.to_string());
    match error {
        InboundError::Closing | InboundError::Superseded | InboundError::Write(_) => (None, None),
        InboundError::Read(ReadError::Closed | ReadError::Io(_)) => (None, None),
        // Without a word: what is being written may not be whole.
        InboundError::Overrun => (Some(counters::LINKS_OVERFLOWED), None),
        InboundError::Handshake => (Some(counters::CONNECTIONS_HALF_OPEN), told(error)),
        InboundError::Broken(_) => (Some(counters::FRAMES_MALFORMED), told(error)),
        InboundError::Taken(_) | InboundError::Foreign(_) => (Some(counters::HANDSHAKES_FAILED), told(error)),
        InboundError::Read(cause) => {
            let counter = match cause {
                ReadError::Silent(_) => counters::CONNECTIONS_SILENT,
                ReadError::Slow { .. } | ReadError::NoRoom(_) => counters::MESSAGES_INCOMPLETE,
                ReadError::Oversized { .. } => counters::FRAMES_OVERSIZED,
                ReadError::Version(_) | ReadError::NoPreface => counters::HANDSHAKES_FAILED,
                _ => counters::FRAMES_MALFORMED,
            };
            (Some(counter), told(cause))
        }
    }
}

/// Best effort: the peer may not read any more.
pub(crate) async fn refuse(write: &mut (impl AsyncWrite + Unpin), reason: &str) {
    let send = async {
        write.write_all(&peer::refused(reason)).await?;
        write.shutdown().await
    };
    let _ = tokio::time::timeout(LAST_WORDS, send).await;
}
