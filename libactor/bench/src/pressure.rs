//! Whoever misbehaves towards a node, and what everyone else has of it: the round trips of a decent pair of actors, beside those of the
//! same pair when nobody misbehaves.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};
use libactor::{Actor, Context, Handler, Message as Plain, Node, Pid, Receive, Routes, Worker};
use prost::Message as _;
use tepui_bench::{Contest, Figures, Other, Role, Row, Side, Target, Unit};

use crate::remote::ours::{Echo, round_trips_to};
use crate::remote::{Load, address, load};

const IDLE: usize = 10_000;
const HALVES: usize = 1_000;
/// What is sent of a frame that is twice as long.
const HALF: usize = 32 << 10;

/// What the node's own actor sends to the one that never reads, each millisecond: 20 MB a second.
const CHATTER: u64 = 20;
const CHATTER_BYTES: usize = 1_000;

/// How long the actor takes for each message of the sender that never stops.
const SLOWLY: Duration = Duration::from_micros(100);

pub const ROLES: [(&str, Role); 5] = [
    ("pressed node", node),
    ("receiver that never reads", never_reads),
    ("sender that never stops", never_stops),
    ("idle connections", idle),
    ("half frames", halves),
];

pub fn contest() -> Contest {
    let row = |what, side| {
        let row = Row::new(what, Unit::Seconds, "p99", Target::RatioAtMost(2.0));
        row.of(side).beside("nobody misbehaves", 0)
    };
    Contest {
        sides: vec![
            Side::new("everyone else: nobody misbehaves", || beside(None)),
            Side::new("everyone else: never reads", || beside(Some("receiver that never reads"))),
            Side::new("everyone else: never stops", || beside(Some("sender that never stops"))),
            Side::new("everyone else: idle", || beside(Some("idle connections"))),
            Side::new("everyone else: halves", || beside(Some("half frames"))),
        ],
        rows: vec![
            row("round trip p99 beside a receiver that never reads", 1),
            row("round trip p99 beside a sender that never stops", 2),
            row("round trip p99 beside 10,000 idle connections", 3),
            row("round trip p99 beside 1,000 half frames", 4),
        ],
    }
}

fn beside(trouble: Option<&str>) -> Result<Figures> {
    let mut node = Other::start("pressed node", &[])?;
    let address = address(&mut node)?;
    let mut trouble = trouble.map(|role| Other::start(role, &[&address.to_string()])).transpose()?;
    if let Some(trouble) = &mut trouble {
        // What it says when it has begun: whom the node shall talk to, or nothing.
        let listener = trouble.line()?;
        node.tell(&listener)?;
        node.line()?;
    }
    round_trips_to(address)
}

/// The node under pressure.
fn node(_: &[String]) -> Result<()> {
    libactor::run(async {
        let node = Node::builder().bind().await?;
        node.serve(|_| {}).await?;
        node.spawn("echo", Echo);
        let worker = Worker::start();
        node.spawn_on(&worker, "slow", || Slow);
        Other::say(node.address());
        let talk = node.clone();
        let told = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        let listener = told.await.context("read whom to talk to")??;
        if let Ok(listener) = listener.trim().parse() {
            let listener = Pid::new("listener", listener)?;
            talk.spawn("talker", Talker { listener });
        }
        Other::say("ready");
        tokio::task::spawn_blocking(Other::wait_for_the_end).await.context("wait for the end")
    })
}

struct Slow;

impl Actor for Slow {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Load>();
    }
}

impl Receive<Load> for Slow {
    fn receive(&mut self, _cx: &mut Context<Self>, _from: &Pid, _load: Load) {
        // It has a thread of its own to keep waiting.
        std::thread::sleep(SLOWLY);
    }
}

struct Talker {
    listener: Pid,
}

#[derive(Clone)]
struct Talk;

impl Plain for Talk {
    type Reply = ();
}

impl Actor for Talker {
    fn started(&mut self, cx: &mut Context<Self>) {
        cx.every(Duration::from_millis(1), Talk);
    }
}

impl Handler<Talk> for Talker {
    fn handle(&mut self, cx: &mut Context<Self>, _: Talk) {
        for number in 0..CHATTER {
            let payload = vec![7; CHATTER_BYTES].into();
            cx.tell(&self.listener, Load { number, payload });
        }
    }
}

/// A node that greets whoever dials it, and then reads nothing.
fn never_reads(_: &[String]) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    Other::say(address);
    let mut greeted = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream?;
        stream.write_all(&greeting(address))?;
        // Kept, so that it stays open.
        greeted.push(stream);
    }
    Ok(())
}

/// A peer that writes messages to a slow actor for as long as the node reads them.
fn never_stops(arguments: &[String]) -> Result<()> {
    let mut stream = greeted(arguments)?;
    let (from, name) = (b"stranger".to_vec(), b"libactor.bench.Load".to_vec());
    let deliver = Deliver { to: b"slow".to_vec(), from, name, body: load(0).encode_to_vec() };
    let frame = framed(&Frame { hello: None, deliver: Some(deliver) });
    let batch = frame.repeat(256);
    Other::say("begun");
    loop {
        stream.write_all(&batch)?;
    }
}

fn idle(arguments: &[String]) -> Result<()> {
    stay((0..IDLE).map(|_| Ok(TcpStream::connect(node_of(arguments)?)?)).collect())
}

fn halves(arguments: &[String]) -> Result<()> {
    let half = || {
        let mut stream = greeted(arguments)?;
        stream.write_all(&(2 * HALF as u32).to_be_bytes())?;
        stream.write_all(&[7; HALF])?;
        Ok(stream)
    };
    stay((0..HALVES).map(|_| half()).collect())
}

fn stay(connections: Result<Vec<TcpStream>>) -> Result<()> {
    let connections = connections?;
    Other::say("all there");
    Other::wait_for_the_end();
    drop(connections);
    Ok(())
}

fn node_of(arguments: &[String]) -> Result<SocketAddr> {
    let node = arguments.first().context("the address of the node is missing")?;
    node.parse().with_context(|| format!("read the address `{node}`"))
}

/// A connection that has said who it is, and whom the node has greeted.
fn greeted(arguments: &[String]) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(node_of(arguments)?)?;
    // Its own address, so that each is another peer; nobody answers there.
    let me = stream.local_addr()?;
    stream.write_all(&greeting(me))?;
    stream.read_exact(&mut [0; PREFACE.len()])?;
    Ok(stream)
}

/// The part of the peer protocol that these need; `docs/protocol/peer.md` has all of it.
const PREFACE: &[u8; 8] = b"\x93lactor\x02";

#[derive(Clone, PartialEq, prost::Message)]
struct Frame {
    #[prost(message, optional, tag = "1")]
    hello: Option<Hello>,
    #[prost(message, optional, tag = "2")]
    deliver: Option<Deliver>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Hello {
    #[prost(string, tag = "1")]
    address: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Deliver {
    #[prost(bytes = "vec", tag = "1")]
    to: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    from: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    body: Vec<u8>,
}

fn greeting(me: SocketAddr) -> Vec<u8> {
    let hello = Hello { address: me.to_string() };
    [&PREFACE[..], &framed(&Frame { hello: Some(hello), deliver: None })].concat()
}

fn framed(frame: &Frame) -> Vec<u8> {
    let bytes = frame.encode_to_vec();
    [&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat()
}
