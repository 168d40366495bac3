//! The actor of each node that answers what others want to know of its messages.
//!
//! A question goes from node to node along their connections, and what they know is merged on its way back:
//!
//! ```text
//!  client ──► this node ──► its peers ──► theirs …      each node answers a question once, whoever asks first
//!         ◄──           ◄──           ◄──               with less time at each step
//! ```

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::actor::{Actor, Handler, Message, Receive};
use crate::context::Context;
use crate::limits::{
    HIGHEST_TAP_RATE, LONGEST_TAP, LONGEST_TRACE_BUDGET, MOST_TRACED_MESSAGES, RELAYED_TRACE_QUERIES,
    REMEMBERED_TRACE_QUERIES, TAPS, TRACE_HOPS, TRACE_SEARCHES, TRACED_NODES, TRACES_OF_A_TAG,
};
use crate::pid::Pid;
use crate::routes::Routes;
use crate::trace::gather::{Gather, News, Room};
use crate::trace::parameters::Scope;
use crate::trace::tail::{Run, Tail, Viewer};
use crate::trace::wire::{Answer, Ask, CloseTap, Filter, Kind, OpenTap, Report, Tapped};

/// Batches of tapped messages that wait for a client that reads slowly. Beyond it they are counted as left out.
const WAITING_BATCHES: usize = 64;

/// On every node. No name of a user's actor, by convention.
pub(crate) const NAME: &str = "__trace__";

pub(crate) struct TraceService {
    seen: Seen,
    // Where the answers to an open question go.
    open: HashMap<u64, mpsc::UnboundedSender<News>>,
    // The taps that are open.
    tails: HashMap<u64, Tail>,
    searches: Arc<Semaphore>,
    room: Room,
}

/// Asks, on behalf of a client of this node.
pub(crate) struct Question {
    pub(crate) kind: Kind,
    pub(crate) filter: Filter,
    pub(crate) limit: usize,
    pub(crate) scope: Scope,
    pub(crate) budget: Duration,
    pub(crate) without: Vec<String>,
}

impl Message for Question {
    type Reply = oneshot::Receiver<Report>;
}

/// Who gets what was gathered.
enum Asker {
    Client(oneshot::Sender<Report>),
    Peer(Pid),
}

impl TraceService {
    pub(crate) fn new() -> TraceService {
        TraceService {
            seen: Seen::default(),
            open: HashMap::new(),
            tails: HashMap::new(),
            searches: Arc::new(Semaphore::new(TRACE_SEARCHES)),
            room: Room::default(),
        }
    }

    fn start(&mut self, cx: &mut Context<Self>, ask: Ask, asker: Asker) {
        let id = ask.id;
        let (tell, news) = mpsc::unbounded_channel();
        self.open.insert(id, tell);
        let gather = Gather {
            node: cx.node().clone(),
            ask,
            asker: match &asker {
                Asker::Client(_) => None,
                Asker::Peer(pid) => Some(pid.address()),
            },
            news,
            searches: self.searches.clone(),
            room: self.room.clone(),
        };
        let done = async move {
            let report = gather.run().await;
            match asker {
                Asker::Client(reply) => {
                    // The client may have left.
                    let _ = reply.send(report);
                    None
                }
                Asker::Peer(pid) => {
                    let encoded = tokio::task::spawn_blocking(move || report.to_bytes()).await;
                    Some((pid, encoded.unwrap_or_default()))
                }
            }
        };
        cx.spawn_then(done, move |service, cx, answer| {
            service.open.remove(&id);
            if let Some((pid, report)) = answer {
                cx.tell(&pid, Answer { id, report: Some(report) });
            }
        });
    }
}

impl TraceService {
    fn open_tap(&mut self, cx: &mut Context<Self>, open: OpenTap, viewer: Viewer) {
        let (id, tail) = (open.id, Tail::new(viewer.clone(), open.rate));
        let (say, mut said) = mpsc::unbounded_channel();
        let run = Run { node: cx.node().clone(), open, viewer, stop: tail.stop.clone(), say };
        let me = cx.actor_ref();
        self.tails.insert(id, tail);
        cx.spawn(async move {
            while let Some(batch) = said.recv().await {
                me.tell(Own(batch));
            }
        });
        cx.spawn_then(run.run(), move |service, _, ()| {
            service.tails.remove(&id);
        });
    }
}

/// Looks at messages while they happen, on behalf of a client of this node. None if too many do.
pub(crate) struct Look(pub(crate) OpenTap);

impl Message for Look {
    type Reply = Option<mpsc::Receiver<Tapped>>;
}

impl Handler<Look> for TraceService {
    fn handle(&mut self, cx: &mut Context<Self>, Look(open): Look) -> Option<mpsc::Receiver<Tapped>> {
        if self.tails.len() >= TAPS {
            return None;
        }
        let (client, tapped) = mpsc::channel(WAITING_BATCHES);
        self.seen.is_first(open.id);
        self.open_tap(cx, open, Viewer::Client(client));
        Some(tapped)
    }
}

/// What this node's own tap caught.
struct Own(Tapped);

impl Message for Own {
    type Reply = ();
}

impl Handler<Own> for TraceService {
    fn handle(&mut self, cx: &mut Context<Self>, Own(batch): Own) {
        if let Some(tail) = self.tails.get(&batch.id) {
            tail.pass(cx.node(), batch);
        }
    }
}

impl Receive<OpenTap> for TraceService {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, mut open: OpenTap) {
        if !self.seen.is_first(open.id) {
            return;
        }
        if self.tails.len() >= TAPS {
            return tracing::warn!(peer = %from.address(), "tap refused: as many as may be are open");
        }
        open.hops = open.hops.min(TRACE_HOPS);
        open.length = open.length.min(LONGEST_TAP.as_millis() as u32);
        open.rate = open.rate.clamp(1, HIGHEST_TAP_RATE);
        self.open_tap(cx, open, Viewer::Peer(from.clone()));
    }
}

impl Receive<Tapped> for TraceService {
    fn receive(&mut self, cx: &mut Context<Self>, _from: &Pid, batch: Tapped) {
        if let Some(tail) = self.tails.get(&batch.id) {
            tail.pass(cx.node(), batch);
        }
    }
}

impl Receive<CloseTap> for TraceService {
    fn receive(&mut self, _cx: &mut Context<Self>, _from: &Pid, close: CloseTap) {
        if let Some(tail) = self.tails.get(&close.id) {
            tail.stop.cancel();
        }
    }
}

impl Actor for TraceService {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Ask>().message::<Answer>();
        routes.message::<OpenTap>().message::<Tapped>().message::<CloseTap>();
    }
}

impl Handler<Question> for TraceService {
    fn handle(&mut self, cx: &mut Context<Self>, question: Question) -> oneshot::Receiver<Report> {
        let Question { kind, filter, limit, scope, budget, without } = question;
        let (reply, answer) = oneshot::channel();
        let ask = Ask {
            id: crate::trace::random(),
            hops: if scope == Scope::Cluster { TRACE_HOPS } else { 0 },
            budget: u32::try_from(budget.as_millis()).unwrap_or(u32::MAX),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            kind: kind.into(),
            filter: Some(filter),
            without,
        };
        self.seen.is_first(ask.id);
        self.start(cx, bounded(ask), Asker::Client(reply));
        answer
    }
}

impl Receive<Ask> for TraceService {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, ask: Ask) {
        if !self.seen.is_first(ask.id) {
            return cx.tell(from, Answer { id: ask.id, report: None });
        }
        if self.open.len() >= RELAYED_TRACE_QUERIES {
            // Not answered: the asker must not take this node's part for empty.
            return tracing::warn!(peer = %from.address(), "trace query dropped: too many are being worked on");
        }
        self.start(cx, bounded(ask), Asker::Peer(from.clone()));
    }
}

impl Receive<Answer> for TraceService {
    fn receive(&mut self, _cx: &mut Context<Self>, from: &Pid, answer: Answer) {
        let Some(open) = self.open.get(&answer.id) else { return };
        if answer.report.as_ref().is_some_and(|report| !self.room.take(report.len())) {
            return tracing::warn!(peer = %from.address(), "trace answer dropped: too many wait to be merged");
        }
        // The question may just have been given up.
        let news = News { from: from.address(), report: answer.report };
        if let Err(mpsc::error::SendError(news)) = open.send(news) {
            self.room.give_back(news.report.map_or(0, |report| report.len()));
        }
    }
}

/// What others ask for, within what this node gives.
fn bounded(mut ask: Ask) -> Ask {
    ask.hops = ask.hops.min(TRACE_HOPS);
    ask.budget = ask.budget.min(LONGEST_TRACE_BUDGET.as_millis() as u32);
    ask.limit = ask.limit.clamp(1, MOST_TRACED_MESSAGES as u32);
    ask.without.truncate(TRACED_NODES);
    if let Some(filter) = &mut ask.filter {
        filter.traces.truncate(TRACES_OF_A_TAG);
    }
    ask
}

/// The numbers of the last questions.
#[derive(Default)]
struct Seen {
    ids: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Seen {
    fn is_first(&mut self, id: u64) -> bool {
        let first = self.ids.insert(id);
        if first {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED_TRACE_QUERIES
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_once_until_it_is_long_forgotten() {
        let mut seen = Seen::default();

        assert!(seen.is_first(1));
        assert!(!seen.is_first(1));
        for id in 2..=REMEMBERED_TRACE_QUERIES as u64 + 1 {
            assert!(seen.is_first(id));
        }

        assert!(seen.is_first(1));
        assert_eq!(seen.ids.len(), REMEMBERED_TRACE_QUERIES);
    }
}
