//! What an actor is: a state that handles one message after the other.

use crate::context::Context;
use crate::pid::Pid;
use crate::responder::Responder;
use crate::routes::Routes;
use crate::watch::Exit;

/// A state with a mailbox. It lives on the thread that spawned it, handles one message at a time, and never blocks.
///
/// A handler that panics ends its actor, and nothing else.
pub trait Actor: Sized + 'static {
    /// Declares the protobuf messages that reach this actor by name, from this node and from others. Called once for the type.
    fn install(routes: &mut Routes<Self>) {
        let _ = routes;
    }

    /// Called once, before the first message.
    fn started(&mut self, cx: &mut Context<Self>) {
        let _ = cx;
    }

    /// An actor that was [watched](Context::watch) is out of reach. Called exactly once for each watch.
    fn exited(&mut self, cx: &mut Context<Self>, pid: &Pid, why: Exit) {
        let _ = (cx, pid, why);
    }

    /// Called once, after the last message; not after a panic.
    fn stopped(&mut self) {}
}

/// A Rust value that one actor tells or asks another of the same process.
pub trait Message: Send + 'static {
    /// What the one who asks gets.
    type Reply: Send + 'static;
}

/// How an actor handles a [`Message`].
pub trait Handler<M: Message>: Actor {
    /// Handles it. Long work belongs in a future: [`Context::spawn_then`], or [`Context::wait_then`] if nothing else may be
    /// handled meanwhile. A reply that comes later is a [`Deferred`](crate::Deferred).
    fn handle(&mut self, cx: &mut Context<Self>, message: M) -> M::Reply;
}

/// A protobuf message with a name: what travels between nodes. Implemented by every such type that prost generates.
pub trait WireMessage: prost::Name + Default + 'static {}

impl<M: prost::Name + Default + 'static> WireMessage for M {}

/// How an actor handles a protobuf message that was told to its pid, on this node or on another.
pub trait Receive<M: WireMessage>: Actor {
    /// Handles it. `from` is the pid of the sender as the sender gave it.
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, message: M);
}

/// A protobuf message that is answered with another: what [`Context::ask`] takes.
pub trait Request: WireMessage {
    /// The answer.
    type Reply: WireMessage;
}

/// How an actor answers a protobuf message that was asked by its pid, on this node or on another. Installed with
/// [`Routes::request`].
pub trait Answer<M: Request>: Actor {
    /// Answers it, now or later: `reply` may be kept. If the message was told and not asked, nobody gets the reply.
    fn answer(&mut self, cx: &mut Context<Self>, from: &Pid, message: M, reply: Responder<M::Reply>);
}
