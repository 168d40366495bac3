//! Questions: to an actor of this process by its [`ActorRef`], and to any actor by its pid.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::oneshot;

use crate::actor::Request;
use crate::node::Node;
use crate::pid::Pid;
use crate::responder::{Answered, ReplyTo};
use crate::routes::wire_name;
use crate::trace::{MessageId, Outcome};
use crate::waits::Edge;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The actor ended, or panicked, before it answered, or it dropped the question.
    #[error("actor {0} ended before it answered, or dropped the question")]
    Ended(Pid),
    /// There is no actor of that name at that address.
    #[error("there is no actor {0} to ask")]
    NoSuchActor(Pid),
    /// The actor exists and does not answer messages of that name: it installs them with
    /// [`Routes::request`](crate::Routes::request).
    #[error("actor {actor} does not answer '{message}'")]
    NotUnderstood {
        /// Who was asked.
        actor: Pid,
        /// The name of the question.
        message: &'static str,
    },
    /// The question, or the answer, was not what its name says.
    #[error("the question to actor {0}, or its answer, is malformed")]
    Malformed(Pid),
    /// The question is longer than a frame may be.
    #[error("the question to actor {0} is too large to be sent")]
    TooLarge(Pid),
    /// Too much waits already: questions of this node that its node has not answered, or messages that it has not read.
    #[error("too much waits for the node of actor {0}, or for answers from there")]
    Overloaded(Pid),
    /// The connection to its node was lost, or could not be made. It may have got the question.
    #[error("the connection to actor {0} was lost before it answered")]
    ConnectionLost(Pid),
    /// There was no answer in time. It may still come, and is dropped then.
    #[error("actor {actor} did not answer within {limit:?}")]
    TimedOut {
        /// Who was asked.
        actor: Pid,
        /// How long it had.
        limit: Duration,
    },
}

impl AskError {
    /// Who was asked.
    pub fn actor(&self) -> &Pid {
        match self {
            AskError::Ended(actor)
            | AskError::NoSuchActor(actor)
            | AskError::NotUnderstood { actor, .. }
            | AskError::Malformed(actor)
            | AskError::TooLarge(actor)
            | AskError::Overloaded(actor)
            | AskError::ConnectionLost(actor)
            | AskError::TimedOut { actor, .. } => actor,
        }
    }
}

impl Node {
    /// Asks an actor, here or elsewhere, in the name of `from`. Actors use [`Context::ask`](crate::Context::ask).
    ///
    /// # Errors
    /// Each way in which no answer can come has its [`AskError`]; none comes after `limit` on the node's clock.
    pub fn ask<M: Request>(
        &self,
        from: &Pid,
        to: &Pid,
        message: M,
        limit: Duration,
    ) -> impl Future<Output = Result<M::Reply, AskError>> + Send + 'static + use<M> {
        let name = wire_name::<M>();
        let edge = Edge::new(self, name, || to.clone());
        let (tell, mut told) = oneshot::channel();
        let here = to.address() == self.address();
        let question = if here {
            let reply =
                ReplyTo::new(edge.as_ref().map(Edge::mark), move |answered| drop(tell.send(answered)));
            self.ask_here(from, to, message, reply);
            None
        } else {
            Some(Open { node: self.clone(), id: self.ask_elsewhere(from, to, message, tell) })
        };
        let (mut late, to) = (Box::pin(self.clock().sleep(limit)), to.clone());
        std::future::poll_fn(move |task| {
            // Kept as long as the answer is of interest.
            let _open = &question;
            if let Some(edge) = &edge {
                edge.polled();
            }
            if let Poll::Ready(answered) = told.poll_unpin(task) {
                let answered = answered.unwrap_or(Err(Outcome::ActorEnded));
                return Poll::Ready(understood::<M>(&to, name, answered));
            }
            let late = late.as_mut().poll(task);
            late.map(|()| Err(AskError::TimedOut { actor: to.clone(), limit }))
        })
    }
}

fn understood<M: Request>(
    asked: &Pid,
    message: &'static str,
    answered: Answered,
) -> Result<M::Reply, AskError> {
    let actor = asked.clone();
    match answered {
        Ok(body) => <M::Reply as prost::Message>::decode(body).map_err(|_| AskError::Malformed(actor)),
        Err(Outcome::NoSuchActor) => Err(AskError::NoSuchActor(actor)),
        Err(Outcome::NoSuchMessage) => Err(AskError::NotUnderstood { actor, message }),
        Err(Outcome::Malformed) => Err(AskError::Malformed(actor)),
        Err(Outcome::TooLarge) => Err(AskError::TooLarge(actor)),
        Err(Outcome::ActorEnded | Outcome::Panicked) => Err(AskError::Ended(actor)),
        Err(Outcome::Overflow) => Err(AskError::Overloaded(actor)),
        Err(_) => Err(AskError::ConnectionLost(actor)),
    }
}

/// A question of this node to another that is not answered yet. Dropped, an answer is no longer of interest.
struct Open {
    node: Node,
    id: MessageId,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.node.inner().asks.lock().remove(&self.id);
    }
}

/// The questions of one node to others.
#[derive(Default)]
pub(crate) struct Asks(Mutex<HashMap<MessageId, Awaited>>);

struct Awaited {
    // Which of the node's connections carries it, once that is known.
    link: Option<u64>,
    tell: oneshot::Sender<Answered>,
}

impl Asks {
    pub(crate) fn open(&self, id: MessageId, tell: oneshot::Sender<Answered>) {
        self.lock().insert(id, Awaited { link: None, tell });
    }

    /// The question goes out on that connection.
    pub(crate) fn goes_by(&self, id: MessageId, link: u64) {
        if let Some(awaited) = self.lock().get_mut(&id) {
            awaited.link = Some(link);
        }
    }

    /// The answer has come, or what became of the question. Nothing happens if it was no question, or is of no interest any more.
    pub(crate) fn answered(&self, id: MessageId, answered: Answered) {
        let awaited = self.lock().remove(&id);
        if let Some(awaited) = awaited {
            // Who asked may go at any time.
            let _ = awaited.tell.send(answered);
        }
    }

    /// The answer has come over that connection. One that was asked over another is none of its business.
    pub(crate) fn answered_over(&self, link: u64, id: MessageId, answered: Answered) {
        let awaited = {
            let mut asks = self.lock();
            let is_its = asks.get(&id).is_some_and(|awaited| awaited.link == Some(link));
            if is_its { asks.remove(&id) } else { None }
        };
        if let Some(awaited) = awaited {
            let _ = awaited.tell.send(answered);
        }
    }

    /// The connection is lost, and with it every answer that was to come back over it.
    pub(crate) fn link_ended(&self, link: u64) {
        let lost = self.lock().extract_if(|_, awaited| awaited.link == Some(link)).collect::<Vec<_>>();
        for (_, awaited) in lost {
            let _ = awaited.tell.send(Err(Outcome::ConnectionLost));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MessageId, Awaited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
