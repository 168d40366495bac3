//! A tap as its node runs it: what is caught here, and by the peers behind it, goes in batches to who asked for it.
//!
//! ```text
//!  client ◄── this node ◄── its peers ◄── theirs …     each not faster than the rate, each for its time at most,
//!                                                      and only while the one before it is there
//! ```

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prost::Message as _;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::builder::BodyRenderer;
use crate::limits::{TAP_QUEUE, TRACED_PEERS};
use crate::node::Node;
use crate::pid::Pid;
use crate::trace::gather::service_of;
use crate::trace::taps::{Caught, Rate, Tap, Wish};
use crate::trace::wire::{CloseTap, Message, Messages, OpenTap, Tapped};

/// How often what was caught is passed on, and new peers are looked for.
const EVERY: Duration = Duration::from_millis(100);

/// Messages of one batch: some 100 KiB without bodies.
const BATCH: usize = 256;

/// Who gets what is tapped.
#[derive(Clone)]
pub(crate) enum Viewer {
    Client(mpsc::Sender<Tapped>),
    Peer(Pid),
}

/// What the service keeps of a tap that is open.
pub(crate) struct Tail {
    viewer: Viewer,
    rate: Rate,
    // What was above the rate, or too much for the viewer.
    left_out: Arc<AtomicU64>,
    pub(crate) stop: CancellationToken,
}

impl Tail {
    pub(crate) fn new(viewer: Viewer, rate: u32) -> Tail {
        Tail { viewer, rate: Rate::new(rate), left_out: Arc::default(), stop: CancellationToken::new() }
    }

    /// What a peer, or this node, tapped goes on, as far as the rate allows.
    pub(crate) fn pass(&self, node: &Node, mut batch: Tapped) {
        // A batch is small beside the rate, or alone in its second: it goes as a whole or not at all.
        let now = node.clock().now();
        let fits = (0..batch.count).all(|_| self.rate.take(now));
        if !fits {
            batch.left_out += u64::from(batch.count);
            (batch.messages, batch.count) = (bytes::Bytes::new(), 0);
        }
        batch.left_out += self.left_out.swap(0, Ordering::Relaxed);
        match &self.viewer {
            Viewer::Peer(pid) => node.tell(&service_of(node.address()), pid, batch),
            Viewer::Client(client) => {
                let missed = u64::from(batch.count) + batch.left_out;
                if client.try_send(batch).is_err() {
                    self.left_out.fetch_add(missed, Ordering::Relaxed);
                }
            }
        }
    }
}

/// One tap on this node, from its opening to its end.
pub(crate) struct Run {
    pub(crate) node: Node,
    pub(crate) open: OpenTap,
    pub(crate) viewer: Viewer,
    pub(crate) stop: CancellationToken,
    /// What this node has to say goes through its own service, like what others say.
    pub(crate) say: mpsc::UnboundedSender<Tapped>,
}

impl Run {
    pub(crate) async fn run(self) {
        let end = Instant::now() + Duration::from_millis(self.open.length.into());
        let mut peers = BTreeSet::new();
        let asked = self.meet(&mut peers, end);
        let (id, node) = (self.open.id, self.node.address().to_string());
        let (sink, caught) = mpsc::channel(TAP_QUEUE);
        let wish = Wish {
            filter: self.open.filter.clone().unwrap_or_default(),
            rate: self.open.rate,
            bodies: self.open.bodies,
            // Alone, it shows what it sends; with others, they show what they receive.
            leaving: matches!(self.viewer, Viewer::Client(_)) && self.open.hops == 0,
        };
        let tap = self.node.recorder().taps.open(wish, sink);
        // Without a tap of its own it says nothing of itself, and counts as silent, but those behind it are heard.
        let node = if tap.is_some() { node } else { String::new() };
        let _ = self.say.send(Tapped { id, node, asked, ..Tapped::default() });
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep_until(end) => {}
            () = self.viewer_gone() => {}
            () = self.show(tap.as_ref(), caught) => {}
            () = self.meet_all(&mut peers, end) => {}
        }
        if let Some(tap) = &tap {
            self.node.recorder().taps.close(tap);
        }
        let me = service_of(self.node.address());
        for peer in &peers {
            self.node.tell(&me, &service_of(*peer), CloseTap { id });
        }
    }

    /// Opens the tap at each peer that is new, and says which they are. One that left is new when it comes back: it may be
    /// another process, and who has the tap already takes no notice.
    fn meet(&self, peers: &mut BTreeSet<SocketAddr>, end: Instant) -> Vec<String> {
        if self.open.hops == 0 {
            return Vec::new();
        }
        let mut known = self.node.inner().transport.peers_known();
        if let Viewer::Peer(pid) = &self.viewer {
            known.remove(&pid.address());
        }
        peers.retain(|peer| known.contains(peer));
        let room = TRACED_PEERS.saturating_sub(peers.len());
        let new: Vec<SocketAddr> = known.difference(peers).take(room).copied().collect();
        let length = end.saturating_duration_since(Instant::now()).as_millis() as u32;
        let me = service_of(self.node.address());
        for peer in &new {
            let open = OpenTap { hops: self.open.hops - 1, length, ..self.open.clone() };
            self.node.tell(&me, &service_of(*peer), open);
        }
        peers.extend(&new);
        new.iter().map(SocketAddr::to_string).collect()
    }

    /// A cluster grows while somebody watches: each task that starts has a node of its own.
    async fn meet_all(&self, peers: &mut BTreeSet<SocketAddr>, end: Instant) {
        loop {
            tokio::time::sleep(EVERY).await;
            let asked = self.meet(peers, end);
            if !asked.is_empty() {
                let _ = self.say.send(Tapped { id: self.open.id, asked, ..Tapped::default() });
            }
        }
    }

    async fn viewer_gone(&self) {
        match &self.viewer {
            Viewer::Client(client) => client.closed().await,
            Viewer::Peer(pid) => {
                self.node.exited(pid).await;
            }
        }
    }

    async fn show(&self, tap: Option<&Arc<Tap>>, mut caught: mpsc::Receiver<Caught>) {
        let Some(tap) = tap else { return std::future::pending().await };
        let renderer = self.node.inner().settings.body_renderer.clone();
        loop {
            tokio::time::sleep(EVERY).await;
            loop {
                let mut batch = Vec::new();
                while batch.len() < BATCH {
                    match caught.try_recv() {
                        Ok(one) => batch.push(one),
                        Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                    }
                }
                let (is_last, left_out) = (batch.len() < BATCH, tap.take_left_out());
                if !batch.is_empty() || left_out > 0 {
                    let (node, renderer) = (self.node.address(), renderer.clone());
                    let count = batch.len() as u32;
                    let written = spawn_blocking(move || written(node, batch, renderer.as_ref())).await;
                    let messages = written.unwrap_or_default().into();
                    let _ = self.say.send(Tapped {
                        id: self.open.id,
                        messages,
                        count,
                        left_out,
                        ..Tapped::default()
                    });
                }
                if is_last {
                    break;
                }
            }
        }
    }
}

/// Bodies leave the node here and nowhere else, as the renderer writes them.
fn written(node: SocketAddr, batch: Vec<Caught>, renderer: Option<&BodyRenderer>) -> Vec<u8> {
    let message = |Caught { record, body }: Caught| {
        let rendered = renderer.zip(body).and_then(|(render, (name, body))| render(name, &body));
        Message { body: rendered.map(|body| body.to_string()), ..Message::new(node, record) }
    };
    Messages { messages: batch.into_iter().map(message).collect(), ..Messages::default() }.encode_to_vec()
}
