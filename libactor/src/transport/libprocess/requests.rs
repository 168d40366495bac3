//! Bytes of a connection to messages, one after the other; answers leave whenever there is nothing left to read at once.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::limits::{CHUNK_LINE_BYTES, HTTP_KEEP_ALIVE, REQUEST_HEAD_BYTES};
use crate::transport::gathering::{GatherError, Gathering, time_for};
use crate::transport::libprocess::head::{self, BadHead, Body, Head, Parsed};

/// Why nothing more is read from a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("read from the sender")]
    Io(#[from] io::Error),
    #[error("closed by the sender within a request")]
    Cut,
    #[error("no complete request within {0:?}")]
    Slow(Duration),
    #[error(transparent)]
    NoRoom(GatherError),
    #[error("bad request")]
    Head(#[from] BadHead),
    #[error("bad request: {0}")]
    Bad(String),
}

impl From<GatherError> for RequestError {
    fn from(error: GatherError) -> RequestError {
        match error {
            GatherError::Io(error) => RequestError::Io(error),
            GatherError::NoRoom(_) => RequestError::NoRoom(error),
        }
    }
}

/// What comes next on a connection.
pub(crate) enum Next {
    Message(Message),
    /// A request for the HTTP routes; it is still in the buffer.
    Plain,
    /// The sender has nothing more to say.
    Over,
}

/// A message, whole.
pub(crate) struct Message {
    /// The bytes of the head.
    pub(crate) bytes: Bytes,
    pub(crate) head: Head,
    pub(crate) body: Bytes,
}

/// What a connection may hold and how long it may take.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) body: usize,
    /// For a head, from its first byte.
    pub(crate) head_time: Duration,
    /// Between two pieces of a body.
    pub(crate) silence: Duration,
    /// Whether a sender that may have linked us by this connection may say nothing for as long as it likes.
    pub(crate) may_link: bool,
}

pub(crate) struct Requests<S> {
    pub(crate) stream: S,
    gathering: Gathering,
    // Answers that are not written yet.
    answers: BytesMut,
    // Somebody who closed after its last message does not hear; its messages count all the same.
    deaf: bool,
    // Whether the other side linked us, perhaps: then an idle connection is one that is in use.
    linked: bool,
    bounds: Bounds,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Requests<S> {
    /// `buffer` holds what was read already.
    pub(crate) fn new(stream: S, buffer: BytesMut, bounds: Bounds, room: Arc<Semaphore>) -> Requests<S> {
        let (answers, gathering) = (BytesMut::new(), Gathering::new(buffer, room));
        Requests { stream, gathering, answers, deaf: false, linked: false, bounds }
    }

    /// The connection, and what was read of it and is no message.
    pub(crate) fn into_parts(mut self) -> (S, BytesMut) {
        let seen = std::mem::take(&mut self.gathering.bytes);
        (self.stream, seen)
    }

    /// Queues an answer.
    pub(crate) fn answer(&mut self, answer: &[u8]) {
        if !self.deaf {
            self.answers.extend_from_slice(answer);
        }
    }

    /// Writes the answers that wait.
    pub(crate) async fn flush(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        let written = self.stream.write_all(&self.answers).await.is_ok() && self.stream.flush().await.is_ok();
        self.deaf |= !written;
        self.answers.clear();
    }

    pub(crate) async fn next(&mut self) -> Result<Next, RequestError> {
        if self.gathering.bytes.is_empty() && !self.idle().await? {
            return Ok(Next::Over);
        }
        let length = match self.head_length(0)? {
            Some(length) => length,
            None => {
                let limit = self.bounds.head_time;
                let rest = tokio::time::timeout(limit, self.rest_of_head()).await;
                rest.map_err(|_| RequestError::Slow(limit))??
            }
        };
        let Parsed::Message(head) = head::parse(&self.gathering.bytes[..length])? else {
            return Ok(Next::Plain);
        };
        self.linked |= head.links && self.bounds.may_link;
        let bytes = self.gathering.bytes.split_to(length).freeze();
        if head.expects && self.gathering.bytes.is_empty() {
            self.answer(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let body = match head.body {
            Body::None => Bytes::new(),
            Body::Length(length) => self.take(length, 0, Instant::now()).await?,
            Body::Chunked => self.chunks().await?,
        };
        Ok(Next::Message(Message { bytes, head, body }))
    }

    /// Waits for the next request. False if there is none.
    async fn idle(&mut self) -> Result<bool, RequestError> {
        let limit = (!self.linked).then_some(HTTP_KEEP_ALIVE);
        let patience = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            filled = self.fill() => filled,
            () = patience => Ok(false),
        }
    }

    async fn rest_of_head(&mut self) -> Result<usize, RequestError> {
        loop {
            let searched = self.gathering.bytes.len();
            if !self.fill().await? {
                return Err(RequestError::Cut);
            }
            if let Some(length) = self.head_length(searched)? {
                return Ok(length);
            }
        }
    }

    /// With the empty line; none while that is missing. It does not end among the first `searched` bytes.
    fn head_length(&self, searched: usize) -> Result<Option<usize>, RequestError> {
        let from = searched.saturating_sub(3);
        let end = self.gathering.bytes[from..].windows(4).position(|window| window == b"\r\n\r\n");
        let length = end.map(|end| from + end + 4);
        if length.unwrap_or(self.gathering.bytes.len()) > REQUEST_HEAD_BYTES {
            let reason = format!("request line and headers of more than {REQUEST_HEAD_BYTES} bytes");
            return Err(RequestError::Bad(reason));
        }
        Ok(length)
    }

    /// So many bytes of a body of which `before` were read.
    async fn take(&mut self, length: usize, before: usize, began: Instant) -> Result<Bytes, RequestError> {
        let limit = self.bounds.body;
        if length > limit - before {
            let length = before.saturating_add(length);
            return Err(RequestError::Bad(format!("body of {length} bytes, at most {limit} are allowed")));
        }
        while self.gathering.bytes.len() < length {
            self.more(began).await?;
        }
        Ok(self.gathering.bytes.split_to(length).freeze())
    }

    /// All chunks of a body. What is usual, one chunk, is not copied.
    async fn chunks(&mut self) -> Result<Bytes, RequestError> {
        let began = Instant::now();
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        loop {
            let size = self.chunk_size(began).await?;
            if size == 0 {
                self.trailers(began).await?;
                self.gathering.aside = 0;
                return Ok(if all.is_empty() { first } else { all.freeze() });
            }
            let chunk = self.take(size, first.len().max(all.len()), began).await?;
            while self.gathering.bytes.len() < 2 {
                self.more(began).await?;
            }
            if self.gathering.bytes[..2] != *b"\r\n" {
                return Err(RequestError::Bad(format!("chunk that does not end after its {size} bytes")));
            }
            self.gathering.bytes.advance(2);
            self.gathering.aside += chunk.len();
            if first.is_empty() {
                first = chunk;
                continue;
            }
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&chunk);
        }
    }

    async fn chunk_size(&mut self, began: Instant) -> Result<usize, RequestError> {
        let line = self.line(began).await?;
        let digits = line[..].split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_number);
        let size = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        size.ok_or_else(|| {
            let line = String::from_utf8_lossy(&line[..line.len().min(32)]).into_owned();
            RequestError::Bad(format!("chunk whose size is '{}'", line.escape_default()))
        })
    }

    /// Behind the last chunk: lines that nobody needs, up to the empty one.
    async fn trailers(&mut self, began: Instant) -> Result<(), RequestError> {
        let mut length = 0;
        loop {
            let line = self.line(began).await?;
            length += line.len();
            if line.is_empty() {
                return Ok(());
            }
            if length > CHUNK_LINE_BYTES {
                return Err(RequestError::Bad(format!("trailers of more than {CHUNK_LINE_BYTES} bytes")));
            }
        }
    }

    async fn line(&mut self, began: Instant) -> Result<BytesMut, RequestError> {
        let mut searched = 0;
        loop {
            let end = self.gathering.bytes[searched..].windows(2).position(|window| window == b"\r\n");
            let length = end.map_or(self.gathering.bytes.len(), |end| searched + end);
            if length > CHUNK_LINE_BYTES {
                return Err(RequestError::Bad(format!(
                    "line of a body of more than {CHUNK_LINE_BYTES} bytes"
                )));
            }
            if end.is_some() {
                let line = self.gathering.bytes.split_to(length);
                self.gathering.bytes.advance(2);
                return Ok(line);
            }
            searched = self.gathering.bytes.len().saturating_sub(1);
            self.more(began).await?;
        }
    }

    /// Reads within a body that began then.
    async fn more(&mut self, began: Instant) -> Result<(), RequestError> {
        let silence = self.bounds.silence;
        let within = time_for(self.gathering.aside + self.gathering.bytes.len(), silence);
        let (silent, late) = (Instant::now() + silence, began + within);
        let filled = tokio::time::timeout_at(silent.min(late), self.fill()).await;
        let limit = if silent < late { silence } else { within };
        let filled = filled.map_err(|_| RequestError::Slow(limit))??;
        if filled { Ok(()) } else { Err(RequestError::Cut) }
    }

    /// Writes what is to be said and reads what there is. False at the end of the connection.
    async fn fill(&mut self) -> Result<bool, RequestError> {
        self.flush().await;
        self.gathering.make_room(self.bounds.silence).await?;
        Ok(self.gathering.fill(&mut self.stream).await? > 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "POST /a/M HTTP/1.1\r\nLibprocess-From: x@1.2.3.4:5\r\n";
    const PATIENCE: Duration = Duration::from_secs(10);
    const BOUNDS: Bounds = Bounds { body: 4096, head_time: PATIENCE, silence: PATIENCE, may_link: true };

    /// The bodies of all messages that were written in pieces of these sizes, and how it ended.
    fn read(bytes: Vec<u8>, pieces: Vec<usize>) -> (Vec<Bytes>, Option<RequestError>) {
        crate::run(async move {
            let (mut write, stream) = tokio::io::duplex(64);
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
            let mut requests =
                Requests::new(stream, BytesMut::new(), BOUNDS, Arc::new(Semaphore::new(1 << 20)));
            let mut bodies = Vec::new();
            loop {
                match requests.next().await {
                    Ok(Next::Message(message)) => bodies.push(message.body),
                    Ok(_) => return (bodies, None),
                    Err(error) => return (bodies, Some(error)),
                }
            }
        })
    }

    fn chunked(chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        for chunk in chunks {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    fn error(bytes: &str) -> String {
        let (_, error) = read(bytes.as_bytes().to_vec(), vec![16]);
        error.map_or_else(|| "none".into(), |error| error.to_string())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn however_bytes_are_cut_the_bodies_are_the_same(
            messages in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..4),
                1..8,
            ),
            pieces in prop::collection::vec(1_usize..80, 1..10),
        ) {
            let bytes = messages.iter().flat_map(|chunks| chunked(chunks)).collect();

            let (bodies, error) = read(bytes, pieces);

            prop_assert!(error.is_none(), "{error:?}");
            prop_assert_eq!(bodies, messages.iter().map(|chunks| chunks.concat()).collect::<Vec<_>>());
        }

        #[test]
        fn whatever_follows_a_head_the_reader_ends(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            pieces in prop::collection::vec(1_usize..40, 1..5),
        ) {
            let head = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").into_bytes();

            let (bodies, _) = read([head, bytes].concat(), pieces);

            prop_assert!(bodies.len() <= 1);
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said() {
        let chunks = |rest: &str| error(&format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{rest}"));

        assert_eq!(chunks("x\r\n"), "bad request: chunk whose size is 'x'");
        assert_eq!(chunks("\r\n"), "bad request: chunk whose size is ''");
        assert_eq!(chunks("-1\r\n"), "bad request: chunk whose size is '-1'");
        assert_eq!(chunks("1\r\nabc"), "bad request: chunk that does not end after its 1 bytes");
        assert_eq!(chunks("1001\r\n"), "bad request: body of 4097 bytes, at most 4096 are allowed");
        assert_eq!(chunks("1\r\na\r\n1000\r\n"), "bad request: body of 4097 bytes, at most 4096 are allowed");
        assert!(chunks("ffffffffffffffff\r\n").starts_with("bad request: body of"));
        assert_eq!(chunks("2\r\na"), "closed by the sender within a request");
        assert_eq!(chunks(&"1".repeat(2000)), "bad request: line of a body of more than 1024 bytes");
        let length = error(&format!("{HEAD}Content-Length: 4097\r\n\r\n"));
        assert_eq!(length, "bad request: body of 4097 bytes, at most 4096 are allowed");
        let endless = error(&format!("POST /{} HTTP/1.1\r\n", "a".repeat(REQUEST_HEAD_BYTES)));
        assert_eq!(endless, "bad request: request line and headers of more than 65536 bytes");
    }

    #[test]
    fn extensions_and_trailers_are_ignored() {
        let bytes =
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n");

        let (bodies, error) = read(bytes.into_bytes(), vec![7]);

        assert!(error.is_none());
        assert_eq!(bodies, ["0123456789"]);
    }
}
