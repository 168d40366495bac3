//! What can be in a mailbox, and what happens when its turn comes.

use std::any::{Any, type_name};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::actor::{Actor, Handler, Message, Receive, WireMessage};
use crate::context::Context;
use crate::counters;
use crate::envelope::Receipt;
use crate::mailbox::Parcel;
use crate::pid::Pid;
use crate::responder::ReplyTo;
use crate::routes::Route;
use crate::trace::{Cause, Outcome};
use crate::waits::Mark;
use crate::watch::{Exit, WatchKey};

/// A Rust message that was told.
pub(crate) struct Told<M> {
    pub(crate) message: M,
    pub(crate) cause: Cause,
}

impl<A: Handler<M>, M: Message> Parcel<A> for Told<M> {
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<A>) {
        cx.begins(self.cause, type_name::<M>());
        drop(actor.handle(cx, self.message));
    }
}

/// A Rust message that was asked.
pub(crate) struct Asked<M: Message> {
    pub(crate) message: M,
    pub(crate) cause: Cause,
    pub(crate) reply: oneshot::Sender<M::Reply>,
    // None if no actor asks.
    pub(crate) question: Option<Mark>,
}

impl<A: Handler<M>, M: Message> Parcel<A> for Asked<M> {
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<A>) {
        let Asked { message, cause, reply, question } = *self;
        cx.begins(cause, type_name::<M>());
        cx.set_question(question);
        let answer = actor.handle(cx, message);
        cx.set_question(None);
        // Who asked may have gone.
        let _ = reply.send(answer);
    }
}

/// A protobuf message from the same node: still the value it was.
pub(crate) struct Passed<M> {
    pub(crate) message: M,
    pub(crate) receipt: Receipt,
    pub(crate) name: &'static str,
}

impl<A: Receive<M>, M: WireMessage> Parcel<A> for Passed<M> {
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<A>) {
        let Passed { message, receipt, name } = *self;
        receipt.begin();
        cx.begins(receipt.cause(), name);
        actor.receive(cx, receipt.from(), message);
        receipt.settle(Outcome::Handled);
    }
}

/// An encoded protobuf message, decoded here, on the thread of its actor.
pub(crate) struct Arrived<A: Actor> {
    pub(crate) route: Route<A>,
    pub(crate) body: Bytes,
    pub(crate) receipt: Receipt,
    /// The sender's share of what may wait here, until the message is handled.
    pub(crate) share: Option<OwnedSemaphorePermit>,
    /// None if it was told. Dropped, it says that nobody will answer.
    pub(crate) reply: Option<ReplyTo>,
}

impl<A: Actor> Parcel<A> for Arrived<A> {
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<A>) {
        let Arrived { route, body, receipt, share, reply } = *self;
        receipt.begin();
        cx.begins(receipt.cause(), route.name);
        match (route.decode)(body) {
            Ok(deliver) => {
                deliver(actor, cx, receipt.from(), reply);
                receipt.settle(Outcome::Handled);
            }
            Err(error) => {
                let outcome = malformed(cx.me(), receipt.from(), route.name, &error);
                receipt.settle(outcome);
                if let Some(reply) = reply {
                    reply.refuse(Outcome::Malformed);
                }
            }
        }
        drop(share);
    }
}

/// Logged and counted.
pub(crate) fn malformed(
    actor: &Pid,
    from: &Pid,
    message: &'static str,
    error: &prost::DecodeError,
) -> Outcome {
    tracing::warn!(%from, %actor, message, %error, "malformed message dropped");
    counters::count(counters::MESSAGES_MALFORMED);
    Outcome::Malformed
}

/// A watched actor is out of reach.
pub(crate) struct Exited {
    pub(crate) pid: Pid,
    pub(crate) key: WatchKey,
    pub(crate) why: Exit,
}

impl<A: Actor> Parcel<A> for Exited {
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<A>) {
        // The watch may have been withdrawn while the news was in the mailbox.
        if cx.watch_ended(&self.pid, self.key) {
            cx.begins(Cause::default(), "exited");
            actor.exited(cx, &self.pid, self.why);
        }
    }
}

/// A future of this actor finished; what it wants to do waits in the context.
pub(crate) struct Resume {
    /// The one of the actor's lives that the future belongs to.
    pub(crate) life: u32,
}

impl<A: Actor> Parcel<A> for Resume {
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<A>) {
        if self.life == cx.life()
            && let Some((cause, step)) = cx.next_continuation()
        {
            cx.begins(cause, "then");
            step(actor, cx);
        }
    }
}

/// A future of this actor panicked: what was to follow from it never will.
pub(crate) struct FuturePanicked {
    /// The one of the actor's lives that the future belongs to.
    pub(crate) life: u32,
    pub(crate) panic: Box<dyn Any + Send>,
}

impl<A: Actor> Parcel<A> for FuturePanicked {
    fn open(self: Box<Self>, _: &mut A, cx: &mut Context<A>) {
        if self.life == cx.life() {
            // Without a second message about it: this one was a panic already.
            std::panic::resume_unwind(self.panic);
        }
    }
}

/// The node is shut down, or somebody wants the actor to end.
pub(crate) struct Stop;

impl<A: Actor> Parcel<A> for Stop {
    fn open(self: Box<Self>, _: &mut A, cx: &mut Context<A>) {
        cx.stop();
    }
}
