//! An agent, its clock, and a disk and containers that answer when they are told to.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tepui_model::recorded::{self, Core};
use tepui_model::{ContainerId, Time};
use tepui_proto::internal;
use tepui_proto::v1::executor::{Call, call};
use tepui_proto::v1::task_status::Source;
use tepui_proto::v1::{self, TaskState};

use crate::{
    Agent, Connection, ContainerEvent, Cx, Effect, ExecutorCall, Input, MasterMessage, Peer, Pid, Recovered,
    RequestId, Settings, Termination, Ticket, Timer, Write,
};

pub const MASTER: &str = "master@10.0.0.1:5050";
pub const AGENT: &str = "slave(1)@10.0.0.7:5051";
pub const AGENT_ID: &str = "m-S0";

pub struct World {
    pub agent: Agent,
    pub now: Time,
    /// Asked of the disk, not answered.
    pub asked: VecDeque<Ticket>,
    /// Every write that was answered well, for a restart.
    pub disk: Vec<Write>,
    writes: VecDeque<Vec<Write>>,
    /// In the order they appeared.
    pub containers: Vec<ContainerId>,
    /// Armed and not due: when, in which order.
    timers: Vec<(Time, Timer)>,
    requests: u64,
    pub last: Vec<Effect>,
    /// Whether each step is done a second time by an agent that was written down and read back.
    pub reads_back: bool,
}

impl World {
    /// Started on an empty disk; knows its master.
    pub fn new() -> World {
        World::with(settings())
    }

    pub fn with(settings: Settings) -> World {
        let mut world = World {
            agent: Agent::new(settings, info(), 7),
            now: Time::ZERO,
            asked: VecDeque::new(),
            disk: Vec::new(),
            writes: VecDeque::new(),
            containers: Vec::new(),
            timers: Vec::new(),
            requests: 0,
            last: Vec::new(),
            reads_back: true,
        };
        world.step(Input::Start(Box::default()));
        world.step(Input::ContainersRecovered { alive: Vec::new() });
        world.step(Input::MasterDetected(Pid::new(MASTER)));
        world
    }

    /// Registered, everything on disk.
    pub fn registered() -> World {
        let mut world = World::new();
        world.register();
        world
    }

    pub fn register(&mut self) {
        self.pass(Duration::from_secs(1));
        self.master(registered(AGENT_ID));
        self.stored();
    }

    /// An executor of framework `f1` that runs `t1`, whose executor is stream 1.
    pub fn running() -> World {
        let mut world = World::registered();
        world.run("f1", "t1");
        world.stored();
        world.container(1, ContainerEvent::Launched { pid: 100 });
        world.subscribe("f1", "t1", 1);
        world.stored();
        world
    }

    /// A new life of the agent, with what the old one wrote down and what `recovered` says.
    pub fn restarted(self, recovered: Recovered) -> (World, String) {
        self.restarted_with(settings(), recovered)
    }

    pub fn restarted_with(self, settings: Settings, recovered: Recovered) -> (World, String) {
        let mut world = World { agent: Agent::new(settings, info(), 8), ..self };
        world.asked.clear();
        world.writes.clear();
        world.timers.clear();
        let text = world.step(Input::Start(Box::new(recovered)));
        (world, text)
    }

    pub fn step(&mut self, input: Input) -> String {
        let restored = self.reads_back.then(|| {
            let agent: Agent = recorded::read(&self.agent.snapshot()).expect("an agent can be read back");
            (agent, recorded::read(&recorded::write(&input)).expect("an input can be read back"))
        });
        let mut cx = Cx::new(self.now);
        self.agent.step(&mut cx, input);
        if let Some((mut restored, recorded)) = restored {
            assert_eq!(restored.take(self.now, recorded), cx.effects, "an agent read back does the same");
            assert_eq!(restored.digest(), self.agent.digest(), "an agent read back becomes the same");
        }
        self.agent.check().expect("an invariant holds");
        let mut lines = String::new();
        for effect in &cx.effects {
            self.note(effect);
            if !matches!(effect, Effect::Log(_)) {
                lines.push_str(&self.shown(&effect.to_string()));
                lines.push('\n');
            }
        }
        self.last = cx.effects;
        lines
    }

    fn note(&mut self, effect: &Effect) {
        match effect {
            Effect::Checkpoint { ticket, writes } => {
                self.asked.push_back(*ticket);
                self.writes.push_back(writes.clone());
                for write in writes {
                    if let Write::Executor { run, .. } = write {
                        self.appears(&run.container);
                    }
                }
            }
            Effect::Launch(launch) => self.appears(&launch.run.container),
            Effect::RecoverContainers(runs) => runs.iter().for_each(|run| self.appears(&run.container)),
            Effect::Arm { timer, after } => self.timers.push((self.now + *after, timer.clone())),
            _ => {}
        }
    }

    fn appears(&mut self, container: &ContainerId) {
        if !self.containers.contains(container) {
            self.containers.push(container.clone());
        }
    }

    fn shown(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (n, container) in self.containers.iter().enumerate() {
            text = text.replace(&container.to_string(), &format!("C{}", n + 1));
        }
        text.replace(MASTER, "master")
    }

    /// Time goes by; what comes due on the way is told.
    pub fn pass(&mut self, duration: Duration) -> String {
        let target = self.now + duration;
        let mut lines = String::new();
        loop {
            let next = self.timers.iter().enumerate().min_by_key(|(n, (at, _))| (*at, *n));
            let Some((n, (at, _))) = next.filter(|(_, (at, _))| *at <= target) else { break };
            self.now = *at;
            let (_, timer) = self.timers.remove(n);
            lines.push_str(&self.step(Input::TimerDue(timer)));
        }
        self.now = target;
        lines
    }

    pub fn master(&mut self, message: MasterMessage) -> String {
        self.step(Input::Master { from: Pid::new(MASTER), message })
    }

    /// The disk answers everything it was asked, also what follows from its answers.
    pub fn stored(&mut self) -> String {
        let mut lines = String::new();
        while let Some(ticket) = self.asked.pop_front() {
            self.disk.extend(self.writes.pop_front().unwrap_or_default());
            lines.push_str(&self.step(Input::Checkpointed { ticket, outcome: Ok(()) }));
        }
        lines
    }

    /// The disk refuses everything it was asked.
    pub fn disk_full(&mut self) -> String {
        let mut lines = String::new();
        for _ in 0..self.asked.len() {
            let Some(ticket) = self.asked.pop_front() else { break };
            self.writes.pop_front();
            let outcome = Err("write task.info: No space left on device".into());
            lines.push_str(&self.step(Input::Checkpointed { ticket, outcome }));
        }
        lines
    }

    /// News of the n-th container, from 1.
    pub fn container(&mut self, n: usize, event: ContainerEvent) -> String {
        let id = self.containers[n - 1].clone();
        self.step(Input::Container { id, event })
    }

    pub fn exited(&mut self, n: usize, status: i32) -> String {
        self.container(
            n,
            ContainerEvent::Exited(Termination { status: Some(status), ..Termination::default() }),
        )
    }

    /// A command task.
    pub fn run(&mut self, framework: &str, id: &str) -> String {
        self.master(run(framework, task(id, "cpus:1;mem:128"), Some(true)))
    }

    /// A task for executor `e1`.
    pub fn run_on(&mut self, framework: &str, id: &str, launch: Option<bool>) -> String {
        self.master(run(framework, custom_task(id, "e1"), launch))
    }

    pub fn subscribe(&mut self, framework: &str, executor: &str, stream: u64) -> String {
        self.subscribe_with(framework, executor, stream, call::Subscribe::default())
    }

    pub fn subscribe_with(
        &mut self,
        framework: &str,
        executor: &str,
        stream: u64,
        told: call::Subscribe,
    ) -> String {
        let call =
            Call { subscribe: Some(Box::new(told)), ..call(framework, executor, call::Type::Subscribe) };
        self.requests += 1;
        let call = ExecutorCall::http(call, RequestId(self.requests), Some(Connection(stream)));
        self.step(Input::Executor(Box::new(call)))
    }

    pub fn update(&mut self, framework: &str, executor: &str, status: v1::TaskStatus) -> String {
        let update = Some(Box::new(call::Update { status }));
        self.call(Call { update, ..call(framework, executor, call::Type::Update) })
    }

    pub fn call(&mut self, call: Call) -> String {
        self.requests += 1;
        self.step(Input::Executor(Box::new(ExecutorCall::http(call, RequestId(self.requests), None))))
    }

    pub fn acknowledge(&mut self, framework: &str, task: &str, uuid: u8) -> String {
        self.master(MasterMessage::StatusUpdateAcknowledgement(
            internal::StatusUpdateAcknowledgementMessage {
                slave_id: v1::AgentId { value: AGENT_ID.into() },
                framework_id: v1::FrameworkId { value: framework.into() },
                task_id: v1::TaskId { value: task.into() },
                uuid: Bytes::copy_from_slice(&[uuid; 16]),
            },
        ))
    }

    /// Acknowledges the update of a task that was sent last.
    pub fn acknowledge_last(&mut self, framework: &str, task: &str) -> String {
        let key = (framework.parse().unwrap(), task.parse().unwrap());
        let (_, id) = self.agent.updates().in_flight(&key).expect("an update is in flight");
        self.master(MasterMessage::StatusUpdateAcknowledgement(
            internal::StatusUpdateAcknowledgementMessage {
                slave_id: v1::AgentId { value: AGENT_ID.into() },
                framework_id: v1::FrameworkId { value: framework.into() },
                task_id: v1::TaskId { value: task.into() },
                uuid: Bytes::copy_from_slice(&id.0),
            },
        ))
    }

    pub fn kill(&mut self, framework: &str, task: &str) -> String {
        self.master(MasterMessage::KillTask(internal::KillTaskMessage {
            framework_id: v1::FrameworkId { value: framework.into() },
            task_id: v1::TaskId { value: task.into() },
            kill_policy: None,
        }))
    }

    pub fn stream_lost(&mut self, stream: u64) -> String {
        self.step(Input::ExecutorGone(Peer::Http(Connection(stream))))
    }
}

pub fn settings() -> Settings {
    Settings::new(Pid::new(AGENT), "10.0.0.7", "/usr/bin/tepui")
}

pub fn info() -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: "node7".into(),
        port: Some(5051),
        resources: resources("cpus:4;mem:4096;ports:[31000-32000]"),
        ..v1::AgentInfo::default()
    }
}

pub fn resources(text: &str) -> Vec<v1::Resource> {
    tepui_model::Resources::parse(text, &tepui_model::Role::star()).unwrap().to_wire()
}

pub fn registered(id: &str) -> MasterMessage {
    let connection = internal::MasterSlaveConnection { total_ping_timeout_seconds: Some(75.0) };
    MasterMessage::Registered(internal::SlaveRegisteredMessage {
        slave_id: v1::AgentId { value: id.into() },
        connection: Some(connection),
    })
}

pub fn reregistered(reconciliations: Vec<internal::ReconcileTasksMessage>) -> MasterMessage {
    MasterMessage::Reregistered(Box::new(internal::SlaveReregisteredMessage {
        slave_id: v1::AgentId { value: AGENT_ID.into() },
        reconciliations,
        connection: None,
    }))
}

/// Checkpoints, unless its id starts with `volatile`.
pub fn framework(id: &str) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "root".into(),
        name: id.into(),
        id: Some(v1::FrameworkId { value: id.into() }),
        checkpoint: Some(!id.starts_with("volatile")),
        ..v1::FrameworkInfo::default()
    }
}

pub fn task(id: &str, of: &str) -> v1::TaskInfo {
    let command = v1::CommandInfo { value: Some("sleep 10".into()), ..v1::CommandInfo::default() };
    v1::TaskInfo {
        name: id.into(),
        task_id: v1::TaskId { value: id.into() },
        agent_id: v1::AgentId { value: AGENT_ID.into() },
        resources: resources(of),
        command: Some(Box::new(command)),
        ..v1::TaskInfo::default()
    }
}

pub fn custom_task(id: &str, executor: &str) -> v1::TaskInfo {
    let command = v1::CommandInfo { value: Some("./executor".into()), ..v1::CommandInfo::default() };
    let executor = v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: executor.into() },
        command: Some(Box::new(command)),
        resources: resources("cpus:0.5;mem:64"),
        ..v1::ExecutorInfo::default()
    };
    v1::TaskInfo { command: None, executor: Some(Box::new(executor)), ..task(id, "cpus:1;mem:128") }
}

pub fn run(of: &str, task: v1::TaskInfo, launch_executor: Option<bool>) -> MasterMessage {
    MasterMessage::RunTask(Box::new(internal::RunTaskMessage {
        framework: framework(of),
        task,
        launch_executor,
        ..internal::RunTaskMessage::default()
    }))
}

pub fn call(framework: &str, executor: &str, kind: call::Type) -> Call {
    Call {
        executor_id: v1::ExecutorId { value: executor.into() },
        framework_id: v1::FrameworkId { value: framework.into() },
        r#type: Some(kind as i32),
        ..Call::default()
    }
}

/// An executor's word on a task; `uuid` names it.
pub fn status(task: &str, state: TaskState, uuid: u8) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: v1::TaskId { value: task.into() },
        state: state as i32,
        source: Some(Source::Executor as i32),
        uuid: Some(Bytes::copy_from_slice(&[uuid; 16])),
        ..v1::TaskStatus::default()
    }
}
