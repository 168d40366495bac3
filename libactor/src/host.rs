//! The actix actor that houses one of ours: fairness, panics, traces and the end of life are dealt with here, once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix::ActorContext;
use actix::dev::{Envelope, ToEnvelope};
use actix::fut::WrapFuture;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::actor::{Actor, Handler, Message, Receive, WireMessage};
use crate::clock::Undelivered;
use crate::context::Context;
use crate::counters;
use crate::envelope::{Receipt, break_off};
use crate::limits::MESSAGES_PER_TURN;
use crate::pid::Pid;
use crate::registry::Registration;
use crate::routes::Route;
use crate::trace::{Cause, Outcome};
use crate::watch::{Exit, WatchKey};

pub(crate) struct Host<A: Actor> {
    // None once a handler panicked.
    actor: Option<Box<A>>,
    registration: Registration,
    handled: u32,
}

impl<A: Actor> Host<A> {
    pub(crate) fn new(actor: A, registration: Registration) -> Host<A> {
        Host { actor: Some(Box::new(actor)), registration, handled: 0 }
    }

    /// Runs one step of the actor. None if the actor is gone, or panicked now.
    pub(crate) fn run<T>(
        &mut self,
        cx: &mut Context<A>,
        cause: Cause,
        step: impl FnOnce(&mut A, &mut Context<A>) -> T,
    ) -> Option<T> {
        break_off();
        let actor = self.actor.as_deref_mut()?;
        let done = catch_unwind(AssertUnwindSafe(|| cause.during(|| step(actor, cx))));
        self.take_turns(cx);
        match done {
            Ok(value) => Some(value),
            Err(panic) => {
                self.end_by_panic(cx, panic.as_ref());
                None
            }
        }
    }

    /// actix polls a mailbox until it is empty: without a pause, a flooded actor would starve its thread.
    fn take_turns(&mut self, cx: &mut Context<A>) {
        self.handled += 1;
        if self.handled >= MESSAGES_PER_TURN {
            self.handled = 0;
            actix::AsyncContext::wait(cx, tokio::task::yield_now().into_actor(self));
        }
    }

    fn end_by_panic(&mut self, cx: &mut Context<A>, panic: &(dyn std::any::Any + Send)) {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?");
        tracing::error!(actor = %cx.me(), panic = text, "actor panicked");
        counters::count(counters::ACTORS_PANICKED);
        self.registration.ends_with(Exit::Panicked);
        let actor = self.actor.take();
        // What is left of it may panic once more while it is dropped.
        if catch_unwind(AssertUnwindSafe(|| drop(actor))).is_err() {
            tracing::error!(actor = %cx.me(), "actor panicked again while it was dropped");
        }
        cx.terminate();
    }
}

impl<A: Actor> actix::Actor for Host<A> {
    type Context = Context<A>;

    fn started(&mut self, cx: &mut Context<A>) {
        self.run(cx, Cause::default(), A::started);
    }

    fn stopped(&mut self, cx: &mut Context<A>) {
        self.run(cx, Cause::default(), |actor, _| actor.stopped());
    }
}

/// How actix packs a message for the mailbox of a context that is not its own.
impl<A: Actor, M> ToEnvelope<Host<A>, M> for Context<A>
where
    Host<A>: actix::Actor<Context = Context<A>> + actix::Handler<M>,
    M: actix::Message<Result: Send> + Send + 'static,
{
    fn pack(message: M, reply: Option<oneshot::Sender<M::Result>>) -> Envelope<Host<A>> {
        Envelope::new(message, reply)
    }
}

/// A Rust message that was told.
pub(crate) struct Told<M> {
    pub(crate) message: M,
    pub(crate) cause: Cause,
    pub(crate) undelivered: Undelivered,
}

impl<M: Message> actix::Message for Told<M> {
    type Result = ();
}

impl<A: Handler<M>, M: Message> actix::Handler<Told<M>> for Host<A> {
    type Result = ();

    fn handle(&mut self, told: Told<M>, cx: &mut Context<A>) {
        self.run(cx, told.cause, |actor, cx| drop(actor.handle(cx, told.message)));
        drop(told.undelivered);
    }
}

/// A Rust message that was asked.
pub(crate) struct Asked<M: Message> {
    pub(crate) message: M,
    pub(crate) cause: Cause,
    pub(crate) reply: oneshot::Sender<M::Reply>,
    pub(crate) undelivered: Undelivered,
}

impl<M: Message> actix::Message for Asked<M> {
    type Result = ();
}

impl<A: Handler<M>, M: Message> actix::Handler<Asked<M>> for Host<A> {
    type Result = ();

    fn handle(&mut self, asked: Asked<M>, cx: &mut Context<A>) {
        if let Some(reply) = self.run(cx, asked.cause, |actor, cx| actor.handle(cx, asked.message)) {
            // Who asked may have gone.
            let _ = asked.reply.send(reply);
        }
        drop(asked.undelivered);
    }
}

/// A protobuf message from the same node: still the value it was.
pub(crate) struct Passed<M> {
    pub(crate) message: M,
    pub(crate) receipt: Receipt,
}

impl<M: WireMessage> actix::Message for Passed<M> {
    type Result = ();
}

impl<A: Receive<M>, M: WireMessage> actix::Handler<Passed<M>> for Host<A> {
    type Result = ();

    fn handle(&mut self, passed: Passed<M>, cx: &mut Context<A>) {
        let Passed { message, receipt } = passed;
        receipt.begin();
        let done = self.run(cx, receipt.cause(), |actor, cx| actor.receive(cx, receipt.from(), message));
        receipt.settle(outcome(done));
    }
}

/// A protobuf message from another node, decoded here, on the thread of its actor.
pub(crate) struct Arrived<A: Actor> {
    pub(crate) route: Route<A>,
    pub(crate) body: Bytes,
    pub(crate) receipt: Receipt,
    /// The sender's share of what may wait here, until the message is handled.
    pub(crate) share: Option<OwnedSemaphorePermit>,
}

impl<A: Actor> actix::Message for Arrived<A> {
    type Result = ();
}

impl<A: Actor> actix::Handler<Arrived<A>> for Host<A> {
    type Result = ();

    fn handle(&mut self, arrived: Arrived<A>, cx: &mut Context<A>) {
        let Arrived { route, body, receipt, share } = arrived;
        receipt.begin();
        match (route.decode)(body) {
            Ok(deliver) => {
                let done = self.run(cx, receipt.cause(), |actor, cx| deliver(actor, cx, receipt.from()));
                receipt.settle(outcome(done));
            }
            Err(error) => {
                let from = receipt.from();
                tracing::warn!(%from, actor = %cx.me(), message = route.name, %error, "malformed message dropped");
                counters::count(counters::MESSAGES_MALFORMED);
                receipt.settle(Outcome::Malformed);
            }
        }
        drop(share);
    }
}

/// A watched actor is out of reach.
pub(crate) struct Exited {
    pub(crate) pid: Pid,
    pub(crate) key: WatchKey,
    pub(crate) why: Exit,
    pub(crate) undelivered: Undelivered,
}

impl actix::Message for Exited {
    type Result = ();
}

impl<A: Actor> actix::Handler<Exited> for Host<A> {
    type Result = ();

    fn handle(&mut self, exited: Exited, cx: &mut Context<A>) {
        // The watch may have been withdrawn while the news was in the mailbox.
        if cx.watch_ended(&exited.pid, exited.key) {
            self.run(cx, Cause::default(), |actor, cx| actor.exited(cx, &exited.pid, exited.why));
        }
        drop(exited.undelivered);
    }
}

/// A future of this actor finished; what it wants to do waits in the context.
pub(crate) struct Resume {
    pub(crate) undelivered: Undelivered,
}

impl actix::Message for Resume {
    type Result = ();
}

impl<A: Actor> actix::Handler<Resume> for Host<A> {
    type Result = ();

    fn handle(&mut self, resume: Resume, cx: &mut Context<A>) {
        if let Some((cause, step)) = cx.next_continuation() {
            self.run(cx, cause, step);
        }
        drop(resume.undelivered);
    }
}

/// A future of this actor panicked: what was to follow from it never will.
pub(crate) struct FuturePanicked(pub(crate) Box<dyn std::any::Any + Send>);

impl actix::Message for FuturePanicked {
    type Result = ();
}

impl<A: Actor> actix::Handler<FuturePanicked> for Host<A> {
    type Result = ();

    fn handle(&mut self, panicked: FuturePanicked, cx: &mut Context<A>) {
        if self.actor.is_some() {
            self.end_by_panic(cx, panicked.0.as_ref());
        }
    }
}

/// The node is shut down, or somebody wants the actor to end.
pub(crate) struct Stop;

impl actix::Message for Stop {
    type Result = ();
}

impl<A: Actor> actix::Handler<Stop> for Host<A> {
    type Result = ();

    fn handle(&mut self, _: Stop, cx: &mut Context<A>) {
        ActorContext::stop(cx);
    }
}

fn outcome(done: Option<()>) -> Outcome {
    if done.is_some() { Outcome::Handled } else { Outcome::Panicked }
}
