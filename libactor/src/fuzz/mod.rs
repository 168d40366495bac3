//! What a fuzzer feeds with arbitrary bytes, and what must hold whatever they are. `libactor/fuzz` runs these without end;
//! the tests here run them on the recorded corpora and on what a seeded generator makes of those.

mod pieces;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use tokio::sync::Semaphore;

use crate::limits::{CHUNK_LINE_BYTES, REQUEST_HEAD_BYTES};
use crate::pid::Pid;
use crate::transport::frames::Frames;
use crate::transport::libprocess::requests::{Bounds, Next, Requests};
use crate::transport::peer::{DeliverParts, Frame, Kind, LENGTH_BYTES};

use pieces::{Pieces, finish};

/// Small, so that inputs beyond it are common.
const LARGEST: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(10);

fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1 << 20))
}

/// A peer's side of a connection: the same frames and the same end, however the bytes are cut, and the same message for both who
/// read one.
///
/// # Panics
/// That does not hold.
pub fn frames(bytes: &[u8]) {
    let whole = read_frames(bytes, usize::MAX);
    let piecewise = read_frames(bytes, 1 + bytes.len() % 7);
    assert_eq!(whole, piecewise, "frames depend on how their bytes are cut");
    let frame = bytes.get(LENGTH_BYTES..).unwrap_or_default();
    if let Some(parts) = DeliverParts::of(frame) {
        let decoded = Frame::decode(frame).expect("what the quick reader takes decodes").kind;
        let Some(Kind::Deliver(message)) = decoded else { panic!("a message only to the quick reader") };
        assert_eq!(parts, DeliverParts::from(&message), "the quick reader and the decoder disagree");
    }
}

fn read_frames(bytes: &[u8], piece: usize) -> (Vec<Kind>, String) {
    finish(async {
        let mut frames = Frames::new(Pieces::new(bytes, piece), BytesMut::new(), LARGEST, PATIENCE, room());
        let mut kinds = Vec::new();
        loop {
            match frames.next().await {
                Ok(kind) => kinds.push(kind),
                Err(error) => return (kinds, error.to_string()),
            }
        }
    })
}

/// A sender's side of a libprocess connection: the same messages and the same end, however the bytes are cut, and none beyond
/// its bounds.
///
/// # Panics
/// That does not hold.
pub fn requests(bytes: &[u8]) {
    let whole = read_requests(bytes, usize::MAX);
    let piecewise = read_requests(bytes, 1 + bytes.len() % 7);
    assert_eq!(whole, piecewise, "messages depend on how their bytes are cut");
    for (head, body) in &whole.0 {
        assert!(head.len() <= REQUEST_HEAD_BYTES, "head of {} bytes", head.len());
        assert!(body.len() <= LARGEST, "body of {} bytes", body.len());
    }
    assert!(whole.0.len() * "POST /a/b".len() <= bytes.len() + CHUNK_LINE_BYTES, "more messages than bytes");
}

fn read_requests(bytes: &[u8], piece: usize) -> (Vec<(Bytes, Bytes)>, String) {
    let bounds = Bounds { body: LARGEST, head_time: PATIENCE, silence: PATIENCE, may_link: true };
    finish(async {
        let mut requests = Requests::new(Pieces::new(bytes, piece), BytesMut::new(), bounds, room());
        let mut messages = Vec::new();
        loop {
            match requests.next().await {
                Ok(Next::Message(message)) => messages.push((message.bytes, message.body)),
                Ok(Next::Plain) => return (messages, "plain".into()),
                Ok(Next::Over) => return (messages, "over".into()),
                Err(error) => return (messages, error.to_string()),
            }
        }
    })
}

/// What parses as a pid prints as one that parses as the same.
///
/// # Panics
/// That does not hold.
pub fn pid(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Pid>() {
        Ok(pid) => assert_eq!(pid.to_string().parse(), Ok(pid)),
        Err(error) => assert!(error.to_string().len() < 1024, "an error as long as its input"),
    }
}
