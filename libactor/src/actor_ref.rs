//! Typed handles to the actors of this process.

use std::fmt;
use std::sync::Arc;

use actix::Addr;
use tokio::sync::oneshot;

use crate::actor::{Actor, Handler, Message};
use crate::host::{Asked, Host, Stop, Told};
use crate::node::Node;
use crate::pid::Pid;
use crate::trace::Cause;

/// A handle to one actor. Cheap to clone, usable from every thread.
///
/// Its mailbox is not bounded: those of one process trust each other. What comes from outside is bounded where it comes in.
pub struct ActorRef<A: Actor> {
    address: Addr<Host<A>>,
    pid: Pid,
    node: Node,
}

/// The actor ended before it answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("actor {0} ended before it answered")]
pub struct AskError(pub Pid);

impl<A: Actor> ActorRef<A> {
    pub(crate) fn new(address: Addr<Host<A>>, pid: Pid, node: Node) -> ActorRef<A> {
        ActorRef { address, pid, node }
    }

    /// The actor's pid.
    pub fn pid(&self) -> &Pid {
        &self.pid
    }

    /// Puts a message into the mailbox; lost if the actor has ended. Messages of one sender keep their order.
    pub fn tell<M: Message>(&self, message: M)
    where
        A: Handler<M>,
    {
        let undelivered = self.node.clock().undelivered();
        self.address.do_send(Told { message, cause: Cause::current(), undelivered });
    }

    /// Puts a message into the mailbox now, whether the answer is awaited or not.
    ///
    /// # Errors
    /// The actor ended, or panicked, before it answered.
    pub fn ask<M: Message>(
        &self,
        message: M,
    ) -> impl Future<Output = Result<M::Reply, AskError>> + Send + 'static + use<A, M>
    where
        A: Handler<M>,
    {
        let (reply, answer) = oneshot::channel();
        let undelivered = self.node.clock().undelivered();
        self.address.do_send(Asked { message, cause: Cause::current(), reply, undelivered });
        let pid = self.pid.clone();
        async move { answer.await.map_err(|_| AskError(pid)) }
    }

    /// Ends the actor once it has handled what is in its mailbox now.
    pub fn stop(&self) {
        self.address.do_send(Stop);
    }

    /// This actor as one that takes `M`, whatever else it is.
    pub fn recipient<M: Message>(&self) -> Recipient<M>
    where
        A: Handler<M>,
    {
        Recipient(Arc::new(self.clone()))
    }
}

impl<A: Actor> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        ActorRef { address: self.address.clone(), pid: self.pid.clone(), node: self.node.clone() }
    }
}

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.pid, f)
    }
}

/// A handle to some actor that takes messages of type `M`.
pub struct Recipient<M: Message>(Arc<dyn Target<M>>);

trait Target<M: Message>: Send + Sync {
    fn tell(&self, message: M);
    fn ask(&self, message: M) -> futures::future::BoxFuture<'static, Result<M::Reply, AskError>>;
}

impl<A: Handler<M>, M: Message> Target<M> for ActorRef<A> {
    fn tell(&self, message: M) {
        ActorRef::tell(self, message);
    }

    fn ask(&self, message: M) -> futures::future::BoxFuture<'static, Result<M::Reply, AskError>> {
        Box::pin(ActorRef::ask(self, message))
    }
}

impl<M: Message> Recipient<M> {
    /// See [`ActorRef::tell`].
    pub fn tell(&self, message: M) {
        self.0.tell(message);
    }

    /// See [`ActorRef::ask`].
    ///
    /// # Errors
    /// The actor ended, or panicked, before it answered.
    pub fn ask(
        &self,
        message: M,
    ) -> impl Future<Output = Result<M::Reply, AskError>> + Send + 'static + use<M> {
        self.0.ask(message)
    }
}

impl<M: Message> Clone for Recipient<M> {
    fn clone(&self) -> Self {
        Recipient(self.0.clone())
    }
}
