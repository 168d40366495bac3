//! The peer protocol: what our nodes say to each other.
//!
//! The side that dials carries its messages to the other on this connection; the other side answers with handshake, news of watched
//! actors, and notes about what it could not deliver. Messages in the other direction take a connection of their own.
//!
//! ```text
//!  dialler                                   acceptor
//!  preface, Hello ─────────────────────────►
//!                 ◄───────────────────────── preface, Hello        within 10 s, or the connection is closed
//!  Deliver, Watch, Unwatch ────────────────►                       in order
//!                 ◄───────────────────────── Exited, Undelivered
//!  heartbeat ──────────────────────────────►                       every 5 s without other frames;
//!                 ◄───────────────────────── heartbeat             20 s of silence: the peer is dead
//!                 ◄───────────────────────── Refused               then closed: what is wrong with this side
//! ```
//!
//! A node that greets again takes up a new connection: what is left unread of its old one is dropped, so that messages never arrive
//! out of order, though some may be lost with a connection.
//!
//! A preface is the seven bytes of [`MAGIC`] and one byte of version. The first byte is no ASCII, so that no HTTP request starts
//! like it. Then come frames: a length, four bytes, big-endian, and so many bytes of a protobuf [`Frame`]. A frame of length zero is a heartbeat.
//! Actors are named without their address: the dialler's is in its `Hello`, the acceptor's is the one that was dialled.
//! Fields and frames may be added; unknown ones are ignored. Anything else is a new version.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use prost::encoding::{WireType, decode_varint, encode_key, encode_varint, encoded_len_varint};

use crate::envelope::Head;
use crate::limits::LOGGED_CHARACTERS;
use crate::responder::Answered;
use crate::trace::Outcome;
use crate::watch::Exit;

pub(crate) const MAGIC: [u8; 7] = *b"\x93lactor";
pub(crate) const VERSION: u8 = 1;
pub(crate) const PREFACE_BYTES: usize = 8;
/// Field 9 of a `Deliver`, true.
const ASKS: [u8; 2] = [9 << 3, 1];
pub(crate) const LENGTH_BYTES: usize = 4;

/// Fields of a `Deliver` of eight bytes each.
const DELIVER_NUMBERS: usize = 4;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Frame {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7, 8")]
    pub(crate) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Kind {
    #[prost(message, tag = "1")]
    Hello(Hello),
    #[prost(message, tag = "2")]
    Deliver(Deliver),
    #[prost(message, tag = "3")]
    Watch(Watch),
    #[prost(message, tag = "4")]
    Unwatch(Unwatch),
    #[prost(message, tag = "5")]
    Exited(Exited),
    #[prost(message, tag = "6")]
    Undelivered(Undelivered),
    #[prost(message, tag = "7")]
    Refused(Refused),
    #[prost(message, tag = "8")]
    Reply(Reply),
}

/// Who speaks.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hello {
    /// `ip:port` of the node, as its pids carry it.
    #[prost(string, tag = "1")]
    pub(crate) address: String,
    /// Which node at that address: a random number, made when it was bound.
    #[prost(fixed64, tag = "2")]
    pub(crate) incarnation: u64,
    /// Which of its connections; a later one has a higher number.
    #[prost(uint64, tag = "3")]
    pub(crate) connection: u64,
}

/// A message. Names are UTF-8, kept as bytes so that decoding them copies nothing.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Deliver {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) to: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) from: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) name: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) body: Bytes,
    #[prost(fixed64, tag = "5")]
    pub(crate) trace: u64,
    #[prost(fixed64, tag = "6")]
    pub(crate) id: u64,
    #[prost(fixed64, tag = "7")]
    pub(crate) cause: u64,
    #[prost(fixed64, tag = "8")]
    pub(crate) sent: u64,
    /// The sender waits for one `Reply` of that id.
    #[prost(bool, tag = "9")]
    pub(crate) asks: bool,
}

/// Asks for one `Exited` of that number.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Watch {
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    #[prost(string, tag = "2")]
    pub(crate) actor: String,
}

/// Withdraws a watch.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Unwatch {
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
}

/// A watched actor ended.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exited {
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    /// 0 stopped, 1 panicked, 2 missing.
    #[prost(uint32, tag = "2")]
    pub(crate) why: u32,
}

/// A message that was received and not delivered.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Undelivered {
    #[prost(fixed64, tag = "1")]
    pub(crate) id: u64,
    /// 0 no such actor, 1 no such message, 2 malformed.
    #[prost(uint32, tag = "2")]
    pub(crate) outcome: u32,
    #[prost(string, tag = "3")]
    pub(crate) reason: String,
}

/// Why the connection is about to be closed.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Refused {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
}

/// What a question came to.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Reply {
    #[prost(fixed64, tag = "1")]
    pub(crate) id: u64,
    /// 0 answered, 1 no such actor, 2 no such message, 3 malformed, 4 the actor ended or dropped the question,
    /// 5 the answer is too large.
    #[prost(uint32, tag = "2")]
    pub(crate) outcome: u32,
    /// The encoded answer.
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) body: Bytes,
}

pub(crate) fn preface() -> [u8; PREFACE_BYTES] {
    let mut preface = [VERSION; PREFACE_BYTES];
    preface[..MAGIC.len()].copy_from_slice(&MAGIC);
    preface
}

/// A frame with its length before it.
pub(crate) fn frame(kind: Kind) -> Bytes {
    let frame = Frame { kind: Some(kind) };
    let length = frame.encoded_len();
    let mut buffer = BytesMut::with_capacity(LENGTH_BYTES + length);
    buffer.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    frame.encode_raw(&mut buffer);
    buffer.freeze()
}

/// A `Deliver` in its frame, written straight to where it leaves from: this is done for every message.
pub(crate) struct DeliverFrame<'a> {
    head: Head<'a>,
    // Of the `Deliver`, and of the frame around it.
    length: usize,
    frame: usize,
    asks: bool,
}

impl<'a> DeliverFrame<'a> {
    pub(crate) fn new(head: impl Into<Head<'a>>) -> DeliverFrame<'a> {
        let head = head.into();
        let texts = [head.to.name().len(), head.from.name().len(), head.name.len(), head.size];
        let texts = texts.iter().map(|length| 1 + encoded_len_varint(*length as u64) + length).sum::<usize>();
        let length = texts + DELIVER_NUMBERS * 9;
        DeliverFrame { head, length, frame: 1 + encoded_len_varint(length as u64) + length, asks: false }
    }

    /// The same message, with the wish for a `Reply`.
    pub(crate) fn that_asks(self) -> DeliverFrame<'a> {
        let length = self.length + ASKS.len();
        let frame = 1 + encoded_len_varint(length as u64) + length;
        DeliverFrame { length, frame, asks: true, ..self }
    }

    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// With the length before the frame.
    pub(crate) fn size(&self) -> usize {
        LENGTH_BYTES + self.frame
    }

    /// Everything before the body.
    pub(crate) fn before_body(&self, buffer: &mut Vec<u8>) {
        let head = self.head;
        buffer.put_u32(u32::try_from(self.frame).unwrap_or(u32::MAX));
        encode_key(2, WireType::LengthDelimited, buffer);
        encode_varint(self.length as u64, buffer);
        for (tag, text) in (1..).zip([head.to.name(), head.from.name(), &**head.name]) {
            encode_key(tag, WireType::LengthDelimited, buffer);
            encode_varint(text.len() as u64, buffer);
            buffer.extend_from_slice(text.as_bytes());
        }
        encode_key(4, WireType::LengthDelimited, buffer);
        encode_varint(head.size as u64, buffer);
    }

    /// Everything behind the body.
    pub(crate) fn behind_body(&self, buffer: &mut Vec<u8>) {
        let head = self.head;
        let numbers: [u64; DELIVER_NUMBERS] = [head.trace.0, head.id.0, head.cause.0, head.logical.0];
        for (tag, number) in (5..).zip(numbers) {
            encode_key(tag, WireType::SixtyFourBit, buffer);
            buffer.extend_from_slice(&number.to_le_bytes());
        }
        if self.asks {
            buffer.extend_from_slice(&ASKS);
        }
    }
}

/// A `Deliver` that is looked at where it was read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct DeliverView<'a> {
    pub(crate) to: &'a [u8],
    pub(crate) from: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) body: &'a [u8],
    /// Trace, id, cause and time of sending.
    pub(crate) numbers: [u64; DELIVER_NUMBERS],
    /// The sender waits for a `Reply`.
    pub(crate) asks: bool,
}

impl<'a> DeliverView<'a> {
    /// None if the frame is anything but a `Deliver` with the fields of this version: the full decoder knows what to make of that.
    pub(crate) fn of(frame: &'a [u8]) -> Option<DeliverView<'a>> {
        const DELIVER: u8 = 2 << 3 | WireType::LengthDelimited as u8;
        let (&[DELIVER], rest) = frame.split_first_chunk()? else { return None };
        let (mut fields, []) = chunk(rest)? else { return None };
        let mut view = DeliverView::default();
        while let Some((key, rest)) = fields.split_first() {
            let (tag, wire_type) = (usize::from(key >> 3), key & 7);
            match (tag, wire_type) {
                (1..=4, 2) => {
                    let (text, rest) = chunk(rest)?;
                    let field = [&mut view.to, &mut view.from, &mut view.name, &mut view.body];
                    *field.into_iter().nth(tag - 1)? = text;
                    fields = rest;
                }
                (5..=8, 1) => {
                    let (number, rest) = rest.split_first_chunk()?;
                    view.numbers[tag - 5] = u64::from_le_bytes(*number);
                    fields = rest;
                }
                (9, 0) => {
                    let (asks @ (0 | 1), rest) = rest.split_first()? else { return None };
                    view.asks = *asks == 1;
                    fields = rest;
                }
                _ => return None,
            }
        }
        Some(view)
    }
}

impl<'a> From<&'a Deliver> for DeliverView<'a> {
    fn from(message: &'a Deliver) -> DeliverView<'a> {
        DeliverView {
            to: &message.to,
            from: &message.from,
            name: &message.name,
            body: &message.body,
            numbers: [message.trace, message.id, message.cause, message.sent],
            asks: message.asks,
        }
    }
}

/// A length and so many bytes, and what follows.
fn chunk(mut bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = decode_varint(&mut bytes).ok()?;
    bytes.split_at_checked(usize::try_from(length).ok()?)
}

pub(crate) fn hello(address: std::net::SocketAddr, incarnation: u64, connection: u64) -> Bytes {
    frame(Kind::Hello(Hello { address: address.to_string(), incarnation, connection }))
}

pub(crate) fn refused(reason: &str) -> Bytes {
    frame(Kind::Refused(Refused { reason: reason.to_owned() }))
}

pub(crate) fn exited(number: u64, why: Exit) -> Bytes {
    let why = match why {
        Exit::Stopped | Exit::Unreachable | Exit::ConnectionLost => 0,
        Exit::Panicked => 1,
        Exit::Missing => 2,
    };
    frame(Kind::Exited(Exited { number, why }))
}

pub(crate) fn reply(id: u64, answered: Answered) -> Bytes {
    let (outcome, body) = match answered {
        Ok(body) => (0, body),
        Err(Outcome::NoSuchActor) => (1, Bytes::new()),
        Err(Outcome::NoSuchMessage) => (2, Bytes::new()),
        Err(Outcome::Malformed) => (3, Bytes::new()),
        Err(Outcome::TooLarge) => (5, Bytes::new()),
        Err(Outcome::Overflow) => (6, Bytes::new()),
        Err(_) => (4, Bytes::new()),
    };
    frame(Kind::Reply(Reply { id, outcome, body }))
}

pub(crate) fn answered(reply: Reply) -> Answered {
    match reply.outcome {
        0 => Ok(reply.body),
        1 => Err(Outcome::NoSuchActor),
        2 => Err(Outcome::NoSuchMessage),
        3 => Err(Outcome::Malformed),
        5 => Err(Outcome::TooLarge),
        6 => Err(Outcome::Overflow),
        _ => Err(Outcome::ActorEnded),
    }
}

pub(crate) fn exit_of(why: u32) -> Exit {
    match why {
        1 => Exit::Panicked,
        2 => Exit::Missing,
        _ => Exit::Stopped,
    }
}

/// What is said of a text of the other side, which may be as long as a frame.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(LOGGED_CHARACTERS).collect()
}

pub(crate) fn undelivered(id: u64, outcome: Outcome, reason: String) -> Bytes {
    let outcome = match outcome {
        Outcome::NoSuchActor => 0,
        Outcome::NoSuchMessage => 1,
        _ => 2,
    };
    frame(Kind::Undelivered(Undelivered { id, outcome, reason }))
}

pub(crate) fn outcome_of(outcome: u32) -> Outcome {
    match outcome {
        0 => Outcome::NoSuchActor,
        1 => Outcome::NoSuchMessage,
        _ => Outcome::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Header;
    use crate::trace::{HybridTime, MessageId, TraceId};

    fn deliver(header: &Header, body: &[u8]) -> Bytes {
        let (frame, mut bytes) = (DeliverFrame::new(header), Vec::new());
        frame.before_body(&mut bytes);
        bytes.extend_from_slice(body);
        frame.behind_body(&mut bytes);
        assert_eq!(bytes.len(), frame.size());
        bytes.into()
    }

    #[test]
    fn a_message_written_by_hand_decodes() {
        let header = Header {
            from: "slave(1)@127.0.0.1:5051".parse().unwrap(),
            to: "master@127.0.0.1:5050".parse().unwrap(),
            name: "mesos.internal.RegisterSlaveMessage".into(),
            size: 300,
            trace: TraceId(1),
            id: MessageId(u64::MAX),
            cause: MessageId(0),
            logical: HybridTime(7),
        };
        let body = vec![b'x'; 300];

        let mut bytes = deliver(&header, &body);

        let length = bytes.split_to(LENGTH_BYTES);
        assert_eq!(length[..], (bytes.len() as u32).to_be_bytes());
        let Some(Kind::Deliver(message)) = Frame::decode(bytes.clone()).unwrap().kind else {
            panic!("not a message")
        };
        assert_eq!(DeliverView::of(&bytes), Some(DeliverView::from(&message)));
        assert_eq!(message.to, "master");
        assert_eq!(message.from, "slave(1)");
        assert_eq!(message.name, "mesos.internal.RegisterSlaveMessage");
        assert_eq!(message.body, body);
        assert_eq!((message.trace, message.id, message.cause, message.sent), (1, u64::MAX, 0, 7));
    }

    /// The bytes of the blocks marked `hex` on the page that describes the protocol.
    fn documented() -> Vec<Vec<u8>> {
        let page = include_str!("../../../docs/protocol/peer.md");
        let blocks = page.split("```hex\n").skip(1).map(|block| block.split("```").next().unwrap());
        let byte = |digits| u8::from_str_radix(digits, 16).unwrap();
        blocks.map(|block| block.split_whitespace().map(byte).collect()).collect()
    }

    fn pong(to: &str, id: u64) -> Bytes {
        deliver(
            &Header {
                from: "slave(1)@10.0.0.1:5051".parse().unwrap(),
                to: format!("{to}@10.0.0.2:5050").parse().unwrap(),
                name: "mesos.internal.PongSlaveMessage".into(),
                size: 0,
                trace: TraceId(1),
                id: MessageId(id),
                cause: MessageId(3),
                logical: HybridTime(4),
            },
            b"",
        )
    }

    #[test]
    fn the_documented_bytes_are_what_is_written() {
        let preface = Bytes::copy_from_slice(&preface());
        let hello_of =
            |address: &str, incarnation, connection| hello(address.parse().unwrap(), incarnation, connection);
        let reason = "no actor 'nobody' at 10.0.0.2:5050".to_owned();

        let written = [
            vec![preface.clone(), hello_of("10.0.0.1:5051", 0x0102_0304_0506_0708, 1)],
            vec![
                frame(Kind::Watch(Watch { number: 7, actor: "master".into() })),
                pong("master", 2),
                pong("nobody", 5),
                Bytes::from_static(&[0; LENGTH_BYTES]),
            ],
            vec![
                preface,
                hello_of("10.0.0.2:5050", 9, 0),
                undelivered(5, Outcome::NoSuchActor, reason),
                exited(7, Exit::Stopped),
            ],
        ];

        assert_eq!(documented(), written.map(|frames| frames.concat()));
    }
}
