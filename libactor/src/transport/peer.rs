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
//!                 ◄───────────────────────── Exited, Undelivered, Reply
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
//! A message leaves out what is as in the message before it on its connection.
//! Actors are named without their address: the dialler's is in its `Hello`, the acceptor's is the one that was dialled.
//! Fields and frames may be added; unknown ones are ignored. Anything else is a new version.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use prost::encoding::{WireType, decode_varint, encode_varint, encoded_len_varint};

use crate::envelope::Head;
use crate::limits::LOGGED_CHARACTERS;
use crate::pid::Pid;
use crate::responder::Answered;
use crate::trace::{HybridTime, MessageId, Outcome, TraceId};
use crate::watch::Exit;

pub(crate) const MAGIC: [u8; 7] = *b"\x93lactor";
pub(crate) const VERSION: u8 = 2;
pub(crate) const PREFACE_BYTES: usize = 8;
pub(crate) const LENGTH_BYTES: usize = 4;

/// What a `Deliver` takes besides texts and body, at most: its length, keys, lengths of fields, numbers and the wish for an answer.
const MOST_BESIDES: usize = LENGTH_BYTES + 6 * 5 + 4 * NUMBER_BYTES + 2;

const LENGTH_DELIMITED: u8 = WireType::LengthDelimited as u8;
const FIXED64: u8 = WireType::SixtyFourBit as u8;

/// The keys of a `Deliver` in its frame, and of its fields.
const KIND_DELIVER: u8 = 2 << 3 | LENGTH_DELIMITED;
const TO: u8 = 1 << 3 | LENGTH_DELIMITED;
const FROM: u8 = 2 << 3 | LENGTH_DELIMITED;
const NAME: u8 = 3 << 3 | LENGTH_DELIMITED;
const BODY: u8 = 4 << 3 | LENGTH_DELIMITED;
const TRACE: u8 = 5 << 3 | FIXED64;
const ID: u8 = 6 << 3 | FIXED64;
const CAUSE: u8 = 7 << 3 | FIXED64;
const SENT: u8 = 8 << 3 | FIXED64;
const ASKS: u8 = 9 << 3 | WireType::Varint as u8;

/// A field of a `Deliver` of eight bytes, with its key.
const NUMBER_BYTES: usize = 9;

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

/// A message. Names are UTF-8, kept as bytes so that decoding them copies nothing. What is optional and left out is the same as in
/// the one before; a time of sending is one more.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Deliver {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub(crate) to: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub(crate) from: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    pub(crate) name: Option<Bytes>,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) body: Bytes,
    #[prost(fixed64, optional, tag = "5")]
    pub(crate) trace: Option<u64>,
    #[prost(fixed64, tag = "6")]
    pub(crate) id: u64,
    #[prost(fixed64, optional, tag = "7")]
    pub(crate) cause: Option<u64>,
    #[prost(fixed64, optional, tag = "8")]
    pub(crate) sent: Option<u64>,
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
    /// 5 the answer is too large, 6 too many questions are open.
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
    asks: bool,
}

/// What was written last on a connection, which the next `Deliver` does not repeat.
#[derive(Default)]
pub(crate) struct Spoken(Option<Said>);

struct Said {
    to: Pid,
    from: Pid,
    name: Cow<'static, str>,
    trace: TraceId,
    cause: MessageId,
    sent: HybridTime,
}

impl<'a> DeliverFrame<'a> {
    pub(crate) fn new(head: impl Into<Head<'a>>) -> DeliverFrame<'a> {
        DeliverFrame { head: head.into(), asks: false }
    }

    /// The same message, with the wish for a `Reply`.
    pub(crate) fn that_asks(self) -> DeliverFrame<'a> {
        DeliverFrame { asks: true, ..self }
    }

    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// With nothing left out, and without the length before it: what counts against the largest frame.
    pub(crate) fn whole_bytes(&self) -> usize {
        chunk_bytes(self.length(Changes::ALL))
    }

    /// No less than it takes, found out quickly.
    pub(crate) fn most_bytes(&self) -> usize {
        let Head { to, from, name, size, .. } = self.head;
        MOST_BESIDES + to.name().len() + from.name().len() + name.len() + size
    }

    /// Writes it without what was said already. `body` writes as many bytes as the head says.
    ///
    /// # Panics
    /// It writes more or less.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>, spoken: &mut Spoken, body: impl FnOnce(&mut Vec<u8>)) {
        let head = self.head;
        let changes = spoken.0.as_ref().map_or(Changes::ALL, |said| said.changes(&head));
        let length = self.length(changes);
        let frame = chunk_bytes(length);
        let end = buffer.len() + LENGTH_BYTES + frame;
        buffer.reserve(LENGTH_BYTES + frame);
        buffer.put_u32(u32::try_from(frame).unwrap_or(u32::MAX));
        buffer.push(KIND_DELIVER);
        put_varint(length, buffer);
        put_text(TO, changes.to, head.to.name(), buffer);
        put_text(FROM, changes.from, head.from.name(), buffer);
        put_text(NAME, changes.name, head.name, buffer);
        buffer.push(BODY);
        put_varint(head.size, buffer);
        body(buffer);
        put_number(TRACE, changes.trace, head.trace.0, buffer);
        put_number(ID, true, head.id.0, buffer);
        put_number(CAUSE, changes.cause, head.cause.0, buffer);
        put_number(SENT, changes.sent, head.logical.0, buffer);
        if self.asks {
            buffer.extend_from_slice(&[ASKS, 1]);
        }
        assert_eq!(buffer.len(), end, "a message is encoded as long as it says");
        spoken.says(&head, changes);
    }

    /// Of the `Deliver` alone.
    #[inline]
    fn length(&self, changes: Changes) -> usize {
        let Head { to, from, name, size, .. } = self.head;
        let text = |is_there: bool, text: &str| if is_there { chunk_bytes(text.len()) } else { 0 };
        let numbers = [true, changes.trace, changes.cause, changes.sent];
        let texts = text(changes.to, to.name()) + text(changes.from, from.name()) + text(changes.name, name);
        let numbers = numbers.into_iter().filter(|is_there| *is_there).count() * NUMBER_BYTES;
        texts + chunk_bytes(size) + numbers + if self.asks { 2 } else { 0 }
    }
}

/// What a `Deliver` says that the one before did not.
#[derive(Clone, Copy)]
struct Changes {
    to: bool,
    from: bool,
    name: bool,
    trace: bool,
    cause: bool,
    sent: bool,
}

impl Changes {
    const ALL: Changes = Changes { to: true, from: true, name: true, trace: true, cause: true, sent: true };
}

impl Said {
    #[inline]
    fn changes(&self, head: &Head<'_>) -> Changes {
        Changes {
            to: !self.to.is(head.to),
            from: !self.from.is(head.from),
            name: self.name != *head.name,
            trace: self.trace != head.trace,
            cause: self.cause != head.cause,
            sent: self.sent.0.wrapping_add(1) != head.logical.0,
        }
    }
}

impl Spoken {
    #[inline]
    fn says(&mut self, head: &Head<'_>, changes: Changes) {
        let Head { trace, cause, logical, .. } = *head;
        let Some(said) = &mut self.0 else {
            let (to, from, name) = (head.to.clone(), head.from.clone(), head.name.clone());
            self.0 = Some(Said { to, from, name, trace, cause, sent: logical });
            return;
        };
        (said.trace, said.cause, said.sent) = (trace, cause, logical);
        if changes.to {
            said.to = head.to.clone();
        }
        if changes.from {
            said.from = head.from.clone();
        }
        if changes.name {
            said.name = head.name.clone();
        }
    }
}

/// With its key and length, as a field.
fn chunk_bytes(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

#[inline]
fn put_varint(number: usize, buffer: &mut Vec<u8>) {
    if number < 0x80 {
        buffer.push(number as u8);
    } else {
        encode_varint(number as u64, buffer);
    }
}

#[inline]
fn put_text(key: u8, is_there: bool, text: &str, buffer: &mut Vec<u8>) {
    if is_there {
        buffer.push(key);
        put_varint(text.len(), buffer);
        buffer.extend_from_slice(text.as_bytes());
    }
}

#[inline]
fn put_number(key: u8, is_there: bool, number: u64, buffer: &mut Vec<u8>) {
    if is_there {
        let mut field = [key; NUMBER_BYTES];
        field[1..].copy_from_slice(&number.to_le_bytes());
        buffer.extend_from_slice(&field);
    }
}

/// The fields of a `Deliver` that are in its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct DeliverParts<'a> {
    pub(crate) to: Option<&'a [u8]>,
    pub(crate) from: Option<&'a [u8]>,
    pub(crate) name: Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
    pub(crate) trace: Option<u64>,
    pub(crate) id: u64,
    pub(crate) cause: Option<u64>,
    pub(crate) sent: Option<u64>,
    pub(crate) asks: bool,
}

impl<'a> DeliverParts<'a> {
    /// None if the frame is anything but a `Deliver` with the fields of this version: the full decoder knows what to make of that.
    pub(crate) fn of(frame: &'a [u8]) -> Option<DeliverParts<'a>> {
        let (&[KIND_DELIVER], rest) = frame.split_first_chunk()? else { return None };
        let (mut fields, []) = chunk(rest)? else { return None };
        let mut parts = DeliverParts::default();
        while let Some((key, rest)) = fields.split_first() {
            fields = match *key {
                TO => some_chunk(rest, &mut parts.to)?,
                FROM => some_chunk(rest, &mut parts.from)?,
                NAME => some_chunk(rest, &mut parts.name)?,
                BODY => {
                    let (body, rest) = chunk(rest)?;
                    parts.body = body;
                    rest
                }
                TRACE => some_number(rest, &mut parts.trace)?,
                ID => {
                    let (id, rest) = rest.split_first_chunk()?;
                    parts.id = u64::from_le_bytes(*id);
                    rest
                }
                CAUSE => some_number(rest, &mut parts.cause)?,
                SENT => some_number(rest, &mut parts.sent)?,
                ASKS => {
                    let (asks @ (0 | 1), rest) = rest.split_first()? else { return None };
                    parts.asks = *asks == 1;
                    rest
                }
                _ => return None,
            };
        }
        Some(parts)
    }
}

impl<'a> From<&'a Deliver> for DeliverParts<'a> {
    fn from(message: &'a Deliver) -> DeliverParts<'a> {
        let Deliver { to, from, name, body, trace, id, cause, sent, asks } = message;
        DeliverParts {
            to: to.as_deref(),
            from: from.as_deref(),
            name: name.as_deref(),
            body,
            trace: *trace,
            id: *id,
            cause: *cause,
            sent: *sent,
            asks: *asks,
        }
    }
}

/// What was read last on a connection, which the next `Deliver` does not repeat.
#[derive(Default)]
pub(crate) struct Heard {
    to: Vec<u8>,
    from: Vec<u8>,
    name: Vec<u8>,
    trace: u64,
    cause: u64,
    sent: u64,
}

/// A `Deliver` with everything that it means.
#[derive(Debug, PartialEq)]
pub(crate) struct DeliverView<'a> {
    pub(crate) to: &'a [u8],
    pub(crate) from: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) trace: TraceId,
    pub(crate) id: MessageId,
    pub(crate) cause: MessageId,
    pub(crate) sent: HybridTime,
    /// The sender waits for a `Reply`.
    pub(crate) asks: bool,
    /// It says nothing new of its receiver, its sender and its name.
    pub(crate) is_alike: bool,
}

impl Heard {
    #[inline]
    pub(crate) fn hears<'a>(&'a mut self, parts: DeliverParts<'a>) -> DeliverView<'a> {
        let set = |text: &mut Vec<u8>, part: Option<&[u8]>| {
            if let Some(part) = part {
                text.clear();
                text.extend_from_slice(part);
            }
        };
        set(&mut self.to, parts.to);
        set(&mut self.from, parts.from);
        set(&mut self.name, parts.name);
        self.trace = parts.trace.unwrap_or(self.trace);
        self.cause = parts.cause.unwrap_or(self.cause);
        self.sent = parts.sent.unwrap_or(self.sent.wrapping_add(1));
        DeliverView {
            to: &self.to,
            from: &self.from,
            name: &self.name,
            body: parts.body,
            trace: TraceId(self.trace),
            id: MessageId(parts.id),
            cause: MessageId(self.cause),
            sent: HybridTime(self.sent),
            asks: parts.asks,
            is_alike: parts.to.is_none() && parts.from.is_none() && parts.name.is_none(),
        }
    }
}

#[inline]
fn some_chunk<'a>(bytes: &'a [u8], field: &mut Option<&'a [u8]>) -> Option<&'a [u8]> {
    let (text, rest) = chunk(bytes)?;
    *field = Some(text);
    Some(rest)
}

#[inline]
fn some_number<'a>(bytes: &'a [u8], field: &mut Option<u64>) -> Option<&'a [u8]> {
    let (number, rest) = bytes.split_first_chunk()?;
    *field = Some(u64::from_le_bytes(*number));
    Some(rest)
}

/// A length and so many bytes, and what follows.
#[inline]
fn chunk(mut bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // Most are short.
    if let Some((length @ 0..=0x7f, rest)) = bytes.split_first() {
        return rest.split_at_checked(usize::from(*length));
    }
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
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::Header;

    fn deliver(header: &Header, spoken: &mut Spoken, body: &[u8]) -> Bytes {
        let mut bytes = Vec::new();
        DeliverFrame::new(header).write(&mut bytes, spoken, |buffer| buffer.extend_from_slice(body));
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

        let mut bytes = deliver(&header, &mut Spoken::default(), &body);

        assert_eq!(bytes.len(), LENGTH_BYTES + DeliverFrame::new(&header).whole_bytes());
        let length = bytes.split_to(LENGTH_BYTES);
        assert_eq!(length[..], (bytes.len() as u32).to_be_bytes());
        let Some(Kind::Deliver(message)) = Frame::decode(bytes.clone()).unwrap().kind else {
            panic!("not a message")
        };
        assert_eq!(DeliverParts::of(&bytes), Some(DeliverParts::from(&message)));
        let some = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        assert_eq!((message.to, message.from), (some("master"), some("slave(1)")));
        assert_eq!(message.name, some("mesos.internal.RegisterSlaveMessage"));
        assert_eq!(message.body, body);
        assert_eq!(
            (message.trace, message.id, message.cause, message.sent),
            (Some(1), u64::MAX, Some(0), Some(7))
        );
    }

    fn heads() -> impl Strategy<Value = Header> {
        let pid = |port| {
            prop::sample::select(vec!["a", "b", "a-longer-name"])
                .prop_map(move |name| Pid::new(name, ([10, 0, 0, 1], port).into()).unwrap())
        };
        let name = prop::sample::select(vec!["M", "mesos.internal.PingSlaveMessage"]);
        let few = 0..3_u64;
        (pid(1), pid(2), name, 0..300_usize, few.clone(), any::<u64>(), few.clone(), few).prop_map(
            |(from, to, name, size, trace, id, cause, sent)| Header {
                from,
                to,
                name: name.into(),
                size,
                trace: TraceId(trace),
                id: MessageId(id),
                cause: MessageId(cause),
                logical: HybridTime(sent),
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_left_out_is_understood(headers in prop::collection::vec(heads(), 1..20)) {
            let (mut spoken, mut heard) = (Spoken::default(), Heard::default());

            for header in &headers {
                let bytes = deliver(header, &mut spoken, &vec![7; header.size]);
                let parts = DeliverParts::of(&bytes[LENGTH_BYTES..]).expect("a message");
                let view = heard.hears(parts);

                let frame = DeliverFrame::new(header);
                prop_assert!(bytes.len() <= LENGTH_BYTES + frame.whole_bytes());
                prop_assert!(LENGTH_BYTES + frame.whole_bytes() <= frame.most_bytes());
                prop_assert_eq!(view.to, header.to.name().as_bytes());
                prop_assert_eq!(view.from, header.from.name().as_bytes());
                prop_assert_eq!(view.name, header.name.as_bytes());
                prop_assert_eq!(view.body.len(), header.size);
                let numbers = (view.trace, view.id, view.cause, view.sent);
                prop_assert_eq!(numbers, (header.trace, header.id, header.cause, header.logical));
            }
        }
    }

    /// The bytes of the blocks marked `hex` on the page that describes the protocol.
    fn documented() -> Vec<Vec<u8>> {
        let page = include_str!("../../../docs/protocol/peer.md");
        let blocks = page.split("```hex\n").skip(1).map(|block| block.split("```").next().unwrap());
        let byte = |digits| u8::from_str_radix(digits, 16).unwrap();
        blocks.map(|block| block.split_whitespace().map(byte).collect()).collect()
    }

    fn pong(to: &str, id: u64, sent: u64, spoken: &mut Spoken) -> Bytes {
        deliver(
            &Header {
                from: "slave(1)@10.0.0.1:5051".parse().unwrap(),
                to: format!("{to}@10.0.0.2:5050").parse().unwrap(),
                name: "mesos.internal.PongSlaveMessage".into(),
                size: 0,
                trace: TraceId(1),
                id: MessageId(id),
                cause: MessageId(3),
                logical: HybridTime(sent),
            },
            spoken,
            b"",
        )
    }

    #[test]
    fn the_documented_bytes_are_what_is_written() {
        let preface = Bytes::copy_from_slice(&preface());
        let hello_of =
            |address: &str, incarnation, connection| hello(address.parse().unwrap(), incarnation, connection);
        let reason = "no actor 'nobody' at 10.0.0.2:5050".to_owned();
        let mut spoken = Spoken::default();

        let written = [
            vec![preface.clone(), hello_of("10.0.0.1:5051", 0x0102_0304_0506_0708, 1)],
            vec![
                frame(Kind::Watch(Watch { number: 7, actor: "master".into() })),
                pong("master", 2, 4, &mut spoken),
                pong("nobody", 5, 5, &mut spoken),
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
