//! A real master, and agents that say what real ones say: actors, on a thread of their own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use libactor::{Actor, ActorRef, Context, Handler, Message, Pid, Receive, Routes, Worker};
use tepui_master::{Config, RegistryStorage, Running};
use tepui_proto::internal::{
    PingSlaveMessage, PongSlaveMessage, ShutdownFrameworkMessage, SlaveReregisteredMessage,
    UpdateFrameworkMessage,
};
use tokio::sync::oneshot;

use crate::shape::Shape;

/// Agents that come back at a time: as many as the registry writes at once, ...
const AT_A_TIME: usize = 4096;
/// ... and no more tasks, completed ones included: the reports of all would fill the memory.
const TASKS_AT_A_TIME: usize = 200_000;

/// Nobody waits longer for anything here.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// A master, and the folder of its registry.
pub struct Cluster {
    pub master: Running,
    pub master_pid: Pid,
    _work_dir: tempfile::TempDir,
}

impl Cluster {
    /// A master that serves, with its registry on disk.
    pub async fn start(settle: impl FnOnce(&mut Config)) -> Result<Cluster> {
        let work_dir = tempfile::tempdir().context("make a work_dir")?;
        let storage = RegistryStorage::File { work_dir: work_dir.path().to_owned() };
        let mut config = Config::new("127.0.0.1:0".parse().context("an address")?, storage);
        settle(&mut config);
        let master = tepui_master::start(config).await.context("start the master")?;
        let master_pid = master.node().pid("master");
        let cluster = Cluster { master, master_pid, _work_dir: work_dir };
        cluster.wait_until_it_serves().await?;
        Ok(cluster)
    }

    /// Agents of this process with numbers from `first` on, on a thread of their own.
    pub fn crowd(&self, shape: Shape, first: usize, worker: &Worker) -> Crowd {
        let spawn = |number: usize, agent: Agent| {
            self.master.node().spawn_on(worker, &format!("slave({number})"), move || agent)
        };
        Crowd::new(shape, first, &self.master_pid, spawn)
    }

    async fn wait_until_it_serves(&self) -> Result<()> {
        let address = self.master.address();
        let asked = tokio::task::spawn_blocking(move || crate::client::wait_for(address, "/state"));
        asked.await.context("ask the master")?
    }
}

/// The agents.
pub struct Crowd {
    shared: Arc<Shared>,
    finished: oneshot::Receiver<Instant>,
}

/// What all agents know.
struct Shared {
    shape: Shape,
    master: Pid,
    agents: OnceLock<Vec<ActorRef<Agent>>>,
    begun: AtomicUsize,
    back: AtomicUsize,
    last: Mutex<Option<oneshot::Sender<Instant>>>,
}

impl Crowd {
    /// Agents that have not said anything, with numbers from `first` on, which `spawn` starts.
    pub fn new(
        shape: Shape,
        first: usize,
        master: &Pid,
        spawn: impl Fn(usize, Agent) -> ActorRef<Agent>,
    ) -> Crowd {
        let (last, finished) = oneshot::channel();
        let shared = Arc::new(Shared {
            shape,
            master: master.clone(),
            agents: OnceLock::new(),
            begun: AtomicUsize::new(0),
            back: AtomicUsize::new(0),
            last: Mutex::new(Some(last)),
        });
        let numbers = first..first + shape.agents;
        let agents = numbers.map(|number| spawn(number, Agent { number, shared: shared.clone() })).collect();
        assert!(shared.agents.set(agents).is_ok(), "agents are made once");
        Crowd { shared, finished }
    }

    /// All come back; from the first report to the last answer.
    pub async fn return_to_the_master(self) -> Result<Duration> {
        let began = Instant::now();
        for _ in 0..self.shared.shape.at_a_time(AT_A_TIME, TASKS_AT_A_TIME) {
            self.shared.next();
        }
        let done = tokio::time::timeout(PATIENCE, self.finished).await;
        let done = done.with_context(|| {
            let back = self.shared.back.load(Ordering::Relaxed);
            format!("only {back} agents of {} are back", self.shared.shape.agents)
        })?;
        Ok(done.context("the agents have gone")?.duration_since(began))
    }
}

impl Shared {
    fn next(&self) {
        let agents = self.agents.get().expect("the agents are made before they begin");
        if let Some(agent) = agents.get(self.begun.fetch_add(1, Ordering::Relaxed)) {
            agent.tell(Begin);
        }
    }

    fn is_back(&self) {
        if self.back.fetch_add(1, Ordering::Relaxed) + 1 == self.shape.agents {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Whoever waited may have lost patience.
            let _ = last.map(|last| last.send(Instant::now()));
        }
        self.next();
    }
}

/// One that answers as agents do.
pub struct Agent {
    number: usize,
    shared: Arc<Shared>,
}

/// Come back.
struct Begin;

impl Message for Begin {
    type Reply = ();
}

impl Actor for Agent {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<SlaveReregisteredMessage>()
            .message::<PingSlaveMessage>()
            .message::<UpdateFrameworkMessage>()
            .message::<ShutdownFrameworkMessage>();
    }
}

impl Handler<Begin> for Agent {
    fn handle(&mut self, cx: &mut Context<Self>, _: Begin) {
        cx.tell(&self.shared.master, self.shared.shape.report(self.number));
    }
}

impl Receive<SlaveReregisteredMessage> for Agent {
    fn receive(&mut self, _: &mut Context<Self>, _: &Pid, _: SlaveReregisteredMessage) {
        self.shared.is_back();
    }
}

impl Receive<PingSlaveMessage> for Agent {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, _: PingSlaveMessage) {
        cx.tell(from, PongSlaveMessage {});
    }
}

impl Receive<UpdateFrameworkMessage> for Agent {
    fn receive(&mut self, _: &mut Context<Self>, _: &Pid, _: UpdateFrameworkMessage) {}
}

impl Receive<ShutdownFrameworkMessage> for Agent {
    fn receive(&mut self, _: &mut Context<Self>, _: &Pid, _: ShutdownFrameworkMessage) {}
}
