//! Whoever speaks nonsense to a node gets a clear error and is counted, and hurts nobody else.

mod cast;

use std::net::SocketAddr;
use std::time::Duration;

use cast::{Saw, Seen, counter, grown, listener, node, note, served, soon};
use libactor::{ActorRef, Node};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const PREFACE: &[u8] = b"\x93lactor\x02";

/// A field of a protobuf message that is text, bytes or a message.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 128);
    [&[tag << 3 | 2, content.len() as u8], content].concat()
}

fn framed(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32).to_be_bytes(), content].concat()
}

fn hello() -> Vec<u8> {
    framed(&field(1, &field(1, b"127.0.0.1:1")))
}

fn deliver(to: &[u8], name: &[u8], body: &[u8]) -> Vec<u8> {
    let message = [field(1, to), field(2, b"stranger"), field(3, name), field(4, body)].concat();
    framed(&field(2, &message))
}

/// A stranger that has greeted the node as a peer does.
async fn peer(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&[PREFACE, &hello()].concat()).await.unwrap();
    let mut preface = [0; 8];
    stream.read_exact(&mut preface).await.unwrap();
    assert_eq!(preface, PREFACE);
    let hello = frame(&mut stream).await;
    assert!(hello[4..].starts_with(address.to_string().as_bytes()));
    stream
}

async fn frame(stream: &mut TcpStream) -> Vec<u8> {
    soon(async {
        loop {
            let length = stream.read_u32().await.unwrap();
            let mut frame = vec![0; length as usize];
            stream.read_exact(&mut frame).await.unwrap();
            if !frame.is_empty() {
                return frame;
            }
        }
    })
    .await
}

/// What the node says before it closes.
async fn last_words(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A node with a listener, and a decent peer's node that can still reach it afterwards.
async fn scene() -> (Node, ActorRef<cast::Listener>, Seen, Node) {
    let (actor, seen) = listener();
    let check = |name: &str, body: &[u8]| {
        let refused = name == "test.Note" && body == b"\x08\x0d";
        if refused { Err("number 13 is not allowed") } else { Ok(()) }
    };
    let quick = Duration::from_secs(1);
    let builder = Node::builder().largest_frame(1 << 20).handshake_timeout(quick).body_check(check);
    let target = served(builder).await;
    let listener = target.spawn("listener", actor);
    (target, listener, seen, node().await)
}

async fn nobody_else_is_hurt(target: Node, listener: ActorRef<cast::Listener>, mut seen: Seen, decent: Node) {
    let me = decent.pid("me");
    decent.tell(&me, listener.pid(), note(42));
    assert_eq!(seen.next().await, Saw::Note(me, 42));
    decent.shutdown().await;
    target.shutdown().await;
}

#[test]
fn a_message_for_nobody_is_noted_and_the_connection_goes_on() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let before = counter("libactor/messages_to_unknown_actors");
        let mut stranger = peer(target.address()).await;

        stranger.write_all(&deliver(b"nobody", b"test.Note", b"")).await.unwrap();
        let note = frame(&mut stranger).await;
        stranger.write_all(&deliver(b"listener", b"test.Note", b"\x08\x07")).await.unwrap();

        assert!(String::from_utf8_lossy(&note).contains("no actor 'nobody' at"));
        grown("libactor/messages_to_unknown_actors", before).await;
        assert_eq!(seen.next().await, Saw::Note("stranger@127.0.0.1:1".parse().unwrap(), 7));
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn who_never_stops_to_send_is_answered_meanwhile() {
    libactor::run(async {
        let (target, listener, seen, decent) = scene().await;
        let (mut read, mut write) = peer(target.address()).await.into_split();
        let piece = deliver(b"nobody", b"test.Note", b"").repeat(4000);
        let flood = async {
            loop {
                write.write_all(&piece).await.unwrap();
            }
        };
        let mut notes = vec![0; 256 << 10];

        tokio::select! {
            () = flood => {}
            read = soon(read.read_exact(&mut notes)) => assert_eq!(read.unwrap(), 256 << 10),
        }

        drop((read, write));
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn a_message_of_unknown_name_is_noted_and_the_connection_goes_on() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let before = counter("libactor/messages_of_unknown_name");
        let mut stranger = peer(target.address()).await;

        stranger.write_all(&deliver(b"listener", b"test.Riddle", b"")).await.unwrap();
        let note = frame(&mut stranger).await;
        stranger.write_all(&deliver(b"listener", b"test.Note", b"\x08\x07")).await.unwrap();

        assert!(String::from_utf8_lossy(&note).contains("does not receive 'test.Riddle'"));
        grown("libactor/messages_of_unknown_name", before).await;
        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn a_malformed_body_is_dropped_and_the_connection_goes_on() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let before = counter("libactor/messages_malformed");
        let mut stranger = peer(target.address()).await;

        stranger.write_all(&deliver(b"listener", b"test.Note", b"\x08\xff")).await.unwrap();
        stranger.write_all(&deliver(b"listener", b"test.Note", b"\x08\x07")).await.unwrap();

        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        grown("libactor/messages_malformed", before).await;
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn a_body_that_the_check_refuses_is_noted_and_the_connection_goes_on() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let before = counter("libactor/messages_malformed");
        let mut stranger = peer(target.address()).await;

        stranger.write_all(&deliver(b"listener", b"test.Note", &note(13).encode_to_vec())).await.unwrap();
        let refused = frame(&mut stranger).await;
        stranger.write_all(&deliver(b"listener", b"test.Note", b"\x08\x07")).await.unwrap();

        assert!(String::from_utf8_lossy(&refused).contains("malformed test.Note: number 13 is not allowed"));
        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        grown("libactor/messages_malformed", before).await;
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

/// The stranger sends `bytes` after its greeting; the node says `reason` and closes.
fn is_refused(bytes: Vec<u8>, reason: &str, metric: &str) {
    libactor::run(async {
        let (target, listener, seen, decent) = scene().await;
        let before = counter(metric);
        let mut stranger = peer(target.address()).await;

        stranger.write_all(&bytes).await.unwrap();

        let said = last_words(&mut stranger).await;
        assert!(said.contains(reason), "{said:?}");
        grown(metric, before).await;
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn an_oversized_frame_is_refused_before_it_is_read() {
    let length = 0x7fff_ffff_u32.to_be_bytes().to_vec();
    is_refused(length, "frame of 2147483647 bytes, at most 1048576 are allowed", "libactor/frames_oversized");
}

#[test]
fn a_frame_that_does_not_decode_is_refused() {
    is_refused(framed(b"\xff\xff\xff"), "frame that does not decode", "libactor/frames_malformed");
}

#[test]
fn a_message_to_an_impossible_name_is_refused() {
    let bytes = deliver(b"a/b", b"test.Note", b"");
    is_refused(bytes, "receiver: actor name 'a/b'", "libactor/frames_malformed");
}

#[test]
fn a_message_with_a_name_that_is_no_text_is_refused() {
    let bytes = deliver(b"listener", b"\xff\xfe", b"");
    is_refused(bytes, "message name that is not UTF-8", "libactor/frames_malformed");
}

#[test]
fn what_came_before_a_frame_that_is_refused_is_delivered() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let mut stranger = peer(target.address()).await;
        let good = |number: u8| deliver(b"listener", b"test.Note", &[8, number]);
        let nameless = deliver(b"listener", b"\xff", b"");

        // In one write, so that they are read together.
        stranger.write_all(&[good(1), good(2), nameless, good(3)].concat()).await.unwrap();

        assert!(last_words(&mut stranger).await.contains("message name"));
        assert!(matches!(seen.next().await, Saw::Note(_, 1)));
        assert!(matches!(seen.next().await, Saw::Note(_, 2)));
        assert!(seen.nothing_more());
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn a_second_hello_is_refused() {
    is_refused(hello(), "a frame of an acceptor where the protocol has none", "libactor/frames_malformed");
}

#[test]
fn a_second_watch_of_the_same_number_is_refused() {
    let watch = framed(&field(3, &[&[1 << 3, 7][..], &field(2, b"listener")].concat()));
    is_refused(watch.repeat(2), "a second watch of number 7", "libactor/frames_malformed");
}

#[test]
fn more_watches_than_allowed_are_refused() {
    let watch = |number: usize| {
        let number = [0x80 | number as u8, 0x80 | (number >> 7) as u8, (number >> 14) as u8];
        framed(&field(3, &[&[1 << 3][..], &number, &field(2, b"listener")].concat()))
    };
    let bytes = (0..=libactor::limits::WATCHES_PER_CONNECTION).flat_map(watch).collect();
    is_refused(bytes, "more than 100000 watches", "libactor/frames_malformed");
}

#[test]
fn a_first_message_that_leaves_out_what_nobody_said_is_refused() {
    let message = framed(&field(2, &field(4, b"\x08\x07")));
    is_refused(message, "message name of 0 bytes", "libactor/frames_malformed");
}

#[test]
fn what_a_later_version_may_add_is_ignored() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let later = field(15, b"a kind of frame that this version does not know");
        let message =
            [field(1, b"listener"), field(2, b"stranger"), field(3, b"test.Note"), field(4, b"\x08\x07")];
        let longer = [&message.concat()[..], &field(14, b"a field that this version does not know")].concat();
        let mut stranger = peer(target.address()).await;

        stranger.write_all(&[framed(&later), framed(&field(2, &longer))].concat()).await.unwrap();

        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

/// A greeting of the same node on its connection of that number.
fn greeting(connection: u8) -> Vec<u8> {
    let hello =
        [&field(1, b"127.0.0.1:1")[..], &[2 << 3 | 1, 7, 0, 0, 0, 0, 0, 0, 0, 3 << 3, connection]].concat();
    [PREFACE, &framed(&field(1, &hello))].concat()
}

#[test]
fn of_two_connections_of_one_node_the_later_one_counts() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let message = deliver(b"listener", b"test.Note", b"\x08\x07");
        let mut streams = Vec::new();
        // The third was dialled before the second, and comes after it.
        for connection in [5, 6, 4] {
            let mut stream = TcpStream::connect(target.address()).await.unwrap();
            stream.write_all(&greeting(connection)).await.unwrap();
            stream.read_exact(&mut [0; 8]).await.unwrap();
            streams.push(stream);
            if connection != 4 {
                frame(streams.last_mut().unwrap()).await;
            }
        }
        let [mut first, mut second, mut third] = <[TcpStream; 3]>::try_from(streams).unwrap();

        assert_eq!(last_words(&mut first).await, "");
        assert_eq!(last_words(&mut third).await, "");
        second.write_all(&message).await.unwrap();
        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn nobody_takes_the_address_of_a_peer_that_is_connected_from_elsewhere() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let mut first = TcpStream::connect(target.address()).await.unwrap();
        first.write_all(&greeting(5)).await.unwrap();
        first.read_exact(&mut [0; 8]).await.unwrap();
        frame(&mut first).await;

        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut impostor = socket.connect(target.address()).await.unwrap();
        impostor.write_all(&greeting(6)).await.unwrap();

        let words = last_words(&mut impostor).await;
        assert!(words.contains("connected already, from another IP address"), "{words}");
        first.write_all(&deliver(b"listener", b"test.Note", b"\x08\x07")).await.unwrap();
        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn a_hello_that_is_long_is_refused_before_it_is_read() {
    is_closed(
        b"\x93lactor\x02\x00\x00\x04\x01",
        "frame of 1025 bytes, at most 1024 are allowed",
        "libactor/frames_oversized",
    );
}

#[test]
fn a_number_watches_again_after_its_watch_was_withdrawn() {
    libactor::run(async {
        let (target, listener, mut seen, decent) = scene().await;
        let watch = framed(&field(3, &[&[1 << 3, 7][..], &field(2, b"listener")].concat()));
        let unwatch = framed(&field(4, &[1 << 3, 7]));
        let mut stranger = peer(target.address()).await;

        let message = deliver(b"listener", b"test.Note", b"\x08\x07");
        stranger.write_all(&[&watch[..], &unwatch, &watch, &message].concat()).await.unwrap();

        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

/// The stranger sends `bytes` and nothing more; the node says `reason` and closes.
fn is_closed(bytes: &'static [u8], reason: &str, metric: &str) {
    libactor::run(async {
        let (target, listener, seen, decent) = scene().await;
        let before = counter(metric);
        let mut stranger = TcpStream::connect(target.address()).await.unwrap();

        stranger.write_all(bytes).await.unwrap();

        let said = last_words(&mut stranger).await;
        assert!(said.contains(reason), "{said:?}");
        grown(metric, before).await;
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn a_request_whose_head_never_ends_is_answered_408() {
    is_closed(b"POST /x HTTP/1.1\r\nHost:", "408 Request Timeout", "libactor/connections_half_open");
}

#[test]
fn a_peer_that_greets_half_is_closed() {
    is_closed(b"\x93lac", "no handshake within the time for it", "libactor/connections_half_open");
}

#[test]
fn a_peer_that_never_says_hello_is_closed() {
    is_closed(b"\x93lactor\x02", "no handshake within the time for it", "libactor/connections_half_open");
}

#[test]
fn a_peer_of_another_version_is_told_ours() {
    is_closed(
        b"\x93lactor\x09",
        "speaks version 9 of the peer protocol, this node version 2",
        "libactor/handshakes_failed",
    );
}

#[test]
fn what_only_begins_like_a_peer_is_closed() {
    is_closed(
        b"\x93lice in wonderland",
        "does not begin like the peer protocol",
        "libactor/handshakes_failed",
    );
}

#[test]
fn nonsense_is_answered_400() {
    libactor::run(async {
        let (target, listener, seen, decent) = scene().await;
        let mut stranger = TcpStream::connect(target.address()).await.unwrap();

        stranger.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and more\r\n\r\n").await.unwrap();

        let said = last_words(&mut stranger).await;
        assert!(said.starts_with("HTTP/1.1 400 Bad Request"), "{said:?}");
        nobody_else_is_hurt(target, listener, seen, decent).await;
    });
}

#[test]
fn connections_beyond_the_limit_wait_for_their_turn() {
    libactor::run(async {
        let target = served(Node::builder().connection_limit(1)).await;
        let get = b"GET /__processes__ HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut first = TcpStream::connect(target.address()).await.unwrap();
        first.write_all(get).await.unwrap();
        let mut answer = [0; 15];
        soon(first.read_exact(&mut answer)).await.unwrap();

        let mut second = TcpStream::connect(target.address()).await.unwrap();
        second.write_all(get).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(100), second.read_u8()).await;
        assert!(waiting.is_err());
        drop(first);

        assert_eq!(soon(second.read_u8()).await.unwrap(), b'H');
        target.shutdown().await;
    });
}
