//! What an actor can do while it handles a message.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use actix::dev::channel::AddressReceiver;
use actix::dev::{AsyncContextParts, ContextFut, ContextParts, Mailbox};
use actix::{ActorContext, ActorFuture, ActorState, Addr, AsyncContext, SpawnHandle};
use futures::FutureExt as _;
use tokio::task::{AbortHandle, JoinSet};

use crate::actor::{Actor, Handler, Message, WireMessage};
use crate::actor_ref::ActorRef;
use crate::clock::Clock;
use crate::envelope::break_off;
use crate::host::{Exited, FuturePanicked, Host, Resume};
use crate::node::Node;
use crate::pid::Pid;
use crate::time::Timestamp;
use crate::trace::Cause;
use crate::watch::{WatchKey, Watcher};

type Step<A> = Box<dyn FnOnce(&mut A, &mut Context<A>)>;
type Continuations<A> = Rc<RefCell<VecDeque<(Cause, Step<A>)>>>;

/// An actor's hands: its name, its node, its timers, its futures.
///
/// Timers and futures end with the actor.
pub struct Context<A: Actor> {
    parts: ContextParts<Host<A>>,
    node: Node,
    me: Pid,
    tasks: JoinSet<()>,
    // Finished futures whose `then` waits for its turn in the mailbox.
    continuations: Continuations<A>,
    watching: BTreeMap<Pid, WatchKey>,
}

/// A timer of an actor; [`Context::cancel`] stops it, dropping it does not.
#[derive(Clone, Debug)]
pub struct TimerHandle(AbortHandle);

impl<A: Actor> Context<A> {
    /// This actor's pid.
    pub fn me(&self) -> &Pid {
        &self.me
    }

    /// The node where this actor lives.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The node's clock.
    pub fn clock(&self) -> &Clock {
        self.node.clock()
    }

    /// What time it is on the node's clock.
    pub fn now(&self) -> Timestamp {
        self.node.clock().now()
    }

    /// This actor, for others of this process.
    pub fn actor_ref(&self) -> ActorRef<A> {
        ActorRef::new(self.parts.address(), self.me.clone(), self.node.clone())
    }

    /// Tells another actor, here or elsewhere, at most once and in order. Never blocks, never fails visibly: who must know
    /// that the other is there watches it.
    pub fn tell<M: WireMessage>(&self, to: &Pid, message: M) {
        self.node.tell(&self.me, to, message);
    }

    /// Tells another actor, and says what the message is about, as its receiver may with [`tag`](Context::tag). What is lost on
    /// its way can be found by that, and what is beneath it.
    pub fn tell_tagged<M: WireMessage>(&self, to: &Pid, message: M, tags: &[(&'static str, String)]) {
        let Cause { trace, message } = self.node.dispatch(&self.me, to, message);
        for (key, value) in tags {
            self.node.recorder().tag(trace, message, key, value);
        }
    }

    /// Tells another actor a message under another name than its type's own: programs of the libprocess kind have names
    /// such as `PONG`. See [`Routes::message_as`](crate::Routes::message_as) for the receiving side.
    pub fn tell_as<M: WireMessage>(&self, to: &Pid, name: &'static str, message: M) {
        self.node.dispatch_as(&self.me, to, name, message);
    }

    /// Asks for one [`exited`](Actor::exited) when `pid` ends, or the connection to it is lost. Does nothing if it is being
    /// watched already. To go on after a loss, watch again in `exited`: a node whose connection failed is dialled with a jittered
    /// back-off of up to two seconds, and at once when it is heard of.
    pub fn watch(&mut self, pid: &Pid) {
        if self.watching.contains_key(pid) {
            return;
        }
        let key = self.node.next_watch();
        self.watching.insert(pid.clone(), key);
        let (address, clock, watched) = (self.parts.address().downgrade(), self.clock().clone(), pid.clone());
        let notify = Box::new(move |why| {
            if let Some(address) = address.upgrade() {
                address.do_send(Exited { pid: watched, key, why, undelivered: clock.undelivered() });
            }
        });
        self.node.watch_with(pid, Watcher { key, notify });
    }

    /// Withdraws a watch: its `exited` will not be called, even if it is already on its way.
    pub fn unwatch(&mut self, pid: &Pid) {
        if let Some(key) = self.watching.remove(pid) {
            self.node.unwatch(pid, key);
        }
    }

    /// Handles `message` once, `delay` from now on the node's clock.
    pub fn after<M: Message>(&mut self, delay: Duration, message: M) -> TimerHandle
    where
        A: Handler<M>,
    {
        let (sleep, me) = (self.clock().sleep(delay), self.parts.address().downgrade());
        let (node, pid) = (self.node.clone(), self.me.clone());
        TimerHandle(self.task(async move {
            sleep.await;
            if let Some(address) = me.upgrade() {
                ActorRef::new(address, pid, node).tell(message);
            }
        }))
    }

    /// Handles a copy of `message` every `period`, first after one period.
    pub fn every<M: Message + Clone>(&mut self, period: Duration, message: M) -> TimerHandle
    where
        A: Handler<M>,
    {
        let (me, node, pid) = (self.parts.address().downgrade(), self.node.clone(), self.me.clone());
        let mut sleep = Box::pin(self.clock().sleep(period));
        TimerHandle(self.task(async move {
            loop {
                sleep.await;
                sleep = Box::pin(node.clock().sleep(period));
                let Some(address) = me.upgrade() else { return };
                // Each tick is a beginning, not a late consequence of what started the timer.
                let me = ActorRef::<A>::new(address, pid.clone(), node.clone());
                Cause::default().during(|| me.tell(message.clone()));
            }
        }))
    }

    /// Stops a timer. A message that it has already put into the mailbox is still handled.
    pub fn cancel(&mut self, timer: &TimerHandle) {
        timer.0.abort();
    }

    /// Runs a future on this actor's thread; it follows from the message being handled.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        self.task(future);
    }

    /// Runs a future on this actor's thread, then `then` as a step of the actor.
    pub fn spawn_then<F: Future + 'static>(
        &mut self,
        future: F,
        then: impl FnOnce(&mut A, &mut Context<A>, F::Output) + 'static,
    ) {
        let (me, clock) = (self.parts.address().downgrade(), self.clock().clone());
        let continuations = self.continuations.clone();
        self.task(async move {
            let output = future.await;
            let Some(address) = me.upgrade() else { return };
            let step: Step<A> = Box::new(move |actor, cx| then(actor, cx, output));
            continuations.borrow_mut().push_back((Cause::current(), step));
            address.do_send(Resume { undelivered: clock.undelivered() });
        });
    }

    /// Ends this actor after the current message. What is left in its mailbox is dropped.
    pub fn stop(&mut self) {
        self.parts.stop();
    }

    /// Says what the message being handled is about, for `/__trace__?tag=key=value`, which finds its whole trace. At most 256
    /// bytes each; longer ones are cut. Call it once for each value of a message that is about several things.
    pub fn tag(&self, key: &str, value: &str) {
        let Cause { trace, message } = Cause::current();
        if trace.0 != 0 {
            self.node.recorder().tag(trace, message, key, value);
        }
    }

    /// Runs the actor on this thread, whose local task set must be active.
    pub(crate) fn start(node: Node, me: Pid, inbox: AddressReceiver<Host<A>>, host: Host<A>) {
        let mailbox = Mailbox::new(inbox);
        let cx = Context {
            parts: ContextParts::new(mailbox.sender_producer()),
            node,
            me,
            tasks: JoinSet::new(),
            continuations: Rc::default(),
            watching: BTreeMap::new(),
        };
        let mut turns = ContextFut::new(cx, host, mailbox);
        actix_rt::spawn(std::future::poll_fn(move |task| {
            break_off();
            turns.poll_unpin(task)
        }));
    }

    pub(crate) fn watch_ended(&mut self, pid: &Pid, key: WatchKey) -> bool {
        let current = self.watching.get(pid) == Some(&key);
        if current {
            self.watching.remove(pid);
        }
        current
    }

    pub(crate) fn next_continuation(&mut self) -> Option<(Cause, Step<A>)> {
        self.continuations.borrow_mut().pop_front()
    }

    fn task(&mut self, future: impl Future<Output = ()> + 'static) -> AbortHandle {
        while self.tasks.try_join_next().is_some() {}
        let me = self.parts.address().downgrade();
        let future = AssertUnwindSafe(Cause::current().carry(future)).catch_unwind();
        self.tasks.spawn_local(async move {
            if let (Err(panic), Some(address)) = (future.await, me.upgrade()) {
                address.do_send(FuturePanicked(panic));
            }
        })
    }
}

impl<A: Actor> ActorContext for Context<A> {
    fn stop(&mut self) {
        self.parts.stop();
    }

    fn terminate(&mut self) {
        self.parts.terminate();
    }

    fn state(&self) -> ActorState {
        self.parts.state()
    }
}

impl<A: Actor> AsyncContext<Host<A>> for Context<A> {
    fn address(&self) -> Addr<Host<A>> {
        self.parts.address()
    }

    fn spawn<F: ActorFuture<Host<A>, Output = ()> + 'static>(&mut self, future: F) -> SpawnHandle {
        self.parts.spawn(future)
    }

    fn wait<F: ActorFuture<Host<A>, Output = ()> + 'static>(&mut self, future: F) {
        self.parts.wait(future);
    }

    fn waiting(&self) -> bool {
        self.parts.waiting()
    }

    fn cancel_future(&mut self, handle: SpawnHandle) -> bool {
        self.parts.cancel_future(handle)
    }
}

impl<A: Actor> AsyncContextParts<Host<A>> for Context<A> {
    fn parts(&mut self) -> &mut ContextParts<Host<A>> {
        &mut self.parts
    }
}

/// What a watch leaves behind must not outlive the watcher.
impl<A: Actor> Drop for Context<A> {
    fn drop(&mut self) {
        for (pid, key) in std::mem::take(&mut self.watching) {
            self.node.unwatch(&pid, key);
        }
    }
}
