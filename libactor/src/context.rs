//! What an actor can do while it handles a message.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use tokio::task::{AbortHandle, JoinSet};

use crate::actor::{Actor, Handler, Message, Request, WireMessage};
use crate::actor_ref::ActorRef;
use crate::ask::AskError;
use crate::clock::Clock;
use crate::envelope::break_off;
use crate::host::{Exited, FuturePanicked, Resume};
use crate::mailbox::Mailbox;
use crate::node::Node;
use crate::pid::Pid;
use crate::pulse::Named;
use crate::responder::{Deferred, Responder, deferred};
use crate::time::Timestamp;
use crate::trace::Cause;
use crate::waits::{Asker, Mark};
use crate::watch::{WatchKey, Watcher};

pub(crate) type Step<A> = Box<dyn FnOnce(&mut A, &mut Context<A>)>;
type Continuations<A> = Rc<RefCell<VecDeque<(Cause, Step<A>)>>>;

/// An actor's hands: its name, its node, its timers, its futures.
///
/// Timers and futures end with the actor.
pub struct Context<A: Actor> {
    mailbox: Arc<Mailbox<A>>,
    // Most actors have none.
    futures: Option<Box<Futures<A>>>,
    watching: BTreeMap<Pid, WatchKey>,
    // What the actor waits for, one after the other.
    waits: VecDeque<LocalBoxFuture<'static, Step<A>>>,
    // The one that is being handled, if an actor asked it.
    question: Option<Mark>,
    // What is being handled, as a name and as the word that others see.
    name: &'static str,
    named: Named,
    is_shown: bool,
    is_stopped: bool,
    // How often the actor was put back before.
    life: u32,
}

struct Futures<A: Actor> {
    tasks: JoinSet<()>,
    // Finished futures whose `then` waits for its turn in the mailbox.
    continuations: Continuations<A>,
}

/// A timer of an actor; [`Context::cancel`] stops it, dropping it does not.
#[derive(Clone, Debug)]
pub struct TimerHandle(AbortHandle);

impl<A: Actor> Context<A> {
    /// This actor's pid.
    pub fn me(&self) -> &Pid {
        &self.mailbox.pid
    }

    /// The node where this actor lives.
    pub fn node(&self) -> &Node {
        &self.mailbox.node
    }

    /// The node's clock.
    pub fn clock(&self) -> &Clock {
        self.mailbox.node.clock()
    }

    /// What time it is on the node's clock.
    pub fn now(&self) -> Timestamp {
        self.mailbox.node.clock().now()
    }

    /// This actor, for others of this process.
    pub fn actor_ref(&self) -> ActorRef<A> {
        ActorRef::new(self.mailbox.clone())
    }

    /// Tells another actor, here or elsewhere, at most once and in order. Never blocks, never fails visibly: who must know
    /// that the other is there watches it.
    pub fn tell<M: WireMessage>(&self, to: &Pid, message: M) {
        self.node().tell(self.me(), to, message);
    }

    /// Asks another actor, here or elsewhere: one that [answers](crate::Answer) that message. A handler goes on with the answer by
    /// [`wait_then`](Context::wait_then), or by [`spawn_then`](Context::spawn_then) if it handles other messages meanwhile.
    ///
    /// # Errors
    /// Each way in which no answer can come has its [`AskError`]; none comes after `limit` on the node's clock.
    pub fn ask<M: Request>(
        &self,
        to: &Pid,
        message: M,
        limit: Duration,
    ) -> impl Future<Output = Result<M::Reply, AskError>> + Send + 'static + use<A, M> {
        self.node().ask(self.me(), to, message, limit)
    }

    /// Tells another actor, and says what the message is about, as its receiver may with [`tag`](Context::tag). What is lost on
    /// its way can be found by that, and what is beneath it.
    pub fn tell_tagged<M: WireMessage>(&self, to: &Pid, message: M, tags: &[(&'static str, String)]) {
        let Cause { trace, message } = self.node().dispatch(self.me(), to, message);
        for (key, value) in tags {
            self.node().recorder().tag(trace, message, key, value);
        }
    }

    /// Tells another actor a message under another name than its type's own: programs of the libprocess kind have names
    /// such as `PONG`. See [`Routes::message_as`](crate::Routes::message_as) for the receiving side.
    pub fn tell_as<M: WireMessage>(&self, to: &Pid, name: &'static str, message: M) {
        self.node().dispatch_as(self.me(), to, name, message);
    }

    /// Asks for one [`exited`](Actor::exited) when `pid` ends, or the connection to it is lost. Does nothing if it is being
    /// watched already. To go on after a loss, watch again in `exited`: a node whose connection failed is dialled with a jittered
    /// back-off of up to two seconds, and at once when it is heard of.
    pub fn watch(&mut self, pid: &Pid) {
        if self.watching.contains_key(pid) {
            return;
        }
        let key = self.mailbox.node.next_watch();
        self.watching.insert(pid.clone(), key);
        let (mailbox, watched) = (Arc::downgrade(&self.mailbox), pid.clone());
        let notify = Box::new(move |why| {
            if let Some(mailbox) = mailbox.upgrade() {
                mailbox.post(Box::new(Exited { pid: watched, key, why }));
            }
        });
        self.mailbox.node.watch_with(pid, Watcher { key, notify });
    }

    /// Withdraws a watch: its `exited` will not be called, even if it is already on its way.
    pub fn unwatch(&mut self, pid: &Pid) {
        if let Some(key) = self.watching.remove(pid) {
            self.mailbox.node.unwatch(pid, key);
        }
    }

    /// Handles `message` once, `delay` from now on the node's clock.
    pub fn after<M: Message>(&mut self, delay: Duration, message: M) -> TimerHandle
    where
        A: Handler<M>,
    {
        let (sleep, me) = (self.clock().sleep(delay), self.actor_ref());
        TimerHandle(self.task(async move {
            sleep.await;
            me.tell(message);
        }))
    }

    /// Handles a copy of `message` every `period`, first after one period.
    pub fn every<M: Message + Clone>(&mut self, period: Duration, message: M) -> TimerHandle
    where
        A: Handler<M>,
    {
        let (me, clock) = (self.actor_ref(), self.clock().clone());
        let mut sleep = Box::pin(clock.sleep(period));
        TimerHandle(self.task(async move {
            loop {
                sleep.await;
                sleep = Box::pin(clock.sleep(period));
                // Each tick is a beginning, not a late consequence of what started the timer.
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
        let (mailbox, life) = (self.mailbox.clone(), self.life);
        let continuations = self.futures().continuations.clone();
        self.task(async move {
            let output = future.await;
            let step: Step<A> = Box::new(move |actor, cx| then(actor, cx, output));
            continuations.borrow_mut().push_back((Cause::current(), step));
            mailbox.post(Box::new(Resume { life }));
        });
    }

    /// Runs a future on this actor's thread, then `then` as a step of the actor, and handles nothing else meanwhile: what
    /// comes waits in the mailbox. Waits that are begun in one step follow one another.
    ///
    /// Actors that wait for each other wait for ever: such rings are [found](Node::top) and reported, also across nodes.
    pub fn wait_then<F: Future + 'static>(
        &mut self,
        future: F,
        then: impl FnOnce(&mut A, &mut Context<A>, F::Output) + 'static,
    ) {
        let cause = Cause::current();
        let future = cause.carry(future);
        self.waits.push_back(Box::pin(async move {
            let output = future.await;
            let step: Step<A> = Box::new(move |actor, cx| {
                cx.begins(cause, "then");
                then(actor, cx, output);
            });
            step
        }));
    }

    /// For a handler whose answer comes later, possibly after many other messages: what answers, to be kept, and what the handler
    /// returns. The message has the type of reply `Deferred<R>`; see [`Responder`].
    pub fn defer<R: Send + 'static>(&self) -> (Responder<R>, Deferred<R>) {
        deferred(self.me().clone(), self.question.clone())
    }

    /// Ends this actor after the current message. What is left in its mailbox is dropped.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Says what the message being handled is about, for `/__trace__?tag=key=value`, which finds its whole trace. At most 256
    /// bytes each; longer ones are cut. Call it once for each value of a message that is about several things.
    pub fn tag(&self, key: &str, value: &str) {
        let Cause { trace, message } = Cause::current();
        if trace.0 != 0 {
            self.mailbox.node.recorder().tag(trace, message, key, value);
        }
    }

    pub(crate) fn new(mailbox: Arc<Mailbox<A>>, life: u32) -> Context<A> {
        Context {
            mailbox,
            futures: None,
            watching: BTreeMap::new(),
            waits: VecDeque::new(),
            question: None,
            name: "",
            named: Named::default(),
            is_shown: false,
            is_stopped: false,
            life,
        }
    }

    /// The handling of a message begins: it is the cause of what follows, and the name that others see.
    pub(crate) fn begins(&mut self, cause: Cause, name: &'static str) {
        cause.set();
        break_off();
        let is_new = !std::ptr::eq(self.name, name);
        if is_new {
            (self.name, self.named) = (name, Named::new(name));
        }
        if is_new || !self.is_shown {
            self.is_shown = true;
            self.mailbox.pulse.shows(self.named);
        }
    }

    /// Nothing is being handled.
    pub(crate) fn rests(&mut self) {
        self.is_shown = false;
        self.mailbox.pulse.rests();
    }

    pub(crate) fn life(&self) -> u32 {
        self.life
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.waits.is_empty()
    }

    /// What is to be done when the first wait is over.
    pub(crate) fn poll_wait(&mut self, task: &mut TaskContext<'_>) -> Poll<Step<A>> {
        let Some(wait) = self.waits.front_mut() else { return Poll::Pending };
        let _waits = Asker::that_waits(&*self.mailbox).enter();
        let step = std::task::ready!(wait.poll_unpin(task));
        self.waits.pop_front();
        Poll::Ready(step)
    }

    pub(crate) fn set_question(&mut self, question: Option<Mark>) {
        self.question = question;
    }

    pub(crate) fn watch_ended(&mut self, pid: &Pid, key: WatchKey) -> bool {
        let current = self.watching.get(pid) == Some(&key);
        if current {
            self.watching.remove(pid);
        }
        current
    }

    pub(crate) fn next_continuation(&mut self) -> Option<(Cause, Step<A>)> {
        self.futures.as_ref()?.continuations.borrow_mut().pop_front()
    }

    fn futures(&mut self) -> &mut Futures<A> {
        let none = || Box::new(Futures { tasks: JoinSet::new(), continuations: Rc::default() });
        self.futures.get_or_insert_with(none)
    }

    fn task(&mut self, future: impl Future<Output = ()> + 'static) -> AbortHandle {
        let (mailbox, life) = (self.mailbox.clone(), self.life);
        let tasks = &mut self.futures().tasks;
        while tasks.try_join_next().is_some() {}
        let future = Asker::of(&*mailbox).carry(Cause::current().carry(future));
        let future = AssertUnwindSafe(future).catch_unwind();
        tasks.spawn_local(async move {
            if let Err(panic) = future.await {
                mailbox.post(Box::new(FuturePanicked { life, panic }));
            }
        })
    }
}

/// What a watch leaves behind must not outlive the watcher.
impl<A: Actor> Drop for Context<A> {
    fn drop(&mut self) {
        for (pid, key) in std::mem::take(&mut self.watching) {
            self.mailbox.node.unwatch(&pid, key);
        }
    }
}
