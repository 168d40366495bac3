//! Actors of two nodes: order, watches, lost connections, limits.

mod cast;

use std::net::SocketAddr;
use std::time::Duration;

use cast::{Riddle, Saw, Seen, counter, listener, node, note, perform, served, soon};
use libactor::{Actor, ActorRef, Context, Exit, Handler, Message, Node, Pid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn spawn_listener(node: &Node, name: &str) -> (ActorRef<cast::Listener>, Seen) {
    let (actor, seen) = listener();
    (node.spawn(name, actor), seen)
}

#[test]
fn ten_thousand_messages_to_another_node_arrive_in_order() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (listener, mut seen) = spawn_listener(&there, "listener");
        let me = here.pid("me");

        for number in 0..10_000 {
            here.tell(&me, listener.pid(), note(number));
        }

        for number in 0..10_000 {
            assert_eq!(seen.next().await, Saw::Note(me.clone(), number));
        }
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn a_large_message_arrives_whole_and_a_too_large_one_is_dropped_by_its_sender() {
    libactor::run(async {
        let (here, there) = (served(Node::builder().largest_frame(4 << 20)).await, node().await);
        let (listener, mut seen) = spawn_listener(&there, "listener");
        let me = here.pid("me");
        let large = |number, bytes| cast::Note { number, text: "x".repeat(bytes) };

        here.tell(&me, listener.pid(), large(1, 5 << 20));
        here.tell(&me, listener.pid(), large(2, 3 << 20));

        assert_eq!(seen.next().await, Saw::Note(me, 2));
        let outcomes: Vec<String> =
            here.recorder().query(&Default::default()).iter().map(|r| r.outcome.to_string()).collect();
        assert_eq!(outcomes, ["dropped: too large", "sent"]);
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn a_reply_goes_to_the_pid_of_the_sender() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (alice, mut heard_by_alice) = spawn_listener(&here, "alice");
        let (bob, mut heard_by_bob) = spawn_listener(&there, "bob");

        here.tell(alice.pid(), bob.pid(), note(1));
        let Saw::Note(from, 1) = heard_by_bob.next().await else { panic!("not a note") };
        there.tell(bob.pid(), &from, note(2));

        assert_eq!(heard_by_alice.next().await, Saw::Note(bob.pid().clone(), 2));
        here.shutdown().await;
        there.shutdown().await;
    });
}

struct Watching {
    here: Node,
    there: Node,
    watcher: ActorRef<cast::Listener>,
    watched: ActorRef<cast::Listener>,
    seen: Seen,
    heard: Seen,
}

/// Two nodes; the listener of the first watches the one of the second.
async fn watching() -> Watching {
    let (here, there) = (node().await, node().await);
    let (watcher, mut seen) = spawn_listener(&here, "watcher");
    let (watched, mut heard) = spawn_listener(&there, "watched");
    let pid = watched.pid().clone();
    watcher.tell(perform(move |_, cx| {
        cx.watch(&pid);
        cx.watch(&pid);
        cx.tell(&pid, note(0));
    }));
    // The watch took the same connection before the note.
    heard.next().await;
    assert!(seen.nothing_more());
    Watching { here, there, watcher, watched, seen, heard }
}

/// Nothing else comes: a later message of the same watcher's node comes first.
async fn exactly(seen: &mut Seen, watcher: &ActorRef<cast::Listener>, pid: &Pid, why: Exit) {
    assert_eq!(seen.next().await, Saw::Exited(pid.clone(), why));
    watcher.tell(perform(|_, cx| {
        let me = cx.me().clone();
        cx.tell(&me, note(7));
    }));
    assert_eq!(seen.next().await, Saw::Note(watcher.pid().clone(), 7));
}

#[test]
fn a_watcher_hears_once_that_an_actor_elsewhere_stopped() {
    libactor::run(async {
        let Watching { here, there, watcher, watched, mut seen, .. } = watching().await;

        watched.stop();

        exactly(&mut seen, &watcher, watched.pid(), Exit::Stopped).await;
        there.shutdown().await;
        exactly_nothing(&mut seen, &watcher).await;
        here.shutdown().await;
    });
}

async fn exactly_nothing(seen: &mut Seen, watcher: &ActorRef<cast::Listener>) {
    watcher.tell(perform(|_, cx| {
        let me = cx.me().clone();
        cx.tell(&me, note(8));
    }));
    assert_eq!(seen.next().await, Saw::Note(watcher.pid().clone(), 8));
}

#[test]
fn a_watcher_hears_once_that_an_actor_elsewhere_panicked() {
    libactor::run(async {
        let Watching { here, there, watcher, watched, mut seen, .. } = watching().await;

        here.tell(watcher.pid(), watched.pid(), note(u64::MAX));

        exactly(&mut seen, &watcher, watched.pid(), Exit::Panicked).await;
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn a_watcher_hears_once_that_a_node_was_shut_down() {
    libactor::run(async {
        let Watching { here, there, watcher, watched, mut seen, .. } = watching().await;

        there.shutdown().await;

        exactly(&mut seen, &watcher, watched.pid(), Exit::Stopped).await;
        here.shutdown().await;
    });
}

#[test]
fn a_withdrawn_watch_is_silent_and_a_new_one_counts() {
    libactor::run(async {
        let Watching { here, there, watcher, watched, mut seen, mut heard } = watching().await;
        let pid = watched.pid().clone();

        watcher.tell(perform(move |_, cx| {
            cx.unwatch(&pid);
            cx.watch(&pid);
            cx.tell(&pid, note(1));
        }));
        heard.next().await;
        watched.stop();

        exactly(&mut seen, &watcher, watched.pid(), Exit::Stopped).await;
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn watching_whom_there_is_not_fires_at_once() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

        assert_eq!(soon(here.exited(&here.pid("nobody"))).await, Exit::Missing);
        assert_eq!(soon(here.exited(&there.pid("nobody"))).await, Exit::Missing);
        assert_eq!(soon(here.exited(&Pid::new("nobody", gone).unwrap())).await, Exit::Unreachable);
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn a_node_that_is_not_there_is_dialled_again_with_growing_pauses() {
    libactor::run(async {
        let here = node().await;
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let pid = Pid::new("anybody", gone).unwrap();
        let since = std::time::Instant::now();

        for _ in 0..4 {
            assert_eq!(soon(here.exited(&pid)).await, Exit::Unreachable);
        }

        // Half of 50, 100 and 200 ms at least.
        assert!(since.elapsed() >= Duration::from_millis(175), "{:?}", since.elapsed());
        here.shutdown().await;
    });
}

/// Passes bytes between a dialler and `to`, until it is dropped.
async fn proxy(to: SocketAddr) -> (SocketAddr, tokio::sync::oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (cut, is_cut) = tokio::sync::oneshot::channel::<()>();
    tokio::task::spawn_local(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(to).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            _ = is_cut => {}
        }
    });
    (address, cut)
}

#[test]
fn a_watcher_hears_once_that_the_connection_was_cut_and_can_watch_again() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (watched, mut heard) = spawn_listener(&there, "watched");
        let (through, cut) = proxy(there.address()).await;
        let (watcher, mut seen) = spawn_listener(&here, "watcher");
        let pid = Pid::new("watched", through).unwrap();
        let by_proxy = pid.clone();
        watcher.tell(perform(move |_, cx| {
            cx.watch(&by_proxy);
            cx.tell(&by_proxy, note(0));
        }));
        heard.next().await;

        drop(cut);

        exactly(&mut seen, &watcher, &pid, Exit::ConnectionLost).await;
        let direct = watched.pid().clone();
        watcher.tell(perform(move |_, cx| cx.watch(&direct)));
        watched.stop();
        assert!(matches!(seen.next().await, Saw::Exited(_, Exit::Stopped | Exit::Missing)));
        here.shutdown().await;
        there.shutdown().await;
    });
}

/// Somebody whom a node dials, and who answers as a node does.
async fn answers(mute: &TcpListener) -> TcpStream {
    let (mut stream, _) = mute.accept().await.unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let hello = [&[0x0a, address.len() as u8], address.as_bytes()].concat();
    let frame = [&[0x0a, hello.len() as u8], &hello[..]].concat();
    let length = (frame.len() as u32).to_be_bytes();
    stream.write_all(&[b"\x93lactor\x02", &length[..], &frame[..]].concat()).await.unwrap();
    stream
}

#[test]
fn a_peer_that_falls_silent_is_dead() {
    libactor::run(async {
        let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = served(Node::builder().heartbeat(Duration::from_secs(5), Duration::from_secs(1))).await;
        let exited = here.exited(&Pid::new("anybody", mute.local_addr().unwrap()).unwrap());

        let _stream = answers(&mute).await;

        assert_eq!(soon(exited).await, Exit::ConnectionLost);
        here.shutdown().await;
    });
}

#[test]
fn an_idle_node_tells_its_peer_that_it_lives() {
    libactor::run(async {
        let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here =
            served(Node::builder().heartbeat(Duration::from_millis(10), Duration::from_secs(60))).await;
        let exited = here.exited(&Pid::new("anybody", mute.local_addr().unwrap()).unwrap());

        let mut stream = answers(&mute).await;

        stream.read_exact(&mut [0; 8]).await.unwrap();
        let mut heartbeats = 0;
        while heartbeats < 3 {
            let length = soon(stream.read_u32()).await.unwrap();
            stream.read_exact(&mut vec![0; length as usize]).await.unwrap();
            heartbeats += u32::from(length == 0);
        }
        drop(exited);
        here.shutdown().await;
    });
}

/// Handles a note only when it is let.
struct Slow(std::sync::mpsc::Receiver<()>, tokio::sync::mpsc::UnboundedSender<u64>);

impl Actor for Slow {
    fn install(routes: &mut libactor::Routes<Self>) {
        routes.message::<cast::Note>();
    }
}

impl libactor::Receive<cast::Note> for Slow {
    fn receive(&mut self, _cx: &mut Context<Self>, _: &Pid, note: cast::Note) {
        let _ = self.0.recv();
        let _ = self.1.send(note.number);
    }
}

#[test]
fn a_sender_gives_up_its_link_to_a_peer_that_does_not_keep_up() {
    libactor::run(async {
        let here = served(Node::builder().outbound_limit(1 << 20)).await;
        let there = served(Node::builder().intake_limit(64 << 10)).await;
        let (permit, permits) = std::sync::mpsc::channel();
        let (tell, mut handled) = tokio::sync::mpsc::unbounded_channel();
        let worker = libactor::Worker::start();
        let slow = there.spawn_on(&worker, "slow", move || Slow(permits, tell));
        let exited = here.exited(slow.pid());
        let me = here.pid("me");

        // Far more than the intake, the buffers of the kernel and the outbox hold together.
        let text = "x".repeat(64 << 10);
        for number in 0..1000 {
            here.tell(&me, slow.pid(), cast::Note { number, text: text.clone() });
        }

        assert_eq!(soon(exited).await, Exit::ConnectionLost);
        drop(permit);
        // What arrives is in order, and later messages arrive again.
        soon(async {
            let (mut last, mut next) = (None, 1000);
            while last < Some(1000) {
                here.tell(&me, slow.pid(), note(next));
                next += 1;
                while let Ok(number) = handled.try_recv() {
                    assert!(Some(number) > last, "{number:?} after {last:?}");
                    last = Some(number);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        assert!(counter("libactor/messages_lost_with_connection") > 0.0);
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn what_cannot_be_delivered_elsewhere_is_noted_at_home() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (listener, mut seen) = spawn_listener(&there, "listener");
        let me = here.pid("me");

        here.tell(&me, &there.pid("nobody"), note(1));
        here.tell(&me, listener.pid(), Riddle {});
        here.tell(&me, listener.pid(), note(3));

        assert_eq!(seen.next().await, Saw::Note(me, 3));
        let expected = ["no such actor", "no such message", "sent"];
        soon(async {
            loop {
                let outcomes: Vec<String> = here
                    .recorder()
                    .query(&Default::default())
                    .iter()
                    .map(|r| r.outcome.to_string())
                    .collect();
                if outcomes == expected {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        here.shutdown().await;
        there.shutdown().await;
    });
}

struct Forwarder(Pid);
struct Forward(u64);

impl Actor for Forwarder {}

impl Message for Forward {
    type Reply = ();
}

impl Handler<Forward> for Forwarder {
    fn handle(&mut self, cx: &mut Context<Self>, Forward(number): Forward) {
        cx.tag("task", "t1");
        cx.tell(&self.0, note(number));
    }
}

#[test]
fn a_trace_goes_on_through_handlers_and_to_other_nodes() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (bob, mut heard_by_bob) = spawn_listener(&there, "bob");
        let (alice, mut heard_by_alice) = spawn_listener(&here, "alice");
        let forwarder = here.spawn("forwarder", Forwarder(bob.pid().clone()));
        alice.tell(perform(move |_, cx| {
            let me = cx.me().clone();
            cx.tell(&me, note(1));
        }));
        heard_by_alice.next().await;
        let first = here.recorder().query(&Default::default())[0].clone();
        let cause = libactor::trace::Cause { trace: first.header.trace, message: first.header.id };

        // As a handler of the first message would.
        cause.during(|| forwarder.tell(Forward(2)));
        heard_by_bob.next().await;

        let tagged = libactor::trace::Query { tag: Some(("task".into(), "t1".into())), ..Default::default() };
        assert_eq!(here.recorder().query(&tagged).len(), 2);
        let query = libactor::trace::Query { trace: Some(first.header.trace), ..Default::default() };
        soon(async {
            while there.recorder().query(&query).is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let arrived = &there.recorder().query(&query)[0];
        assert_eq!(arrived.header.cause, first.header.id);
        assert_eq!(arrived.header.name, "test.Note");
        assert!(arrived.header.logical > first.header.logical);
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn a_port_in_use_is_named_and_a_freed_one_can_be_taken_at_once() {
    libactor::run(async {
        let first = node().await;
        let address = first.address();

        let error = Node::builder().listen(address).bind().await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("address {address} is in use")), "{error}");

        // Connections that linger in the kernel do not keep the port.
        let _stream = TcpStream::connect(address).await.unwrap();
        first.shutdown().await;
        let second = served(Node::builder().listen(address)).await;
        assert_eq!(second.address(), address);
        assert!(second.serve(|_| {}).await.is_err());
        second.shutdown().await;
    });
}
