//! An actor's life: the task that takes its messages out of the mailbox, one after the other, until it ends.
//!
//! Fairness, panics and traces are dealt with here, once for all messages.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll};

use crate::actor::Actor;
use crate::context::Context;
use crate::counters;
use crate::envelope::break_off;
use crate::limits::MESSAGES_PER_TURN;
use crate::mailbox::{Inbox, Next};
use crate::registry::Registration;
use crate::supervision::Supervision;
use crate::trace::Cause;
use crate::waits::Asker;
use crate::watch::Exit;

/// What a panic left of an actor is not trusted with another message.
pub(crate) struct Life<A: Actor> {
    // The order is that of the end: the actor, what waited for it, and then those hear of it who watch.
    actor: Option<A>,
    cx: Context<A>,
    inbox: Inbox<A>,
    registration: Registration,
    // None: a panic is the end. Most actors have none.
    supervision: Option<Box<Supervision<A>>>,
    has_started: bool,
}

// The actor is never pinned.
impl<A: Actor> Unpin for Life<A> {}

impl<A: Actor> Life<A> {
    /// Runs the actor on this thread, whose local task set must be active.
    pub(crate) fn start(
        actor: A,
        supervision: Option<Supervision<A>>,
        inbox: Inbox<A>,
        registration: Registration,
    ) {
        let (actor, cx) = (Some(actor), Context::new(inbox.mailbox.clone(), 0));
        let supervision = supervision.map(Box::new);
        actix_rt::spawn(Life { actor, cx, inbox, registration, supervision, has_started: false });
    }

    /// Handles messages until there are none, or others must have their turn. Ready when the actor is to end.
    fn turn(&mut self, task: &mut TaskContext<'_>) -> Poll<()> {
        let Life { actor: Some(actor), cx, inbox, has_started, .. } = self else { return Poll::Ready(()) };
        for _ in 0..MESSAGES_PER_TURN {
            if cx.is_stopped() {
                return Poll::Ready(());
            }
            if cx.is_waiting() {
                match cx.poll_wait(task) {
                    Poll::Ready(step) => {
                        if !cx.is_waiting() {
                            inbox.unpark();
                        }
                        step(actor, cx);
                    }
                    Poll::Pending if inbox.park(task) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
                continue;
            }
            if !*has_started {
                *has_started = true;
                cx.begins(Cause::default(), "started");
                actor.started(cx);
                continue;
            }
            match inbox.poll_next(task) {
                Poll::Ready(Some(Next::One(parcel))) => parcel.open(actor, cx),
                Poll::Ready(Some(Next::OfRun)) => inbox.open_of_run(actor, cx),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        // Also the thread's timers and sockets get their turn: the wake-up comes after theirs.
        let _ = pin!(tokio::task::yield_now()).poll(task);
        Poll::Pending
    }

    fn end(&mut self) {
        let Life { actor: Some(actor), cx, .. } = self else { return };
        // A panic from here on is no reason to put it back.
        cx.stop();
        cx.begins(Cause::default(), "stopped");
        actor.stopped();
    }

    /// Ready if that is the end.
    fn panicked(&mut self, panic: &(dyn Any + Send), task: &TaskContext<'_>) -> Poll<()> {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?");
        let mailbox = self.inbox.mailbox.clone();
        let actor = &mailbox.pid;
        tracing::error!(%actor, panic = text, "actor panicked");
        counters::count(counters::ACTORS_PANICKED);
        let left = self.actor.take();
        // What is left of it may panic once more while it is dropped.
        if catch_unwind(AssertUnwindSafe(|| drop(left))).is_err() {
            tracing::error!(%actor, "actor panicked again while it was dropped");
        }
        if self.cx.is_stopped() {
            self.supervision = None;
        }
        let pause = self.supervision.as_mut().and_then(|supervision| {
            let pause = supervision.pause(mailbox.node.clock().now())?;
            let made = catch_unwind(AssertUnwindSafe(|| supervision.make())).ok()?;
            Some((pause, made))
        });
        let Some((pause, made)) = pause else {
            self.registration.ends_with(Exit::Panicked);
            return Poll::Ready(());
        };
        tracing::warn!(%actor, ?pause, "actor is put back");
        counters::count(counters::ACTORS_RESTARTED);
        // Its timers, futures and watches were those of the old state.
        self.cx = Context::new(mailbox.clone(), self.cx.life().wrapping_add(1));
        (self.actor, self.has_started) = (Some(made), false);
        self.inbox.unpark();
        if !pause.is_zero() {
            self.cx.wait_then(mailbox.node.clock().sleep(pause), |_, _, ()| {});
        }
        self.registration.restarts();
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<A: Actor> Future for Life<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        let life = self.get_mut();
        let _asker = Asker::of(&*life.inbox.mailbox).enter();
        break_off();
        // Messages set the cause one after the other; it is put back once for all of them.
        let done = Cause::default().during(|| {
            catch_unwind(AssertUnwindSafe(|| {
                let turn = life.turn(task);
                if turn.is_ready() {
                    life.end();
                }
                turn
            }))
        });
        life.cx.rests();
        done.unwrap_or_else(|panic| life.panicked(panic.as_ref(), task))
    }
}
