//! Answers that come later than the end of the handler.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::sync::oneshot;

use crate::actor::WireMessage;
use crate::ask::AskError;
use crate::pid::Pid;
use crate::trace::Outcome;
use crate::waits::{Edge, Mark};

/// What an actor keeps of a question that it answers later. Dropped, it lets the asker know that no answer comes.
///
/// ```
/// use libactor::{Actor, Context, Deferred, Handler, Message, Responder};
///
/// /// Hands out jobs, and lets those wait who come too early.
/// #[derive(Default)]
/// struct Desk {
///     waiting: Vec<Responder<u32>>,
/// }
///
/// struct Take;
/// struct Put(u32);
///
/// impl Message for Take {
///     type Reply = Deferred<u32>;
/// }
///
/// impl Message for Put {
///     type Reply = ();
/// }
///
/// impl Actor for Desk {}
///
/// impl Handler<Take> for Desk {
///     fn handle(&mut self, cx: &mut Context<Self>, _: Take) -> Deferred<u32> {
///         let (responder, answer) = cx.defer();
///         self.waiting.push(responder);
///         answer
///     }
/// }
///
/// impl Handler<Put> for Desk {
///     fn handle(&mut self, _cx: &mut Context<Self>, Put(job): Put) {
///         if let Some(waiting) = self.waiting.pop() {
///             waiting.send(job);
///         }
///     }
/// }
///
/// libactor::run(async {
///     let node = libactor::Node::builder().bind().await.unwrap();
///     let desk = node.spawn("desk", Desk::default());
///     let job = desk.ask(Take).await.unwrap();
///     desk.tell(Put(7));
///     assert_eq!(job.await, Ok(7));
/// });
/// ```
pub struct Responder<R>(To<R>);

enum To<R> {
    Here(oneshot::Sender<R>),
    Asker {
        reply: ReplyTo,
        encode: fn(&R) -> Bytes,
    },
    /// The message was told, not asked.
    Nobody,
}

/// An answer that comes later: what a [`Handler`](crate::Handler) returns whose reply is not there yet, and a future of it for
/// the one who asked.
pub struct Deferred<R> {
    answer: oneshot::Receiver<R>,
    asked: Pid,
    edge: Option<Edge>,
}

impl<R> Responder<R> {
    /// Answers. Who asked may have gone; then nothing happens.
    pub fn send(self, reply: R) {
        match self.0 {
            To::Here(sender) => drop(sender.send(reply)),
            To::Asker { reply: to, encode } => to.answer(encode(&reply)),
            To::Nobody => {}
        }
    }
}

impl<R: WireMessage> Responder<R> {
    pub(crate) fn to(reply: Option<ReplyTo>) -> Responder<R> {
        if let Some(reply) = &reply {
            reply.taken();
        }
        let encode = |reply: &R| Bytes::from(reply.encode_to_vec());
        Responder(reply.map_or(To::Nobody, |reply| To::Asker { reply, encode }))
    }
}

pub(crate) fn deferred<R>(asked: Pid, question: Option<Mark>) -> (Responder<R>, Deferred<R>) {
    let edge = question.and_then(|question| question.defer());
    let (sender, answer) = oneshot::channel();
    (Responder(To::Here(sender)), Deferred { answer, asked, edge })
}

impl<R> Future for Deferred<R> {
    type Output = Result<R, AskError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if let Some(edge) = &self.edge {
            edge.polled();
        }
        let Deferred { answer, asked, .. } = &mut *self;
        answer.poll_unpin(task).map(|answer| answer.map_err(|_| AskError::Ended(asked.clone())))
    }
}

/// What comes back over a question by pid: an encoded answer, or what became of the question.
pub(crate) type Answered = Result<Bytes, Outcome>;

/// Where the answer to a question by pid goes. Exactly one comes there, whatever happens.
pub(crate) struct ReplyTo {
    // None once it was called.
    call: Option<Box<dyn FnOnce(Answered) + Send>>,
    // None if no actor asks.
    question: Option<Mark>,
}

impl ReplyTo {
    pub(crate) fn new(question: Option<Mark>, call: impl FnOnce(Answered) + Send + 'static) -> ReplyTo {
        ReplyTo { call: Some(Box::new(call)), question }
    }

    /// The actor has it now.
    pub(crate) fn taken(&self) {
        if let Some(question) = &self.question {
            question.defer();
        }
    }

    pub(crate) fn answer(mut self, body: Bytes) {
        self.give(Ok(body));
    }

    pub(crate) fn refuse(mut self, outcome: Outcome) {
        self.give(Err(outcome));
    }

    fn give(&mut self, answered: Answered) {
        if let Some(call) = self.call.take() {
            call(answered);
        }
    }
}

impl Drop for ReplyTo {
    fn drop(&mut self) {
        self.give(Err(Outcome::ActorEnded));
    }
}
