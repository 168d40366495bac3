//! The connection that this node dialled to another: its messages go out on it, and it carries its watches.
//!
//! ```text
//!  (waiting) ──► dialling ──► talking ──► ended      a link ends once; the next message or watch makes a new one
//!      └────────────┴───────────────────►
//! ```

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::counters;
use crate::limits::{CONTROL_BYTES, DIAL};
use crate::node::Node;
use crate::time::Timestamp;
use crate::trace::{MessageId, Outcome};
use crate::transport::frames::{Frames, ReadError};
use crate::transport::libprocess::outbound;
use crate::transport::outbox::{Outbox, Refusal};
use crate::transport::peer::{self, Kind, Spoken};
use crate::transport::secure::{self, DialSecureError};
use crate::transport::socket::{SocketReader, SocketWriter};
use crate::transport::stream;
use crate::watch::{Exit, WatchKey, Watcher};

/// What is spoken on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    /// The peer protocol.
    Peer,
    /// HTTP as libprocess speaks it. A watch says nothing there: the connection is the watch.
    Libprocess,
}

pub(crate) struct Link {
    pub(crate) to: SocketAddr,
    pub(crate) wire: Wire,
    /// Which of this node's connections.
    pub(crate) number: u64,
    // How much may wait before a watch or a withdrawal.
    control_limit: usize,
    outbox: Outbox,
    overflow: Notify,
    // The other side has greeted.
    greeted: AtomicBool,
    // Set under the lock of the state: no watch is taken after it.
    ended: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    // An actor is watched once for all watchers here, under one number.
    watched: HashMap<Arc<str>, Watched>,
    names: HashMap<u64, Arc<str>>,
}

struct Watched {
    number: u64,
    watchers: Vec<Watcher>,
}

impl Link {
    /// `limit`: how many bytes of messages may wait.
    pub(crate) fn new(to: SocketAddr, wire: Wire, number: u64, limit: usize) -> Arc<Link> {
        let (outbox, overflow) = (Outbox::new(), Notify::new());
        let (greeted, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        let control_limit = limit.saturating_add(CONTROL_BYTES);
        Arc::new(Link {
            to,
            wire,
            number,
            control_limit,
            outbox,
            overflow,
            greeted,
            ended,
            state: Mutex::default(),
        })
    }

    /// Whether the other side is known to speak the wire of this link.
    pub(crate) fn talks(&self) -> bool {
        self.greeted.load(Ordering::Acquire) && !self.has_ended()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Queues the frame of a message, of at most `size` bytes, which `write` writes. Says what becomes of it if the link has ended, or ends
    /// now because too much waits for a peer that does not read.
    pub(crate) fn send(
        &self,
        id: MessageId,
        now: Timestamp,
        size: usize,
        limit: usize,
        write: impl FnOnce(&mut Vec<u8>, &mut Spoken),
    ) -> Result<(), Outcome> {
        match self.outbox.message(id, now, size, limit, write) {
            Ok(()) => Ok(()),
            Err(Refusal::Ended) => Err(Outcome::ConnectionLost),
            Err(Refusal::Full) => {
                let state = self.state();
                self.ended.store(true, Ordering::Release);
                drop(state);
                self.overflow.notify_one();
                Err(Outcome::Overflow)
            }
        }
    }

    /// Gives the watcher back if the link has ended.
    pub(crate) fn watch(
        &self,
        name: &Arc<str>,
        watcher: Watcher,
        next_number: impl FnOnce() -> u64,
    ) -> Result<(), Watcher> {
        let mut state = self.state();
        if self.has_ended() {
            return Err(watcher);
        }
        if let Some(watched) = state.watched.get_mut(name) {
            watched.watchers.push(watcher);
            return Ok(());
        }
        let number = next_number();
        state.names.insert(number, name.clone());
        state.watched.insert(name.clone(), Watched { number, watchers: vec![watcher] });
        // Under the lock, so that watches and withdrawals go out in their order.
        self.control(Kind::Watch(peer::Watch { number, actor: name.to_string() }));
        Ok(())
    }

    pub(crate) fn unwatch(&self, name: &str, key: WatchKey) {
        let mut state = self.state();
        let Some(watched) = state.watched.get_mut(name) else { return };
        let Some(position) = watched.watchers.iter().position(|watcher| watcher.key == key) else { return };
        let watcher = watched.watchers.swap_remove(position);
        if watched.watchers.is_empty() {
            let number = watched.number;
            state.watched.remove(name);
            state.names.remove(&number);
            self.control(Kind::Unwatch(peer::Unwatch { number }));
        }
        drop(state);
        drop(watcher);
    }

    /// Called under the lock of the state.
    fn control(&self, kind: Kind) {
        if self.wire == Wire::Libprocess {
            return;
        }
        // A link that ends, meanwhile or now, fires its watchers anyway.
        if self.outbox.control(&peer::frame(kind), self.control_limit) == Err(Refusal::Full) {
            self.ended.store(true, Ordering::Release);
            self.overflow.notify_one();
        }
    }

    fn exited(&self, number: u64, why: Exit) {
        let mut state = self.state();
        let watched = state.names.remove(&number).and_then(|name| state.watched.remove(&name));
        drop(state);
        for watcher in watched.into_iter().flat_map(|watched| watched.watchers) {
            watcher.fire(why);
        }
    }

    fn end(&self, why: Exit) {
        let mut state = self.state();
        self.ended.store(true, Ordering::Release);
        state.names.clear();
        let watched = std::mem::take(&mut state.watched);
        drop(state);
        for watcher in watched.into_values().flat_map(|watched| watched.watchers) {
            watcher.fire(why);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dials, talks, and cleans up.
pub(crate) async fn run(node: Node, link: Arc<Link>) {
    let closing = node.inner().transport.closing();
    let mut end = LinkEnd { node, link, why: Exit::ConnectionLost, lost: Outcome::ConnectionLost };
    let (node, link) = (end.node.clone(), end.link.clone());
    let redials = &node.inner().transport.redials;
    match dial(&node, &link, &closing).await {
        Ok((read, write)) => {
            let since = Instant::now();
            link.outbox.opens(write.share());
            let error = talk(&node, &link, read, write).await;
            redials.ended(link.to, since.elapsed());
            tracing::info!(peer = %link.to, error = &error as &dyn std::error::Error, "link ended");
            end.lost = error.outcome();
        }
        Err(error) => {
            tracing::warn!(peer = %link.to, error = &error as &dyn std::error::Error, "peer not reached");
            counters::count(counters::DIALS_FAILED);
            redials.ended(link.to, Duration::ZERO);
            if !matches!(error, DialError::Overflow) {
                end.why = Exit::Unreachable;
            }
            end.lost = error.outcome();
        }
    }
}

/// Whatever ends the task of a link, also a panic: nobody writes to its socket any more, its watchers hear of it, and its messages are
/// lost.
struct LinkEnd {
    node: Node,
    link: Arc<Link>,
    why: Exit,
    /// What becomes of the messages that were not written.
    lost: Outcome,
}

impl Drop for LinkEnd {
    fn drop(&mut self) {
        let (node, link) = (&self.node, &self.link);
        link.outbox.opens(None);
        // First out of the way, so that whoever hears of the end and starts over gets a new link.
        link.ended.store(true, Ordering::Release);
        node.inner().transport.forget(link);
        link.end(self.why);
        for id in link.outbox.abandon() {
            lose(node, id, self.lost);
        }
        node.inner().asks.link_ended(link.number);
    }
}

/// A message that was recorded as sent was not.
pub(crate) fn lose(node: &Node, id: MessageId, outcome: Outcome) {
    counters::count_outcome(outcome);
    node.recorder().amend(id, outcome);
    node.inner().asks.answered(id, Err(outcome));
}

/// Why there is no connection to another node.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error(transparent)]
    Dial(#[from] DialSecureError),
    #[error("no answer within {DIAL:?}")]
    Timeout,
    #[error("more waits for the peer than is allowed, before it answered")]
    Overflow,
    #[error("greet")]
    Greet(#[from] ReadError),
    #[error("this node is shut down")]
    Closing,
}

/// Why a link ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("read from the peer")]
    Read(#[source] ReadError),
    #[error("write to the peer")]
    Write(#[source] io::Error),
    #[error("more waits for the peer than is allowed: it reads too slowly")]
    Overflow,
    #[error("this node is shut down")]
    Closing,
}

impl DialError {
    /// What became of the messages that waited for the connection.
    fn outcome(&self) -> Outcome {
        match self {
            DialError::Dial(_) | DialError::Timeout => Outcome::Unreachable,
            DialError::Overflow => Outcome::Overflow,
            DialError::Greet(error) => outcome_of(error),
            DialError::Closing => Outcome::ShutDown,
        }
    }
}

impl LinkError {
    /// What became of the messages that were not written yet.
    fn outcome(&self) -> Outcome {
        match self {
            LinkError::Read(error) => outcome_of(error),
            LinkError::Write(_) => Outcome::ConnectionLost,
            LinkError::Overflow => Outcome::Overflow,
            LinkError::Closing => Outcome::ShutDown,
        }
    }
}

fn outcome_of(error: &ReadError) -> Outcome {
    if matches!(error, ReadError::Refused(_)) { Outcome::Refused } else { Outcome::ConnectionLost }
}

async fn dial(
    node: &Node,
    link: &Link,
    closing: &CancellationToken,
) -> Result<(Reading, SocketWriter), DialError> {
    let dial = async {
        node.inner().transport.redials.wait(link.to).await;
        tokio::time::timeout(DIAL, connect(node, link)).await.map_err(|_| DialError::Timeout)?
    };
    tokio::select! {
        dialled = dial => dialled,
        () = link.overflow.notified() => {
            counters::count(counters::LINKS_OVERFLOWED);
            Err(DialError::Overflow)
        }
        () = closing.cancelled() => Err(DialError::Closing),
    }
}

/// What comes back on a link.
enum Reading {
    Frames(Frames<SocketReader>),
    Answers(SocketReader),
}

async fn connect(node: &Node, link: &Link) -> Result<(Reading, SocketWriter), DialError> {
    let settings = &node.inner().settings;
    let stream = secure::dial(node, link.to, |stream| {
        stream::tune(stream);
        if link.wire == Wire::Libprocess {
            stream::tune_libprocess(stream, settings.silence);
        }
    });
    let stream = stream.await?;
    if link.wire == Wire::Libprocess {
        let (read, write) = stream.into_split();
        return Ok((Reading::Answers(read), write));
    }
    let (read, mut write) = stream.into_split();
    let mut greeting = BytesMut::from(&peer::preface()[..]);
    greeting.extend_from_slice(&peer::hello(node.address(), node.inner().transport.incarnation, link.number));
    write.write_all(&greeting).await.map_err(ReadError::Io)?;
    write.flush().await.map_err(ReadError::Io)?;
    let room = node.inner().transport.incomplete.clone();
    let mut frames = Frames::new(read, BytesMut::new(), settings.frame_bytes, settings.silence, room);
    frames.preface().await?;
    frames.hello().await?;
    link.greeted.store(true, Ordering::Release);
    Ok((Reading::Frames(frames), write))
}

async fn talk(
    node: &Node,
    link: &Link,
    mut reading: Reading,
    mut write: impl AsyncWrite + Unpin,
) -> LinkError {
    let read = async {
        match &mut reading {
            Reading::Frames(frames) => read_all(node, link, frames).await,
            Reading::Answers(read) => outbound::discard(read).await,
        }
    };
    tokio::select! {
        biased;
        () = link.overflow.notified() => {
            counters::count(counters::LINKS_OVERFLOWED);
            LinkError::Overflow
        }
        error = read => LinkError::Read(error),
        done = write_all(node, link, &mut write) => match done {
            Ok(()) => LinkError::Closing,
            Err(error) => LinkError::Write(error),
        },
    }
}

async fn read_all(node: &Node, link: &Link, frames: &mut Frames<SocketReader>) -> ReadError {
    loop {
        match frames.next().await {
            Ok(Kind::Exited(exited)) => link.exited(exited.number, peer::exit_of(exited.why)),
            Ok(Kind::Undelivered(note)) => {
                let outcome = peer::outcome_of(note.outcome);
                tracing::warn!(peer = %link.to, reason = peer::cut(&note.reason), "peer did not deliver a message");
                counters::count(counters::MESSAGES_NOT_DELIVERED_BY_PEERS);
                node.recorder().amend_to(link.to, MessageId(note.id), outcome);
            }
            Ok(Kind::Reply(reply)) => {
                node.inner().asks.answered_over(link.number, MessageId(reply.id), peer::answered(reply));
            }
            Ok(Kind::Refused(refused)) => return ReadError::Refused(peer::cut(&refused.reason)),
            Ok(_) => return ReadError::Unexpected("a frame of a dialler"),
            Err(error) => return error,
        }
    }
}

/// Ready when the node is shut down and everything is written.
async fn write_all(node: &Node, link: &Link, write: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let closing = node.inner().transport.closing();
    let heartbeat = node.inner().settings.heartbeat;
    let mut written = None;
    loop {
        tokio::select! {
            biased;
            next = link.outbox.next(written.take()) => match next {
                Some(chunk) => {
                    write.write_all(&chunk.bytes).await?;
                    write.flush().await?;
                    written = Some(chunk);
                }
                None => return write.shutdown().await,
            },
            () = closing.cancelled() => link.outbox.end(),
            () = tokio::time::sleep(heartbeat) => {
                let frame = if link.wire == Wire::Peer { &[0; peer::LENGTH_BYTES][..] } else { &[] };
                link.outbox.rests(frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, Wire};
    use crate::limits::CONTROL_BYTES;
    use crate::watch::Watcher;

    #[test]
    fn watches_that_come_and_go_end_the_link_of_a_peer_that_does_not_read() {
        let link = Link::new("127.0.0.1:1".parse().unwrap(), Wire::Peer, 1, 0);
        let name = "a".repeat(1000).into();
        let mut turns = 0;
        while !link.has_ended() {
            let watcher = Watcher { key: turns, notify: Box::new(|_| {}) };
            if link.watch(&name, watcher, || turns).is_ok() {
                link.unwatch(&name, turns);
            }
            turns += 1;
            assert!(turns < CONTROL_BYTES as u64 / 1000 + 2, "it ends");
        }
    }
}
