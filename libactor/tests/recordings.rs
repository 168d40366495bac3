//! Recorded exchanges with the C++ libprocess, byte for byte. What they are is in `recordings/README.md`.

mod cast;

use std::net::SocketAddr;
use std::time::Duration;

use cast::{served, soon};
use libactor::{Actor, Clock, Context, Node, Pid, Receive, Routes, Timestamp};
use prost::Message as _;
use prost::bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const PING_OURS: &[u8] = include_bytes!("recordings/ping-ours.bin");
const PING_ANSWERS: &[u8] = include_bytes!("recordings/ping-answers.bin");
const PONG_THEIRS: &[u8] = include_bytes!("recordings/pong-theirs.bin");
const PONG_ANSWERS: &[u8] = include_bytes!("recordings/pong-answers.bin");
const MECHANISMS_THEIRS: &[u8] = include_bytes!("recordings/mechanisms-theirs.bin");
const DRIVER_THEIRS: &[u8] = include_bytes!("recordings/driver-theirs.bin");
const DRIVER_ANSWERS: &[u8] = include_bytes!("recordings/driver-answers.bin");
const REGISTERED_OURS: &[u8] = include_bytes!("recordings/registered-ours.bin");
const REGISTERED_ANSWERS: &[u8] = include_bytes!("recordings/registered-answers.bin");

/// Saturday, 21 November 2026, 5:16:54 and 5:20:17, when they were recorded.
const PINGED: Timestamp = Timestamp::from_nanos(1_795_238_214 * 1_000_000_000);
const SUBSCRIBED: Timestamp = Timestamp::from_nanos(1_795_238_417 * 1_000_000_000);

macro_rules! messages {
    ($($message:ident { $($field:tt)* })*) => {$(
        #[derive(Clone, PartialEq, prost::Message)]
        struct $message { $($field)* }

        impl prost::Name for $message {
            const NAME: &'static str = stringify!($message);
            const PACKAGE: &'static str = "mesos.internal";
        }

        impl Receive<$message> for Bodies {
            fn receive(&mut self, _cx: &mut Context<Self>, from: &Pid, message: $message) {
                let _ = self.0.send((stringify!($message), from.clone(), message.encode_to_vec().into()));
            }
        }
    )*};
}

messages! {
    PingSlaveMessage { #[prost(bool, required, tag = "1")] connected: bool }
    AuthenticateMessage { #[prost(string, required, tag = "1")] pid: String }
    PongSlaveMessage {}
    AuthenticationMechanismsMessage { #[prost(string, repeated, tag = "1")] mechanisms: Vec<String> }
    // All its fields as bytes, so that they encode to what they were.
    Call {
        #[prost(bytes = "bytes", optional, tag = "1")] framework_id: Option<Bytes>,
        #[prost(int32, optional, tag = "2")] kind: Option<i32>,
        #[prost(bytes = "bytes", optional, tag = "3")] subscribe: Option<Bytes>,
        #[prost(bytes = "bytes", optional, tag = "9")] reconcile: Option<Bytes>
    }
    FrameworkRegisteredMessage {
        #[prost(bytes = "bytes", tag = "1")] framework_id: Bytes,
        #[prost(bytes = "bytes", tag = "2")] master_info: Bytes
    }
}

type Got = (&'static str, Pid, Bytes);

/// Reports the bodies that it gets.
struct Bodies(mpsc::UnboundedSender<Got>);

impl Actor for Bodies {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<PongSlaveMessage>()
            .message::<AuthenticationMechanismsMessage>()
            .message_as::<Call>("mesos.scheduler.Call");
    }
}

/// A node at the time of a recording, with an actor of that name. Theirs do not say where they sent it.
async fn scene(actor: &str, then: Timestamp) -> (Node, Clock, TcpStream, mpsc::UnboundedReceiver<Got>) {
    let (clock, (tell, told)) = (Clock::starting_at(then), mpsc::unbounded_channel());
    let node = served(Node::builder().clock(clock.clone())).await;
    node.spawn(actor, Bodies(tell));
    let stream = TcpStream::connect(node.address()).await.unwrap();
    (node, clock, stream, told)
}

async fn exactly(stream: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    soon(stream.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(expected));
}

#[test]
fn the_pong_of_an_agent_arrives_and_is_answered_as_it_was() {
    libactor::run(async {
        let (node, _, mut stream, mut told) = scene("pinger", PINGED).await;

        stream.write_all(PONG_THEIRS).await.unwrap();
        stream.write_all(MECHANISMS_THEIRS).await.unwrap();

        exactly(&mut stream, PONG_ANSWERS).await;
        // The master answered our two messages with the same bytes.
        exactly(&mut stream, &PING_ANSWERS[PONG_ANSWERS.len()..]).await;
        assert_eq!(PING_ANSWERS, [PONG_ANSWERS, PONG_ANSWERS].concat());
        let agent = "slave(1)@127.0.0.1:5350".parse().unwrap();
        assert_eq!(soon(told.recv()).await, Some(("PongSlaveMessage", agent, Bytes::new())));
        let session = "crammd5-authenticator-session(1)@127.0.0.1:5350".parse().unwrap();
        let body = Bytes::from_static(b"\x0a\x08CRAM-MD5");
        assert_eq!(soon(told.recv()).await, Some(("AuthenticationMechanismsMessage", session, body)));
        node.shutdown().await;
    });
}

#[test]
fn the_calls_of_a_driver_arrive_and_are_answered_as_they_were() {
    libactor::run(async {
        let (node, clock, mut stream, mut told) = scene("master", SUBSCRIBED).await;
        // When the calls came, in seconds since the first, and how many bytes of them.
        let times = [(0, 329), (3, 306 + 608), (1, 304)];
        let (mut rest, mut answers) = (DRIVER_THEIRS, DRIVER_ANSWERS);

        let mut kinds = Vec::new();
        for (wait, length) in times {
            clock.advance(Duration::from_secs(wait)).await;
            let (now, later) = rest.split_at(length);
            stream.write_all(now).await.unwrap();
            let calls = now.windows(5).filter(|window| window == b"POST ").count();
            let (expected, others) = answers.split_at(calls * PONG_ANSWERS.len());
            exactly(&mut stream, expected).await;
            for _ in 0..calls {
                let (name, from, body) = soon(told.recv()).await.unwrap();
                assert_eq!((name, from.address().port()), ("Call", 37043));
                kinds.push(Call::decode(&body[..]).unwrap().kind());
                // Nothing of it was lost: the bytes are in what came, as one chunk.
                let chunk =
                    [format!("\r\n{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
                assert!(body.len() < 4 || now.windows(chunk.len()).any(|window| window == chunk), "{body:?}");
            }
            (rest, answers) = (later, others);
        }

        // Subscribe, reconcile, suppress, revive, teardown.
        assert_eq!(kinds, [1, 9, 12, 5, 2]);
        assert!(rest.is_empty() && answers.is_empty());
        node.shutdown().await;
    });
}

/// The bytes that a node sends for `messages`, with addresses as they were.
async fn sent(from: &str, to: &str, count: usize, tell: impl FnOnce(&Node, &Pid, SocketAddr)) -> Vec<u8> {
    let theirs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (node, address) = (served(Node::builder()).await, theirs.local_addr().unwrap());
    node.speak_libprocess(address);
    let (name, then) = from.split_once('@').unwrap();
    let me = node.pid(name);

    tell(&node, &me, address);

    let (mut stream, _) = soon(theirs.accept()).await.unwrap();
    let mut bytes = Vec::new();
    let ends = |bytes: &[u8]| bytes.windows(7).filter(|window| window == b"\r\n0\r\n\r\n").count();
    while ends(&bytes) < count {
        soon(stream.read_buf(&mut bytes)).await.unwrap();
    }
    node.shutdown().await;
    replace(&replace(&bytes, &node.address().to_string(), then), &address.to_string(), to)
}

/// In headers; the bodies here name nobody whose address has another length.
fn replace(bytes: &[u8], old: &str, new: &str) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old.as_bytes()) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(new.as_bytes());
        rest = &rest[at + old.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

#[test]
fn what_the_agent_and_the_master_understood_is_what_we_send() {
    libactor::run(async {
        let bytes = sent("pinger@127.0.0.1:38557", "127.0.0.1:5350", 2, |node, me, address| {
            let (agent, master) =
                (Pid::new("slave(1)", address).unwrap(), Pid::new("master", address).unwrap());
            node.tell(me, &agent, PingSlaveMessage { connected: true });
            node.tell(me, &master, AuthenticateMessage { pid: "pinger@127.0.0.1:38557".into() });
        });

        assert_eq!(String::from_utf8_lossy(&bytes.await), String::from_utf8_lossy(PING_OURS));
    });
}

#[test]
fn what_the_driver_understood_is_what_we_send() {
    libactor::run(async {
        let recorded = String::from_utf8_lossy(REGISTERED_OURS);
        let driver = recorded.split(['/', ' ']).nth(2).unwrap().to_owned();
        let body = &REGISTERED_OURS[recorded.find("47\r\n").unwrap() + 4..][..0x47];
        let message = FrameworkRegisteredMessage::decode(body).unwrap();

        let bytes = sent("master@127.0.0.1:5355", "127.0.0.1:37043", 1, move |node, me, address| {
            node.tell(me, &Pid::new(&driver, address).unwrap(), message);
        });

        assert_eq!(bytes.await, REGISTERED_OURS);
        assert!(REGISTERED_ANSWERS.starts_with(b"HTTP/1.1 202 Accepted\r\nDate: "));
    });
}
