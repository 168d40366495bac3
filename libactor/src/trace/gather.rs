//! One question, on one node: searched here, passed on to the peers, and merged with their answers.
//!
//! Nothing of it keeps the thread of the sockets: searches and merges run on threads of their own, and answers stay encoded until
//! they are merged.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::{Either, pending};
use futures::stream::FuturesUnordered;
use prost::Message as _;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use crate::limits::{TRACE_ANSWER_BYTES, TRACED_PEERS};
use crate::node::Node;
use crate::pid::Pid;
use crate::trace::merge::Merge;
use crate::trace::search::search;
use crate::trace::service::NAME;
use crate::trace::wire::{Ask, Report};

/// A question with less time left is not passed on.
const LEAST_BUDGET: Duration = Duration::from_millis(10);

/// An answer of a peer.
pub(crate) struct News {
    pub(crate) from: SocketAddr,
    /// None if another node asked it first, and gets what it knows.
    pub(crate) report: Option<Bytes>,
}

pub(crate) struct Gather {
    pub(crate) node: Node,
    pub(crate) ask: Ask,
    pub(crate) asker: Option<SocketAddr>,
    pub(crate) news: mpsc::UnboundedReceiver<News>,
    pub(crate) searches: Arc<Semaphore>,
    pub(crate) room: Room,
}

/// Bytes of answers that wait, of all questions of a node.
#[derive(Clone, Default)]
pub(crate) struct Room(Rc<Cell<usize>>);

impl Room {
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let taken = self.0.get() + bytes;
        let fits = taken <= TRACE_ANSWER_BYTES;
        if fits {
            self.0.set(taken);
        }
        fits
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_sub(bytes));
    }
}

/// What is known until now.
struct Progress {
    room: Room,
    // None while answers are being merged.
    merge: Option<Merge>,
    merging: Option<JoinHandle<Merge>>,
    unmerged: Vec<Bytes>,
    // Given back when merged.
    being_merged: usize,
    // Asked, and neither answered nor out of reach.
    awaited: BTreeSet<SocketAddr>,
    silent: Vec<SocketAddr>,
}

impl Gather {
    pub(crate) async fn run(mut self) -> Report {
        let budget = Duration::from_millis(self.ask.budget.into());
        let deadline = tokio::time::sleep_until(Instant::now() + budget);
        let (peers, not_asked) = self.peers(budget);
        let ends: FuturesUnordered<_> = peers.iter().map(|peer| end(&self.node, *peer)).collect();
        self.pass_on(&peers, budget);
        let mut merge = Merge::new(self.ask.limit as usize);
        merge.was_not_asked(not_asked);
        let mut progress = Progress {
            room: self.room.clone(),
            merge: Some(merge),
            merging: None,
            unmerged: Vec::new(),
            being_merged: 0,
            awaited: peers.into_iter().collect(),
            silent: Vec::new(),
        };
        let own = own_part(self.node.clone(), self.ask.clone(), self.searches.clone());
        tokio::pin!(deadline, ends, own);
        let mut searched = false;
        while !searched || !progress.is_complete() {
            tokio::select! {
                biased;
                () = &mut deadline => break,
                report = &mut own, if !searched => {
                    searched = true;
                    progress.take(report);
                }
                merged = progress.merged() => progress.put_back(merged),
                Some(news) = self.news.recv() => progress.hear(news),
                Some(peer) = ends.next(), if !ends.is_empty() => progress.lost(peer),
            }
        }
        if !searched {
            progress.silent.push(self.node.address());
        }
        progress.finish().await
    }

    /// Whom to ask, and how many are left out.
    fn peers(&self, budget: Duration) -> (Vec<SocketAddr>, usize) {
        if self.ask.hops == 0 {
            return (Vec::new(), 0);
        }
        let mut peers = self.node.inner().transport.peers_known();
        if let Some(asker) = &self.asker {
            peers.remove(asker);
        }
        for address in self.ask.without.iter().filter_map(|text| text.parse().ok()) {
            peers.remove(&address);
        }
        let count = peers.len();
        let most = if relayed(budget) < LEAST_BUDGET { 0 } else { TRACED_PEERS };
        let peers: Vec<SocketAddr> = peers.into_iter().take(most).collect();
        let asked = peers.len();
        (peers, count - asked)
    }

    fn pass_on(&self, peers: &[SocketAddr], budget: Duration) {
        let hops = self.ask.hops.saturating_sub(1);
        let budget = u32::try_from(relayed(budget).as_millis()).unwrap_or(u32::MAX);
        let ask = Ask { hops, budget, ..self.ask.clone() };
        for peer in peers {
            self.node.tell(&service_of(self.node.address()), &service_of(*peer), ask.clone());
        }
    }
}

impl Progress {
    fn is_complete(&self) -> bool {
        self.awaited.is_empty() && self.merging.is_none() && self.unmerged.is_empty()
    }

    /// The answer of the service has taken room for it.
    fn hear(&mut self, news: News) {
        let News { from, report } = news;
        let awaited = self.awaited.remove(&from);
        let Some(report) = report else { return };
        if awaited {
            self.take(Some(report));
        } else {
            self.room.give_back(report.len());
        }
    }

    fn lost(&mut self, peer: SocketAddr) {
        if self.awaited.remove(&peer) {
            self.silent.push(peer);
        }
    }

    fn take(&mut self, report: Option<Bytes>) {
        self.unmerged.extend(report);
        self.go_on();
    }

    fn go_on(&mut self) {
        if self.unmerged.is_empty() {
            return;
        }
        let Some(mut merge) = self.merge.take() else { return };
        let reports = std::mem::take(&mut self.unmerged);
        self.being_merged = reports.iter().map(Bytes::len).sum();
        self.merging = Some(spawn_blocking(move || {
            for report in reports {
                match Report::decode(report) {
                    Ok(report) => merge.add(report),
                    Err(error) => tracing::warn!(%error, "a peer's part of a trace is malformed"),
                }
            }
            merge
        }));
    }

    /// Ready when what is being merged is merged.
    fn merged(&mut self) -> impl Future<Output = Merge> {
        match &mut self.merging {
            Some(merging) => Either::Left(async { merging.await.unwrap_or_default() }),
            None => Either::Right(pending()),
        }
    }

    fn put_back(&mut self, merge: Merge) {
        self.room.give_back(std::mem::take(&mut self.being_merged));
        self.merging = None;
        self.merge = Some(merge);
        self.go_on();
    }

    /// What there is, when all have answered or the time is over.
    async fn finish(mut self) -> Report {
        while self.merging.is_some() {
            let merged = self.merged().await;
            self.put_back(merged);
        }
        let mut merge = self.merge.take().unwrap_or_default();
        for node in self.silent.iter().chain(&self.awaited) {
            merge.is_silent(node.to_string());
        }
        spawn_blocking(move || merge.report()).await.unwrap_or_default()
    }
}

/// What waits when nobody waits for it any more.
impl Drop for Progress {
    fn drop(&mut self) {
        let unmerged: usize = self.unmerged.iter().map(Bytes::len).sum();
        self.room.give_back(unmerged + self.being_merged);
    }
}

/// The search of this node, encoded like everybody else's; none if it failed.
async fn own_part(node: Node, ask: Ask, searches: Arc<Semaphore>) -> Option<Bytes> {
    let permit = searches.acquire_owned().await.ok()?;
    let report = spawn_blocking(move || {
        let report = search(&node, &ask).to_bytes();
        drop(permit);
        report
    });
    report.await.inspect_err(|error| tracing::error!(%error, "search the flight recorder")).ok()
}

/// Ready when the peer is out of reach, or has no service that answers.
async fn end(node: &Node, peer: SocketAddr) -> SocketAddr {
    node.exited(&service_of(peer)).await;
    peer
}

/// What a peer may use of this node's time: the rest is for its answer to come back and be merged.
fn relayed(budget: Duration) -> Duration {
    (budget * 4 / 5).saturating_sub(Duration::from_millis(5))
}

pub(crate) fn service_of(node: SocketAddr) -> Pid {
    Pid::new(NAME, node).expect("the service's name is an actor's")
}
