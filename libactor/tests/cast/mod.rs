//! Who plays in the tests: messages, actors, and nodes on free ports.
#![allow(dead_code)] // Each test file uses its part.

pub mod cluster;

use std::time::Duration;

use libactor::{Actor, Builder, Context, Exit, Handler, Message, Node, Pid, Receive, Routes};
use tokio::sync::mpsc;

/// A wire message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Note {
    #[prost(uint64, tag = "1")]
    pub number: u64,
    #[prost(string, tag = "2")]
    pub text: String,
}

impl prost::Name for Note {
    const NAME: &'static str = "Note";
    const PACKAGE: &'static str = "test";
}

pub fn note(number: u64) -> Note {
    Note { number, text: String::new() }
}

/// A wire message that [`Listener`] does not receive.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Riddle {}

impl prost::Name for Riddle {
    const NAME: &'static str = "Riddle";
    const PACKAGE: &'static str = "test";
}

/// What a [`Listener`] saw.
#[derive(Clone, Debug, PartialEq)]
pub enum Saw {
    Note(Pid, u64),
    Exited(Pid, Exit),
}

/// Reports everything that it receives. A note of `u64::MAX` makes it panic.
pub struct Listener(pub mpsc::UnboundedSender<Saw>);

pub fn listener() -> (Listener, Seen) {
    let (tell, told) = mpsc::unbounded_channel();
    (Listener(tell), Seen(told))
}

impl Actor for Listener {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Note>();
    }

    fn exited(&mut self, _cx: &mut Context<Self>, pid: &Pid, why: Exit) {
        let _ = self.0.send(Saw::Exited(pid.clone(), why));
    }
}

impl Receive<Note> for Listener {
    fn receive(&mut self, _cx: &mut Context<Self>, from: &Pid, note: Note) {
        assert_ne!(note.number, u64::MAX, "told to panic");
        let _ = self.0.send(Saw::Note(from.clone(), note.number));
    }
}

/// Does something as a step of the actor.
pub struct Do<A: Actor>(pub Step<A>);

type Step<A> = Box<dyn FnOnce(&mut A, &mut Context<A>) + Send>;

impl<A: Actor> Message for Do<A> {
    type Reply = ();
}

impl Handler<Do<Listener>> for Listener {
    fn handle(&mut self, cx: &mut Context<Self>, Do(step): Do<Listener>) {
        step(self, cx);
    }
}

pub fn perform(step: impl FnOnce(&mut Listener, &mut Context<Listener>) + Send + 'static) -> Do<Listener> {
    Do(Box::new(step))
}

/// What a listener saw, in order.
pub struct Seen(mpsc::UnboundedReceiver<Saw>);

impl Seen {
    pub async fn next(&mut self) -> Saw {
        soon(self.0.recv()).await.expect("the listener lives")
    }

    pub fn try_next(&mut self) -> Option<Saw> {
        self.0.try_recv().ok()
    }

    pub fn nothing_more(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// Fails a test that would otherwise wait for ever.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("within 20 s")
}

/// A node that serves its actors and nothing else.
pub async fn node() -> Node {
    served(Node::builder()).await
}

pub async fn served(builder: Builder) -> Node {
    let node = builder.bind().await.expect("a free port");
    node.serve(|_| {}).await.expect("no routes");
    node
}

/// Waits until a counter of the process has grown beyond what it was.
pub async fn grown(name: &str, before: f64) {
    soon(async {
        while counter(name) <= before {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub fn counter(name: &str) -> f64 {
    libactor::metrics::snapshot().get(name).copied().unwrap_or_default()
}
