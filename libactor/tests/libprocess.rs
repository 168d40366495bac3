//! The libprocess wire, byte by byte, in both directions: messages, answers, links, and what is refused.

mod cast;

use std::time::Duration;

use cast::{Riddle, Saw, Seen, counter, grown, listener, node, note, perform, served, soon};
use libactor::{Actor, ActorRef, Clock, Context, Exit, Node, Pid, Receive, Routes, Timestamp};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// Sunday, 6 November 1994, 8:49:37, which is what RFC 9110 shows.
const THEN: Timestamp = Timestamp::from_nanos(784_111_777 * 1_000_000_000);
const ACCEPTED: &str =
    "HTTP/1.1 202 Accepted\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n";
const NOT_FOUND: &str =
    "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n";

async fn node_then() -> Node {
    served(Node::builder().clock(Clock::starting_at(THEN))).await
}

fn spawn_listener(node: &Node, name: &str) -> (ActorRef<cast::Listener>, Seen) {
    let (actor, seen) = listener();
    (node.spawn(name, actor), seen)
}

/// A message as libprocess writes it.
fn post(path: &str, from: &str, host: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nUser-Agent: libprocess/{from}\r\nLibprocess-From: {from}\r\nConnection: Keep-Alive\r\nHost: {host}\r\n"
    );
    if body.is_empty() {
        return format!("{head}\r\n").into_bytes();
    }
    let head = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
    [head.as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
}

async fn exactly(stream: &mut TcpStream, expected: impl AsRef<[u8]>) {
    let expected = expected.as_ref();
    let mut bytes = vec![0; expected.len()];
    let read = soon(stream.read_exact(&mut bytes)).await;
    assert!(read.is_ok() && bytes == expected, "{:?}", String::from_utf8_lossy(&bytes));
}

async fn is_over(stream: &mut TcpStream) -> bool {
    !matches!(soon(stream.read(&mut [0; 64])).await, Ok(count) if count > 0)
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn pid(text: &str) -> Pid {
    text.parse().unwrap()
}

#[test]
fn messages_come_in_one_behind_the_other_and_are_answered_in_order() {
    libactor::run(async {
        let target = node_then().await;
        let (_listener, mut seen) = spawn_listener(&target, "listener(1)");
        let mut stream = TcpStream::connect(target.address()).await.unwrap();
        let x = "x(1)@127.0.0.1:9";
        let bytes = [
            post("/listener(1)/test.Note", x, "127.0.0.1:5151", &note(1).encode_to_vec()),
            post("/nobody/test.Note", x, "", b"\x08\x02"),
            post("/listener%281%29/test.Note", x, "", b""),
            b"POST /listener(1)/test.Note HTTP/1.1\r\nLibprocess-From: y@127.0.0.1:9\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 2\r\nContent-Type: application/x-protobuf\r\n\r\n\x08\x04".to_vec(),
            b"POST /listener(1)/test.Note HTTP/1.1\r\nUser-Agent: libprocess/z@127.0.0.1:9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\x08\r\n1\r\n\x05\r\n0\r\n\r\n".to_vec(),
            post("/test.Note", x, "", b"\x08\x06"),
            post("/listener(1)/test.Riddle", x, "", b""),
            post("/listener(1)/test.Note", x, "", b"\x08\x07"),
        ];

        stream.write_all(&bytes.concat()).await.unwrap();

        for (from, number) in [(x, 1), (x, 0), ("y@127.0.0.1:9", 4), ("z@127.0.0.1:9", 5), (x, 7)] {
            assert_eq!(seen.next().await, Saw::Note(pid(from), number));
        }
        for answer in [ACCEPTED, NOT_FOUND, ACCEPTED, ACCEPTED, ACCEPTED, NOT_FOUND, ACCEPTED, ACCEPTED] {
            exactly(&mut stream, answer).await;
        }
        target.shutdown().await;
        assert!(is_over(&mut stream).await);
    });
}

#[test]
fn what_comes_before_the_end_of_a_connection_arrives() {
    libactor::run(async {
        let target = node().await;
        let (_listener, mut seen) = spawn_listener(&target, "listener");
        let mut stream = TcpStream::connect(target.address()).await.unwrap();

        for number in [1, 2] {
            let body = note(number).encode_to_vec();
            stream.write_all(&post("/listener/test.Note", "x@127.0.0.1:9", "", &body)).await.unwrap();
        }
        drop(stream);

        assert_eq!(seen.next().await, Saw::Note(pid("x@127.0.0.1:9"), 1));
        assert_eq!(seen.next().await, Saw::Note(pid("x@127.0.0.1:9"), 2));
        target.shutdown().await;
    });
}

/// Has names of its own for what it receives, and answers in kind.
struct Old(mpsc::UnboundedSender<(&'static str, Pid)>);

impl Actor for Old {
    fn install(routes: &mut Routes<Self>) {
        routes.message_as::<Riddle>("PING").message_as::<cast::Note>("old.Note");
    }
}

impl Receive<Riddle> for Old {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, _: Riddle) {
        let _ = self.0.send(("PING", from.clone()));
        cx.tell_as(from, "PONG", Riddle {});
    }
}

impl Receive<cast::Note> for Old {
    fn receive(&mut self, _cx: &mut Context<Self>, from: &Pid, _: cast::Note) {
        let _ = self.0.send(("old.Note", from.clone()));
    }
}

#[test]
fn an_answer_takes_a_connection_of_its_own_to_the_pid_of_the_sender() {
    libactor::run(async {
        let target = node_then().await;
        let (tell, mut told) = mpsc::unbounded_channel();
        target.spawn("old", Old(tell));
        let theirs = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (us, host) = (theirs.local_addr().unwrap().to_string(), target.address().to_string());
        let from = format!("x(1)@{us}");
        let mut stream = TcpStream::connect(target.address()).await.unwrap();

        stream.write_all(&post("/old/PING", &from, &host, b"")).await.unwrap();

        exactly(&mut stream, ACCEPTED).await;
        assert_eq!(soon(told.recv()).await, Some(("PING", pid(&from))));
        let (mut answers, _) = soon(theirs.accept()).await.unwrap();
        exactly(&mut answers, post("/x(1)/PONG", &format!("old@{host}"), &us, b"")).await;
        // One connection for all that follows; what is said on it is of no interest.
        answers.write_all(ACCEPTED.as_bytes()).await.unwrap();
        stream.write_all(&post("/old/PING", &from, &host, b"")).await.unwrap();
        exactly(&mut answers, post("/x(1)/PONG", &format!("old@{host}"), &us, b"")).await;
        target.shutdown().await;
        assert!(is_over(&mut answers).await);
    });
}

#[test]
fn nobody_takes_the_address_of_a_program_that_is_linked_from_elsewhere() {
    libactor::run(async {
        let target = node_then().await;
        let (tell, mut told) = mpsc::unbounded_channel();
        target.spawn("old", Old(tell));
        let theirs = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (us, host) = (theirs.local_addr().unwrap().to_string(), target.address().to_string());
        let from = format!("x(1)@{us}");
        let mut stream = TcpStream::connect(target.address()).await.unwrap();
        stream.write_all(&post("/old/PING", &from, &host, b"")).await.unwrap();
        let (mut answers, _) = soon(theirs.accept()).await.unwrap();
        let pong = post("/x(1)/PONG", &format!("old@{host}"), &us, b"");
        exactly(&mut answers, &pong).await;

        let mut impostor = elsewhere(&target).await;
        impostor.write_all(&hello(&us)).await.unwrap();
        let words = rest(&mut impostor).await;

        assert!(words.contains("connected already, from another IP address"), "{words}");
        stream.write_all(&post("/old/PING", &from, &host, b"")).await.unwrap();
        exactly(&mut answers, &pong).await;
        assert_eq!(soon(told.recv()).await, Some(("PING", pid(&from))));
        target.shutdown().await;
    });
}

/// The greeting of a node at that address.
fn hello(address: &str) -> Vec<u8> {
    let field = |tag: u8, content: &[u8]| [&[tag << 3 | 2, content.len() as u8], content].concat();
    let hello = field(1, &field(1, address.as_bytes()));
    let length = (hello.len() as u32).to_be_bytes();
    [b"\x93lactor\x02", &length[..], &hello].concat()
}

/// A connection from another address of this machine.
async fn elsewhere(target: &Node) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.connect(target.address()).await.unwrap()
}

#[test]
fn who_must_match_is_refused_in_the_name_of_another_address() {
    libactor::run(async {
        let target = served(Node::builder().require_peer_match(true)).await;
        let (_listener, mut seen) = spawn_listener(&target, "listener");
        let say = |number| post("/listener/test.Note", "x@127.0.0.1:9", "", &note(number).encode_to_vec());

        let mut impostor = elsewhere(&target).await;
        impostor.write_all(&say(1)).await.unwrap();
        let words = rest(&mut impostor).await;
        assert!(words.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{words}");
        assert!(words.contains("at another IP address than 127.0.0.2, from which it comes"), "{words}");
        // The same behind a plain request, where the routes take messages.
        let mut impostor = elsewhere(&target).await;
        impostor.write_all(b"GET /__processes__ HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let last = String::from_utf8(say(2)).unwrap().replace("Keep-Alive", "close");
        impostor.write_all(last.as_bytes()).await.unwrap();
        let words = rest(&mut impostor).await;
        assert!(words.contains("HTTP/1.1 400 Bad Request\r\n"), "{words}");

        let mut honest = TcpStream::connect(target.address()).await.unwrap();
        honest.write_all(&say(3)).await.unwrap();
        assert_eq!(seen.next().await, Saw::Note(pid("x@127.0.0.1:9"), 3));
        target.shutdown().await;
    });
}

#[test]
fn a_node_that_must_match_is_refused_at_another_address() {
    libactor::run(async {
        let target = served(Node::builder().require_peer_match(true)).await;
        let (_listener, mut seen) = spawn_listener(&target, "listener");

        let mut impostor = elsewhere(&target).await;
        impostor.write_all(&hello("127.0.0.1:9")).await.unwrap();
        let words = rest(&mut impostor).await;
        assert!(words.contains("at another IP address than its connection comes from"), "{words}");

        let honest = node().await;
        honest.tell(&honest.pid("sender"), &target.pid("listener"), note(1));
        assert!(matches!(seen.next().await, Saw::Note(_, 1)));
        honest.shutdown().await;
        target.shutdown().await;
    });
}

#[test]
fn nobody_speaks_for_a_node_that_is_connected_from_elsewhere() {
    libactor::run(async {
        let (target, honest) = (node().await, node().await);
        let (_listener, mut seen) = spawn_listener(&target, "listener");
        let from = format!("sender@{}", honest.address());
        let say = |number| post("/listener/test.Note", &from, "", &note(number).encode_to_vec());
        // Before there is a node, anybody may be its address.
        let mut impostor = elsewhere(&target).await;
        impostor.write_all(&say(1)).await.unwrap();
        assert_eq!(seen.next().await, Saw::Note(pid(&from), 1));

        honest.tell(&honest.pid("sender"), &target.pid("listener"), note(2));
        assert!(matches!(seen.next().await, Saw::Note(_, 2)));
        impostor.write_all(&say(3)).await.unwrap();

        let words = rest(&mut impostor).await;
        assert!(words.contains("whose node is connected from another IP address"), "{words}");
        honest.tell(&honest.pid("sender"), &target.pid("listener"), note(4));
        assert!(matches!(seen.next().await, Saw::Note(_, 4)));
        honest.shutdown().await;
        target.shutdown().await;
    });
}

#[test]
fn another_name_holds_among_actors_of_one_node_too() {
    libactor::run(async {
        let target = node().await;
        let (tell, mut told) = mpsc::unbounded_channel();
        let old = target.spawn("old", Old(tell));
        let (sender, _seen) = spawn_listener(&target, "sender");
        let to = old.pid().clone();

        sender.tell(perform(move |_, cx| {
            cx.tell(&to, note(1));
            cx.tell_as(&to, "PING", Riddle {});
            cx.tell_as(&to, "PANG", Riddle {});
        }));

        // What is passed on as a Rust value needs no name.
        assert_eq!(soon(told.recv()).await, Some(("old.Note", sender.pid().clone())));
        assert_eq!(soon(told.recv()).await, Some(("PING", sender.pid().clone())));
        target.shutdown().await;
    });
}

#[test]
fn a_message_under_another_name_is_checked_as_what_it_is() {
    libactor::run(async {
        let check = |name: &str, body: &[u8]| {
            if name == "test.Note" && body == b"\x08\x0d" { Err("no 13") } else { Ok(()) }
        };
        let target = served(Node::builder().body_check(check)).await;
        let (tell, mut told) = mpsc::unbounded_channel();
        target.spawn("old", Old(tell));
        let mut stream = TcpStream::connect(target.address()).await.unwrap();

        stream.write_all(&post("/old/old.Note", "x@127.0.0.1:9", "", b"\x08\x0d")).await.unwrap();
        stream.write_all(&post("/old/old.Note", "y@127.0.0.1:9", "", b"\x08\x0e")).await.unwrap();

        assert_eq!(soon(told.recv()).await, Some(("old.Note", pid("y@127.0.0.1:9"))));
        target.shutdown().await;
    });
}

#[test]
fn messages_go_out_as_libprocess_writes_them_and_a_watch_is_a_connection() {
    libactor::run(async {
        let here = node().await;
        let (watcher, mut seen) = spawn_listener(&here, "watcher");
        let theirs = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = theirs.local_addr().unwrap();
        here.speak_libprocess(address);
        let (one, two) = (Pid::new("slave(1)", address).unwrap(), Pid::new("slave(2)", address).unwrap());
        let (us, from) = (address.to_string(), watcher.pid().to_string());
        let watched = [one.clone(), two.clone()];

        watcher.tell(perform(move |_, cx| watched.iter().for_each(|pid| cx.watch(pid))));

        let (mut link, _) = soon(theirs.accept()).await.unwrap();
        let to = one.clone();
        watcher.tell(perform(move |_, cx| {
            cx.tell(&to, note(300));
            cx.tell(&to, Riddle {});
        }));
        exactly(&mut link, post("/slave(1)/test.Note", &from, &us, &note(300).encode_to_vec())).await;
        exactly(&mut link, post("/slave(1)/test.Riddle", &from, &us, b"")).await;
        link.write_all(NOT_FOUND.as_bytes()).await.unwrap();
        assert!(seen.nothing_more());
        drop(link);
        let mut exits = [seen.next().await, seen.next().await];
        exits.sort_by_key(|saw| format!("{saw:?}"));
        assert_eq!(exits, [one.clone(), two].map(|pid| Saw::Exited(pid, Exit::ConnectionLost)));
        // Once each; and the next watch is a new connection.
        let again = one.clone();
        watcher.tell(perform(move |_, cx| cx.watch(&again)));
        let (link, _) = soon(theirs.accept()).await.unwrap();
        assert!(seen.nothing_more());
        drop((link, theirs));
        assert_eq!(seen.next().await, Saw::Exited(one.clone(), Exit::ConnectionLost));
        watcher.tell(perform(move |_, cx| cx.watch(&one)));
        assert!(matches!(seen.next().await, Saw::Exited(_, Exit::Unreachable)));
        here.shutdown().await;
    });
}

#[test]
fn a_link_says_nothing_and_ends_with_the_node() {
    libactor::run(async {
        let quick = Duration::from_millis(20);
        let target = served(Node::builder().handshake_timeout(quick)).await;
        let (_listener, mut seen) = spawn_listener(&target, "listener");
        let mut link = TcpStream::connect(target.address()).await.unwrap();

        let ended = tokio::time::timeout(quick * 10, link.read_u8()).await;

        assert!(ended.is_err(), "a link is kept");
        link.write_all(&post("/listener/test.Note", "x@127.0.0.1:9", "", b"\x08\x07")).await.unwrap();
        assert_eq!(seen.next().await, Saw::Note(pid("x@127.0.0.1:9"), 7));
        let answer = "HTTP/1.1 202 Accepted\r\nDate: ";
        exactly(&mut link, answer).await;
        let mut date = [0; 29 + 23];
        soon(link.read_exact(&mut date)).await.unwrap();
        let ended = tokio::time::timeout(quick * 10, link.read_u8()).await;
        assert!(ended.is_err(), "also behind a message");
        target.shutdown().await;
        assert!(is_over(&mut link).await);
    });
}

#[test]
fn a_connection_that_says_nothing_is_closed_if_too_many_say_nothing() {
    libactor::run(async {
        let quick = Duration::from_millis(20);
        let target = served(Node::builder().handshake_timeout(quick).connection_limit(2)).await;
        let before = counter("libactor/connections_half_open");
        let mut first = TcpStream::connect(target.address()).await.unwrap();
        let mut second = TcpStream::connect(target.address()).await.unwrap();

        assert!(is_over(&mut second).await);

        grown("libactor/connections_half_open", before).await;
        assert!(tokio::time::timeout(quick, first.read_u8()).await.is_err());
        target.shutdown().await;
    });
}

/// Reports what it gets whole.
struct Whole(mpsc::UnboundedSender<cast::Note>);

impl Actor for Whole {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<cast::Note>();
    }
}

impl Receive<cast::Note> for Whole {
    fn receive(&mut self, _cx: &mut Context<Self>, _: &Pid, note: cast::Note) {
        let _ = self.0.send(note);
    }
}

/// Of all sizes from an empty body to one of 1 MiB.
fn sized(number: u64) -> cast::Note {
    let bytes = match number {
        number if number % 97 == 0 => return cast::Note::default(),
        number if number % 999 == 0 => (1 << 20) - 8,
        number if number % 100 == 0 => 40_000 + number as usize,
        number => (number * 7919 % 1500) as usize,
    };
    cast::Note { number, text: "x".repeat(bytes) }
}

#[test]
fn ten_thousand_messages_of_all_sizes_arrive_in_order_over_this_wire() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (tell, mut told) = mpsc::unbounded_channel();
        let whole = there.spawn("whole", Whole(tell));
        let me = here.pid("me");
        here.speak_libprocess(there.address());
        let accepted = counter("libactor/connections_half_open");

        for number in 0..10_000 {
            here.tell(&me, whole.pid(), sized(number));
        }

        for number in 0..10_000 {
            let note = soon(told.recv()).await.unwrap();
            assert!(note == sized(number), "{number}: {} and {} bytes", note.number, note.text.len());
        }
        assert_eq!(counter("libactor/connections_half_open"), accepted);
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn a_message_that_is_too_large_is_dropped_by_its_sender_and_the_next_one_goes_out() {
    libactor::run(async {
        let here = served(Node::builder().largest_frame(1024)).await;
        let theirs = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = theirs.local_addr().unwrap();
        let (me, to) = (here.pid("me"), Pid::new("x", address).unwrap());
        here.speak_libprocess(address);

        here.tell(&me, &to, cast::Note { number: 1, text: "x".repeat(1025) });
        here.tell(&me, &to, note(2));

        let (mut stream, _) = soon(theirs.accept()).await.unwrap();
        exactly(&mut stream, post("/x/test.Note", &me.to_string(), &address.to_string(), b"\x08\x02")).await;
        let records = here.recorder().query(&Default::default());
        let outcomes: Vec<String> = records.iter().map(|record| record.outcome.to_string()).collect();
        assert_eq!(outcomes, ["dropped: too large", "sent"]);
        here.shutdown().await;
    });
}

#[test]
fn an_answer_takes_the_wire_of_the_question() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (alice, mut heard_by_alice) = spawn_listener(&here, "alice");
        let (bob, mut heard_by_bob) = spawn_listener(&there, "bob");
        here.speak_libprocess(there.address());

        here.tell(alice.pid(), bob.pid(), note(1));
        let Saw::Note(from, 1) = heard_by_bob.next().await else { panic!("not a note") };
        there.tell(bob.pid(), &from, note(2));

        assert_eq!(heard_by_alice.next().await, Saw::Note(bob.pid().clone(), 2));
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn who_lies_about_its_address_does_not_change_the_wire_of_a_peer() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (alice, mut heard_by_alice) = spawn_listener(&here, "alice");
        let (bob, mut heard_by_bob) = spawn_listener(&there, "bob");
        there.tell(bob.pid(), alice.pid(), note(1));
        heard_by_alice.next().await;
        let mut liar = TcpStream::connect(here.address()).await.unwrap();
        let lie = post("/alice/test.Note", &bob.pid().to_string(), "", b"\x08\x02");
        liar.write_all(&lie).await.unwrap();
        heard_by_alice.next().await;

        let exited = here.exited(bob.pid());
        here.tell(alice.pid(), bob.pid(), note(3));
        heard_by_bob.next().await;
        bob.stop();

        // Only the peer protocol can tell.
        assert_eq!(soon(exited).await, Exit::Stopped);
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn messages_and_plain_requests_share_a_connection_in_order() {
    libactor::run(async {
        let target = node().await;
        let (_listener, mut seen) = spawn_listener(&target, "listener");
        let note = |number| post("/listener/test.Note", "x@127.0.0.1:9", "h", &note(number).encode_to_vec());
        let get = b"GET /__processes__ HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
        let nobody = post("/nobody/test.Note", "x@127.0.0.1:9", "h", b"\x08\x02");
        let bad = b"POST /listener/test.Note HTTP/1.1\r\nHost: h\r\nLibprocess-From: nonsense\r\nContent-Length: 0\r\n\r\n".to_vec();

        for begins_plain in [false, true] {
            let mut stream = TcpStream::connect(target.address()).await.unwrap();
            let mut statuses = Vec::new();
            let first = if begins_plain { get.clone() } else { note(1) };
            for bytes in
                [first, note(2), get.clone(), note(3), get.clone(), nobody.clone(), bad.clone(), note(4)]
            {
                stream.write_all(&bytes).await.unwrap();
                statuses.push(status(&mut stream).await);
                if bytes == bad && !statuses.ends_with(&[400]) {
                    break;
                }
            }
            let first = if begins_plain { 200 } else { 202 };
            assert_eq!(statuses, [first, 202, 200, 202, 200, 404, 400, 202]);
            for number in if begins_plain { 2..5 } else { 1..5 } {
                assert_eq!(seen.next().await, Saw::Note(pid("x@127.0.0.1:9"), number));
            }
        }

        // Without waiting, up to the first plain request and one behind it.
        let mut stream = TcpStream::connect(target.address()).await.unwrap();
        stream.write_all(&[note(1), note(2), get.clone(), get].concat()).await.unwrap();
        for expected in [202, 202, 200, 200] {
            assert_eq!(status(&mut stream).await, expected);
        }
        target.shutdown().await;
    });
}

/// Of one answer, which is read whole.
async fn status(stream: &mut TcpStream) -> u16 {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let length: usize = length.expect("an answer has a length").parse().unwrap();
    soon(stream.read_exact(&mut vec![0; length])).await.unwrap();
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_sender_that_waits_to_send_its_body_is_told_to_go_on() {
    libactor::run(async {
        let target = node_then().await;
        let (_listener, mut seen) = spawn_listener(&target, "listener");
        let mut stream = TcpStream::connect(target.address()).await.unwrap();
        let head = "POST /listener/test.Note HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:9\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";

        stream.write_all(head.as_bytes()).await.unwrap();
        exactly(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
        stream.write_all(b"\x08\x07").await.unwrap();

        exactly(&mut stream, ACCEPTED).await;
        assert!(is_over(&mut stream).await);
        assert_eq!(seen.next().await, Saw::Note(pid("x@127.0.0.1:9"), 7));
        target.shutdown().await;
    });
}

/// The stranger sends a good message and then `bytes`: it is told what is wrong, and nobody else is hurt.
fn is_refused(bytes: impl AsRef<[u8]>, reason: &str) {
    libactor::run(async {
        let quick = Duration::from_millis(200);
        let builder = Node::builder().clock(Clock::starting_at(THEN)).largest_frame(1 << 20);
        let target = served(builder.handshake_timeout(quick).heartbeat(quick * 100, quick)).await;
        let (listener, mut seen) = spawn_listener(&target, "listener");
        let before = counter("libactor/libprocess_requests_refused");
        let mut decent = TcpStream::connect(target.address()).await.unwrap();
        let mut stranger = TcpStream::connect(target.address()).await.unwrap();
        let good = post("/listener/test.Note", "x@127.0.0.1:9", "", b"\x08\x07");

        stranger.write_all(&[&good, bytes.as_ref()].concat()).await.unwrap();

        exactly(&mut stranger, ACCEPTED).await;
        let said = rest(&mut stranger).await;
        let expected = format!(
            "HTTP/1.1 400 Bad Request\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reason}\n",
            reason.len() + 1
        );
        assert_eq!(said, expected);
        grown("libactor/libprocess_requests_refused", before).await;
        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        decent.write_all(&good).await.unwrap();
        exactly(&mut decent, ACCEPTED).await;
        assert_eq!(seen.next().await, Saw::Note(pid("x@127.0.0.1:9"), 7));
        drop(listener);
        target.shutdown().await;
    });
}

fn message(headers: &str) -> String {
    format!("POST /listener/test.Note HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:9\r\n{headers}\r\n")
}

#[test]
fn a_sender_that_is_no_pid_is_refused() {
    let bad = "POST /listener/test.Note HTTP/1.1\r\nLibprocess-From: somebody\r\n\r\n";
    is_refused(bad, "bad request: sender: pid 'somebody' is not of the form name@ip:port");
}

#[test]
fn a_path_without_a_message_is_refused() {
    let bad = "POST /listener/ HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:9\r\n\r\n";
    is_refused(bad, "bad request: path that is not /actor/message");
}

#[test]
fn a_name_with_half_an_escape_is_refused() {
    let bad = "POST /listener%2/M HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:9\r\n\r\n";
    is_refused(bad, "bad request: actor name that is not percent-encoded UTF-8");
}

#[test]
fn a_message_name_beyond_its_limit_is_refused() {
    let bad = format!("POST /a/{} HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:9\r\n\r\n", "m".repeat(600));
    is_refused(bad, "bad request: message name of 600 bytes, at most 512 are allowed");
}

#[test]
fn a_body_of_two_lengths_is_refused() {
    let bad = message("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n");
    is_refused(bad, "bad request: both content-length and transfer-encoding");
}

#[test]
fn a_body_beyond_its_limit_is_refused_before_it_is_read() {
    let bad = message("Content-Length: 1048577\r\n");
    is_refused(bad, "bad request: body of 1048577 bytes, at most 1048576 are allowed");
}

#[test]
fn a_chunk_without_a_size_is_refused() {
    let bad = message("Transfer-Encoding: chunked\r\n") + "zwei\r\n";
    is_refused(bad, "bad request: chunk whose size is 'zwei'");
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    is_refused("\x01\x02\r\n\r\n", "bad request: request that is not HTTP/1: invalid token");
}

#[test]
fn headers_beyond_their_limit_are_refused() {
    let bad = format!("POST /a/M HTTP/1.1\r\nX: {}", "x".repeat(64 << 10));
    is_refused(bad, "bad request: request line and headers of more than 65536 bytes");
}

#[test]
fn half_a_head_is_refused_after_a_while() {
    is_refused("POST /listener", "no complete request within 200ms");
}

#[test]
fn half_a_body_is_refused_after_a_while() {
    is_refused(message("Content-Length: 2\r\n") + "\x08", "no complete request within 200ms");
}

/// Handles a note only when it is let.
struct Slow(std::sync::mpsc::Receiver<()>);

impl Actor for Slow {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<cast::Note>();
    }
}

impl Receive<cast::Note> for Slow {
    fn receive(&mut self, _cx: &mut Context<Self>, _: &Pid, _: cast::Note) {
        let _ = self.0.recv();
    }
}

#[test]
fn a_sender_that_is_too_fast_for_an_actor_waits_and_nobody_else_does() {
    libactor::run(async {
        let target = served(Node::builder().intake_limit(64 << 10)).await;
        let (permit, permits) = std::sync::mpsc::channel();
        let worker = libactor::Worker::start();
        target.spawn_on(&worker, "slow", move || Slow(permits));
        let (_listener, mut seen) = spawn_listener(&target, "listener");
        let mut fast = TcpStream::connect(target.address()).await.unwrap();
        let flood = post("/slow/test.Note", "x@127.0.0.1:9", "", &sized(999).encode_to_vec());

        // Until the kernel's buffers are full, too.
        let mut written = 0;
        while let Ok(done) = tokio::time::timeout(Duration::from_millis(300), fast.write(&flood)).await {
            written += done.unwrap();
            assert!(written < 64 << 20, "the node reads on");
        }

        let good = post("/listener/test.Note", "y@127.0.0.1:9", "", b"\x08\x07");
        let mut decent = TcpStream::connect(target.address()).await.unwrap();
        decent.write_all(&good).await.unwrap();
        assert_eq!(seen.next().await, Saw::Note(pid("y@127.0.0.1:9"), 7));
        drop(permit);
        target.shutdown().await;
    });
}
