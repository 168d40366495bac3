//! What one peer can make a node hold: half messages, messages that nobody handles, messages for somebody who does not read.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

mod cast;

use cast::{Note, Saw, counter, grown, listener, node, note, served, soon};
use libactor::{Actor, Context, Node, Pid, Receive, Routes, Worker};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PREFACE: &[u8] = b"\x93lactor\x02";
const MIB: usize = 1 << 20;

/// What the rest of a test may cost, besides what it measures: its nodes, their recorders, what the allocator keeps.
const MARGIN: usize = 48 * MIB;

fn framed(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32).to_be_bytes(), content].concat()
}

fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    [bytes, content.to_vec()].concat()
}

/// What a peer says first. Whoever is told apart by its number is another one.
fn greeting(number: usize) -> Vec<u8> {
    let address = format!("10.1.{}.{}:5050", number / 256, number % 256);
    [PREFACE, &framed(&field(1, &field(1, address.as_bytes())))].concat()
}

fn deliver(to: &str, body: &[u8]) -> Vec<u8> {
    let message =
        [field(1, to.as_bytes()), field(2, b"stranger"), field(3, b"test.Note"), field(4, body)].concat();
    framed(&field(2, &message))
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Writes pieces one after the other until nothing more is taken, and goes on after `written` bytes. How much was written.
async fn write_until_stuck(stream: &mut TcpStream, piece: &[u8], mut written: usize, most: usize) -> usize {
    while written < most {
        let rest = &piece[written % piece.len()..];
        match tokio::time::timeout(Duration::from_millis(500), stream.write(rest)).await {
            Ok(Ok(count @ 1..)) => written += count,
            Ok(_) | Err(_) => break,
        }
    }
    written
}

/// Handles a message only once it is allowed to.
struct Blocked(Receiver<()>);

impl Actor for Blocked {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Note>();
    }
}

impl Receive<Note> for Blocked {
    fn receive(&mut self, _cx: &mut Context<Self>, _from: &Pid, _note: Note) {
        let _ = self.0.recv();
    }
}

fn blocked(node: &Node, worker: &Worker) -> Sender<()> {
    let (allow, allowed) = channel();
    node.spawn_on(worker, "blocked", move || Blocked(allowed));
    allow
}

#[test]
fn a_thousand_halves_of_64_mib_hold_no_more_than_the_budget_and_are_closed() {
    const BUDGET: usize = 16 * MIB;
    libactor::run(async {
        let quick = Duration::from_secs(2);
        let target = served(Node::builder().incomplete_limit(BUDGET).heartbeat(quick / 4, quick)).await;
        let (actor, mut seen) = listener();
        let listener = target.spawn("listener", actor);
        let (before, closed) = (resident(), counter("libactor/messages_incomplete"));
        let announced = (64_u32 << 20).to_be_bytes();
        let part = [&announced[..], &vec![7; 128 << 10]].concat();

        // Of which together 128 MiB were sent.
        let mut strangers = Vec::new();
        for number in 0..1000 {
            let mut stranger = TcpStream::connect(target.address()).await.unwrap();
            stranger.write_all(&greeting(number)).await.unwrap();
            // What the node does not read stays in the kernel.
            let _ = stranger.try_write(&part);
            strangers.push(stranger);
        }
        let decent = node().await;
        let me = decent.pid("me");
        decent.tell(&me, listener.pid(), note(1));

        assert_eq!(seen.next().await, Saw::Note(me, 1));
        let grown_by = resident().saturating_sub(before);
        assert!(grown_by <= 2 * BUDGET + MARGIN, "{grown_by} bytes");
        for stranger in &mut strangers {
            let mut said = Vec::new();
            let _ = soon(stranger.read_to_end(&mut said)).await;
        }
        assert!(counter("libactor/messages_incomplete") > closed, "for want of room, or of time");
        decent.shutdown().await;
        target.shutdown().await;
    });
}

/// A byte now and then is not silence.
async fn dribbles(mut stream: TcpStream) -> String {
    let (mut read, mut write) = stream.split();
    let mut said = Vec::new();
    let dribble = async {
        loop {
            let _ = write.write_all(&[7]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        _ = soon(read.read_to_end(&mut said)) => {}
        () = dribble => {}
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn who_sends_a_frame_byte_by_byte_is_closed_and_told_so() {
    libactor::run(async {
        let silence = Duration::from_millis(400);
        let target = served(Node::builder().heartbeat(silence / 4, silence)).await;
        let before = counter("libactor/messages_incomplete");
        let mut stranger = TcpStream::connect(target.address()).await.unwrap();
        stranger.write_all(&greeting(1)).await.unwrap();
        stranger.write_all(&(64_u32 << 20).to_be_bytes()).await.unwrap();

        let said = dribbles(stranger).await;

        assert!(said.contains("of a frame that was not complete after"), "{said:?}");
        grown("libactor/messages_incomplete", before).await;
        target.shutdown().await;
    });
}

#[test]
fn who_sends_a_body_byte_by_byte_is_closed_and_told_so() {
    libactor::run(async {
        let silence = Duration::from_millis(400);
        let target = served(Node::builder().heartbeat(silence / 4, silence)).await;
        let head =
            "POST /x/test.Note HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:9\r\nContent-Length: 1000000\r\n\r\n";
        let mut stranger = TcpStream::connect(target.address()).await.unwrap();
        stranger.write_all(head.as_bytes()).await.unwrap();

        let said = dribbles(stranger).await;

        assert!(said.contains("400 Bad Request") && said.contains("no complete request within"), "{said:?}");
        target.shutdown().await;
    });
}

#[test]
fn who_posts_a_body_byte_by_byte_behind_a_plain_request_is_told_so() {
    libactor::run(async {
        let silence = Duration::from_millis(400);
        let target = served(Node::builder().heartbeat(silence / 4, silence)).await;
        let mut stranger = TcpStream::connect(target.address()).await.unwrap();
        let plain = "GET /__processes__ HTTP/1.1\r\nHost: x\r\n\r\n";
        let head = "POST /x/test.Note HTTP/1.1\r\nHost: x\r\nLibprocess-From: x@127.0.0.1:9\r\nContent-Length: 1000000\r\n\r\n";
        stranger.write_all(&[plain, head].concat().into_bytes()).await.unwrap();

        let said = dribbles(stranger).await;

        assert!(
            said.contains("400 Bad Request") && said.contains("body that was not complete after"),
            "{said:?}"
        );
        target.shutdown().await;
    });
}

#[test]
fn a_frame_that_comes_slowly_and_steadily_arrives() {
    libactor::run(async {
        let silence = Duration::from_secs(1);
        let target = served(Node::builder().heartbeat(silence / 4, silence)).await;
        let (actor, mut seen) = listener();
        target.spawn("listener", actor);
        let mut stranger = TcpStream::connect(target.address()).await.unwrap();
        stranger.write_all(&greeting(1)).await.unwrap();
        let body = Note { number: 7, text: "x".repeat(8 * MIB) }.encode_to_vec();

        // Two seconds, more than a silence.
        for piece in deliver("listener", &body).chunks(128 << 10) {
            stranger.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
        }

        assert!(matches!(seen.next().await, Saw::Note(_, 7)));
        target.shutdown().await;
    });
}

#[test]
fn a_sender_that_never_stops_is_not_read_beyond_the_intake() {
    const INTAKE: usize = 4 * MIB;
    const FAR_MORE: usize = 512 * MIB;
    libactor::run(async {
        let target = served(Node::builder().intake_limit(INTAKE)).await;
        let worker = Worker::start();
        let allow = blocked(&target, &worker);
        let mut stranger = TcpStream::connect(target.address()).await.unwrap();
        stranger.write_all(&greeting(1)).await.unwrap();
        let body = Note { number: 1, text: "x".repeat(1000) }.encode_to_vec();
        let piece = deliver("blocked", &body).repeat(64);
        let before = resident();

        let written = write_until_stuck(&mut stranger, &piece, 0, FAR_MORE).await;

        let grown_by = resident().saturating_sub(before);
        assert!((INTAKE / 2..INTAKE + MARGIN).contains(&written), "{written} bytes were taken");
        assert!(grown_by <= 2 * INTAKE + MARGIN, "{grown_by} bytes");
        drop(allow);
        // It goes on where it stopped.
        let enough = written + 2 * INTAKE;
        assert!(write_until_stuck(&mut stranger, &piece, written, enough).await >= enough);
        target.shutdown().await;
    });
}

#[test]
fn a_receiver_that_never_reads_costs_its_sender_no_more_than_the_outbox() {
    const OUTBOX: usize = 8 * MIB;
    libactor::run(async {
        let here = served(Node::builder().outbound_limit(OUTBOX)).await;
        let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = Pid::new("anybody", deaf.local_addr().unwrap()).unwrap();
        let me = here.pid("me");
        let exited = here.exited(&to);
        let (mut stranger, _) = soon(deaf.accept()).await.unwrap();
        stranger.write_all(&greeting(1)).await.unwrap();
        let text = "x".repeat(1000);
        let tell = |number| here.tell(&me, &to, Note { number, text: text.clone() });
        (0..1000).for_each(tell);
        let before = resident();

        // A quarter of a gigabyte; what overflows is given up with its link.
        let mut most = 0;
        for number in 0..250_000 {
            tell(number);
            if number % 10_000 == 0 {
                most = most.max(resident().saturating_sub(before));
                tokio::task::yield_now().await;
            }
        }

        assert!(most <= 3 * OUTBOX + MARGIN, "{most} bytes");
        assert_eq!(soon(exited).await, libactor::Exit::ConnectionLost);
        assert!(counter("libactor/links_overflowed") > 0.0);
        here.shutdown().await;
    });
}
