//! The frameworks the master knows, and what it knows of each.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{
    ExecutorId, FrameworkCapabilities, FrameworkId, Resource, ResourceQuantities, Resources, Role, TaskId,
    Time,
};
use tepui_proto::v1;

use crate::changed::FrameworkView;
use crate::constraints::Constraints;
use crate::effect::Peer;
use crate::names::{AgentHandle, Connection, FrameworkHandle, OfferHandle, Pid, Timer};
use crate::slab::Slab;
use crate::task::Task;

/// A framework that has not ended.
///
/// ```text
///   SUBSCRIBE ─────────► Active ◄─── SUBSCRIBE ─── Recovered ◄── an agent's report
///                        │    ▲ ╲
///      connection lost   ▼    │  ╲ a driver aborts
///                      Disconnected ◄── connection lost ── Inactive ── SUBSCRIBE ──► Active
///
///   TEARDOWN in any phase, or a failover timeout: completed
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Framework {
    pub id: FrameworkId,
    pub info: Arc<v1::FrameworkInfo>,
    pub roles: BTreeSet<Role>,
    pub suppressed: BTreeSet<Role>,
    pub constraints: Option<Constraints>,
    pub capabilities: FrameworkCapabilities,
    pub min_allocatable: BTreeMap<Role, Vec<ResourceQuantities>>,
    pub phase: Phase,
    /// The driver that it had last, gone or not: another must say that it takes over.
    pub last_driver: Option<Pid>,
    pub registered: Time,
    pub reregistered: Option<Time>,
    /// Tasks on registered agents, also those that ended and are not acknowledged.
    pub tasks: BTreeMap<TaskId, Task>,
    /// Tasks of unreachable agents.
    pub unreachable: Ring,
    /// Ended tasks.
    pub completed: Ring,
    pub executors: BTreeMap<(AgentHandle, ExecutorId), Executor>,
    pub offers: BTreeSet<OfferHandle>,
    /// What its running tasks and executors hold.
    pub used: Tally,
    /// What its outstanding offers hold.
    pub offered: Tally,
}

/// What a framework holds on all agents. Amounts add up; a port is the same on many agents, so that the same entries are
/// counted, and the port is there until the last of them is given back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    amounts: Resources,
    others: BTreeMap<Resource, usize>,
}

impl Tally {
    pub fn total(&self) -> Resources {
        let others: Resources = self.others.keys().cloned().collect();
        &self.amounts + &others
    }
}

impl AddAssign<&Resources> for Tally {
    fn add_assign(&mut self, more: &Resources) {
        self.amounts += &more.scalars();
        for entry in more.iter().filter(|entry| !entry.is_scalar()) {
            *self.others.entry(entry.clone()).or_default() += 1;
        }
    }
}

impl SubAssign<&Resources> for Tally {
    /// Takes away what was added before, as it was added.
    fn sub_assign(&mut self, less: &Resources) {
        self.amounts -= &less.scalars();
        for entry in less.iter().filter(|entry| !entry.is_scalar()) {
            let count = self.others.get_mut(entry).expect("it was added");
            *count -= 1;
            if *count == 0 {
                self.others.remove(entry);
            }
        }
    }
}

/// Where a framework is in its life.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// Its scheduler is there, and gets offers.
    Active(Link),
    /// Its driver aborted: the scheduler is there, and gets no offers.
    Inactive(Link),
    /// Its scheduler is away; the timer ends the framework.
    Disconnected { until: Timer },
    /// Known from an agent's report only; it never times out, because its timeout is not known to be over.
    Recovered,
}

/// How its scheduler is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    pub way: Way,
    /// Sends the next heartbeat.
    pub heartbeat: Timer,
}

/// The two ways to a scheduler.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Way {
    /// Over an event stream; calls must carry its id.
    Http { connection: Connection, stream_id: String },
    /// As an actor.
    Actor(Pid),
    /// As a driver.
    Driver(Pid),
}

impl Link {
    pub fn peer(&self) -> Peer {
        match &self.way {
            Way::Http { connection, .. } => Peer::Http(*connection),
            Way::Actor(pid) => Peer::Actor(pid.clone()),
            Way::Driver(pid) => Peer::Driver(pid.clone()),
        }
    }
}

/// A running executor. Its resources count once, however many tasks it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Executor {
    pub info: Arc<v1::ExecutorInfo>,
    pub resources: Resources,
}

impl Framework {
    pub fn link(&self) -> Option<&Link> {
        match &self.phase {
            Phase::Active(link) | Phase::Inactive(link) => Some(link),
            Phase::Disconnected { .. } | Phase::Recovered => None,
        }
    }

    /// Where its events go, if its scheduler is there.
    pub fn peer(&self) -> Option<Peer> {
        self.link().map(Link::peer)
    }

    /// Whether a driver there is the one that the framework has, or had last; or it has none, and never had one.
    pub fn expects(&self, driver: &Pid) -> bool {
        match self.link() {
            Some(link) => matches!(&link.way, Way::Driver(pid) if pid == driver),
            None => self.last_driver.as_ref().is_none_or(|last| last == driver),
        }
    }

    pub fn pid(&self) -> Option<&Pid> {
        match &self.link()?.way {
            Way::Actor(pid) | Way::Driver(pid) => Some(pid),
            Way::Http { .. } => None,
        }
    }

    pub fn is_partition_aware(&self) -> bool {
        self.capabilities.partition_aware
    }

    pub fn checkpoints(&self) -> bool {
        self.info.checkpoint()
    }
}

/// Tasks that are kept for readers, the oldest forgotten first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ring {
    tasks: VecDeque<Task>,
    /// How many of them have an id: it may be used again once a task ended. Most ids that are looked for are not here.
    ids: BTreeMap<TaskId, usize>,
}

impl Ring {
    /// Adds a task and returns what fell out.
    pub fn push(&mut self, task: Task, limit: usize) -> Vec<Task> {
        *self.ids.entry(task.id.clone()).or_default() += 1;
        self.tasks.push_back(task);
        let excess = self.tasks.len().saturating_sub(limit);
        let fallen: Vec<Task> = self.tasks.drain(..excess).collect();
        self.forget(&fallen);
        fallen
    }

    pub fn contains(&self, id: &TaskId) -> bool {
        self.ids.contains_key(id)
    }

    fn forget(&mut self, gone: &[Task]) {
        for task in gone {
            let Entry::Occupied(mut count) = self.ids.entry(task.id.clone()) else { continue };
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Whether it is counted as it is.
    pub fn is_counted(&self) -> bool {
        let mut ids: BTreeMap<&TaskId, usize> = BTreeMap::new();
        self.tasks.iter().for_each(|task| *ids.entry(&task.id).or_default() += 1);
        ids.into_iter().eq(self.ids.iter().map(|(id, count)| (id, *count)))
    }

    /// Takes out every task of this id.
    pub fn take_named(&mut self, id: &TaskId) -> Vec<Task> {
        if self.contains(id) { self.take(|task| task.id == *id) } else { Vec::new() }
    }

    /// Takes out every task that fits.
    pub fn take(&mut self, mut fits: impl FnMut(&Task) -> bool) -> Vec<Task> {
        let (taken, kept): (Vec<Task>, Vec<Task>) =
            std::mem::take(&mut self.tasks).into_iter().partition(|task| fits(task));
        self.tasks = kept.into();
        self.forget(&taken);
        taken
    }

    pub fn len(&self) -> usize {
        self.tasks.len()
    }
}

/// All frameworks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frameworks {
    pub registered: Slab<FrameworkHandle, Framework>,
    pub by_id: BTreeMap<FrameworkId, FrameworkHandle>,
    pub by_connection: BTreeMap<Connection, FrameworkHandle>,
    pub by_pid: BTreeMap<Pid, FrameworkHandle>,
    /// Those that ended, by id; never back.
    pub completed: BTreeMap<FrameworkId, Arc<FrameworkView>>,
    /// The same in the order of their end, the oldest first.
    pub completed_order: VecDeque<FrameworkId>,
    /// The number of the next framework id.
    pub next_id: u64,
}

impl Frameworks {
    pub fn new() -> Frameworks {
        Frameworks {
            registered: Slab::new(),
            by_id: BTreeMap::new(),
            by_connection: BTreeMap::new(),
            by_pid: BTreeMap::new(),
            completed: BTreeMap::new(),
            completed_order: VecDeque::new(),
            next_id: 0,
        }
    }

    /// The framework that a call or message names, unless it ended.
    pub fn find(&self, id: &str) -> Option<FrameworkHandle> {
        self.by_id.get(&FrameworkId::parse(id).ok()?).copied()
    }

    pub fn is_completed(&self, id: &str) -> bool {
        FrameworkId::parse(id).is_ok_and(|id| self.completed.contains_key(&id))
    }
}
