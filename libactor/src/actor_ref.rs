//! Typed handles to the actors of this process.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::oneshot;

use crate::actor::{Actor, Handler, Message};
use crate::ask::AskError;
use crate::host::{Asked, Stop, Told};
use crate::mailbox::Mailbox;
use crate::pid::Pid;
use crate::trace::Cause;
use crate::waits::Edge;

/// A handle to one actor. Cheap to clone, usable from every thread.
///
/// Its mailbox is not bounded: those of one process trust each other. What comes from outside is bounded where it comes in.
pub struct ActorRef<A: Actor>(Arc<Mailbox<A>>);

impl<A: Actor> ActorRef<A> {
    pub(crate) fn new(mailbox: Arc<Mailbox<A>>) -> ActorRef<A> {
        ActorRef(mailbox)
    }

    /// The actor's pid.
    pub fn pid(&self) -> &Pid {
        &self.0.pid
    }

    /// Puts a message into the mailbox; lost if the actor has ended. Messages of one sender keep their order.
    pub fn tell<M: Message>(&self, message: M)
    where
        A: Handler<M>,
    {
        self.0.post(Box::new(Told { message, cause: Cause::current() }));
    }

    /// Puts a message into the mailbox now, whether the answer is awaited or not.
    ///
    /// # Errors
    /// The actor ended, or panicked, before it answered: [`AskError::Ended`].
    pub fn ask<M: Message>(
        &self,
        message: M,
    ) -> impl Future<Output = Result<M::Reply, AskError>> + Send + 'static + use<A, M>
    where
        A: Handler<M>,
    {
        let (reply, mut answer) = oneshot::channel();
        let mailbox = self.0.clone();
        let edge = Edge::new(&mailbox.node, type_name::<M>(), || mailbox.pid.clone());
        let question = edge.as_ref().map(Edge::mark);
        mailbox.post(Box::new(Asked { message, cause: Cause::current(), reply, question }));
        std::future::poll_fn(move |task| {
            if let Some(edge) = &edge {
                edge.polled();
            }
            answer.poll_unpin(task).map(|answer| answer.map_err(|_| AskError::Ended(mailbox.pid.clone())))
        })
    }

    /// Ends the actor once it has handled what is in its mailbox now.
    pub fn stop(&self) {
        self.0.post(Box::new(Stop));
    }

    /// This actor as one that takes `M`, whatever else it is.
    pub fn recipient<M: Message>(&self) -> Recipient<M>
    where
        A: Handler<M>,
    {
        Recipient(self.0.clone())
    }
}

impl<A: Actor> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        ActorRef(self.0.clone())
    }
}

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.pid(), f)
    }
}

/// A handle to some actor that takes messages of type `M`.
pub struct Recipient<M: Message>(Arc<dyn Target<M>>);

trait Target<M: Message>: Send + Sync {
    fn tell(self: Arc<Self>, message: M);
    fn ask(self: Arc<Self>, message: M) -> futures::future::BoxFuture<'static, Result<M::Reply, AskError>>;
}

impl<A: Handler<M>, M: Message> Target<M> for Mailbox<A> {
    fn tell(self: Arc<Self>, message: M) {
        ActorRef(self).tell(message);
    }

    fn ask(self: Arc<Self>, message: M) -> futures::future::BoxFuture<'static, Result<M::Reply, AskError>> {
        Box::pin(ActorRef(self).ask(message))
    }
}

impl<M: Message> Recipient<M> {
    /// See [`ActorRef::tell`].
    pub fn tell(&self, message: M) {
        self.0.clone().tell(message);
    }

    /// See [`ActorRef::ask`].
    ///
    /// # Errors
    /// The actor ended, or panicked, before it answered.
    pub fn ask(
        &self,
        message: M,
    ) -> impl Future<Output = Result<M::Reply, AskError>> + Send + 'static + use<M> {
        self.0.clone().ask(message)
    }
}

impl<M: Message> Clone for Recipient<M> {
    fn clone(&self) -> Self {
        Recipient(self.0.clone())
    }
}
