//! The actors of one node by name, and who watches them.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, watch as signal};

use crate::actor::Actor;
use crate::arrivals::{Arrivals, Receipts, Run};
use crate::envelope::Receipt;
use crate::host::{Arrived, Stop};
use crate::mailbox::Mailbox;
use crate::pid::Pid;
use crate::pulse::Beat;
use crate::responder::ReplyTo;
use crate::time::Timestamp;
use crate::watch::{Exit, WatchKey, Watcher};

/// Names to mailboxes. Each actor is in it from before its first message until it was dropped.
pub(crate) struct Registry {
    // Another number, in the whole process, whenever an actor has come or gone; zero before the first. Changed under the lock.
    version: AtomicU64,
    entries: RwLock<HashMap<Arc<str>, Entry>>,
    // How many there are, for those who wait for the last one.
    population: signal::Sender<usize>,
}

struct Entry {
    door: Arc<dyn Door>,
    // By key: a peer that is gone withdraws as many as it was allowed.
    watchers: BTreeMap<WatchKey, Watcher>,
}

/// An actor of any type, as its node sees it.
pub(crate) trait Door: Send + Sync {
    /// How the actor's program calls the message, and the type it is of there, if the actor receives it.
    fn knows(&self, name: &str) -> Option<Known>;
    /// Delivers a Rust value: `message` is an `Option` of the type that `type_id` is of, and taken. False if the actor does not receive that type.
    fn receives(&self, type_id: TypeId) -> bool;
    fn pass(&self, type_id: TypeId, message: &mut dyn Any, receipt: Receipt);
    /// Delivers an encoded message whose name the actor knows.
    fn deliver(
        &self,
        name: &'static str,
        body: Bytes,
        receipt: Receipt,
        share: Option<OwnedSemaphorePermit>,
        reply: Option<ReplyTo>,
    );
    /// Delivers encoded messages whose names the actor knows.
    fn deliver_together(&self, arrivals: Arrivals, receipts: Receipts);
    fn stop(&self);
    /// Ends the actor even if it waits for a future.
    fn halt(&self);
    fn look(&self, now: Timestamp) -> Look;
    fn id(&self) -> (u64, Pid);
}

/// What is seen of an actor from outside.
pub(crate) struct Look {
    pub(crate) pid: Pid,
    pub(crate) serial: u64,
    /// Messages that were ever put into the mailbox.
    pub(crate) told: u64,
    /// Messages that were taken out of it.
    pub(crate) taken: u64,
    pub(crate) handling: Option<&'static str>,
    /// For how long nothing was taken, at least.
    pub(crate) unchanged: Duration,
    pub(crate) busy: f64,
    pub(crate) rate: f64,
}

/// A message that an actor receives.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) type_name: &'static str,
    /// It has a reply.
    pub(crate) answers: bool,
}

impl<A: Actor> Door for Mailbox<A> {
    fn knows(&self, name: &str) -> Option<Known> {
        let route = self.routes.by_name(name)?;
        Some(Known { name: route.name, type_name: route.type_name, answers: route.answers })
    }

    fn receives(&self, type_id: TypeId) -> bool {
        self.routes.by_type(type_id).is_some_and(|route| route.pass.is_some())
    }

    fn pass(&self, type_id: TypeId, message: &mut dyn Any, receipt: Receipt) {
        let pass = self.routes.by_type(type_id).and_then(|route| route.pass);
        pass.expect("the caller asked whether the actor receives it")(self, message, receipt);
    }

    fn deliver(
        &self,
        name: &'static str,
        body: Bytes,
        receipt: Receipt,
        share: Option<OwnedSemaphorePermit>,
        reply: Option<ReplyTo>,
    ) {
        let route = self.routes.by_name(name).expect("the caller asked whether the actor knows it");
        self.post(Box::new(Arrived { route, body, receipt, share, reply }));
    }

    fn deliver_together(&self, arrivals: Arrivals, receipts: Receipts) {
        let route = |name| self.routes.by_name(name).expect("the caller asked whether the actor knows it");
        self.post_run(Box::new(Run::new(arrivals, receipts, route)));
    }

    fn stop(&self) {
        self.post(Box::new(Stop));
    }

    fn halt(&self) {
        Mailbox::halt(self);
    }

    fn look(&self, now: Timestamp) -> Look {
        // The beat first: what was taken was told before.
        let Beat { taken, handling, unchanged, busy, rate } = self.pulse.look(now);
        let (pid, serial, told) = (self.pid.clone(), self.serial, self.told());
        Look { pid, serial, told, taken, handling, unchanged, busy, rate }
    }

    fn id(&self) -> (u64, Pid) {
        (self.serial, self.pid.clone())
    }
}

/// An actor's name, and the version of its registry in which it had it.
type Found = (u64, Arc<str>, Weak<dyn Door>);

thread_local! {
    /// Mostly the next one too.
    static FOUND: RefCell<Option<Found>> = const { RefCell::new(None) };
}

impl Registry {
    pub(crate) fn new() -> Arc<Registry> {
        let (version, entries, population) = (AtomicU64::new(0), RwLock::default(), signal::Sender::new(0));
        Arc::new(Registry { version, entries, population })
    }

    /// Enters an actor. None if the name is taken.
    pub(crate) fn enter(self: &Arc<Self>, name: &Arc<str>, door: Arc<dyn Door>) -> Option<Registration> {
        let mut entries = self.write();
        if entries.contains_key(name) {
            return None;
        }
        entries.insert(name.clone(), Entry { door, watchers: BTreeMap::new() });
        self.changed(&entries);
        Some(Registration { registry: Arc::downgrade(self), name: name.clone(), why: Exit::Stopped })
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<dyn Door>> {
        self.read().get(name).map(|entry| entry.door.clone())
    }

    /// The actor of that pid, which is of this node. Without a lock if it is the one that this thread asked for last.
    pub(crate) fn find_again(&self, pid: &Pid) -> Option<Arc<dyn Door>> {
        let version = self.version.load(Ordering::Acquire);
        let known = FOUND.with_borrow(|found| {
            let (at, name, door) = found.as_ref()?;
            let is_it = *at == version && (Arc::ptr_eq(name, pid.shared_name()) || **name == *pid.name());
            if is_it { door.upgrade() } else { None }
        });
        known.or_else(|| {
            let entries = self.read();
            let (version, door) = (self.version.load(Ordering::Acquire), &entries.get(pid.name())?.door);
            FOUND.set(Some((version, pid.shared_name().clone(), Arc::downgrade(door))));
            Some(door.clone())
        })
    }

    /// Under the lock of the entries.
    fn changed(&self, entries: &HashMap<Arc<str>, Entry>) {
        static VERSIONS: AtomicU64 = AtomicU64::new(1);
        self.version.store(VERSIONS.fetch_add(1, Ordering::Relaxed), Ordering::Release);
        self.population.send_replace(entries.len());
    }

    /// Sorted.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.read().keys().cloned().collect();
        names.sort();
        names
    }

    pub(crate) fn watch(&self, name: &str, watcher: Watcher) {
        let mut entries = self.write();
        if let Some(entry) = entries.get_mut(name) {
            entry.watchers.insert(watcher.key, watcher);
            return;
        }
        drop(entries);
        watcher.fire(Exit::Missing);
    }

    pub(crate) fn unwatch(&self, name: &str, key: WatchKey) {
        let mut entries = self.write();
        let Some(entry) = entries.get_mut(name) else { return };
        let watcher = entry.watchers.remove(&key);
        drop(entries);
        drop(watcher);
    }

    pub(crate) fn stop_all(&self) {
        for door in self.doors() {
            door.stop();
        }
    }

    /// Ends those too who wait for something that may never come.
    pub(crate) fn halt_all(&self) {
        for door in self.doors() {
            door.halt();
        }
    }

    fn doors(&self) -> Vec<Arc<dyn Door>> {
        self.read().values().map(|entry| entry.door.clone()).collect()
    }

    /// Every actor from outside, in no order.
    pub(crate) fn looks(&self, now: Timestamp) -> Vec<Look> {
        self.doors().into_iter().map(|door| door.look(now)).collect()
    }

    /// Every actor by its serial.
    pub(crate) fn pids(&self) -> Vec<(u64, Pid)> {
        self.doors().into_iter().map(|door| door.id()).collect()
    }

    /// Ready when the last actor has ended.
    pub(crate) async fn empty(&self) {
        let mut population = self.population.subscribe();
        // The sender lives in `self`.
        let _ = population.wait_for(|count| *count == 0).await;
    }

    fn leave(&self, name: &str, why: Exit) {
        let mut entries = self.write();
        let left = entries.remove(name);
        self.changed(&entries);
        drop(entries);
        // Outside the lock: watchers and mailboxes run code of others.
        for watcher in left.into_iter().flat_map(|entry| entry.watchers.into_values()) {
            watcher.fire(why);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Arc<str>, Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Arc<str>, Entry>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An actor's place in the registry, owned by what houses the actor: however the actor ends, this is dropped.
pub(crate) struct Registration {
    registry: Weak<Registry>,
    name: Arc<str>,
    why: Exit,
}

impl Registration {
    /// What to tell the watchers.
    pub(crate) fn ends_with(&mut self, why: Exit) {
        self.why = why;
    }

    /// The actor panicked and is put back under its name: whoever watched it hears of that once.
    pub(crate) fn restarts(&self) {
        let Some(registry) = self.registry.upgrade() else { return };
        let watchers = registry.write().get_mut(&self.name).map(|entry| std::mem::take(&mut entry.watchers));
        for watcher in watchers.into_iter().flat_map(BTreeMap::into_values) {
            watcher.fire(Exit::Panicked);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.leave(&self.name, self.why);
        }
    }
}
