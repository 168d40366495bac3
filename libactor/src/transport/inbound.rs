//! A connection that another node dialled to us: its messages come in, news of the actors it watches go out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::arrivals::{Arrivals, Ids};
use crate::counters;
use crate::envelope::Header;
use crate::limits::{
    MESSAGE_NAME_BYTES, MESSAGE_OVERHEAD, NOTES_PER_CONNECTION, QUESTIONS_PER_CONNECTION,
    WATCHES_PER_CONNECTION,
};
use crate::node::Node;
use crate::pid::Pid;
use crate::responder::ReplyTo;
use crate::time::Timestamp;
use crate::trace::Outcome;
use crate::trace::recorder::{Times, UNRECORDED};
use crate::transport::Guest;
use crate::transport::answers::{Answered, Answers, answers};
use crate::transport::frames::{Frames, ReadError};
use crate::transport::goodbye::{InboundError, judge, refuse};
use crate::transport::peer::{self, DeliverParts, DeliverView, Heard, Kind};
use crate::transport::socket::{Socket, SocketReader, SocketWriter};
use crate::waits::Edge;
use crate::watch::{WatchKey, Watcher};

/// A body of at least so many bytes stays where it was read: it fills a good part of that buffer.
const SHARED_BODY: usize = 32 << 10;

/// Reads before those who write on the same connection get their turn: about a megabyte of messages.
const BATCHES_IN_A_ROW: usize = 16;

/// The first frame of a peer only names it.
const HELLO_BYTES: usize = 1024;

struct Inbound {
    node: Node,
    peer: Guest,
    outbox: Answers,
    // What may be in mailboxes and not yet handled.
    intake: Arc<Semaphore>,
    // What the peer may ask and have not answered yet.
    questions: Arc<Semaphore>,
    // What may wait to be written to it as answers.
    replies: Arc<Semaphore>,
    watched: Watched,
    // Cancelled when news of a watched actor would be lost.
    overrun: CancellationToken,
    // Most messages come from the actor that sent the last one, and are like it.
    last_sender: Option<Pid>,
    last_target: Option<(Pid, &'static str)>,
    // Messages to one actor that are passed on together, once others come or no more have come in.
    together: Option<Arrivals>,
    // The size of the last ones that were.
    last_together: (usize, usize),
}

type Watched = Arc<Mutex<HashMap<u64, (Arc<str>, WatchKey)>>>;

/// Serves the connection until it ends. `buffer` holds what was read already.
pub(crate) async fn run(node: Node, stream: Socket, remote: SocketAddr, buffer: BytesMut) {
    let (read, mut write) = stream.into_split();
    let settings = &node.inner().settings;
    let room = node.inner().transport.incomplete.clone();
    let frames = Frames::new(read, buffer, HELLO_BYTES, settings.silence, room);
    let error = serve(&node, remote, frames, &mut write).await;
    let (counter, reason) = judge(&error);
    if let Some(counter) = counter {
        tracing::warn!(%remote, error = &error as &dyn std::error::Error, "connection of a peer closed");
        counters::count(counter);
    } else {
        tracing::debug!(%remote, error = &error as &dyn std::error::Error, "connection of a peer ended");
    }
    if let Some(reason) = reason {
        refuse(&mut write, &reason).await;
    }
}

async fn serve(
    node: &Node,
    remote: SocketAddr,
    mut frames: Frames<SocketReader>,
    write: &mut SocketWriter,
) -> InboundError {
    let settings = &node.inner().settings;
    let greet = greet(node, remote, &mut frames, write);
    let peer = match tokio::time::timeout(settings.handshake, greet).await {
        Ok(Ok(peer)) => peer,
        Ok(Err(error)) => return error,
        Err(_) => return InboundError::Handshake,
    };
    frames.allow(settings.frame_bytes);
    let places = WATCHES_PER_CONNECTION + QUESTIONS_PER_CONNECTION + NOTES_PER_CONNECTION;
    let (outbox, outgoing) = answers(places, write.share());
    let (superseded, overrun) = (peer.superseded.clone(), CancellationToken::new());
    let mut inbound = Inbound {
        node: node.clone(),
        peer,
        outbox,
        intake: Arc::new(Semaphore::new(settings.intake_bytes)),
        questions: Arc::new(Semaphore::new(QUESTIONS_PER_CONNECTION)),
        replies: Arc::new(Semaphore::new(settings.outbound_bytes.min(Semaphore::MAX_PERMITS))),
        watched: Watched::default(),
        overrun: overrun.clone(),
        last_sender: None,
        last_target: None,
        together: None,
        last_together: (0, 0),
    };
    tokio::select! {
        biased;
        () = superseded.cancelled() => InboundError::Superseded,
        () = overrun.cancelled() => InboundError::Overrun,
        error = inbound.read_all(&mut frames) => error,
        done = write_all(node, write, outgoing) => match done {
            Ok(()) => InboundError::Closing,
            Err(error) => InboundError::Write(error),
        },
    }
}

async fn greet(
    node: &Node,
    remote: SocketAddr,
    frames: &mut Frames<SocketReader>,
    write: &mut (impl AsyncWrite + Unpin),
) -> Result<Guest, InboundError> {
    // Also to a peer of another version: it can say then why it does not go on.
    let preface = frames.preface().await;
    if !matches!(preface, Err(ReadError::NoPreface)) {
        write.write_all(&peer::preface()).await.map_err(InboundError::Write)?;
        write.flush().await.map_err(InboundError::Write)?;
    }
    preface?;
    let hello = frames.hello().await?;
    let Ok(address) = hello.address.parse() else {
        let address: String = hello.address.chars().take(64).collect();
        return Err(InboundError::Broken(format!("hello with address '{address}', which is not ip:port")));
    };
    let transport = &node.inner().transport;
    // Before the answer: with it the peer begins to send here what is later than what it sent there.
    let guest = transport.greeted(node, address, remote.ip().to_canonical(), &hello)?;
    let answer = peer::hello(node.address(), transport.incarnation, 0);
    write.write_all(&answer).await.map_err(InboundError::Write)?;
    write.flush().await.map_err(InboundError::Write)?;
    Ok(guest)
}

impl Inbound {
    async fn read_all(&mut self, frames: &mut Frames<SocketReader>) -> InboundError {
        let mut heard = Heard::default();
        let mut batches = 0_usize;
        loop {
            if let Err(error) = self.read_batch(frames, &mut heard).await {
                return error;
            }
            // From a peer that never pauses there is always more to read; what goes back to it must be written too.
            batches = batches.wrapping_add(1);
            if batches.is_multiple_of(BATCHES_IN_A_ROW) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits for a frame, and takes all that came with it. The clock is read once for them.
    async fn read_batch(
        &mut self,
        frames: &mut Frames<SocketReader>,
        heard: &mut Heard,
    ) -> Result<(), InboundError> {
        let length = frames.ready().await?;
        let now = self.node.clock().now();
        let taken = self.take_all(frames, length, heard, now).await;
        // Also what came before something that ends the connection.
        self.pass_on(now).await;
        taken
    }

    async fn take_all(
        &mut self,
        frames: &mut Frames<SocketReader>,
        mut length: usize,
        heard: &mut Heard,
        now: Timestamp,
    ) -> Result<(), InboundError> {
        loop {
            self.take(frames, length, heard, now).await?;
            match frames.buffered()? {
                Some(next) => length = next,
                None => return Ok(()),
            }
        }
    }

    async fn take(
        &mut self,
        frames: &mut Frames<SocketReader>,
        length: usize,
        heard: &mut Heard,
        now: Timestamp,
    ) -> Result<(), InboundError> {
        // What is small must not keep alive all that was read with it.
        if length < SHARED_BODY
            && let Some(parts) = DeliverParts::of(frames.peek(length))
        {
            let view = heard.hears(parts);
            if self.joins(&view)? {
                frames.skip(length);
                return Ok(());
            }
            self.pass_on(now).await;
            if self.begins(&view)? {
                frames.skip(length);
                return Ok(());
            }
            let header = self.header(&view)?;
            let (body, asks) = (Bytes::copy_from_slice(view.body), view.asks);
            frames.skip(length);
            return self.deliver(header, body, asks, now).await;
        }
        self.pass_on(now).await;
        match frames.decode(length)? {
            Some(Kind::Deliver(message)) => {
                let header = self.header(&heard.hears(DeliverParts::from(&message)))?;
                self.deliver(header, own(message.body), message.asks, now).await
            }
            Some(Kind::Watch(watch)) => self.watch(watch),
            Some(Kind::Unwatch(unwatch)) => {
                self.unwatch(unwatch.number);
                Ok(())
            }
            Some(Kind::Refused(refused)) => Err(ReadError::Refused(peer::cut(&refused.reason)).into()),
            Some(_) => Err(ReadError::Unexpected("a frame of an acceptor").into()),
            None => Ok(()),
        }
    }

    /// Puts a message to those before it, if it can be passed on with them.
    fn joins(&mut self, message: &DeliverView<'_>) -> Result<bool, InboundError> {
        let Some(mut together) = self.together.take() else { return Ok(false) };
        let is_for_the_same = message.is_alike || together.to.name().as_bytes() == message.to;
        let joins = if is_for_the_same { self.adds(&mut together, message) } else { Ok(false) };
        // Also if this message ends the connection: those before it are delivered.
        self.together = Some(together);
        joins
    }

    /// Begins with a message that others may join. Not with one that asks, or cannot be delivered.
    fn begins(&mut self, message: &DeliverView<'_>) -> Result<bool, InboundError> {
        let (to, _) = self.target(message)?;
        let Some(door) = self.node.inner().registry.find(to.name()) else { return Ok(false) };
        let mut together = Arrivals::new(door, to, &self.node.inner().transport.spare, self.last_together);
        let begins = self.adds(&mut together, message)?;
        self.together = begins.then_some(together);
        Ok(begins)
    }

    fn adds(&mut self, together: &mut Arrivals, message: &DeliverView<'_>) -> Result<bool, InboundError> {
        let limit = self.node.inner().settings.intake_bytes;
        if message.asks || !together.has_room(message.body.len(), limit) {
            return Ok(false);
        }
        let again = if message.is_alike { together.last_kind() } else { None };
        let Some(kind) = again.map_or_else(|| self.kind(together, message), |kind| Ok(Some(kind)))? else {
            return Ok(false);
        };
        let known = together.known(kind);
        // Whoever delivers it alone says what is wrong with it.
        if self.node.accepts(known.type_name, message.body).is_err() {
            return Ok(false);
        }
        let DeliverView { trace, id, cause, sent: logical, .. } = *message;
        together.push(kind, Ids { trace, id, cause, logical }, message.body);
        Ok(true)
    }

    /// The number that messages of that sender with that name have in a run. None if its actor does not know them, or they have to
    /// come alone.
    fn kind(
        &mut self,
        together: &mut Arrivals,
        message: &DeliverView<'_>,
    ) -> Result<Option<usize>, InboundError> {
        if let Some(kind) = together.kind(message.from, message.name) {
            return Ok(Some(kind));
        }
        let name = text(message.name, "message name")?;
        let Some(known) = together.door.knows(name).filter(|_| !name.starts_with(UNRECORDED)) else {
            return Ok(None);
        };
        let from = self.sender(text(message.from, "sender")?)?;
        Ok(together.add_kind(from, known))
    }

    /// Delivers what was put together.
    async fn pass_on(&mut self, now: Timestamp) {
        let Some(mut together) = self.together.take() else { return };
        self.last_together = together.size();
        together.close();
        let share = self.share(together.cost()).await;
        self.node.receive_together(together, now, share);
    }

    /// A share of what may be in mailboxes, as soon as there is room.
    async fn share(&self, bytes: usize) -> OwnedSemaphorePermit {
        let share = bytes.min(self.node.inner().settings.intake_bytes);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        match self.intake.clone().try_acquire_many_owned(share) {
            Ok(share) => share,
            Err(_) => {
                let share = self.intake.clone().acquire_many_owned(share).await;
                share.expect("the semaphore of a connection is never closed")
            }
        }
    }

    async fn deliver(
        &mut self,
        header: Header,
        body: Bytes,
        asks: bool,
        now: Timestamp,
    ) -> Result<(), InboundError> {
        let share = self.share(body.len() + MESSAGE_OVERHEAD).await;
        let id = header.id.0;
        let reply = match asks.then(|| self.reply_to(&header)) {
            Some(None) => {
                self.turn_away(&header, now);
                return Ok(());
            }
            reply => reply.flatten(),
        };
        if let Err((outcome, reason)) = self.node.receive(header, now, body, share, reply) {
            tracing::warn!(peer = %self.peer.address, reason, "message of a peer not delivered");
            // The counters have them all.
            self.note(peer::undelivered(id, outcome, reason));
        }
        Ok(())
    }

    /// Where the answer to a question goes: back over this connection. One that finds too much waiting there is dropped, and
    /// the asker's time runs out. None if too many questions are open.
    fn reply_to(&self, header: &Header) -> Option<ReplyTo> {
        let place = self.questions.clone().try_acquire_owned().ok()?;
        let (id, outbox, room) = (header.id.0, self.outbox.clone(), self.replies.clone());
        let largest = self.node.inner().settings.frame_bytes;
        let clock = self.node.clock().clone();
        let edge = Edge::incoming(&self.node, &header.from, &header.to, header.name.clone());
        Some(ReplyTo::new(Some(edge.mark()), move |answered| {
            drop(edge);
            let mut frame = peer::reply(id, answered);
            if frame.len() - peer::LENGTH_BYTES > largest {
                frame = peer::reply(id, Err(Outcome::TooLarge));
            }
            let size = u32::try_from(frame.len() + MESSAGE_OVERHEAD).unwrap_or(u32::MAX);
            match room.try_acquire_many_owned(size) {
                Ok(room) => {
                    let frame = Bytes::from_owner(Waiting { frame, _holds: (place, room) });
                    drop(outbox.send(frame, clock.now()));
                }
                Err(_) => counters::count(counters::REPLIES_DROPPED),
            }
        }))
    }

    /// One question too many is answered at once, and the connection goes on.
    fn turn_away(&self, header: &Header, now: Timestamp) {
        let (peer, actor) = (self.peer.address, &header.to);
        tracing::warn!(%peer, %actor, limit = QUESTIONS_PER_CONNECTION, "too many open questions of a peer");
        let ticket = self.node.recorder().claim_place(&header.name);
        self.node.give_up(header, ticket, Times::received(now), Outcome::Overflow);
        if !self.note(peer::reply(header.id.0, Err(Outcome::Overflow))) {
            counters::count(counters::REPLIES_DROPPED);
        }
    }

    /// Queues what may be left out: a sender that floods and does not read gets no more of it.
    fn note(&self, frame: Bytes) -> bool {
        let has_room = self.outbox.room() > WATCHES_PER_CONNECTION + QUESTIONS_PER_CONNECTION;
        has_room && self.outbox.send(frame, self.node.clock().now()).is_ok()
    }

    fn header(&mut self, message: &DeliverView<'_>) -> Result<Header, InboundError> {
        let (to, name) = self.target(message)?;
        let DeliverView { trace, id, cause, sent: logical, .. } = *message;
        Ok(Header {
            from: self.sender(text(message.from, "sender")?)?,
            to,
            name,
            size: message.body.len(),
            trace,
            id,
            cause,
            logical,
        })
    }

    /// For whom a message is, and its name.
    fn target(&mut self, message: &DeliverView<'_>) -> Result<(Pid, Cow<'static, str>), InboundError> {
        if let Some((to, name)) = &self.last_target
            && to.name().as_bytes() == message.to
            && name.as_bytes() == message.name
        {
            return Ok((to.clone(), Cow::Borrowed(name)));
        }
        let name = text(message.name, "message name")?;
        if name.is_empty() || name.len() > MESSAGE_NAME_BYTES {
            return Err(InboundError::Broken(format!("message name of {} bytes", name.len())));
        }
        let to = Pid::new(text(message.to, "receiver")?, self.node.address());
        let to = to.map_err(|error| InboundError::Broken(peer::cut(&format!("receiver: {error}"))))?;
        let known = self.node.inner().registry.find(to.name()).and_then(|door| door.knows(name));
        let Some(known) = known else { return Ok((to, Cow::Owned(name.to_owned()))) };
        self.last_target = Some((to.clone(), known.name));
        Ok((to, Cow::Borrowed(known.name)))
    }

    fn sender(&mut self, name: &str) -> Result<Pid, InboundError> {
        if let Some(last) = &self.last_sender
            && last.name() == name
        {
            return Ok(last.clone());
        }
        let sender = Pid::new(name, self.peer.address);
        let sender = sender.map_err(|error| InboundError::Broken(peer::cut(&format!("sender: {error}"))))?;
        self.last_sender = Some(sender.clone());
        Ok(sender)
    }

    fn watch(&mut self, watch: peer::Watch) -> Result<(), InboundError> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= WATCHES_PER_CONNECTION {
            return Err(InboundError::Broken(format!("more than {WATCHES_PER_CONNECTION} watches")));
        }
        // A watch that were replaced here would stay with its actor for ever.
        if watched.contains_key(&watch.number) {
            return Err(InboundError::Broken(format!("a second watch of number {}", watch.number)));
        }
        let key = self.node.next_watch();
        let (number, name): (u64, Arc<str>) = (watch.number, watch.actor.into());
        watched.insert(number, (name.clone(), key));
        drop(watched);
        let (watched, outbox, overrun) = (self.watched.clone(), self.outbox.clone(), self.overrun.clone());
        let clock = self.node.clock().clone();
        let notify = Box::new(move |why| {
            watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            // There is room for as many as may be watched; more than that wait only for a peer that does not read. A watch
            // must not be silent for ever: the end of the connection is the end of each.
            if let Err(TrySendError::Full(_)) = outbox.send(peer::exited(number, why), clock.now()) {
                overrun.cancel();
            }
        });
        self.node.inner().registry.watch(&name, Watcher { key, notify });
        Ok(())
    }

    fn unwatch(&self, number: u64) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let withdrawn = watched.remove(&number);
        drop(watched);
        if let Some((name, key)) = withdrawn {
            self.node.inner().registry.unwatch(&name, key);
        }
    }
}

/// An answer, and its place and room until it is written.
struct Waiting {
    frame: Bytes,
    _holds: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

/// A peer that is gone watches nobody.
impl Drop for Inbound {
    fn drop(&mut self) {
        let watched = std::mem::take(&mut *self.watched.lock().unwrap_or_else(PoisonError::into_inner));
        for (name, key) in watched.into_values() {
            self.node.inner().registry.unwatch(&name, key);
        }
    }
}

/// A small body must not keep alive all that was read with it.
pub(crate) fn own(body: Bytes) -> Bytes {
    if body.len() < SHARED_BODY { Bytes::copy_from_slice(&body) } else { body }
}

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, InboundError> {
    std::str::from_utf8(bytes).map_err(|_| InboundError::Broken(format!("{what} that is not UTF-8")))
}

/// Ready when the node is shut down and everything is written.
async fn write_all(
    node: &Node,
    write: &mut (impl AsyncWrite + Unpin),
    mut outgoing: Answered,
) -> io::Result<()> {
    let closing = node.inner().transport.closing();
    let heartbeat = node.inner().settings.heartbeat;
    let mut buffer = BytesMut::new();
    loop {
        tokio::select! {
            biased;
            more = outgoing.next(&mut buffer) => if !more {
                return write.shutdown().await;
            },
            () = closing.cancelled() => outgoing.close(),
            () = tokio::time::sleep(heartbeat) => if outgoing.pauses() {
                buffer.extend_from_slice(&[0; peer::LENGTH_BYTES]);
            },
        }
        write.write_all(&buffer).await?;
        write.flush().await?;
        buffer.clear();
    }
}
