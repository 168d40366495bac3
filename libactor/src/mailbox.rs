//! An actor's mailbox: where its messages wait, and what everybody else shares of the actor.
//!
//! A plain queue behind a lock that is held for a few instructions: the actor takes all that waits at once, so it meets the senders
//! once for a batch and not for every message.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};

use crate::actor::Actor;
use crate::arrivals::Run;
use crate::clock::{Busy, Clock};
use crate::context::Context;
use crate::node::Node;
use crate::pid::Pid;
use crate::pulse::Pulse;
use crate::routes::Routes;

/// A queue that grew beyond this many messages is given back once it is empty.
const KEPT_QUEUE: usize = 1024;

/// A message on its way to an actor of type `A`, of whatever type the message is.
pub(crate) trait Parcel<A: Actor>: Send {
    /// Hands the message to the actor.
    fn open(self: Box<Self>, actor: &mut A, cx: &mut Context<A>);
}

/// What stands in a mailbox in one place.
enum Item<A: Actor> {
    One(Box<dyn Parcel<A>>),
    Run(Box<Run<A>>),
}

/// What comes next.
pub(crate) enum Next<A: Actor> {
    One(Box<dyn Parcel<A>>),
    /// A message of a run: see [`Inbox::open_of_run`].
    OfRun,
}

type Batch<A> = VecDeque<Item<A>>;

/// What all handles of an actor share.
pub(crate) struct Mailbox<A: Actor> {
    queue: Mutex<Queue<A>>,
    // The node is shut down: the actor ends even if it waits for something, or has taken messages already.
    halted: AtomicBool,
    pub(crate) pid: Pid,
    pub(crate) node: Node,
    pub(crate) routes: Arc<Routes<A>>,
    /// Tells the actor from every other of the process.
    pub(crate) serial: u64,
    pub(crate) pulse: Pulse,
}

struct Queue<A: Actor> {
    waiting: Batch<A>,
    // All that were ever put in.
    told: u64,
    // Set while the actor sleeps.
    sleeper: Option<Waker>,
    phase: Phase,
    // Only with a virtual clock, and while the actor has something to do.
    busy: Option<Busy>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Messages are handled as they come.
    Open,
    /// Messages wait for a future of the actor.
    Parked,
    /// The actor has ended.
    Closed,
}

impl<A: Actor> Mailbox<A> {
    /// A mailbox, and the one place where it is emptied.
    pub(crate) fn new(pid: Pid, node: Node, routes: Arc<Routes<A>>) -> (Arc<Mailbox<A>>, Inbox<A>) {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let queue =
            Queue { waiting: VecDeque::new(), told: 0, sleeper: None, phase: Phase::Open, busy: None };
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let (queue, halted, pulse) = (Mutex::new(queue), AtomicBool::new(false), Pulse::default());
        let mailbox = Arc::new(Mailbox { queue, halted, pid, node, routes, serial, pulse });
        (mailbox.clone(), Inbox { mailbox, batch: VecDeque::new(), run: None, taken: 0 })
    }

    /// Puts a message in, or drops it if the actor has ended.
    #[inline]
    pub(crate) fn post(&self, parcel: Box<dyn Parcel<A>>) {
        self.put(Item::One(parcel), 1);
    }

    /// Puts all messages of a run in, or drops them if the actor has ended.
    pub(crate) fn post_run(&self, run: Box<Run<A>>) {
        let count = run.len() as u64;
        self.put(Item::Run(run), count);
    }

    #[inline]
    fn put(&self, item: Item<A>, count: u64) {
        let mut queue = self.queue();
        if queue.phase == Phase::Closed {
            // Not under the lock: whoever is dropped with it may post to this actor.
            drop(queue);
            return drop(item);
        }
        queue.told += count;
        queue.waiting.push_back(item);
        if queue.phase == Phase::Open && queue.busy.is_none() {
            queue.busy = self.clock().busy();
        }
        // Who waits for a future is not to be woken by messages.
        let sleeper = if queue.phase == Phase::Open { queue.sleeper.take() } else { None };
        drop(queue);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Ends the actor without what is in its mailbox, also if it waits for a future.
    pub(crate) fn halt(&self) {
        // Before the lock: who falls asleep after it has seen this.
        self.halted.store(true, Ordering::Release);
        let mut queue = self.queue();
        let sleeper = queue.sleeper.take();
        drop(queue);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Acquire)
    }

    /// All messages that were ever put in.
    pub(crate) fn told(&self) -> u64 {
        self.queue().told
    }

    fn clock(&self) -> &Clock {
        self.node.clock()
    }

    fn queue(&self) -> MutexGuard<'_, Queue<A>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The actor's side of its mailbox. Dropped, it closes the mailbox and drops what waits there.
pub(crate) struct Inbox<A: Actor> {
    pub(crate) mailbox: Arc<Mailbox<A>>,
    // The one whose messages are handed out. Before the batch, which is dropped after it.
    run: Option<Box<Run<A>>>,
    batch: Batch<A>,
    taken: u64,
}

impl<A: Actor> Inbox<A> {
    /// The next message. Pending: none waits, and the task is woken when one comes. None: the actor is to end.
    pub(crate) fn poll_next(&mut self, task: &mut TaskContext<'_>) -> Poll<Option<Next<A>>> {
        if self.mailbox.is_halted() {
            return Poll::Ready(None);
        }
        if let Some(next) = self.take() {
            return Poll::Ready(Some(next));
        }
        let mut queue = self.mailbox.queue();
        if self.mailbox.is_halted() {
            return Poll::Ready(None);
        }
        if queue.waiting.capacity() == 0 || !queue.waiting.is_empty() {
            std::mem::swap(&mut self.batch, &mut queue.waiting);
        }
        if !self.batch.is_empty() {
            drop(queue);
            return Poll::Ready(self.take());
        }
        if queue.waiting.capacity() > KEPT_QUEUE {
            queue.waiting = VecDeque::new();
        }
        set_sleeper(&mut queue.sleeper, task);
        let busy = queue.busy.take();
        drop(queue);
        drop(busy);
        Poll::Pending
    }

    fn take(&mut self) -> Option<Next<A>> {
        // One may be over and still here, if its last message made the actor panic.
        let next = match self.run.take_if(|run| run.is_over()) {
            None if self.run.is_some() => Next::OfRun,
            _ => match self.batch.pop_front()? {
                Item::One(parcel) => Next::One(parcel),
                Item::Run(run) => {
                    self.run = Some(run);
                    Next::OfRun
                }
            },
        };
        self.taken += 1;
        self.mailbox.pulse.takes(self.taken);
        Some(next)
    }

    /// Hands the next message of the run to the actor. What is behind it waits its turn, also if the actor panics.
    pub(crate) fn open_of_run(&mut self, actor: &mut A, cx: &mut Context<A>) {
        if let Some(run) = &mut self.run {
            run.open_next(actor, cx);
        }
        // Its share of what may wait is given back with it.
        self.run.take_if(|run| run.is_over());
    }

    /// Messages wait from now on for a future of the actor. True if the actor is to end instead.
    pub(crate) fn park(&mut self, task: &mut TaskContext<'_>) -> bool {
        let mut queue = self.mailbox.queue();
        queue.phase = Phase::Parked;
        set_sleeper(&mut queue.sleeper, task);
        let busy = queue.busy.take();
        let halted = self.mailbox.is_halted();
        drop(queue);
        drop(busy);
        halted
    }

    /// Messages are handled again.
    pub(crate) fn unpark(&mut self) {
        let mut queue = self.mailbox.queue();
        queue.phase = Phase::Open;
        if queue.busy.is_none() {
            queue.busy = self.mailbox.clock().busy();
        }
    }
}

fn set_sleeper(sleeper: &mut Option<Waker>, task: &TaskContext<'_>) {
    match sleeper {
        Some(waker) => waker.clone_from(task.waker()),
        None => *sleeper = Some(task.waker().clone()),
    }
}

impl<A: Actor> Drop for Inbox<A> {
    fn drop(&mut self) {
        let mut queue = self.mailbox.queue();
        queue.phase = Phase::Closed;
        let (waiting, busy) = (std::mem::take(&mut queue.waiting), queue.busy.take());
        queue.sleeper = None;
        drop(queue);
        drop(self.run.take());
        drop(std::mem::take(&mut self.batch));
        drop(waiting);
        drop(busy);
    }
}

#[cfg(test)]
mod tests {
    use crate::actor::{Actor, Handler, Message};
    use crate::context::Context;
    use crate::node::Node;

    /// Says how many messages it handled.
    #[derive(Default)]
    struct Worker(u32);

    impl Actor for Worker {
        fn stopped(&mut self) {
            assert_eq!(self.0, 1, "messages handled");
        }
    }

    /// Shuts everything down that hangs.
    struct Halt(Node);

    impl Message for Halt {
        type Reply = ();
    }

    impl Handler<Halt> for Worker {
        fn handle(&mut self, _cx: &mut Context<Self>, Halt(node): Halt) {
            self.0 += 1;
            node.inner().registry.halt_all();
        }
    }

    #[test]
    fn what_was_taken_already_is_not_handled_once_the_actor_is_to_end() {
        crate::run(async {
            let node = Node::builder().bind().await.expect("a free port");
            let worker = node.spawn("worker", Worker::default());
            for _ in 0..3 {
                worker.tell(Halt(node.clone()));
            }

            assert_eq!(node.exited(worker.pid()).await, crate::watch::Exit::Stopped);
            node.shutdown().await;
        });
    }
}
