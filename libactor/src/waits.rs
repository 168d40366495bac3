//! Who waits for whom: every question that an actor asked and that is not answered yet.
//!
//! An edge goes from the asker to the asked. The asked *holds* a question if it has taken it and answers later, or if it handles
//! nothing because it [waits](crate::Context::wait_then) itself. A ring of held questions never gets its answers.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::actor::Actor;
use crate::mailbox::Mailbox;
use crate::node::Node;
use crate::pid::Pid;
use crate::time::Timestamp;

thread_local! {
    static ASKER: Cell<Asker> = const { Cell::new(Asker { serial: 0, waits: false }) };
}

/// The actor whose code runs on this thread; serial zero if none does.
#[derive(Clone, Copy)]
pub(crate) struct Asker {
    serial: u64,
    // What is polled is what it waits for.
    waits: bool,
}

impl Asker {
    pub(crate) fn of<A: Actor>(mailbox: &Mailbox<A>) -> Asker {
        Asker { serial: mailbox.serial, waits: false }
    }

    pub(crate) fn that_waits<A: Actor>(mailbox: &Mailbox<A>) -> Asker {
        Asker { serial: mailbox.serial, waits: true }
    }

    /// From now on, until the answer is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered(ASKER.replace(self))
    }
}

impl Asker {
    /// A future whose every step is code of this actor.
    pub(crate) fn carry<F: Future + Unpin>(self, mut future: F) -> impl Future<Output = F::Output> {
        std::future::poll_fn(move |task| {
            let _asker = self.enter();
            Pin::new(&mut future).poll(task)
        })
    }
}

/// See [`Asker::enter`].
pub(crate) struct Entered(Asker);

impl Drop for Entered {
    fn drop(&mut self) {
        ASKER.set(self.0);
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The actor of this node with that serial.
    Here(u64),
    /// Whoever has that pid.
    Pid(Pid),
}

/// A question, as long as it is of interest to the one who asked. Clones are the same.
#[derive(Clone)]
pub(crate) struct Edge(Arc<Question>);

/// The same question with those who answer it: they do not keep it open.
#[derive(Clone)]
pub(crate) struct Mark(Weak<Question>);

struct Question {
    node: Node,
    number: u64,
}

/// What is known of a question.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) asker: End,
    pub(crate) asked: Pid,
    pub(crate) message: Cow<'static, str>,
    pub(crate) since: Timestamp,
    /// The asker handles nothing until it is answered.
    pub(crate) blocks: bool,
    /// The asked has taken it and answers later.
    pub(crate) is_deferred: bool,
}

/// All questions of the actors of one node.
#[derive(Default)]
pub(crate) struct Questions {
    open: Mutex<HashMap<u64, Known>>,
    next: AtomicU64,
    /// Somebody looks for rings already.
    pub(crate) is_watched: AtomicBool,
}

impl Questions {
    pub(crate) fn all(&self) -> Vec<Known> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Known>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Edge {
    /// A question that is asked now; none if no actor asks it.
    pub(crate) fn new(node: &Node, message: &'static str, asked: impl FnOnce() -> Pid) -> Option<Edge> {
        let Asker { serial, .. } = ASKER.get();
        (serial != 0).then(|| Edge::open(node, End::Here(serial), asked(), Cow::Borrowed(message)))
    }

    /// A question that came from another node.
    pub(crate) fn incoming(node: &Node, asker: &Pid, asked: &Pid, message: Cow<'static, str>) -> Edge {
        Edge::open(node, End::Pid(asker.clone()), asked.clone(), message)
    }

    fn open(node: &Node, asker: End, asked: Pid, message: Cow<'static, str>) -> Edge {
        let questions = &node.inner().questions;
        let number = questions.next.fetch_add(1, Ordering::Relaxed);
        let since = node.clock().now();
        let known = Known { asker, asked, message, since, blocks: false, is_deferred: false };
        questions.lock().insert(number, known);
        Edge(Arc::new(Question { node: node.clone(), number }))
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(Arc::downgrade(&self.0))
    }

    /// The future of the answer is polled now.
    pub(crate) fn polled(&self) {
        if ASKER.get().waits {
            self.0.change(|known| known.blocks = true);
        }
    }
}

impl Mark {
    /// The asked has taken the question and answers later. None if nobody waits for that any more.
    pub(crate) fn defer(&self) -> Option<Edge> {
        let question = self.0.upgrade()?;
        question.change(|known| known.is_deferred = true);
        Some(Edge(question))
    }
}

impl Question {
    fn change(&self, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.node.inner().questions.lock().get_mut(&self.number) {
            change(known);
        }
        crate::deadlocks::look_out(&self.node);
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.node.inner().questions.lock().remove(&self.number);
    }
}
