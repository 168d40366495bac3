//! A message's way from its sender to a mailbox of this node, or to nowhere.

use std::any::{Any, TypeId};
use std::borrow::Cow;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use crate::actor::WireMessage;
use crate::counters;
use crate::envelope::{Header, Receipt};
use crate::node::Node;
use crate::pid::Pid;
use crate::registry::Known;
use crate::routes::wire_name;
use crate::time::Timestamp;
use crate::trace::{Cause, MessageId, Outcome, TraceId};

impl Node {
    pub(crate) fn dispatch<M: WireMessage>(&self, from: &Pid, to: &Pid, message: M) {
        let now = self.clock().now();
        let header = self.header(from, to, wire_name::<M>(), message.encoded_len(), now);
        if to.address() == self.address() {
            self.pass(header, now, message);
        } else {
            self.inner().transport.send(self, &header, now, &message);
        }
    }

    /// Under a name that is not the type's own: what passes from actor to actor here is the encoded message too.
    pub(crate) fn dispatch_as<M: WireMessage>(&self, from: &Pid, to: &Pid, name: &'static str, message: M) {
        let now = self.clock().now();
        let header = self.header(from, to, name, message.encoded_len(), now);
        if to.address() == self.address() {
            self.pass_encoded(header, now, message);
        } else {
            self.inner().transport.send(self, &header, now, &message);
        }
    }

    fn header(&self, from: &Pid, to: &Pid, name: &'static str, size: usize, now: Timestamp) -> Header {
        let (cause, ids) = (Cause::current(), &self.inner().ids);
        let id = ids.next();
        let trace = if cause.trace.0 == 0 { TraceId(id) } else { cause.trace };
        Header {
            from: from.clone(),
            to: to.clone(),
            name: Cow::Borrowed(name),
            size,
            trace,
            id: MessageId(id),
            cause: cause.message,
            logical: ids.tick(now),
        }
    }

    fn pass<M: WireMessage>(&self, header: Header, now: Timestamp, message: M) {
        let Some(door) = self.inner().registry.find(header.to.name()) else {
            return self.give_up(&header, Some(now), Some(now), Outcome::NoSuchActor);
        };
        if door.receives(TypeId::of::<M>()) {
            let receipt = Receipt::new(header, Some(now), now, &self.inner().recorder, self.clock());
            let mut message: Option<M> = Some(message);
            return door.pass(TypeId::of::<M>(), &mut message as &mut dyn Any, receipt);
        }
        // Another Rust type may go by the same name there.
        self.pass_encoded(header, now, message);
    }

    fn pass_encoded<M: WireMessage>(&self, header: Header, now: Timestamp, message: M) {
        let Some(door) = self.inner().registry.find(header.to.name()) else {
            return self.give_up(&header, Some(now), Some(now), Outcome::NoSuchActor);
        };
        let Some(known) = door.knows(&header.name) else {
            return self.give_up(&header, Some(now), Some(now), Outcome::NoSuchMessage);
        };
        let receipt = Receipt::new(header, Some(now), now, &self.inner().recorder, self.clock());
        door.deliver(known.name, message.encode_to_vec().into(), receipt, None);
    }

    /// A message of another node. What is wrong with it, if it cannot be delivered.
    pub(crate) fn receive(
        &self,
        mut header: Header,
        received: Timestamp,
        body: Bytes,
        share: OwnedSemaphorePermit,
    ) -> Result<(), (Outcome, String)> {
        self.inner().ids.observe(header.logical, received);
        let Some(door) = self.inner().registry.find(header.to.name()) else {
            let reason = format!("no actor '{}' at {}", header.to.name(), self.address());
            self.give_up(&header, None, Some(received), Outcome::NoSuchActor);
            return Err((Outcome::NoSuchActor, reason));
        };
        let Some(Known { name, type_name }) = door.knows(&header.name) else {
            let reason = format!("actor {} does not receive '{}'", header.to, header.name);
            self.give_up(&header, None, Some(received), Outcome::NoSuchMessage);
            return Err((Outcome::NoSuchMessage, reason));
        };
        header.name = Cow::Borrowed(name);
        if let Some(check) = &self.inner().settings.body_check
            && let Err(error) = check(type_name, &body)
        {
            let reason = format!("malformed {name}: {error}");
            self.give_up(&header, None, Some(received), Outcome::Malformed);
            return Err((Outcome::Malformed, reason));
        }
        let receipt = Receipt::new(header, None, received, &self.inner().recorder, self.clock());
        door.deliver(name, body, receipt, Some(share));
        Ok(())
    }

    /// A message goes nowhere: counted, logged and recorded.
    pub(crate) fn give_up(
        &self,
        header: &Header,
        sent: Option<Timestamp>,
        received: Option<Timestamp>,
        outcome: Outcome,
    ) {
        let (from, to, message) = (&header.from, &header.to, &*header.name);
        tracing::debug!(%from, %to, message, %outcome, "message not delivered");
        counters::count_outcome(outcome);
        let recorder = &self.inner().recorder;
        let ticket = recorder.open(header, sent, received, outcome);
        recorder.end(ticket, self.clock().now(), outcome);
    }
}
