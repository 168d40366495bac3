//! A message that came by HTTP, on its way to a mailbox.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::counters;
use crate::envelope::Header;
use crate::limits::{MESSAGE_NAME_BYTES, MESSAGE_OVERHEAD};
use crate::node::Node;
use crate::pid::Pid;
use crate::time::Timestamp;
use crate::trace::{MessageId, Outcome, TraceId};
use crate::transport::libprocess::head::split;

/// What one connection may have in mailboxes, and what it said last: mostly, one actor of its node talks to one of ours.
pub(crate) struct Intake {
    node: Node,
    room: Arc<Semaphore>,
    last_sender: Option<Sender>,
    last_target: Option<(Bytes, Target)>,
}

/// Who was believed to be whom.
struct Sender {
    text: Bytes,
    remote: IpAddr,
    /// How many nodes had greeted then.
    greetings: u64,
    pid: Pid,
}

/// What a path says.
#[derive(Clone)]
struct Target {
    /// None if no actor can be called that.
    to: Option<Pid>,
    name: Cow<'static, str>,
}

impl Intake {
    pub(crate) fn new(node: &Node) -> Intake {
        let room = Arc::new(Semaphore::new(node.inner().settings.intake_bytes));
        Intake { node: node.clone(), room, last_sender: None, last_target: None }
    }

    /// The place that a message takes until it is handled, if there is room now.
    pub(crate) fn try_share(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_many_owned(self.cost(bytes)).ok()
    }

    /// The place that a message takes until it is handled, as soon as there is room.
    pub(crate) fn share(&self, bytes: usize) -> impl Future<Output = OwnedSemaphorePermit> + use<> {
        let share = self.room.clone().acquire_many_owned(self.cost(bytes));
        async { share.await.expect("the semaphore of a connection is never closed") }
    }

    fn cost(&self, bytes: usize) -> u32 {
        let cost = (bytes + MESSAGE_OVERHEAD).min(self.node.inner().settings.intake_bytes);
        u32::try_from(cost).unwrap_or(u32::MAX)
    }

    /// False if there is no such actor. A message that the actor does not know, or that is malformed, has arrived: its
    /// sender cannot be told more in this wire.
    ///
    /// # Errors
    /// The path or the sender is none; says why.
    pub(crate) fn deliver(
        &mut self,
        target: Bytes,
        from: Bytes,
        remote: IpAddr,
        body: Bytes,
        share: OwnedSemaphorePermit,
    ) -> Result<bool, String> {
        let from = self.sender(from, remote)?;
        let Target { to, name } = self.target(target)?;
        let Some(to) = to else {
            tracing::debug!(%from, message = %name, "message to a name that no actor has");
            counters::count(counters::MESSAGES_TO_UNKNOWN_ACTORS);
            return Ok(false);
        };
        let received = self.node.clock().now();
        let header = self.header(from, to, name, body.len(), received);
        let (to, from) = (header.to.clone(), header.from.clone());
        match self.node.receive(header, received, body, share, None) {
            Ok(()) => Ok(true),
            Err((outcome, reason)) => {
                tracing::warn!(%from, %to, reason, "libprocess message not delivered");
                Ok(outcome != Outcome::NoSuchActor)
            }
        }
    }

    /// A trace begins here: the wire carries none.
    fn header(
        &self,
        from: Pid,
        to: Pid,
        name: Cow<'static, str>,
        size: usize,
        received: Timestamp,
    ) -> Header {
        let ids = &self.node.inner().ids;
        let id = ids.next();
        let (trace, logical) = (TraceId(id), ids.tick(received));
        Header { from, to, name, size, trace, id: MessageId(id), cause: MessageId(0), logical }
    }

    /// The sender's word is all there is, but for where it comes from.
    fn sender(&mut self, text: Bytes, remote: IpAddr) -> Result<Pid, String> {
        let (remote, transport) = (remote.to_canonical(), &self.node.inner().transport);
        let greetings = transport.greetings();
        if let Some(last) = &self.last_sender
            && last.text == text
            && last.remote == remote
            && last.greetings == greetings
        {
            return Ok(last.pid.clone());
        }
        let sender = std::str::from_utf8(&text).map_err(|_| "sender that is not UTF-8".to_owned())?;
        let pid: Pid = sender.parse().map_err(|error| format!("sender: {error}"))?;
        let address = pid.address();
        if self.node.inner().settings.peer_match && address.ip().to_canonical() != remote {
            return Err(format!("sender {pid} at another IP address than {remote}, from which it comes"));
        }
        if transport.is_elsewhere(address, remote) {
            return Err(format!(
                "sender {pid}, whose node is connected from another IP address than {remote}"
            ));
        }
        transport.hear(address);
        let text = Bytes::copy_from_slice(&text);
        self.last_sender = Some(Sender { text, remote, greetings, pid: pid.clone() });
        Ok(pid)
    }

    fn target(&mut self, path: Bytes) -> Result<Target, String> {
        if let Some((last, target)) = &self.last_target
            && *last == path
        {
            return Ok(target.clone());
        }
        let (actor, name) = split(&path).map_err(|error| error.to_string())?;
        if name.len() > MESSAGE_NAME_BYTES {
            return Err(format!(
                "message name of {} bytes, at most {MESSAGE_NAME_BYTES} are allowed",
                name.len()
            ));
        }
        let to = Pid::new(&actor, self.node.address()).ok();
        let target = Target { to, name: Cow::Owned(name.to_owned()) };
        self.last_target = Some((Bytes::copy_from_slice(&path), target.clone()));
        Ok(target)
    }
}
