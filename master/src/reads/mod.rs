//! Reads: one thread that keeps the latest value of every entity and answers questions about them, so that a reader of
//! `/state` never holds up a decision.
//!
//! Changes and questions come through one queue, in order: a question asked after a change is answered with it.

mod body;
mod cluster;
mod constraints;
mod entities;
mod events;
mod explain;
mod gauges;
mod json;
mod kept;
mod legacy;
mod operator;
mod roles;
mod subscribers;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Instant;

use libactor::Clock;
use serde::Serialize;
use tepui_master_core::Changed;
use tepui_proto::recordio;
use tepui_proto::v1::master::Event;
use tokio::sync::oneshot;

use crate::encoding::Encoding;
use crate::identity::Identity;
pub(crate) use body::Body;
use cluster::Cluster;
pub(crate) use constraints::Constrained;
pub(crate) use explain::{Explained, FoundFramework, FrameworkQuery};
pub(crate) use legacy::{LegacyRead, TaskFilter};
pub(crate) use operator::OperatorRead;
use subscribers::Subscribers;
pub(crate) use subscribers::Subscription;

/// A question. There is no answer, as long as this master does not serve.
#[derive(Debug, Clone)]
pub(crate) enum Read {
    Legacy(LegacyRead),
    Operator(OperatorRead, Encoding),
    /// How much there is of what, by the names of Mesos' metrics.
    Gauges,
    /// Which framework somebody means.
    FindFramework(FrameworkQuery),
    /// What the allocator says of agents, with their names.
    Explained(Box<Explained>),
}

/// What a read gives.
pub(crate) enum Answer {
    /// A body that is written while it is read, and the version of the cluster that it shows.
    Body(Body, u64),
    /// Nothing has changed since a version that the reader knows.
    Unchanged(u64),
    /// Names and numbers.
    Gauges(Vec<(&'static str, f64)>),
    /// A framework, or a status and why there is none.
    Found(Result<FoundFramework, (u16, String)>),
}

enum Item {
    Changes(Vec<Changed>),
    Read { read: Read, known: Known, answer: oneshot::Sender<Option<Answer>> },
    Subscribe(Encoding, oneshot::Sender<Option<(Event, Subscription)>>),
    Constrained(oneshot::Sender<Option<Constrained>>),
}

/// The versions of which a reader has an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Whichever it is now.
    pub(crate) any: bool,
    pub(crate) versions: BTreeSet<u64>,
}

impl Known {
    fn holds(&self, version: u64) -> bool {
        self.any || self.versions.contains(&version)
    }
}

/// The readers' end, and the master's.
#[derive(Clone)]
pub(crate) struct Reads {
    queue: mpsc::Sender<Item>,
}

impl Reads {
    /// Starts the thread, for so many subscribers at a time; it ends with the last clone of the handle.
    pub(crate) fn start(identity: Identity, most_subscribers: usize, clock: Clock) -> std::io::Result<Reads> {
        let (queue, items) = mpsc::channel();
        let subscribers = Subscribers::new(most_subscribers, subscribers::MAX_WAITING, clock);
        let serve = move || serve(&items, &identity, &subscribers);
        std::thread::Builder::new().name("reads".into()).spawn(serve)?;
        Ok(Reads { queue })
    }

    /// New values, in the order they came about.
    pub(crate) fn changed(&self, changes: Vec<Changed>) {
        // The thread ends only after us.
        let _ = self.queue.send(Item::Changes(changes));
    }

    /// Asks; `None` while this master does not serve.
    pub(crate) async fn ask(&self, read: Read) -> Option<Answer> {
        self.ask_since(read, Known::default()).await
    }

    /// Asks for what is newer than what is known.
    pub(crate) async fn ask_since(&self, read: Read, known: Known) -> Option<Answer> {
        let (answer, asked) = oneshot::channel();
        self.queue.send(Item::Read { read, known, answer }).ok()?;
        asked.await.ok().flatten()
    }

    /// What the constraints of frameworks are held against; `None` while this master does not serve.
    pub(crate) async fn constrained(&self) -> Option<Constrained> {
        let (answer, asked) = oneshot::channel();
        self.queue.send(Item::Constrained(answer)).ok()?;
        asked.await.ok().flatten()
    }

    /// The state as it is when the question's turn comes, and every event from there on; `None` while this master does not serve.
    pub(crate) async fn subscribe(&self, encoding: Encoding) -> Option<Subscription> {
        let (answer, asked) = oneshot::channel();
        self.queue.send(Item::Subscribe(encoding, answer)).ok()?;
        let (subscribed, subscription) = asked.await.ok().flatten()?;
        // A large state takes long to write, and others ask meanwhile.
        let write = move || recordio::encode(&events::encode_subscribed(&subscribed, encoding));
        let snapshot = tokio::task::spawn_blocking(write).await.ok()?;
        Some(subscription.beginning_with(snapshot))
    }
}

fn serve(items: &mpsc::Receiver<Item>, identity: &Identity, subscribers: &Subscribers) {
    let mut cluster = Cluster::default();
    for item in items {
        cluster.forget_texts(Instant::now());
        match item {
            Item::Changes(changes) => {
                let is_told = subscribers.count() > 0;
                for change in changes {
                    if is_told && let Some(event) = events::of(&change, &cluster) {
                        subscribers.tell(&event);
                    }
                    cluster.apply(change);
                }
            }
            // Whoever asked has gone.
            Item::Read { answer, .. } if answer.is_closed() => {}
            Item::Read { read, known, answer } => {
                let serving = cluster.serving_since().is_some();
                let given = || answer_of(&read, &known, &mut cluster, identity, subscribers);
                let _ = answer.send(serving.then(given));
            }
            Item::Constrained(answer) => {
                let serving = cluster.serving_since().is_some();
                let _ = answer.send(serving.then(|| Constrained::of(&cluster)));
            }
            Item::Subscribe(encoding, answer) => {
                let serving = cluster.serving_since().is_some();
                let snapshot = || events::subscribed(&cluster, subscribers::HEARTBEAT);
                let _ = answer.send(serving.then(|| (snapshot(), subscribers.add(encoding))));
            }
        }
    }
}

fn answer_of(
    read: &Read,
    known: &Known,
    cluster: &mut Cluster,
    identity: &Identity,
    subscribers: &Subscribers,
) -> Answer {
    let version = cluster.version();
    let now = Instant::now();
    match read {
        Read::Legacy(_) if known.holds(version) => Answer::Unchanged(version),
        Read::Legacy(read) => {
            cluster.asked(now);
            Answer::Body(legacy::body(read, cluster, identity), version)
        }
        Read::Operator(read, encoding) => {
            cluster.asked(now);
            Answer::Body(operator::body(*read, *encoding, cluster, identity), version)
        }
        Read::FindFramework(query) => Answer::Found(explain::find(query, cluster)),
        Read::Explained(explained) => Answer::Body(Body::of(explain::write(explained, cluster)), version),
        Read::Gauges => {
            let mut gauges = cluster.gauges();
            gauges.push(("master/operator_event_stream_subscribers", subscribers.count() as f64));
            Answer::Gauges(gauges)
        }
    }
}

/// Writes JSON behind what is there.
fn written(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(out, value)
        .expect("these types have no keys that are not text, and a vector takes all bytes");
}
