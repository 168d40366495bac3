//! One address, and the actors that live there.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::actor::{Actor, WireMessage};
use crate::actor_ref::ActorRef;
use crate::ask::Asks;
use crate::builder::{Builder, Settings};
use crate::clock::Clock;
use crate::life::Life;
use crate::mailbox::{Inbox, Mailbox};
use crate::observer::Observer;
use crate::pid::{Pid, check_name};
use crate::registry::{Registration, Registry};
use crate::routes::Routes;
use crate::supervision::{Restart, Supervision};
use crate::trace::service::{self, TraceService};
use crate::trace::{Cause, Ids, MessageId, Recorder, TraceId};
use crate::transport::Transport;
use crate::transport::acceptor::Acceptor;
use crate::transport::http::Http;
use crate::waits::Questions;
use crate::watch::{Exit, WatchKey, Watcher};
use crate::web::ServiceConfig;
use crate::worker::Worker;

/// How long actors get to end, and how long connections to write their last words, when a node is shut down.
const GRACE: Duration = Duration::from_millis(300);

/// One TCP address with the actors living there, their routes and their flight recorder. Several fit into one process.
///
/// Cheap to clone; clones are the same node. Its sockets are served by a thread of its own, so that a busy actor delays neither
/// heartbeats nor HTTP. It lives until [`shutdown`](Node::shutdown), or the end of [`libactor::run`](crate::run).
#[derive(Clone)]
pub struct Node(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) address: SocketAddr,
    pub(crate) settings: Settings,
    pub(crate) registry: Arc<Registry>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) transport: Transport,
    pub(crate) ids: Arc<Ids>,
    pub(crate) questions: Questions,
    pub(crate) asks: Asks,
    pub(crate) observer: Observer,
    next_watch: AtomicU64,
    // Taken by `serve`.
    listener: Mutex<Option<TcpListener>>,
}

/// Why a node does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// `serve` was called before, or the node is shut down.
    #[error("node {0} serves already, or was shut down")]
    Again(SocketAddr),
    /// The HTTP routes contradict each other.
    #[error("set up the http routes of node {0}; the log says what is wrong with them")]
    Routes(SocketAddr),
}

/// The name is taken, or none that an actor can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("actor name '{0}' is taken or not allowed")]
pub struct SpawnError(pub String);

impl Node {
    /// The settings of a new node.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(address: SocketAddr, listener: TcpListener, settings: Settings) -> Node {
        crate::metrics::install();
        let ids = Arc::new(Ids::random());
        let recorder = Arc::new(Recorder::new(settings.recorder_bytes, settings.clock.clone(), ids.clone()));
        let transport = Transport::new(settings.incomplete_bytes);
        let node = Node(Arc::new(Inner {
            address,
            settings,
            registry: Registry::new(),
            recorder,
            transport,
            ids,
            questions: Questions::default(),
            asks: Asks::default(),
            observer: Observer::default(),
            next_watch: AtomicU64::new(1),
            listener: Mutex::new(Some(listener)),
        }));
        if !node.clock().is_virtual() {
            let inner = Arc::downgrade(&node.0);
            node.0.transport.run(move || crate::observer::run(inner));
        }
        node
    }

    /// The address that this node's pids carry.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The pid of the actor of that name here, whether it exists or not.
    ///
    /// # Panics
    /// The name is none that an actor can have; see [`Pid::new`].
    pub fn pid(&self, name: &str) -> Pid {
        Pid::new(name, self.0.address).expect("the caller chose the actor's name")
    }

    /// What its URLs begin with: `https` if it speaks TLS, else `http`.
    pub fn scheme(&self) -> &'static str {
        if self.0.settings.tls.is_some() { "https" } else { "http" }
    }

    /// The node's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.settings.clock
    }

    /// The node's flight recorder.
    pub fn recorder(&self) -> &Recorder {
        &self.0.recorder
    }

    /// Starts an actor on this thread, inside [`libactor::run`](crate::run) or on a [`Worker`].
    ///
    /// # Panics
    /// The name is taken or not allowed; [`try_spawn`](Node::try_spawn) is for names that the program did not choose.
    pub fn spawn<A: Actor>(&self, name: &str, actor: A) -> ActorRef<A> {
        self.try_spawn(name, actor).expect("an actor's name is chosen to be free")
    }

    /// Starts an actor on this thread.
    ///
    /// # Errors
    /// The name is taken or not allowed.
    pub fn try_spawn<A: Actor>(&self, name: &str, actor: A) -> Result<ActorRef<A>, SpawnError> {
        let (actor_ref, start) = self.enter(name)?;
        start.with(actor, None);
        Ok(actor_ref)
    }

    /// Starts an actor on this thread that is put back when it panics, with a new state that `make` makes: under its name, and
    /// with what waits in its mailbox. The message that it panicked over is lost, and so are its timers, futures and watches.
    /// Whoever watches it hears [`Exit::Panicked`] each time, and may watch again at once. After more panics than `restart` allows it
    /// ends like any other.
    ///
    /// # Panics
    /// The name is taken or not allowed.
    pub fn supervise<A: Actor>(
        &self,
        name: &str,
        restart: Restart,
        mut make: impl FnMut() -> A + 'static,
    ) -> ActorRef<A> {
        let (actor_ref, start) = self.enter(name).expect("an actor's name is chosen to be free");
        start.with(make(), Some(Supervision::new(restart, make)));
        actor_ref
    }

    /// Like [`supervise`](Node::supervise), on another thread.
    ///
    /// # Panics
    /// The name is taken or not allowed.
    pub fn supervise_on<A: Actor>(
        &self,
        worker: &Worker,
        name: &str,
        restart: Restart,
        mut make: impl FnMut() -> A + Send + 'static,
    ) -> ActorRef<A> {
        let (actor_ref, start) = self.enter(name).expect("an actor's name is chosen to be free");
        worker.execute(move || start.with(make(), Some(Supervision::new(restart, make))));
        actor_ref
    }

    /// Starts an actor on another thread, where `make` makes it.
    ///
    /// # Panics
    /// The name is taken or not allowed.
    pub fn spawn_on<A: Actor>(
        &self,
        worker: &Worker,
        name: &str,
        make: impl FnOnce() -> A + Send + 'static,
    ) -> ActorRef<A> {
        let (actor_ref, start) = self.enter(name).expect("an actor's name is chosen to be free");
        // A worker that has ended drops `start`, and with it the registration: watchers hear of it.
        worker.execute(move || start.with(make(), None));
        actor_ref
    }

    /// The thread that serves this node's sockets. To an actor that is [spawned there](Node::spawn_on) messages of other nodes
    /// come, and from it leave, without a change of threads, which is most of the time that a small message takes on its way. It
    /// has to be quick: while it works, nothing is read or written, heartbeats and HTTP included.
    pub fn socket_worker(&self) -> &Worker {
        &self.0.transport.worker
    }

    /// Tells an actor, here or elsewhere, in the name of `from`, at most once and in order. Actors use [`Context::tell`](crate::Context::tell).
    pub fn tell<M: WireMessage>(&self, from: &Pid, to: &Pid, message: M) {
        self.dispatch(from, to, message);
    }

    /// Declares that the program at `address` speaks the libprocess wire: what is told to its actors goes out as HTTP, and a
    /// watch of them is a connection that is kept. Who sent this node a message in that wire needs no declaration.
    ///
    /// Such a program says nothing about single actors: a watch ends when the connection is lost, with
    /// [`Exit::ConnectionLost`], or was never made, with [`Exit::Unreachable`]. A program that is stopped keeps its
    /// connection.
    pub fn speak_libprocess(&self, address: SocketAddr) {
        self.0.transport.speakers.declare(address);
    }

    /// Ready when the actor ends, or the connection to it is lost; at once if there is none. Actors use [`Context::watch`](crate::Context::watch).
    pub fn exited(&self, pid: &Pid) -> impl Future<Output = Exit> + Send + 'static + use<> {
        let (tell, told) = oneshot::channel();
        let key = self.next_watch();
        self.watch_with(
            pid,
            Watcher {
                key,
                notify: Box::new(move |why| {
                    let _ = tell.send(why);
                }),
            },
        );
        let withdrawn = Withdraw { node: self.clone(), pid: pid.clone(), key };
        async move {
            let why = told.await.unwrap_or(Exit::ConnectionLost);
            drop(withdrawn);
            why
        }
    }

    /// Starts to accept connections: messages of other nodes, and HTTP on the same port. `routes` is called once on the node's
    /// own thread, where handlers run too and must not block (see [`web::block`](crate::web::block)); `/__processes__`, `/__trace__` and `/metrics` are there already.
    ///
    /// # Errors
    /// Called twice or after `shutdown`, or the routes are wrong.
    pub async fn serve(
        &self,
        routes: impl FnOnce(&mut ServiceConfig) + Send + 'static,
    ) -> Result<(), ServeError> {
        let listener = self.0.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        let listener = listener.ok_or(ServeError::Again(self.0.address))?;
        let (ready, is_ready) = oneshot::channel();
        let node = self.clone();
        self.0.transport.run(move || async move {
            let Ok(tracing) = node.try_spawn(service::NAME, TraceService::new()) else { return };
            let Some(http) = Http::start(&node, tracing, routes).await else { return };
            let Ok(acceptor) = Acceptor::new(node, listener, http) else { return };
            let _ = ready.send(());
            acceptor.run().await;
        });
        is_ready.await.map_err(|_| ServeError::Routes(self.0.address))
    }

    /// Ends all actors, tells their watchers, closes all connections, also those with open streams. Takes well below a
    /// second; what has not ended by then is cut off. Not for a future of an actor of this node, which would end half-way.
    pub async fn shutdown(&self) {
        drop(self.0.listener.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.0.registry.stop_all();
        if tokio::time::timeout(GRACE, self.0.registry.empty()).await.is_err() {
            self.0.registry.halt_all();
            tracing::warn!(node = %self.0.address, actors = ?self.0.registry.names(), "actors did not end in time");
        }
        self.0.transport.close(GRACE).await;
    }

    pub(crate) fn of(inner: Arc<Inner>) -> Node {
        Node(inner)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// What begins outside actors, with an HTTP request.
    pub(crate) fn new_trace(&self) -> Cause {
        Cause { trace: TraceId(self.0.ids.next()), message: MessageId::default() }
    }

    pub(crate) fn next_watch(&self) -> WatchKey {
        self.0.next_watch.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn watch_with(&self, pid: &Pid, watcher: Watcher) {
        if pid.address() == self.0.address {
            self.0.registry.watch(pid.name(), watcher);
        } else {
            self.0.transport.watch(self, pid, watcher);
        }
    }

    pub(crate) fn unwatch(&self, pid: &Pid, key: WatchKey) {
        if pid.address() == self.0.address {
            self.0.registry.unwatch(pid.name(), key);
        } else {
            self.0.transport.unwatch(pid, key);
        }
    }

    /// Enters a new actor: its handle, and what starts it on the thread that calls it.
    fn enter<A: Actor>(&self, name: &str) -> Result<(ActorRef<A>, Birth<A>), SpawnError> {
        let error = || SpawnError(name.chars().take(64).collect());
        check_name(name).map_err(|_| error())?;
        let name: Arc<str> = name.into();
        let pid = Pid::from_parts(name.clone(), self.0.address);
        let (mailbox, inbox) = Mailbox::new(pid, self.clone(), Routes::of_actor());
        let registration: Registration = self.0.registry.enter(&name, mailbox.clone()).ok_or_else(error)?;
        Ok((ActorRef::new(mailbox), Birth { inbox, registration }))
    }
}

/// What an actor that is entered needs to start. Dropped instead, it takes the actor out again.
struct Birth<A: Actor> {
    inbox: Inbox<A>,
    registration: Registration,
}

impl<A: Actor> Birth<A> {
    /// Starts it on this thread.
    fn with(self, actor: A, supervision: Option<Supervision<A>>) {
        Life::start(actor, supervision, self.inbox, self.registration);
    }
}

/// Withdraws a watch when who waited for it has gone.
struct Withdraw {
    node: Node,
    pid: Pid,
    key: WatchKey,
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        self.node.unwatch(&self.pid, self.key);
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "node {}", self.0.address)
    }
}
