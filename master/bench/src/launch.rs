//! Tasks on their way through the master: frameworks that are actors accept the offers of all agents, with tasks on each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use libactor::{Actor, ActorRef, Context, Handler, Message, Pid, Receive, Routes, Worker};
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit, rate};
use tepui_proto::internal::{
    PingSlaveMessage, PongSlaveMessage, RegisterSlaveMessage, RunTaskMessage, SlaveRegisteredMessage,
    StatusUpdate, StatusUpdateAcknowledgementMessage, StatusUpdateMessage, UpdateFrameworkMessage,
};
use tepui_proto::v1::scheduler::{Call, Event, call, event};
use tepui_proto::v1::{self, TaskState};
use tokio::sync::oneshot;

use crate::crowd::{Cluster, PATIENCE};
use crate::shape::{agent_info, framework_info, resources};

const AGENTS: usize = 10_000;
const FRAMEWORKS: usize = 20;
/// On each agent.
const TASKS: usize = 20;

pub fn contest() -> Contest {
    let launched = Row::new(
        "tasks launched through the master, 10,000 agents",
        Unit::PerSecond,
        "rate",
        Target::AtLeast(50_000.0),
    );
    let acknowledged = Row::new(
        "tasks launched, TASK_RUNNING told and acknowledged, 10,000 agents",
        Unit::PerSecond,
        "rate",
        Target::Shown,
    );
    Contest {
        sides: vec![
            Side::new("launches", || run(Until::Launched)),
            Side::new("launches acknowledged", || run(Until::Acknowledged)),
        ],
        rows: vec![
            launched.beside("until TASK_RUNNING is acknowledged", 1),
            acknowledged.of(1).beside("until the agent has it", 0),
        ],
    }
}

/// When a task counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Its agent has it.
    Launched,
    /// The agent has heard that its framework knows that it runs.
    Acknowledged,
}

fn run(until: Until) -> Result<Figures> {
    libactor::run(async {
        let cluster = Cluster::start(|_| {}).await?;
        let worker = Worker::start();
        let (all, done) = oneshot::channel();
        let (offered, ready) = oneshot::channel();
        let scene = Arc::new(Scene {
            until,
            master: cluster.master_pid.clone(),
            counted: Countdown::new(AGENTS * TASKS, all),
            offers: Countdown::new(AGENTS, offered),
        });
        let node = cluster.master.node();
        for number in 0..AGENTS {
            let agent = Agent { number, scene: scene.clone(), id: v1::AgentId::default() };
            node.spawn_on(&worker, &format!("slave({number})"), move || agent).tell(Begin);
        }
        let spawn = |number: usize| {
            let framework = Framework { number, scene: scene.clone(), id: None, offers: Vec::new() };
            node.spawn_on(&worker, &format!("scheduler({number})"), move || framework)
        };
        let frameworks: Vec<ActorRef<Framework>> = (0..FRAMEWORKS).map(spawn).collect();
        frameworks.iter().for_each(|framework| framework.tell(Begin));
        tokio::time::timeout(PATIENCE, ready).await.context("wait for offers of all agents")??;
        // Nothing else is under way then.
        tokio::time::sleep(Duration::from_secs(2)).await;

        let began = Instant::now();
        frameworks.iter().for_each(|framework| framework.tell(Launch));
        let last = tokio::time::timeout(PATIENCE, done).await.context("wait for all tasks")??;
        Ok(rate((AGENTS * TASKS) as u64, last.duration_since(began)))
    })
}

/// What everybody knows.
struct Scene {
    until: Until,
    master: Pid,
    counted: Countdown,
    offers: Countdown,
}

/// Says when so many have happened.
struct Countdown {
    left: AtomicUsize,
    end: Mutex<Option<oneshot::Sender<Instant>>>,
}

impl Countdown {
    fn new(count: usize, end: oneshot::Sender<Instant>) -> Countdown {
        Countdown { left: AtomicUsize::new(count), end: Mutex::new(Some(end)) }
    }

    fn count(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Whoever waited may have lost patience.
            let _ = end.map(|end| end.send(Instant::now()));
        }
    }
}

struct Begin;
/// Accept everything.
struct Launch;

impl Message for Begin {
    type Reply = ();
}
impl Message for Launch {
    type Reply = ();
}

struct Agent {
    number: usize,
    scene: Arc<Scene>,
    id: v1::AgentId,
}

impl Actor for Agent {
    fn install(routes: &mut Routes<Self>) {
        routes
            .message::<SlaveRegisteredMessage>()
            .message::<PingSlaveMessage>()
            .message::<UpdateFrameworkMessage>()
            .message::<StatusUpdateAcknowledgementMessage>()
            .message::<RunTaskMessage>();
    }
}

impl Handler<Begin> for Agent {
    fn handle(&mut self, cx: &mut Context<Self>, _: Begin) {
        let slave = v1::AgentInfo { id: None, ..agent_info(&format!("agent{}", self.number)) };
        let capability = |number| v1::agent_info::Capability { r#type: Some(number) };
        cx.tell(
            &self.scene.master,
            RegisterSlaveMessage {
                slave,
                version: Some(tepui_master::MESOS_VERSION.into()),
                agent_capabilities: (1..=8).map(capability).collect(),
                ..RegisterSlaveMessage::default()
            },
        );
    }
}

impl Receive<SlaveRegisteredMessage> for Agent {
    fn receive(&mut self, _: &mut Context<Self>, _: &Pid, registered: SlaveRegisteredMessage) {
        self.id = registered.slave_id;
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

impl Receive<RunTaskMessage> for Agent {
    fn receive(&mut self, cx: &mut Context<Self>, from: &Pid, run: RunTaskMessage) {
        if self.scene.until == Until::Launched {
            return self.scene.counted.count();
        }
        // Made of the task's number: nobody else has it.
        let uuid: bytes::Bytes = format!("{:0>16}", run.task.task_id.value).into_bytes().into();
        let status = v1::TaskStatus {
            task_id: run.task.task_id.clone(),
            state: TaskState::TaskRunning as i32,
            agent_id: Some(self.id.clone()),
            timestamp: Some(1.0),
            uuid: Some(uuid.clone()),
            ..v1::TaskStatus::default()
        };
        let update = StatusUpdate {
            framework_id: run.framework.id.clone().unwrap_or_default(),
            slave_id: Some(self.id.clone()),
            status,
            timestamp: 1.0,
            uuid: Some(uuid),
            latest_state: Some(TaskState::TaskRunning as i32),
            ..StatusUpdate::default()
        };
        let pid = Some(cx.me().to_string());
        cx.tell(from, StatusUpdateMessage { update, pid });
    }
}

impl Receive<StatusUpdateAcknowledgementMessage> for Agent {
    fn receive(&mut self, _: &mut Context<Self>, _: &Pid, _: StatusUpdateAcknowledgementMessage) {
        self.scene.counted.count();
    }
}

struct Framework {
    number: usize,
    scene: Arc<Scene>,
    id: Option<v1::FrameworkId>,
    offers: Vec<v1::Offer>,
}

impl Framework {
    fn call(&self, cx: &Context<Self>, kind: call::Type, call: Call) {
        let call = Call { r#type: Some(kind as i32), framework_id: self.id.clone(), ..call };
        cx.tell(&self.scene.master, call);
    }

    fn accept(&self, offer: v1::Offer) -> call::Accept {
        let task = |number: usize| {
            let id = format!("{}-{number}", offer.id.value.rsplit('-').next().unwrap_or_default());
            v1::TaskInfo {
                name: "task".into(),
                task_id: v1::TaskId { value: id },
                agent_id: offer.agent_id.clone(),
                resources: resources("cpus:0.1;mem:5"),
                command: Some(v1::CommandInfo { value: Some("true".into()), ..Default::default() }.into()),
                ..v1::TaskInfo::default()
            }
        };
        let launch = v1::offer::operation::Launch { task_infos: (0..TASKS).map(task).collect() };
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(launch),
            ..v1::offer::Operation::default()
        };
        // What is left is not offered again while it counts.
        let filters = Some(v1::Filters { refuse_seconds: Some(3600.0) });
        call::Accept { offer_ids: vec![offer.id], operations: vec![operation], filters }
    }
}

impl Actor for Framework {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Event>();
    }
}

impl Handler<Begin> for Framework {
    fn handle(&mut self, cx: &mut Context<Self>, _: Begin) {
        let framework_info = v1::FrameworkInfo { id: None, ..framework_info(self.number) };
        let subscribe = call::Subscribe { framework_info, ..call::Subscribe::default() };
        self.call(cx, call::Type::Subscribe, Call { subscribe: Some(subscribe.into()), ..Call::default() });
    }
}

impl Handler<Launch> for Framework {
    fn handle(&mut self, cx: &mut Context<Self>, _: Launch) {
        for offer in std::mem::take(&mut self.offers) {
            let accept = Some(self.accept(offer).into());
            self.call(cx, call::Type::Accept, Call { accept, ..Call::default() });
        }
    }
}

impl Receive<Event> for Framework {
    fn receive(&mut self, cx: &mut Context<Self>, _: &Pid, event: Event) {
        match event.r#type() {
            event::Type::Subscribed => {
                self.id = event.subscribed.map(|subscribed| subscribed.framework_id.clone())
            }
            event::Type::Offers => {
                let offers = event.offers.map(|offers| offers.offers).unwrap_or_default();
                offers.iter().for_each(|_| self.scene.offers.count());
                self.offers.extend(offers);
            }
            event::Type::Update => {
                let Some(status) = event.update.map(|update| update.status) else { return };
                let (Some(agent_id), Some(uuid)) = (status.agent_id, status.uuid) else { return };
                let acknowledge = call::Acknowledge { agent_id, task_id: status.task_id, uuid };
                let call = Call { acknowledge: Some(acknowledge.into()), ..Call::default() };
                self.call(cx, call::Type::Acknowledge, call);
            }
            _ => {}
        }
    }
}
