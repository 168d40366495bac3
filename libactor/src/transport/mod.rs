//! One port, three protocols: what a node sends to others, and what it accepts from them.
//!
//! Runs on a thread of its own, but for what is said on an idle connection: that is [written](outbox) by the thread that says it.
//! Towards another node there is at most one [link](link::Link), dialled by whoever has something to say; answers come back on the
//! other side's own link. Which wire a link speaks depends on who is there: [peer] with our nodes, [libprocess] with programs
//! that were declared or heard to speak it. What comes in is told apart by the [acceptor].

pub(crate) mod acceptor;
mod answers;
mod classify;
pub(crate) mod frames;
pub(crate) mod gathering;
mod goodbye;
pub(crate) mod http;
mod inbound;
pub(crate) mod libprocess;
mod link;
mod outbox;
pub(crate) mod peer;
mod redials;
mod secure;
mod socket;
mod stream;
mod watchdog;

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::actor::WireMessage;
use crate::arrivals::Spare;
use crate::delivery::Stamp;
use crate::envelope::Head;
use crate::node::Node;
use crate::pid::Pid;
use crate::trace::Outcome;
use crate::trace::recorder::Times;
use crate::transport::goodbye::InboundError;
use crate::transport::libprocess::outbound;
use crate::transport::libprocess::speakers::Speakers;
use crate::transport::link::{Link, Wire};
use crate::transport::redials::Redials;
use crate::watch::{Exit, WatchKey, Watcher};
use crate::worker::Worker;

pub(crate) struct Transport {
    pub(crate) worker: Worker,
    links: Mutex<HashMap<(SocketAddr, Wire), Arc<Link>>>,
    pub(crate) speakers: Speakers,
    pub(crate) redials: Redials,
    /// Tells this node from an earlier or later one at the same address.
    pub(crate) incarnation: u64,
    /// For messages that come in together.
    pub(crate) spare: Arc<Spare>,
    /// One permit for each byte that may wait for the rest of its message.
    pub(crate) incomplete: Arc<Semaphore>,
    // The newest connection of each peer, by its address and incarnation.
    peers: Mutex<BTreeMap<(SocketAddr, u64), Newest>>,
    dialled: AtomicU64,
    /// Counts those who greeted: what was found out about an address holds until there is another.
    greetings: AtomicU64,
    closing: CancellationToken,
    // Each task holds a clone; when the last is dropped, all tasks have ended.
    alive: Mutex<Option<mpsc::Sender<Infallible>>>,
    ended: tokio::sync::Mutex<mpsc::Receiver<Infallible>>,
}

thread_local! {
    /// The link that was asked for last on this thread, and the incarnation of its node: mostly the next one. There is no other
    /// between the same two as long as it has not ended.
    static LAST: RefCell<Option<(u64, Arc<Link>)>> = const { RefCell::new(None) };
}

impl Transport {
    /// `incomplete`: what all connections together may hold of messages that have not come in whole.
    pub(crate) fn new(incomplete: usize) -> Transport {
        let (alive, ended) = mpsc::channel(1);
        Transport {
            worker: Worker::start(),
            links: Mutex::default(),
            speakers: Speakers::default(),
            redials: Redials::default(),
            incarnation: crate::trace::random(),
            spare: Arc::default(),
            incomplete: Arc::new(Semaphore::new(incomplete)),
            peers: Mutex::default(),
            dialled: AtomicU64::new(0),
            greetings: AtomicU64::new(0),
            closing: CancellationToken::new(),
            alive: Mutex::new(Some(alive)),
            ended: tokio::sync::Mutex::new(ended),
        }
    }

    /// Runs a task on the transport's thread; [`close`](Transport::close) waits for it.
    pub(crate) fn run<F: Future<Output = ()> + 'static>(
        &self,
        task: impl FnOnce() -> F + Send + 'static,
    ) -> bool {
        let Some(alive) = lock(&self.alive).clone() else { return false };
        self.worker.execute(move || {
            actix_rt::spawn(async move {
                task().await;
                drop(alive);
            });
        })
    }

    /// Cancelled when the node is shut down: whoever sees it finishes what it has to write, and ends.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    pub(crate) fn send<M: WireMessage>(&self, node: &Node, head: Head<'_>, stamp: Stamp, message: &M) {
        match self.wire(head.to.address()) {
            Wire::Peer => self.deliver(node, head, stamp, peer::DeliverFrame::new(head), message),
            Wire::Libprocess => {
                let request = outbound::request(head, &message.encode_to_vec());
                let (bytes, size) = (request.len(), head.size);
                self.put(
                    node,
                    head,
                    stamp,
                    Frame { wire: Wire::Libprocess, bytes, size, asks: false },
                    |buffer, _| buffer.extend_from_slice(&request),
                );
            }
        }
    }

    /// Sends a question; what comes of it is told to the node's [`Asks`](crate::ask::Asks).
    pub(crate) fn ask<M: WireMessage>(&self, node: &Node, head: Head<'_>, stamp: Stamp, message: &M) {
        if self.wire(head.to.address()) == Wire::Libprocess {
            node.give_up(head, stamp.ticket, Times::sent(stamp.at), Outcome::NoSuchMessage);
            return node.inner().asks.answered(head.id, Err(Outcome::NoSuchMessage));
        }
        self.deliver(node, head, stamp, peer::DeliverFrame::new(head).that_asks(), message);
    }

    fn deliver<M: WireMessage>(
        &self,
        node: &Node,
        head: Head<'_>,
        stamp: Stamp,
        deliver: peer::DeliverFrame<'_>,
        message: &M,
    ) {
        let bytes = deliver.most_bytes();
        let may_be_too_large = bytes > node.inner().settings.frame_bytes;
        let size = if may_be_too_large { deliver.whole_bytes() } else { bytes };
        let frame = Frame { wire: Wire::Peer, bytes, size, asks: deliver.asks() };
        self.put(node, head, stamp, frame, |buffer, spoken| {
            deliver.write(buffer, spoken, |buffer| message.encode_raw(buffer));
        });
    }

    /// Queues the frame that `write` writes.
    fn put(
        &self,
        node: &Node,
        head: Head<'_>,
        stamp: Stamp,
        frame: Frame,
        write: impl FnOnce(&mut Vec<u8>, &mut peer::Spoken),
    ) {
        let settings = &node.inner().settings;
        if frame.size > settings.frame_bytes {
            let (to, message, size) = (head.to, &**head.name, head.size);
            tracing::error!(%to, message, size, limit = settings.frame_bytes, "message too large to be sent");
            node.give_up(head, stamp.ticket, Times::sent(stamp.at), Outcome::TooLarge);
            return node.inner().asks.answered(head.id, Err(Outcome::TooLarge));
        }
        // Recorded first, so that a loss is noted after it.
        node.recorder().write(stamp.ticket, head, Times::sent(stamp.at), Outcome::Sent);
        node.recorder().show(stamp.ticket, frame.wire == Wire::Peer);
        let sent = match self.link(node, head.to.address(), frame.wire) {
            Some(link) => {
                if frame.asks {
                    node.inner().asks.goes_by(head.id, link.number);
                }
                link.send(head.id, stamp.at, frame.bytes, settings.outbound_bytes, write)
            }
            None => Err(Outcome::ShutDown),
        };
        if let Err(outcome) = sent {
            link::lose(node, head.id, outcome);
        }
    }

    pub(crate) fn watch(&self, node: &Node, pid: &Pid, mut watcher: Watcher) {
        let wire = self.wire(pid.address());
        // A link that ends in between refuses the watch; the next one takes it.
        while let Some(link) = self.link(node, pid.address(), wire) {
            match link.watch(pid.shared_name(), watcher, || node.next_watch()) {
                Ok(()) => return,
                Err(refused) => watcher = refused,
            }
        }
        watcher.fire(Exit::ConnectionLost);
    }

    pub(crate) fn unwatch(&self, pid: &Pid, key: WatchKey) {
        for wire in [Wire::Peer, Wire::Libprocess] {
            let link = lock(&self.links).get(&(pid.address(), wire)).cloned();
            if let Some(link) = link {
                link.unwatch(pid.name(), key);
            }
        }
    }

    /// A message in the libprocess wire came from there: answers take that wire too, unless one of our nodes is there.
    pub(crate) fn hear(&self, address: SocketAddr) {
        let dialled = lock(&self.links).get(&(address, Wire::Peer)).is_some_and(|link| link.talks());
        let peers = lock(&self.peers);
        if !dialled && peers.range((address, 0)..=(address, u64::MAX)).next().is_none() {
            self.speakers.hear(address, |known| self.links_libprocess(known));
        }
    }

    /// How many nodes have greeted so far.
    pub(crate) fn greetings(&self) -> u64 {
        self.greetings.load(Ordering::Acquire)
    }

    /// Whether the address is that of one of our nodes, which is connected from another IP than `remote`. Nobody can say that of
    /// who comes from the address itself.
    pub(crate) fn is_elsewhere(&self, address: SocketAddr, remote: IpAddr) -> bool {
        if address.ip().to_canonical() == remote.to_canonical() {
            return false;
        }
        let peers = lock(&self.peers);
        peers.range((address, 0)..=(address, u64::MAX)).any(|(_, newest)| newest.remote != remote)
    }

    /// Whether a program that speaks as libprocess does is connected there.
    fn links_libprocess(&self, address: SocketAddr) -> bool {
        lock(&self.links).get(&(address, Wire::Libprocess)).is_some_and(|link| !link.has_ended())
    }

    /// The nodes that this one is connected to, whoever dialled.
    pub(crate) fn peers_known(&self) -> BTreeSet<SocketAddr> {
        let mut known: BTreeSet<SocketAddr> = lock(&self.peers).keys().map(|(address, _)| *address).collect();
        let links = lock(&self.links);
        let alive = links.iter().filter(|((_, wire), link)| *wire == Wire::Peer && !link.has_ended());
        known.extend(alive.map(|((address, _), _)| *address));
        known
    }

    fn wire(&self, address: SocketAddr) -> Wire {
        if self.speakers.contains(address) { Wire::Libprocess } else { Wire::Peer }
    }

    /// The link to an address, dialled if there is none. None when the node is shut down.
    fn link(&self, node: &Node, to: SocketAddr, wire: Wire) -> Option<Arc<Link>> {
        let is_it = |(node, link): &&(u64, Arc<Link>)| {
            *node == self.incarnation && link.to == to && link.wire == wire && !link.has_ended()
        };
        let last = LAST.with_borrow(|last| last.as_ref().filter(is_it).map(|(_, link)| link.clone()));
        if last.is_some() {
            return last;
        }
        let link = self.dialled_link(node, to, wire)?;
        LAST.set(Some((self.incarnation, link.clone())));
        Some(link)
    }

    fn dialled_link(&self, node: &Node, to: SocketAddr, wire: Wire) -> Option<Arc<Link>> {
        let mut links = lock(&self.links);
        if let Some(link) = links.get(&(to, wire))
            && !link.has_ended()
        {
            return Some(link.clone());
        }
        let number = self.dialled.fetch_add(1, Ordering::Relaxed) + 1;
        let link = Link::new(to, wire, number, node.inner().settings.outbound_bytes);
        let (node, ours) = (node.clone(), link.clone());
        if !self.run(move || link::run(node, ours)) {
            return None;
        }
        links.insert((to, wire), link.clone());
        Some(link)
    }

    /// A peer greeted, from `remote`, on its connection of that number. Earlier ones are over. It is turned away if there is a
    /// later one, or if the address belongs to somebody who is connected from elsewhere.
    fn greeted(
        &self,
        node: &Node,
        address: SocketAddr,
        remote: IpAddr,
        hello: &peer::Hello,
    ) -> Result<Guest, InboundError> {
        if node.inner().settings.peer_match && remote != address.ip().to_canonical() {
            return Err(InboundError::Foreign(address));
        }
        // Such a program has not greeted, and has no other name than its address.
        if remote != address.ip().to_canonical() && self.links_libprocess(address) {
            return Err(InboundError::Taken(address));
        }
        let mut peers = lock(&self.peers);
        let mut alive = peers.range((address, 0)..=(address, u64::MAX));
        if alive.any(|(_, newest)| newest.remote != remote) {
            return Err(InboundError::Taken(address));
        }
        let superseded = CancellationToken::new();
        let ours = Newest { connection: hello.connection, remote, superseded: superseded.clone() };
        match peers.entry((address, hello.incarnation)) {
            Entry::Occupied(newest) if newest.get().connection > hello.connection => {
                return Err(InboundError::Superseded);
            }
            Entry::Occupied(mut older) => older.insert(ours).superseded.cancel(),
            Entry::Vacant(first) => drop(first.insert(ours)),
        }
        self.redials.worked(address);
        self.speakers.forget(address);
        self.greetings.fetch_add(1, Ordering::Release);
        Ok(Guest { node: node.clone(), address, incarnation: hello.incarnation, superseded })
    }

    fn forget(&self, link: &Arc<Link>) {
        let mut links = lock(&self.links);
        if links.get(&(link.to, link.wire)).is_some_and(|current| Arc::ptr_eq(current, link)) {
            links.remove(&(link.to, link.wire));
        }
    }

    /// Closes everything, at the latest after `grace`.
    pub(crate) async fn close(&self, grace: Duration) {
        drop(lock(&self.alive).take());
        self.closing.cancel();
        let mut ended = self.ended.lock().await;
        if tokio::time::timeout(grace, ended.recv()).await.is_err() {
            tracing::warn!("connections did not close in time");
        }
        self.worker.stop();
    }
}

/// What is about to be written for one message.
struct Frame {
    wire: Wire,
    /// On the wire, at most.
    bytes: usize,
    /// As it counts against the largest frame, or no less and within it.
    size: usize,
    /// An answer is wanted.
    asks: bool,
}

/// The newest connection of a peer.
struct Newest {
    connection: u64,
    /// Where it was dialled from.
    remote: IpAddr,
    /// Cancelled when the peer greets on another connection.
    superseded: CancellationToken,
}

/// A peer on the newest connection that it dialled to this node.
struct Guest {
    node: Node,
    /// What its pids carry.
    address: SocketAddr,
    incarnation: u64,
    /// Cancelled when it greets on another connection.
    superseded: CancellationToken,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if !self.superseded.is_cancelled() {
            lock(&self.node.inner().transport.peers).remove(&(self.address, self.incarnation));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
