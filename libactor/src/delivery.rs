//! A message's way from its sender to a mailbox of this node, or to nowhere.

use std::any::{Any, TypeId};
use std::borrow::Cow;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::actor::WireMessage;
use crate::arrivals::{Arrivals, Receipts};
use crate::counters;
use crate::envelope::{Head, Header, Receipt};
use crate::node::Node;
use crate::pid::Pid;
use crate::registry::Known;
use crate::responder::{Answered, ReplyTo};
use crate::routes::wire_name;
use crate::time::Timestamp;
use crate::trace::recorder::{Ticket, Times};
use crate::trace::{Cause, MessageId, Outcome, TraceId};

/// When a message was sent from here, and where that is recorded.
#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) at: Timestamp,
    pub(crate) ticket: Ticket,
}

/// The messages of the runtime's own actors. They have no field that must be there.
const OWN_MESSAGES: &str = "libactor.";

impl Node {
    /// What follows from the message has the cause that this answers.
    pub(crate) fn dispatch<M: WireMessage>(&self, from: &Pid, to: &Pid, message: M) -> Cause {
        let name = Cow::Borrowed(wire_name::<M>());
        let (head, stamp) = self.head(from, to, &name, message.encoded_len());
        let sent = Cause { trace: head.trace, message: head.id };
        if to.address() == self.address() {
            self.pass(head, stamp, message);
        } else {
            self.inner().transport.send(self, head, stamp, &message);
        }
        sent
    }

    /// Under a name that is not the type's own: what passes from actor to actor here is the encoded message too.
    pub(crate) fn dispatch_as<M: WireMessage>(&self, from: &Pid, to: &Pid, name: &'static str, message: M) {
        let name = Cow::Borrowed(name);
        let (head, stamp) = self.head(from, to, &name, message.encoded_len());
        if to.address() == self.address() {
            self.pass_encoded(head, stamp, message);
        } else {
            self.inner().transport.send(self, head, stamp, &message);
        }
    }

    #[expect(clippy::ptr_arg, reason = "a name that is borrowed lives for ever")]
    #[inline]
    fn head<'a>(
        &self,
        from: &'a Pid,
        to: &'a Pid,
        name: &'a Cow<'static, str>,
        size: usize,
    ) -> (Head<'a>, Stamp) {
        let (cause, at) = (Cause::current(), self.clock().now());
        let (ticket, id) = self.inner().recorder.claim(name);
        let trace = if cause.trace.0 == 0 { TraceId(id.0) } else { cause.trace };
        let logical = self.inner().ids.tick(at);
        (Head { from, to, name, size, trace, id, cause: cause.message, logical }, Stamp { ticket, at })
    }

    fn pass<M: WireMessage>(&self, head: Head<'_>, stamp: Stamp, message: M) {
        let Some(door) = self.inner().registry.find_again(head.to) else {
            return self.give_up(head, stamp.ticket, Times::here(stamp.at), Outcome::NoSuchActor);
        };
        if door.receives(TypeId::of::<M>()) {
            let mut receipt = self.receipt(head, stamp.ticket, Times::here(stamp.at));
            receipt.keep(wire_name::<M>(), head.size, || message.encode_to_vec().into());
            let mut message: Option<M> = Some(message);
            return door.pass(TypeId::of::<M>(), &mut message as &mut dyn Any, receipt);
        }
        // Another Rust type may go by the same name there.
        self.pass_encoded(head, stamp, message);
    }

    fn pass_encoded<M: WireMessage>(&self, head: Head<'_>, stamp: Stamp, message: M) {
        let Some(door) = self.inner().registry.find(head.to.name()) else {
            return self.give_up(head, stamp.ticket, Times::here(stamp.at), Outcome::NoSuchActor);
        };
        let Some(known) = door.knows(head.name) else {
            return self.give_up(head, stamp.ticket, Times::here(stamp.at), Outcome::NoSuchMessage);
        };
        let mut receipt = self.receipt(head, stamp.ticket, Times::here(stamp.at));
        let body = Bytes::from(message.encode_to_vec());
        receipt.keep(known.type_name, body.len(), || body.clone());
        door.deliver(known.name, body, receipt, None, None);
    }

    /// Asks an actor of this node.
    pub(crate) fn ask_here<M: WireMessage>(&self, from: &Pid, to: &Pid, message: M, reply: ReplyTo) {
        let name = Cow::Borrowed(wire_name::<M>());
        let (head, stamp) = self.head(from, to, &name, message.encoded_len());
        let (ticket, times) = (stamp.ticket, Times::here(stamp.at));
        let Some(door) = self.inner().registry.find(to.name()) else {
            self.give_up(head, ticket, times, Outcome::NoSuchActor);
            return reply.refuse(Outcome::NoSuchActor);
        };
        let Some(known) = door.knows(&name).filter(|known| known.answers) else {
            self.give_up(head, ticket, times, Outcome::NoSuchMessage);
            return reply.refuse(Outcome::NoSuchMessage);
        };
        let mut receipt = self.receipt(head, ticket, times);
        let body = Bytes::from(message.encode_to_vec());
        receipt.keep(known.type_name, body.len(), || body.clone());
        door.deliver(known.name, body, receipt, None, Some(reply));
    }

    /// Asks an actor of another node: which message that is.
    pub(crate) fn ask_elsewhere<M: WireMessage>(
        &self,
        from: &Pid,
        to: &Pid,
        message: M,
        tell: oneshot::Sender<Answered>,
    ) -> MessageId {
        let name = Cow::Borrowed(wire_name::<M>());
        let (head, stamp) = self.head(from, to, &name, message.encoded_len());
        self.inner().asks.open(head.id, tell);
        self.inner().transport.ask(self, head, stamp, &message);
        head.id
    }

    /// Messages of another node to one actor here, whose bodies were [checked](Node::accepts).
    pub(crate) fn receive_together(
        &self,
        arrivals: Arrivals,
        received: Timestamp,
        share: OwnedSemaphorePermit,
    ) {
        let (ids, recorder) = (&self.inner().ids, &self.inner().recorder);
        ids.observe_all(arrivals.times(), received);
        let first = recorder.claim_places(arrivals.size().0);
        recorder.write_several(first, arrivals.heads(), received);
        let seen = arrivals.seen(recorder, received);
        let (door, recorder) = (arrivals.door.clone(), recorder.clone());
        let spare = self.inner().transport.spare.clone();
        door.deliver_together(arrivals, Receipts { first, recorder, seen, spare, _share: share });
    }

    /// Whether a body is what a message of that type must be. The program's check knows the program's messages.
    ///
    /// # Errors
    /// Says what is wrong.
    pub(crate) fn accepts(&self, type_name: &str, body: &[u8]) -> Result<(), String> {
        match &self.inner().settings.body_check {
            Some(check) if !type_name.starts_with(OWN_MESSAGES) => check(type_name, body),
            _ => Ok(()),
        }
    }

    /// A message of another node. What is wrong with it, if it cannot be delivered.
    pub(crate) fn receive(
        &self,
        mut header: Header,
        received: Timestamp,
        body: Bytes,
        share: OwnedSemaphorePermit,
        reply: Option<ReplyTo>,
    ) -> Result<(), (Outcome, String)> {
        self.inner().ids.observe(header.logical, received);
        let (ticket, times) = (self.inner().recorder.claim_place(&header.name), Times::received(received));
        let Some(door) = self.inner().registry.find(header.to.name()) else {
            let reason = format!("no actor '{}' at {}", header.to.name(), self.address());
            self.give_up(&header, ticket, times, Outcome::NoSuchActor);
            refuse(reply, Outcome::NoSuchActor);
            return Err((Outcome::NoSuchActor, reason));
        };
        let Some(Known { name, type_name, .. }) =
            door.knows(&header.name).filter(|known| known.answers || reply.is_none())
        else {
            let reason = format!("actor {} does not receive '{}'", header.to, header.name);
            self.give_up(&header, ticket, times, Outcome::NoSuchMessage);
            refuse(reply, Outcome::NoSuchMessage);
            return Err((Outcome::NoSuchMessage, reason));
        };
        header.name = Cow::Borrowed(name);
        if let Err(error) = self.accepts(type_name, &body) {
            let reason = format!("malformed {name}: {error}");
            self.give_up(&header, ticket, times, Outcome::Malformed);
            refuse(reply, Outcome::Malformed);
            return Err((Outcome::Malformed, reason));
        }
        let mut receipt = self.receipt(Head::from(&header), ticket, times);
        receipt.keep(type_name, body.len(), || body.clone());
        door.deliver(name, body, receipt, Some(share), reply);
        Ok(())
    }

    #[inline]
    fn receipt(&self, head: Head<'_>, ticket: Ticket, times: Times) -> Receipt {
        Receipt::new(ticket, head, times, &self.inner().recorder)
    }

    /// A message goes nowhere: counted, logged and recorded.
    pub(crate) fn give_up<'a>(
        &self,
        head: impl Into<Head<'a>>,
        ticket: Ticket,
        times: Times,
        outcome: Outcome,
    ) {
        let head = head.into();
        let (from, to, message) = (head.from, head.to, &**head.name);
        tracing::debug!(%from, %to, message, %outcome, "message not delivered");
        counters::count_outcome(outcome);
        let recorder = &self.inner().recorder;
        recorder.write(ticket, head, Times { ended: Some(self.clock().now()), ..times }, outcome);
        recorder.show(ticket, false);
    }
}

fn refuse(reply: Option<ReplyTo>, outcome: Outcome) {
    if let Some(reply) = reply {
        reply.refuse(outcome);
    }
}
