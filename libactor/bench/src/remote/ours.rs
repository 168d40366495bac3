//! Two of our nodes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libactor::{Actor, Answer, AskError, Context, Node, Pid, Receive, Responder, Routes};
use tepui_bench::{Figures, Other, percentiles, rate};
use tokio::sync::oneshot;

use super::{Count, Load, ROUNDS, STEP, TOLD, WARM, WARM_ROUNDS, WINDOW, address, load};

/// Nothing is lost on loopback: who waits longer waits for a fault.
const PATIENCE: Duration = Duration::from_secs(10);

/// The other node: counts what it is told, and sends back what it is asked to echo.
pub fn play(_: &[String]) -> Result<()> {
    libactor::run(async {
        let node = serving().await?;
        node.spawn("sink", Sink(0));
        node.spawn("echo", Echo);
        node.spawn("oracle", Oracle);
        node.spawn_on(node.socket_worker(), "socket-oracle", || Oracle);
        node.spawn_on(node.socket_worker(), "socket-sink", || Sink(0));
        Other::say(node.address());
        tokio::task::spawn_blocking(Other::wait_for_the_end).await.context("wait for the end")
    })
}

pub async fn serving() -> Result<Node> {
    let node = Node::builder().bind().await?;
    node.serve(|_| {}).await?;
    Ok(node)
}

struct Sink(u64);

impl Actor for Sink {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Load>();
    }
}

impl Receive<Load> for Sink {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, load: Load) {
        std::hint::black_box(load.payload);
        self.0 += 1;
        if self.0.is_multiple_of(STEP) {
            cx.tell(from, Count { count: self.0 });
        }
    }
}

/// Sends back what it is told.
pub struct Echo;

impl Actor for Echo {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Load>();
    }
}

impl Receive<Load> for Echo {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, load: Load) {
        cx.tell(from, load);
    }
}

/// Answers with what it is asked.
struct Oracle;

impl Actor for Oracle {
    fn install(routes: &mut Routes<Self>) {
        routes.request::<Load>();
    }
}

impl Answer<Load> for Oracle {
    fn answer(&mut self, _cx: &mut Context<Self>, _from: &Pid, load: Load, reply: Responder<Load>) {
        reply.send(load);
    }
}

/// Tells the sink as fast as the window lets it.
struct Feeder {
    sink: Pid,
    // Told before the clock runs.
    warm: u64,
    told: u64,
    acknowledged: u64,
    started: Instant,
    done: Option<oneshot::Sender<Duration>>,
}

impl Feeder {
    fn feed(&mut self, cx: &mut Context<Self>) {
        while self.told < self.warm + TOLD && self.told < self.acknowledged + WINDOW {
            cx.tell(&self.sink, load(self.told));
            self.told += 1;
        }
    }
}

impl Actor for Feeder {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Count>();
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        self.feed(cx);
    }
}

impl Receive<Count> for Feeder {
    fn receive(&mut self, cx: &mut Context<Self>, _from: &Pid, Count { count }: Count) {
        self.acknowledged = count;
        if count == self.warm {
            self.started = Instant::now();
        }
        if count == self.warm + TOLD {
            let _ = self.done.take().map(|done| done.send(self.started.elapsed()));
        }
        self.feed(cx);
    }
}

pub fn tell() -> Result<Figures> {
    let mut other = Other::start("node", &[])?;
    tell_to(address(&mut other)?)
}

/// Both actors live on the threads of their nodes' sockets.
pub fn tell_at_the_socket() -> Result<Figures> {
    let mut other = Other::start("node", &[])?;
    let sink = Pid::new("socket-sink", address(&mut other)?)?;
    tell_from(WARM, sink, |node, feeder| drop(node.spawn_on(node.socket_worker(), "feeder", || feeder)))
}

/// The flight recorders of both nodes have gone round once when the clock begins to run: their memory was used before.
pub fn tell_for_long() -> Result<Figures> {
    let mut other = Other::start("node", &[])?;
    let sink = Pid::new("sink", address(&mut other)?)?;
    tell_from(WARM + TOLD, sink, |node, feeder| drop(node.spawn("feeder", feeder)))
}

/// The actor `sink` of a node.
pub fn tell_to(node: SocketAddr) -> Result<Figures> {
    tell_from(WARM, Pid::new("sink", node)?, |node, feeder| drop(node.spawn("feeder", feeder)))
}

fn tell_from(warm: u64, sink: Pid, spawn: impl FnOnce(&Node, Feeder)) -> Result<Figures> {
    libactor::run(async {
        let (done, is_done) = oneshot::channel();
        let (started, done) = (Instant::now(), Some(done));
        spawn(&serving().await?, Feeder { sink, warm, told: 0, acknowledged: 0, started, done });
        Ok(rate(TOLD, is_done.await.context("the feeder ended early")?))
    })
}

/// Sends one message, and the next when the last has come back.
struct Pinger {
    echo: Pid,
    sent: Instant,
    rounds: usize,
    samples: Vec<Duration>,
    done: Option<oneshot::Sender<Vec<Duration>>>,
}

impl Pinger {
    fn ping(&mut self, cx: &mut Context<Self>) {
        self.sent = Instant::now();
        cx.tell(&self.echo, load(self.rounds as u64));
    }
}

impl Actor for Pinger {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Load>();
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        self.ping(cx);
    }
}

impl Receive<Load> for Pinger {
    fn receive(&mut self, cx: &mut Context<Self>, _from: &Pid, load: Load) {
        let took = self.sent.elapsed();
        assert_eq!(load.number, self.rounds as u64, "echoes come in turn");
        if self.rounds >= WARM_ROUNDS {
            self.samples.push(took);
        }
        self.rounds += 1;
        if self.samples.len() == ROUNDS {
            let samples = std::mem::take(&mut self.samples);
            let _ = self.done.take().map(|done| done.send(samples));
            return;
        }
        self.ping(cx);
    }
}

/// With the actor `echo` of a node.
pub fn round_trips_to(node: SocketAddr) -> Result<Figures> {
    libactor::run(async {
        let echo = Pid::new("echo", node)?;
        let (done, is_done) = oneshot::channel();
        let pinger = Pinger {
            echo,
            sent: Instant::now(),
            rounds: 0,
            samples: Vec::with_capacity(ROUNDS),
            done: Some(done),
        };
        serving().await?.spawn("pinger", pinger);
        let mut samples = is_done.await.context("the pinger ended early")?;
        ensure!(samples.len() == ROUNDS, "only {} round trips", samples.len());
        Ok(percentiles(&mut samples))
    })
}

/// Asks the other node's oracle, again when it has answered.
struct Asker {
    oracle: Pid,
    asked: Instant,
    rounds: usize,
    samples: Vec<Duration>,
    done: Option<oneshot::Sender<Vec<Duration>>>,
}

impl Asker {
    fn ask(&mut self, cx: &mut Context<Self>) {
        self.asked = Instant::now();
        let answer = cx.ask(&self.oracle, load(self.rounds as u64), PATIENCE);
        cx.spawn_then(answer, |asker, cx, answer| asker.answered(cx, answer));
    }

    fn answered(&mut self, cx: &mut Context<Self>, answer: Result<Load, AskError>) {
        let took = self.asked.elapsed();
        let load = answer.expect("the oracle answers");
        assert_eq!(load.number, self.rounds as u64, "answers come in turn");
        if self.rounds >= WARM_ROUNDS {
            self.samples.push(took);
        }
        self.rounds += 1;
        if self.samples.len() < ROUNDS {
            return self.ask(cx);
        }
        let samples = std::mem::take(&mut self.samples);
        let _ = self.done.take().map(|done| done.send(samples));
    }
}

impl Actor for Asker {
    fn started(&mut self, cx: &mut Context<Self>) {
        self.ask(cx);
    }
}

/// Both actors live where actors usually do: on a thread that is not their node's.
pub fn asks() -> Result<Figures> {
    let mut other = Other::start("node", &[])?;
    asks_of(Pid::new("oracle", address(&mut other)?)?, |node, asker| {
        node.spawn("asker", asker);
    })
}

/// Both actors live on the threads of their nodes' sockets.
pub fn asks_at_the_socket() -> Result<Figures> {
    let mut other = Other::start("node", &[])?;
    asks_of(Pid::new("socket-oracle", address(&mut other)?)?, |node, asker| {
        node.spawn_on(node.socket_worker(), "asker", || asker);
    })
}

fn asks_of(oracle: Pid, spawn: impl FnOnce(&Node, Asker)) -> Result<Figures> {
    libactor::run(async {
        let (done, is_done) = oneshot::channel();
        let samples = Vec::with_capacity(ROUNDS);
        let asker = Asker { oracle, asked: Instant::now(), rounds: 0, samples, done: Some(done) };
        let node = serving().await?;
        spawn(&node, asker);
        let mut samples = is_done.await.context("the asker ended early")?;
        ensure!(samples.len() == ROUNDS, "only {} answers", samples.len());
        Ok(percentiles(&mut samples))
    })
}
