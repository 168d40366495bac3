//! Containers and the executors in them: simple processes that call their agent, run tasks for a while, and tell of it
//! until it is acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tepui_agent_core::{
    Connection, ContainerEvent, ExecutorCall, Input, Launch, Peer, Pid, Reply, RequestId, Run,
};
use tepui_model::{ContainerId, Resources, Time, task_state};
use tepui_proto::v1::executor::{Call, Event as ExecutorEvent, call, event};
use tepui_proto::v1::{self, TaskState};

use crate::event::{Deed, Event};
use crate::names;
use crate::world::World;

/// A container that is being made or runs.
#[derive(Debug)]
pub(crate) struct Container {
    pub run: Run,
    pub checkpoints: bool,
    /// The executor's own, if the framework brought it.
    pub resources: Resources,
    runs: bool,
    temper: Temper,
    line: Line,
    /// Launched, and nothing of it acknowledged.
    untold_tasks: BTreeMap<String, v1::TaskInfo>,
    /// Told, or to be told, and not acknowledged.
    untold: Vec<v1::TaskStatus>,
    /// How many of them the last SUBSCRIBE carried.
    carried: usize,
    pub tasks: BTreeMap<String, Task>,
    launched: u64,
    ending: bool,
    /// It runs one task and ends with it.
    for_one_task: bool,
    is_actor: bool,
    last_call: Time,
    last_event: Time,
}

/// A task as a process.
#[derive(Debug)]
pub(crate) struct Task {
    pub resources: Resources,
    pub state: TaskState,
}

/// How an executor behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    Good,
    /// Dies in the middle of its first task.
    Crashes,
    /// Never calls its agent.
    Silent,
    /// Does not end when it is told to.
    Stubborn,
}

/// The connection with the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Apart { since: Time, attempts: u32 },
    Waiting { peer: Peer, since: Time, attempts: u32 },
    Subscribed(Peer),
}

/// How long an executor waits for an agent that is away.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15 * 60);

impl Container {
    fn new(launch: &Launch, temper: Temper, is_actor: bool, now: Time) -> Container {
        let for_one_task = launch.task.is_some();
        let own = if for_one_task { &[][..] } else { launch.executor.resources.as_slice() };
        Container {
            run: launch.run.clone(),
            checkpoints: launch.framework.checkpoint.unwrap_or(false),
            resources: Resources::from_wire(own).expect("the core sends valid resources").unallocated(),
            runs: false,
            temper,
            line: Line::Apart { since: now, attempts: 0 },
            untold_tasks: BTreeMap::new(),
            untold: Vec::new(),
            carried: 0,
            tasks: BTreeMap::new(),
            launched: 0,
            ending: false,
            for_one_task,
            is_actor,
            last_call: Time::ZERO,
            last_event: Time::ZERO,
        }
    }

    fn peer(&self) -> Option<&Peer> {
        match &self.line {
            Line::Apart { .. } => None,
            Line::Waiting { peer, .. } | Line::Subscribed(peer) => Some(peer),
        }
    }

    /// Tasks that are processes now.
    pub fn live_tasks(&self) -> impl Iterator<Item = (&String, &Task)> {
        self.tasks.iter().filter(|(_, task)| !task_state::is_terminal(task.state))
    }
}

impl World {
    pub(crate) fn make_container(&mut self, agent: usize, launch: Launch) {
        let bad = self.chance.per_mille(self.scenario.load.bad_executors);
        let temper = match (bad, self.chance.index(3)) {
            (false, _) => Temper::Good,
            (true, 0) => Temper::Crashes,
            (true, 1) => Temper::Silent,
            (true, _) => Temper::Stubborn,
        };
        let is_actor = self.chance.index(4) == 0;
        let id = launch.run.container.clone();
        let container = Container::new(&launch, temper, is_actor, self.now);
        self.counters.add("containers");
        if let Some(task) = &launch.task {
            let framework = launch.framework.id.clone().unwrap_or_default().value;
            self.latencies.began(framework, task.task_id.value.clone(), self.now);
        }
        let before = self.machines[agent].containers.insert(id.clone(), container);
        if before.is_some() {
            self.broken.push(format!("container {id} is made twice"));
        }
        let after = self.chance.millis(20..400);
        self.container_later(agent, id, after, Deed::Launched);
    }

    fn container_later(&mut self, agent: usize, id: ContainerId, after: Duration, deed: Deed) {
        self.queue.push(self.now + after, Event::Container { agent, id, deed });
    }

    pub(crate) fn container_does(&mut self, agent: usize, id: &ContainerId, deed: Deed) {
        if !self.machines[agent].containers.contains_key(id) {
            return;
        }
        match deed {
            Deed::Launched => self.container_launched(agent, id),
            Deed::Subscribes => self.executor_subscribes(agent, id),
            Deed::Hears { from, event } => self.executor_hears(agent, id, &from, &event),
            Deed::StreamLost(peer) => self.executor_loses_stream(agent, id, &peer),
            Deed::TaskRuns(task) => self.task_is(agent, id, &task, TaskState::TaskRunning),
            Deed::TaskEnds { task, state } => self.task_is(agent, id, &task, state),
            Deed::Idle { launched } => self.end_idle(agent, id, launched),
            Deed::Exits { status } => self.container_exits(agent, id, status),
        }
    }

    fn container_launched(&mut self, agent: usize, id: &ContainerId) {
        let fails = self.chance.per_mille(self.scenario.load.bad_executors / 2);
        if fails {
            self.forget_container(agent, id);
            let event = ContainerEvent::LaunchFailed { why: "fetch: connection refused".into() };
            return self.tell_agent_locally(
                agent,
                Duration::ZERO,
                Input::Container { id: id.clone(), event },
            );
        }
        let machine = &mut self.machines[agent];
        machine.next_number += 1;
        let pid = 1000 + machine.next_number as u32;
        let container = machine.containers.get_mut(id).expect("the caller found it");
        container.runs = true;
        if container.checkpoints && !machine.disk_full {
            machine.disk.forked(&container.run, pid);
        }
        let temper = container.temper;
        let event = ContainerEvent::Launched { pid };
        self.tell_agent_locally(agent, Duration::ZERO, Input::Container { id: id.clone(), event });
        if temper != Temper::Silent {
            let after = self.chance.millis(20..600);
            self.container_later(agent, id.clone(), after, Deed::Subscribes);
        }
    }

    pub(crate) fn update_container(&mut self, agent: usize, id: ContainerId) {
        if !self.machines[agent].containers.contains_key(&id) {
            return;
        }
        let fails = self.chance.per_mille(self.scenario.load.bad_executors / 8);
        let event = if fails {
            ContainerEvent::UpdateFailed { why: "write cpu.max: device busy".into() }
        } else {
            ContainerEvent::Updated
        };
        let after = self.chance.micros(100..10_000);
        self.tell_agent_locally(agent, after, Input::Container { id, event });
    }

    pub(crate) fn destroy_container(&mut self, agent: usize, id: &ContainerId) {
        let Some(container) = self.machines[agent].containers.get(id) else { return };
        if !container.runs {
            self.forget_container(agent, id);
            let event = ContainerEvent::LaunchFailed { why: "destroyed while it was made".into() };
            return self.tell_agent_locally(
                agent,
                Duration::ZERO,
                Input::Container { id: id.clone(), event },
            );
        }
        let after = self.chance.millis(1..80);
        self.container_later(agent, id.clone(), after, Deed::Exits { status: 9 });
    }

    fn container_exits(&mut self, agent: usize, id: &ContainerId, status: i32) {
        let peer = self.forget_container(agent, id);
        if let Some(peer) = peer {
            let after = self.chance.micros(100..20_000);
            self.tell_agent_locally(agent, after, Input::ExecutorGone(peer));
        }
        self.tell_exit(agent, id.clone(), Some(status));
    }

    /// The container and everything in it is gone; gives the stream that ended with it.
    pub(crate) fn forget_container(&mut self, agent: usize, id: &ContainerId) -> Option<Peer> {
        let machine = &mut self.machines[agent];
        let container = machine.containers.remove(id)?;
        let peer = container.peer().cloned()?;
        machine.peers.remove(&peer);
        Some(peer)
    }

    // What the executor says.

    fn executor_subscribes(&mut self, agent: usize, id: &ContainerId) {
        let machine = &mut self.machines[agent];
        let container = machine.containers.get_mut(id).expect("the caller found it");
        let Line::Apart { since, attempts } = container.line else { return };
        machine.next_number += 1;
        let peer = if container.is_actor {
            Peer::Actor(Pid::new(format!("executor@{}:{}", names::ip(agent), 10_000 + machine.next_number)))
        } else {
            Peer::Http(Connection(machine.next_number))
        };
        if machine.core.is_none() {
            container.line = Line::Waiting { peer: peer.clone(), since, attempts };
            return self.executor_loses_stream(agent, id, &peer);
        }
        container.line = Line::Waiting { peer: peer.clone(), since, attempts };
        container.carried = container.untold.len();
        machine.peers.insert(peer.clone(), id.clone());
        let subscribe = call::Subscribe {
            unacknowledged_tasks: container.untold_tasks.values().cloned().collect(),
            unacknowledged_updates: container
                .untold
                .iter()
                .map(|status| call::Update { status: status.clone() })
                .collect(),
        };
        let call = Call { subscribe: Some(Box::new(subscribe)), ..call_of(container, call::Type::Subscribe) };
        self.executor_calls(agent, id, call, peer);
    }

    fn executor_calls(&mut self, agent: usize, id: &ContainerId, call: Call, peer: Peer) {
        let latency = self.chance.micros(50..500);
        let machine = &mut self.machines[agent];
        let container = machine.containers.get_mut(id).expect("the caller found it");
        let at = container.last_call.max(self.now + latency);
        container.last_call = at;
        let is_subscribe = call.r#type() == call::Type::Subscribe;
        let call = match &peer {
            Peer::Actor(pid) => ExecutorCall::actor(call, pid.clone()),
            Peer::Driver(pid) => ExecutorCall::driver(call, pid.clone()),
            Peer::Http(stream) => {
                machine.next_number += 1;
                let request = RequestId(machine.next_number);
                machine.requests.insert(request, (id.clone(), peer.clone()));
                ExecutorCall::http(call, request, is_subscribe.then_some(*stream))
            }
        };
        let input = Box::new(Input::Executor(Box::new(call)));
        self.queue.push(at, Event::Agent { agent, life: machine.life, input });
    }

    pub(crate) fn reply_to_executor(&mut self, agent: usize, request: RequestId, reply: &Reply) {
        let Some((id, peer)) = self.machines[agent].requests.remove(&request) else { return };
        match reply {
            Reply::Subscribed | Reply::Accepted => {}
            Reply::BadRequest(_) | Reply::Forbidden(_) | Reply::NotImplemented(_) | Reply::Unavailable(_) => {
                self.counters.add("calls of executors that were refused");
                let after = self.chance.micros(50..500);
                self.container_later(agent, id, after, Deed::StreamLost(peer));
            }
        }
    }

    pub(crate) fn tell_executor(&mut self, agent: usize, to: &Peer, event: Arc<ExecutorEvent>) {
        let Some(id) = self.machines[agent].peers.get(to).cloned() else { return };
        self.executor_later(agent, id, |from| Deed::Hears { from, event }, to);
    }

    pub(crate) fn close_executor_stream(&mut self, agent: usize, peer: &Peer) {
        if let Some(id) = self.machines[agent].peers.remove(peer) {
            self.executor_later(agent, id, Deed::StreamLost, peer);
        }
    }

    /// In order, behind everything that the agent said to the executor before.
    fn executor_later(
        &mut self,
        agent: usize,
        id: ContainerId,
        deed: impl FnOnce(Peer) -> Deed,
        peer: &Peer,
    ) {
        let latency = self.chance.micros(50..500);
        let Some(container) = self.machines[agent].containers.get_mut(&id) else { return };
        let at = container.last_event.max(self.now + latency);
        container.last_event = at;
        self.queue.push(at, Event::Container { agent, id, deed: deed(peer.clone()) });
    }

    /// The stream breaks; both ends notice.
    pub(crate) fn break_executor_stream(&mut self, agent: usize, id: &ContainerId) {
        let Some(container) = self.machines[agent].containers.get(id) else { return };
        let Some(peer) = container.peer().cloned() else { return };
        self.counters.add("streams of executors that broke");
        self.machines[agent].peers.remove(&peer);
        let after = self.chance.micros(100..20_000);
        self.tell_agent_locally(agent, after, Input::ExecutorGone(peer.clone()));
        self.container_later(agent, id.clone(), after, Deed::StreamLost(peer));
    }

    fn executor_loses_stream(&mut self, agent: usize, id: &ContainerId, lost: &Peer) {
        let machine = &mut self.machines[agent];
        let container = machine.containers.get_mut(id).expect("the caller found it");
        let (since, attempts) = match &container.line {
            Line::Subscribed(peer) if peer == lost => (self.now, 0),
            Line::Waiting { peer, since, attempts } if peer == lost => (*since, attempts + 1),
            Line::Apart { .. } | Line::Waiting { .. } | Line::Subscribed(_) => return,
        };
        container.line = Line::Apart { since, attempts };
        let gives_up = (!container.checkpoints && container.launched > 0)
            || self.now.since(since) >= RECOVERY_TIMEOUT
            || container.ending;
        if machine.peers.remove(lost).is_some() {
            self.tell_agent_locally(agent, Duration::from_micros(50), Input::ExecutorGone(lost.clone()));
        }
        if gives_up {
            let after = self.chance.millis(1..200);
            return self.container_later(agent, id.clone(), after, Deed::Exits { status: 1 << 8 });
        }
        let pause =
            Duration::from_millis(100).saturating_mul(1 << attempts.min(4)).min(Duration::from_secs(1));
        self.container_later(agent, id.clone(), pause, Deed::Subscribes);
    }

    // What the executor hears.

    fn executor_hears(&mut self, agent: usize, id: &ContainerId, from: &Peer, event: &ExecutorEvent) {
        let container = self.machines[agent].containers.get_mut(id).expect("the caller found it");
        if container.peer() != Some(from) {
            return;
        }
        match event.r#type() {
            event::Type::Subscribed => self.executor_subscribed(agent, id, from),
            event::Type::Launch => {
                if let Some(launch) = &event.launch {
                    self.task_starts(agent, id, &launch.task);
                }
            }
            event::Type::Kill => {
                if let Some(kill) = &event.kill {
                    let task = kill.task_id.value.clone();
                    let after = self.chance.millis(5..3000);
                    let deed = Deed::TaskEnds { task, state: TaskState::TaskKilled };
                    self.container_later(agent, id.clone(), after, deed);
                }
            }
            event::Type::Acknowledged => {
                if let Some(acknowledged) = &event.acknowledged {
                    self.executor_acknowledged(agent, id, acknowledged);
                }
            }
            event::Type::Shutdown => self.executor_told_to_end(agent, id),
            event::Type::LaunchGroup
            | event::Type::Message
            | event::Type::Error
            | event::Type::Heartbeat
            | event::Type::Unknown => {}
        }
    }

    /// What happened since SUBSCRIBE was sent is told now.
    fn executor_subscribed(&mut self, agent: usize, id: &ContainerId, from: &Peer) {
        let container = self.machines[agent].containers.get_mut(id).expect("the caller found it");
        container.line = Line::Subscribed(from.clone());
        for status in container.untold.split_off(container.carried.min(container.untold.len())) {
            self.tell_update(agent, id, status);
        }
    }

    fn task_starts(&mut self, agent: usize, id: &ContainerId, info: &v1::TaskInfo) {
        let task = info.task_id.value.clone();
        let resources = Resources::from_wire(&info.resources).expect("the core sends valid resources");
        self.begin_in_ledger(agent, id, &task, &resources.unallocated());
        let container = self.machines[agent].containers.get_mut(id).expect("the caller found it");
        container.launched += 1;
        container.untold_tasks.insert(task.clone(), info.clone());
        let entry = Task { resources: resources.unallocated(), state: TaskState::TaskStaging };
        container.tasks.insert(task.clone(), entry);
        let temper = container.temper;
        self.task_is(agent, id, &task, TaskState::TaskStarting);
        let after = self.chance.millis(5..300);
        self.container_later(agent, id.clone(), after, Deed::TaskRuns(task.clone()));
        let longest = self.scenario.load.longest_task.as_millis() as u64;
        let after = after + self.chance.millis(500..longest);
        if temper == Temper::Crashes {
            return self.container_later(agent, id.clone(), after, Deed::Exits { status: 11 });
        }
        let fails = self.chance.per_mille(self.scenario.load.failed);
        let state = if fails { TaskState::TaskFailed } else { TaskState::TaskFinished };
        self.container_later(agent, id.clone(), after, Deed::TaskEnds { task, state });
    }

    /// A task changes its state, and the agent is told until it acknowledges.
    fn task_is(&mut self, agent: usize, id: &ContainerId, task: &str, state: TaskState) {
        let uuid = self.chance.uuid();
        let container = self.machines[agent].containers.get_mut(id).expect("the caller found it");
        let Some(known) = container.tasks.get_mut(task) else { return };
        if task_state::is_terminal(known.state) {
            return;
        }
        known.state = state;
        let status = v1::TaskStatus {
            task_id: v1::TaskId { value: task.into() },
            state: state as i32,
            source: Some(v1::task_status::Source::Executor as i32),
            uuid: Some(uuid),
            timestamp: Some(self.now.as_secs_f64()),
            ..v1::TaskStatus::default()
        };
        self.tell_update(agent, id, status);
    }

    fn tell_update(&mut self, agent: usize, id: &ContainerId, status: v1::TaskStatus) {
        let container = self.machines[agent].containers.get_mut(id).expect("the caller found it");
        container.untold.push(status.clone());
        if let Line::Subscribed(peer) = container.line.clone() {
            let update = Some(Box::new(call::Update { status }));
            let call = Call { update, ..call_of(container, call::Type::Update) };
            self.executor_calls(agent, id, call, peer);
        }
    }

    fn executor_acknowledged(&mut self, agent: usize, id: &ContainerId, acknowledged: &event::Acknowledged) {
        let container = self.machines[agent].containers.get_mut(id).expect("the caller found it");
        container.untold_tasks.remove(&acknowledged.task_id.value);
        let position =
            container.untold.iter().position(|status| status.uuid.as_ref() == Some(&acknowledged.uuid));
        let Some(position) = position else { return };
        let status = container.untold.remove(position);
        container.carried -= usize::from(position < container.carried);
        let idle = container.untold.is_empty() && container.live_tasks().next().is_none();
        let (for_one_task, launched) = (container.for_one_task, container.launched);
        let (framework, checkpoints) = (container.run.framework.clone(), container.checkpoints);
        if task_state::is_terminal(status.state()) && checkpoints {
            self.promise(&framework, &status);
        }
        if !idle {
            return;
        }
        if for_one_task {
            let after = self.chance.millis(1..1000);
            self.container_later(agent, id.clone(), after, Deed::Exits { status: 0 });
        } else {
            let after = self.chance.millis(2000..40_000);
            self.container_later(agent, id.clone(), after, Deed::Idle { launched });
        }
    }

    fn end_idle(&mut self, agent: usize, id: &ContainerId, launched: u64) {
        let container = self.machines[agent].containers.get_mut(id).expect("the caller found it");
        if container.launched == launched {
            self.container_exits(agent, id, 0);
        }
    }

    fn executor_told_to_end(&mut self, agent: usize, id: &ContainerId) {
        let container = self.machines[agent].containers.get_mut(id).expect("the caller found it");
        if container.temper == Temper::Stubborn || container.ending {
            return;
        }
        container.ending = true;
        let live: Vec<String> = container.live_tasks().map(|(task, _)| task.clone()).collect();
        for task in live {
            self.task_is(agent, id, &task, TaskState::TaskKilled);
        }
        let after = self.chance.millis(50..3000);
        self.container_later(agent, id.clone(), after, Deed::Exits { status: 0 });
    }
}

fn call_of(container: &Container, kind: call::Type) -> Call {
    Call {
        executor_id: container.run.executor.to_wire(),
        framework_id: container.run.framework.to_wire(),
        r#type: Some(kind as i32),
        ..Call::default()
    }
}
