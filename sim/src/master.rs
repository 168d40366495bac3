//! The master's process: its core, its allocator behind a delay, and the registry behind a delay. The registry outlives
//! the process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tepui_agent_core::MasterMessage;
use tepui_allocator::{Allocation, Allocator, Call, Settings};
use tepui_master_core::{
    Config, Connection, Cx, Effect, HttpRequest, Input, Master, NewStream, OperatorCall, Peer, Pid, Places,
    RegistryOperation, RequestId, SchedulerCall, Ticket, Timer, ToAgent, Via,
};
use tepui_model::Time;
use tepui_proto::{internal, v1};

use crate::event::Event;
use crate::names;
use crate::network::{LinkId, Packet, Side};
use crate::queue::Key;
use crate::text;
use crate::world::World;

/// See the module.
#[derive(Debug)]
pub(crate) struct MasterProcess {
    pub core: Option<Master>,
    /// Which process this is, from 1.
    pub life: u64,
    /// What is durable.
    pub registry: internal::Registry,
    places: Places,
    /// Asked for and not durable yet, in order.
    writes: VecDeque<(Ticket, RegistryOperation)>,
    written: Time,
    /// The next write fails.
    pub disk_fails: bool,
    pub allocator: Option<Allocator>,
    allocator_heard: Time,
    allocator_told: Time,
    /// When the allocator runs next.
    run: Option<Key>,
    timers: BTreeMap<Timer, Key>,
    requests: BTreeMap<RequestId, LinkId>,
    streams: BTreeMap<Connection, LinkId>,
    next_number: u64,
}

impl MasterProcess {
    pub fn new() -> MasterProcess {
        MasterProcess {
            core: None,
            life: 0,
            registry: internal::Registry::default(),
            places: Places::default(),
            writes: VecDeque::new(),
            written: Time::ZERO,
            disk_fails: false,
            allocator: None,
            allocator_heard: Time::ZERO,
            allocator_told: Time::ZERO,
            run: None,
            timers: BTreeMap::new(),
            requests: BTreeMap::new(),
            streams: BTreeMap::new(),
            next_number: 0,
        }
    }
}

impl World {
    pub(crate) fn master_starts(&mut self) {
        let master = &mut self.master;
        if master.core.is_some() {
            return;
        }
        master.life += 1;
        let info = v1::MasterInfo {
            id: format!("m{}", master.life),
            ip: 0x0a00_0001,
            port: 5050,
            pid: Some(names::MASTER.into()),
            ..v1::MasterInfo::default()
        };
        master.core = Some(Master::new(Config::default(), info));
        let seed = self.chance.seed();
        let settings =
            Settings { allocation_interval: self.scenario.allocation_interval, ..Settings::new(seed) };
        master.allocator = Some(Allocator::new(settings, self.now));
        self.schedule_allocator();
        let registry = Box::new(self.master.registry.clone());
        self.step_master(Input::RegistryRecovered(registry));
    }

    /// Kills the process. Of the writes under way, some have reached the disk.
    pub(crate) fn master_dies(&mut self, back_after: Duration) {
        if self.master.core.take().is_none() {
            return;
        }
        self.transcript.note(self.now, "master", "dies");
        self.counters.add("master restarts");
        let durable = self.chance.index(self.master.writes.len() + 1);
        for (_, operation) in self.master.writes.drain(..).take(durable) {
            operation.apply_at(&mut self.master.registry, &mut self.master.places);
        }
        self.master.writes.clear();
        self.master.allocator = None;
        self.master.timers.clear();
        self.master.requests.clear();
        self.master.streams.clear();
        if let Some(run) = self.master.run.take() {
            self.queue.remove(run);
        }
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.side_died(link, Side::Master);
            if let Some(link) = self.links.get_mut(&link) {
                link.stream = None;
            }
        }
        self.queue.push(self.now + back_after, Event::MasterStarts);
    }

    pub(crate) fn step_master(&mut self, input: Input) {
        let Some(core) = &mut self.master.core else { return };
        self.transcript.note(self.now, "master", text::MasterInput(&input));
        let mut cx = Cx::at(self.now);
        core.step(&mut cx, input);
        self.counters.add("master steps");
        let life = self.master.life;
        for effect in cx.effects {
            self.transcript.note(self.now, "master:", &effect);
            self.perform_for_master(effect);
            if self.master.core.is_none() || self.master.life != life {
                return;
            }
        }
    }

    fn perform_for_master(&mut self, effect: Effect) {
        match effect {
            Effect::Answer { request, answer } => {
                if let Some(link) = self.master.requests.remove(&request) {
                    self.send(link, Side::Peer, Packet::Answer(answer));
                }
            }
            Effect::Open { request, connection } => self.open_stream(request, connection),
            Effect::Event { to, event } => self.tell_scheduler(&to, event),
            Effect::Close(connection) => self.close_stream(connection),
            Effect::Send { to, message } => self.tell_agent(&to, message),
            Effect::Persist { ticket, operation } => self.write_registry(ticket, operation),
            Effect::Arm { timer, at } => {
                let life = self.master.life;
                let key = self.queue.push(at.max(self.now), Event::MasterTimer { life, timer });
                self.master.timers.insert(timer, key);
            }
            Effect::Disarm(timer) => {
                if let Some(key) = self.master.timers.remove(&timer) {
                    self.queue.remove(key);
                }
            }
            Effect::Allocator(call) => self.tell_allocator(call),
            Effect::Watch(pid) => {
                if let Some(link) = self.link_of(&pid) {
                    self.watch(link, Side::Master);
                }
            }
            Effect::Abdicate(_) => {
                self.counters.add("abdications");
                let back_after = self.chance.millis(1000..10_000);
                self.master_dies(back_after);
            }
            Effect::Changed(_) | Effect::Count(_) | Effect::Log(_) => {}
        }
    }

    fn link_of(&self, pid: &Pid) -> Option<LinkId> {
        if let Some(agent) = names::agent_at(pid.as_str()) {
            return Some(self.machines.get(agent)?.link);
        }
        let (framework, process) = names::scheduler_at(pid.as_str())?;
        self.scheduler_links.get(&(framework, process)).copied()
    }

    fn open_stream(&mut self, request: RequestId, connection: Connection) {
        let Some(id) = self.master.requests.remove(&request) else { return };
        let Some(link) = self.links.get_mut(&id) else { return };
        link.stream = Some(connection);
        self.master.streams.insert(connection, id);
        self.watch(id, Side::Master);
        self.send(id, Side::Peer, Packet::Opened { stream_id: stream_id(connection) });
    }

    fn tell_scheduler(&mut self, to: &Peer, event: Arc<v1::scheduler::Event>) {
        let link = match to {
            Peer::Http(connection) => self.master.streams.get(connection).copied(),
            Peer::Actor(pid) | Peer::Driver(pid) => self.link_of(pid),
        };
        if let Some(link) = link {
            self.send(link, Side::Peer, Packet::Event(event));
        }
    }

    fn close_stream(&mut self, connection: Connection) {
        let Some(id) = self.master.streams.remove(&connection) else { return };
        if let Some(link) = self.links.get_mut(&id)
            && link.stream == Some(connection)
        {
            link.stream = None;
            link.watched[Side::Master as usize] = false;
        }
        self.send(id, Side::Peer, Packet::End);
        let at = self.now + self.chance.micros(10..1000);
        self.queue.push(at, Event::StreamClosed { life: self.master.life, connection });
    }

    fn tell_agent(&mut self, to: &Pid, message: ToAgent) {
        let Some(link) = self.link_of(to) else { return };
        if let ToAgent::ShutdownFramework(message) = &message {
            self.ledger.write_off(&message.framework_id.value);
        }
        let message = match message {
            ToAgent::Registered(message) => MasterMessage::Registered(message),
            ToAgent::Reregistered(message) => MasterMessage::Reregistered(message),
            ToAgent::Ping(message) => MasterMessage::Ping(message),
            ToAgent::RunTask(message) => MasterMessage::RunTask(message),
            ToAgent::KillTask(message) => MasterMessage::KillTask(message),
            ToAgent::StatusUpdateAcknowledgement(message) => {
                MasterMessage::StatusUpdateAcknowledgement(message)
            }
            ToAgent::FrameworkToExecutor(message) => MasterMessage::FrameworkToExecutor(message),
            ToAgent::UpdateFramework(message) => MasterMessage::UpdateFramework(message),
            ToAgent::ShutdownFramework(message) => MasterMessage::ShutdownFramework(message),
            ToAgent::Drain(message) => MasterMessage::Drain(message),
            ToAgent::ShutdownExecutor(message) => MasterMessage::ShutdownExecutor(message),
            ToAgent::Shutdown(message) => MasterMessage::Shutdown(message),
            ToAgent::ApplyOperation(message) => MasterMessage::ApplyOperation(message),
            ToAgent::CheckpointResources(message) => MasterMessage::CheckpointResources(message),
            ToAgent::ReconcileOperations(message) => MasterMessage::ReconcileOperations(message),
            ToAgent::OperationStatusAcknowledgement(message) => {
                MasterMessage::AcknowledgeOperationStatus(message)
            }
        };
        self.send(link, Side::Peer, Packet::ToAgent(message));
    }

    fn write_registry(&mut self, ticket: Ticket, operation: RegistryOperation) {
        let at = self.master.written.max(self.now) + self.chance.millis(1..40);
        self.master.written = at;
        self.master.writes.push_back((ticket, operation));
        self.queue.push(at, Event::RegistryWrites { life: self.master.life });
    }

    pub(crate) fn registry_writes(&mut self, life: u64) {
        if life != self.master.life {
            return;
        }
        let Some((ticket, operation)) = self.master.writes.pop_front() else { return };
        if std::mem::take(&mut self.master.disk_fails) {
            self.counters.add("registry writes that failed");
            return self.step_master(Input::PersistFailed { ticket, why: "input/output error".into() });
        }
        operation.apply_at(&mut self.master.registry, &mut self.master.places);
        self.step_master(Input::Persisted(ticket));
    }

    pub(crate) fn master_timer(&mut self, life: u64, timer: Timer) {
        if life == self.master.life && self.master.timers.remove(&timer).is_some() {
            self.step_master(Input::TimerDue(timer));
        }
    }

    pub(crate) fn stream_closed(&mut self, life: u64, connection: Connection) {
        if life == self.master.life {
            self.step_master(Input::Disconnected(connection));
        }
    }

    /// A scheduler's packet.
    pub(crate) fn scheduler_reaches_master(
        &mut self,
        id: LinkId,
        framework: usize,
        process: u64,
        packet: Packet,
    ) {
        let is_http = self.schedulers[framework].is_http();
        match packet {
            Packet::Call { call, stream_id } => {
                let via = if is_http {
                    Via::Http(self.http_request(id, &call, stream_id))
                } else {
                    Via::Actor(Pid::new(names::scheduler(framework, process)))
                };
                self.step_master(Input::Call(Box::new(SchedulerCall { call: *call, via })));
            }
            Packet::Loss if is_http => {
                let stream = self.links.get_mut(&id).and_then(|link| link.stream.take());
                if let Some(connection) = stream {
                    self.master.streams.remove(&connection);
                    self.step_master(Input::Disconnected(connection));
                }
            }
            Packet::Loss => self.step_master(Input::Exited(Pid::new(names::scheduler(framework, process)))),
            other => unreachable!("a scheduler does not send {other:?}"),
        }
    }

    fn http_request(
        &mut self,
        link: LinkId,
        call: &v1::scheduler::Call,
        stream_id_sent: Option<String>,
    ) -> HttpRequest {
        self.master.next_number += 1;
        let request = RequestId(self.master.next_number);
        let stream = (call.r#type() == v1::scheduler::call::Type::Subscribe).then(|| {
            let connection = Connection(self.master.next_number);
            NewStream { connection, id: stream_id(connection) }
        });
        self.master.requests.insert(request, link);
        HttpRequest { request, acceptable: true, stream_id: stream_id_sent, principal: None, stream }
    }

    // The allocator.

    fn tell_allocator(&mut self, call: Call) {
        let at = self.master.allocator_heard.max(self.now + self.chance.micros(10..2000));
        self.master.allocator_heard = at;
        self.queue.push(at, Event::AllocatorHears { life: self.master.life, call: Box::new(call) });
    }

    pub(crate) fn allocator_hears(&mut self, life: u64, call: Call) {
        let Some(allocator) = self.master.allocator.as_mut().filter(|_| life == self.master.life) else {
            return;
        };
        allocator.call(self.now, call);
        self.schedule_allocator();
    }

    /// The allocator runs when it wants to, a little late.
    fn schedule_allocator(&mut self) {
        let Some(allocator) = &self.master.allocator else { return };
        let due = allocator.next_wakeup().max(self.now);
        if self.master.run.is_some_and(|(at, _)| at <= due + LATEST_RUN) {
            return;
        }
        if let Some(run) = self.master.run.take() {
            self.queue.remove(run);
        }
        let at = due + self.chance.micros(0..LATEST_RUN.as_micros() as u64);
        self.master.run = Some(self.queue.push(at, Event::AllocatorRuns { life: self.master.life }));
    }

    pub(crate) fn allocator_runs(&mut self, life: u64) {
        let Some(allocator) = self.master.allocator.as_mut().filter(|_| life == self.master.life) else {
            return;
        };
        self.master.run = None;
        let allocations =
            if allocator.next_wakeup() <= self.now { allocator.on_timer(self.now) } else { Vec::new() };
        self.schedule_allocator();
        if allocations.is_empty() {
            return;
        }
        let at = self.master.allocator_told.max(self.now + self.chance.millis(1..60));
        self.master.allocator_told = at;
        self.queue.push(at, Event::Allocated { life, allocations });
    }

    /// An operator ends a framework.
    pub(crate) fn operator_tears_down(&mut self, framework: &str) {
        self.counters.add("teardowns by operators");
        self.master.next_number += 1;
        let request = RequestId(self.master.next_number);
        let call =
            OperatorCall { request, principal: None, call: OperatorCall::teardown(framework.to_owned()) };
        self.step_master(Input::Operator(Box::new(call)));
    }

    pub(crate) fn allocated(&mut self, life: u64, allocations: Vec<Allocation>) {
        if life != self.master.life {
            return;
        }
        self.counters.add_many("allocations", allocations.len());
        for allocation in &allocations {
            self.transcript.note(self.now, "allocator", allocation);
        }
        self.step_master(Input::Allocated(allocations));
    }
}

/// How late the allocator's run may be.
const LATEST_RUN: Duration = Duration::from_millis(20);

fn stream_id(connection: Connection) -> String {
    format!("stream-{}", connection.0)
}
