//! A small cluster for step tests: a master, its allocator, and names for agents and frameworks. Every effect is kept as
//! text; every step is followed by a look at all invariants.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_allocator::{Allocator, Settings};
use tepui_model::{Resources, Role, Time};
use tepui_proto::v1::scheduler::{Call, call};
use tepui_proto::{internal, v1};

use crate::{
    Config, Connection, Cx, Effect, FromAgent, HttpRequest, Input, Master, NewStream, Pid, RegistryOperation,
    RequestId, SchedulerCall, Ticket, Timer, ToAgent, Via,
};

/// See the module.
pub struct Cluster {
    pub master: Master,
    pub allocator: Allocator,
    pub now: Time,
    pub registry: internal::Registry,
    effects: Vec<Effect>,
    /// Registry writes that are not answered yet; answered at once unless the disk is slow.
    writes: Vec<(Ticket, RegistryOperation)>,
    slow_disk: bool,
    timers: BTreeMap<Timer, Time>,
    agents: BTreeMap<String, Machine>,
    frameworks: BTreeMap<String, Scheduler>,
    requests: u64,
}

/// An agent of the test.
#[derive(Clone, Debug)]
pub struct Machine {
    pub pid: Pid,
    pub info: v1::AgentInfo,
    /// Does not answer pings.
    pub silent: bool,
}

/// A scheduler of the test.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub info: v1::FrameworkInfo,
    pub connection: Connection,
    pub stream_id: String,
    pub actor: Option<Pid>,
}

/// A serving master with nobody around.
pub fn cluster() -> Cluster {
    Cluster::with(Config::default())
}

impl Cluster {
    pub fn with(config: Config) -> Cluster {
        let mut cluster = Cluster::elected(config);
        cluster.step(Input::RegistryRecovered(Box::default()));
        cluster.forget();
        cluster
    }

    /// A master whose registry is not read yet.
    pub fn elected(config: Config) -> Cluster {
        let info = v1::MasterInfo { id: "m".into(), ip: 0, port: 5050, ..v1::MasterInfo::default() };
        Cluster {
            master: Master::new(config, info),
            allocator: Allocator::new(Settings::new(0), Time::ZERO),
            now: Time::ZERO,
            registry: internal::Registry::default(),
            effects: Vec::new(),
            writes: Vec::new(),
            slow_disk: false,
            timers: BTreeMap::new(),
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            requests: 0,
        }
    }

    /// Takes one input, and answers what the disk and the allocator are asked.
    pub fn step(&mut self, input: Input) {
        let mut cx = Cx::at(self.now);
        self.master.step(&mut cx, input);
        for effect in &cx.effects {
            match effect {
                Effect::Persist { ticket, operation } => self.writes.push((*ticket, operation.clone())),
                Effect::Arm { timer, at } => drop(self.timers.insert(*timer, *at)),
                Effect::Disarm(timer) => drop(self.timers.remove(timer)),
                Effect::Allocator(call) => self.allocator.call(self.now, call.clone()),
                _ => {}
            }
        }
        let pinged = cx.effects.iter().filter_map(|effect| match effect {
            Effect::Send { to, message: ToAgent::Ping(_) } => Some(to.clone()),
            _ => None,
        });
        let pinged: Vec<Pid> = pinged.collect();
        self.effects.extend(cx.effects);
        assert_eq!(self.master.invariants(), Vec::<String>::new());
        assert_eq!(self.allocator.invariants(), Vec::<String>::new());
        if !self.slow_disk {
            self.write();
        }
        for from in pinged {
            if self.agents.values().any(|agent| agent.pid == from && !agent.silent) {
                self.step(Input::Agent { from, message: FromAgent::Pong(internal::PongSlaveMessage {}) });
            }
        }
    }

    /// From now on registry writes wait for [`Cluster::write`].
    pub fn slow_disk(mut self) -> Cluster {
        self.slow_disk = true;
        self
    }

    pub fn set_slow_disk(&mut self, slow: bool) {
        self.slow_disk = slow;
    }

    /// The disk does what it was asked.
    pub fn write(&mut self) {
        for (ticket, operation) in std::mem::take(&mut self.writes) {
            operation.apply(&mut self.registry);
            self.step(Input::Persisted(ticket));
        }
    }

    /// The disk fails.
    pub fn fail_writes(&mut self, why: &str) {
        for (ticket, _) in std::mem::take(&mut self.writes) {
            self.step(Input::PersistFailed { ticket, why: why.into() });
        }
    }

    /// The same registry under a new master, `m2`. Agents and schedulers are where they were.
    pub fn failover(mut self) -> Cluster {
        let config = self.master.config.clone();
        let info = v1::MasterInfo { id: "m2".into(), ..v1::MasterInfo::clone(&self.master.info) };
        self.master = Master::new(config, info);
        self.allocator = Allocator::new(Settings::new(0), self.now);
        self.timers.clear();
        self.step(Input::RegistryRecovered(Box::new(self.registry.clone())));
        self.forget();
        self
    }

    // What is seen.

    /// The effects since the last look, without counts, changes for readers and log lines.
    pub fn effects(&mut self) -> String {
        self.text(|effect| !matches!(effect, Effect::Count(_) | Effect::Changed(_) | Effect::Log(_)))
    }

    /// What schedulers, agents and HTTP clients heard since the last look, without pings and heartbeats.
    pub fn heard(&mut self) -> String {
        self.text(|effect| {
            let is_routine =
                effect.to_string().ends_with("<- Ping") || effect.to_string().ends_with("<- HEARTBEAT");
            !is_routine
                && matches!(
                    effect,
                    Effect::Event { .. }
                        | Effect::Send { .. }
                        | Effect::Answer { .. }
                        | Effect::Open { .. }
                        | Effect::Close(_)
                )
        })
    }

    /// What readers heard since the last look.
    pub fn changes(&mut self) -> String {
        self.text(|effect| matches!(effect, Effect::Changed(_)))
    }

    /// What was counted since the last look.
    pub fn counts(&mut self) -> String {
        self.text(|effect| matches!(effect, Effect::Count(_)))
    }

    /// What was logged since the last look.
    pub fn logs(&mut self) -> String {
        self.text(|effect| matches!(effect, Effect::Log(_)))
    }

    fn text(&mut self, wanted: impl Fn(&Effect) -> bool) -> String {
        let effects = std::mem::take(&mut self.effects);
        let lines = effects.iter().filter(|effect| wanted(effect)).map(|effect| format!("{effect}\n"));
        lines.collect()
    }

    pub fn raw_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub fn forget(&mut self) {
        self.effects.clear();
    }

    // Time and the allocator.

    /// Lets time pass; timers fire on their way.
    pub fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some((timer, at)) = self.next_timer().filter(|(_, at)| *at <= end) {
            self.timers.remove(&timer);
            self.now = self.now.max(at);
            self.step(Input::TimerDue(timer));
        }
        self.now = end;
    }

    /// The timers that are armed.
    pub fn armed(&self) -> impl Iterator<Item = Timer> {
        self.timers.keys().copied()
    }

    fn next_timer(&self) -> Option<(Timer, Time)> {
        let timers = self.timers.iter().map(|(timer, at)| (*timer, *at));
        timers.min_by_key(|(timer, at)| (*at, timer.serial))
    }

    /// The allocator runs, and its offers are made.
    pub fn allocate(&mut self) {
        let allocations = self.allocator.on_timer(self.now);
        if !allocations.is_empty() {
            self.step(Input::Allocated(allocations));
        }
    }

    /// Seconds pass, and the allocator runs each second.
    pub fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.advance(Duration::from_secs(1));
            self.allocate();
        }
    }

    // Agents.

    /// A registered agent. The n-th has the address `10.0.0.n`.
    pub fn agent(mut self, name: &str, resources: &str) -> Cluster {
        let message = self.introduce(name, resources);
        self.say(name, FromAgent::Register(Box::new(message)));
        self.settle(name);
        self
    }

    /// The message with which the agent would register.
    pub fn introduce(&mut self, name: &str, resources: &str) -> internal::RegisterSlaveMessage {
        let number = self.agents.len() + 1;
        let info = v1::AgentInfo {
            hostname: format!("{name}.example"),
            port: Some(5051),
            resources: Resources::parse(resources, &Role::star())
                .expect("the test's resources are valid")
                .to_wire(),
            ..v1::AgentInfo::default()
        };
        let pid = Pid::new(format!("slave(1)@10.0.0.{number}:5051"));
        self.agents.insert(name.into(), Machine { pid, info: info.clone(), silent: false });
        internal::RegisterSlaveMessage {
            slave: info,
            version: Some("1.11.0".into()),
            agent_capabilities: all_capabilities(),
            ..internal::RegisterSlaveMessage::default()
        }
    }

    fn settle(&mut self, name: &str) {
        let pid = self.agents[name].pid.clone();
        let handle = self.master.agents.by_pid.get(&pid).copied();
        if let Some(handle) = handle {
            self.agents.get_mut(name).expect("it was introduced").info.id =
                Some(self.master.agents.registered[handle].id.to_wire());
        }
        self.forget();
    }

    pub fn machine(&mut self, name: &str) -> &mut Machine {
        self.agents.get_mut(name).expect("the test's agent exists")
    }

    /// A message of an agent.
    pub fn say(&mut self, name: &str, message: FromAgent) {
        let from = self.agents[name].pid.clone();
        self.step(Input::Agent { from, message });
    }

    /// The message with which the agent would register again, nothing running.
    pub fn reintroduce(&self, name: &str) -> internal::ReregisterSlaveMessage {
        internal::ReregisterSlaveMessage {
            slave: self.agents[name].info.clone(),
            version: Some("1.11.0".into()),
            agent_capabilities: all_capabilities(),
            ..internal::ReregisterSlaveMessage::default()
        }
    }

    pub fn reregister(&mut self, name: &str, message: internal::ReregisterSlaveMessage) {
        self.say(name, FromAgent::Reregister(Box::new(message)));
    }

    /// The connection to the agent is lost, and it is not heard of any more.
    pub fn lose(&mut self, name: &str) {
        self.silence(name);
        let pid = self.agents[name].pid.clone();
        self.step(Input::Exited(pid));
    }

    /// The agent answers no more pings.
    pub fn silence(&mut self, name: &str) {
        self.agents.get_mut(name).expect("the test's agent exists").silent = true;
    }

    /// What the agent would say of its tasks: as the master has them.
    pub fn reported_tasks(&self, name: &str) -> Vec<v1::Task> {
        let handle = self.master.agents.by_pid[&self.agents[name].pid];
        let tasks = self.master.agents.registered[handle].tasks.iter();
        let task = |(framework, id): &(crate::FrameworkHandle, tepui_model::TaskId)| {
            v1::Task::clone(&self.master.frameworks.registered[*framework].tasks[id].message)
        };
        tasks.map(task).collect()
    }

    /// The same of its executors.
    pub fn reported_executors(&self, name: &str) -> Vec<v1::ExecutorInfo> {
        let handle = self.master.agents.by_pid[&self.agents[name].pid];
        let executors = self.master.agents.registered[handle].executors.iter();
        let executor = |(framework, id): &(crate::FrameworkHandle, tepui_model::ExecutorId)| {
            let executors = &self.master.frameworks.registered[*framework].executors;
            v1::ExecutorInfo::clone(&executors[&(handle, id.clone())].info)
        };
        executors.map(executor).collect()
    }

    /// The message with which the agent would register again, with everything that runs on it.
    pub fn reintroduce_busy(&self, name: &str, frameworks: &[&str]) -> internal::ReregisterSlaveMessage {
        internal::ReregisterSlaveMessage {
            frameworks: frameworks.iter().map(|framework| self.frameworks[*framework].info.clone()).collect(),
            tasks: self.reported_tasks(name),
            executor_infos: self.reported_executors(name),
            ..self.reintroduce(name)
        }
    }

    /// The same, of an agent that may not be registered now, and without frameworks that ended.
    pub fn report_if_registered(
        &self,
        name: &str,
        frameworks: &[&str],
    ) -> Option<internal::ReregisterSlaveMessage> {
        let handle = self.master.agents.by_pid.get(&self.agents[name].pid)?;
        let id = self.master.agents.registered[*handle].id.to_wire();
        let is_alive = |name: &&&str| self.master.frameworks.find(&self.framework_id(name).value).is_some();
        let frameworks: Vec<&str> = frameworks.iter().filter(is_alive).copied().collect();
        let mut report = self.reintroduce_busy(name, &frameworks);
        report.slave.id = Some(id);
        Some(report)
    }

    /// A status update of a task of the framework, with a uuid made of `number`.
    pub fn update(&mut self, agent: &str, framework: &str, task: &str, state: v1::TaskState, number: u8) {
        self.update_ahead(agent, framework, task, state, None, number);
    }

    /// The same from an agent that knows a newer state already.
    pub fn update_ahead(
        &mut self,
        agent: &str,
        framework: &str,
        task: &str,
        state: v1::TaskState,
        latest: Option<v1::TaskState>,
        number: u8,
    ) {
        let status = v1::TaskStatus {
            task_id: v1::TaskId { value: task.into() },
            state: state as i32,
            source: Some(v1::task_status::Source::Executor as i32),
            data: Some("d".into()),
            ..v1::TaskStatus::default()
        };
        let update = internal::StatusUpdate {
            framework_id: self.framework_id(framework),
            executor_id: None,
            slave_id: self.agents[agent].info.id.clone(),
            status,
            timestamp: self.now.as_secs_f64(),
            uuid: Some(uuid(number)),
            latest_state: latest.map(|state| state as i32),
        };
        let message = internal::StatusUpdateMessage { update, pid: None };
        self.say(agent, FromAgent::StatusUpdate(Box::new(message)));
    }

    // Schedulers.

    /// A framework subscribed over HTTP, in the role `*`.
    pub fn framework(self, name: &str) -> Cluster {
        self.framework_like(name, |_| {})
    }

    /// The same, described otherwise.
    pub fn framework_like(mut self, name: &str, change: impl FnOnce(&mut v1::FrameworkInfo)) -> Cluster {
        let mut info =
            v1::FrameworkInfo { user: "nobody".into(), name: name.into(), ..v1::FrameworkInfo::default() };
        change(&mut info);
        self.subscribe(name, info);
        self.forget();
        self
    }

    /// A framework that is an actor.
    pub fn actor_framework(mut self, name: &str) -> Cluster {
        let info =
            v1::FrameworkInfo { user: "nobody".into(), name: name.into(), ..v1::FrameworkInfo::default() };
        self.subscribe_actor(name, &format!("scheduler@10.1.0.1:{}", 7000 + self.frameworks.len()), info);
        self.forget();
        self
    }

    pub fn subscribe(&mut self, name: &str, info: v1::FrameworkInfo) {
        self.subscribe_with(name, info, |_| {});
    }

    pub fn subscribe_with(
        &mut self,
        name: &str,
        info: v1::FrameworkInfo,
        change: impl FnOnce(&mut call::Subscribe),
    ) {
        let request = self.next_request();
        let connection = Connection(request.0);
        let stream_id = format!("stream-{}", request.0);
        let stream = NewStream { connection, id: stream_id.clone() };
        let http =
            HttpRequest { request, acceptable: true, stream_id: None, principal: None, stream: Some(stream) };
        self.frameworks
            .insert(name.into(), Scheduler { info: info.clone(), connection, stream_id, actor: None });
        self.step_subscribe(name, info, Via::Http(http), change);
    }

    pub fn subscribe_actor(&mut self, name: &str, pid: &str, info: v1::FrameworkInfo) {
        let pid = Pid::new(pid);
        let actor = Some(pid.clone());
        let scheduler =
            Scheduler { info: info.clone(), connection: Connection(0), stream_id: String::new(), actor };
        self.frameworks.insert(name.into(), scheduler);
        self.step_subscribe(name, info, Via::Actor(pid), |_| {});
    }

    fn step_subscribe(
        &mut self,
        name: &str,
        info: v1::FrameworkInfo,
        via: Via,
        change: impl FnOnce(&mut call::Subscribe),
    ) {
        let framework_id = info.id.clone();
        let mut subscribe = call::Subscribe { framework_info: info, ..call::Subscribe::default() };
        change(&mut subscribe);
        let call = Call {
            framework_id,
            r#type: Some(call::Type::Subscribe as i32),
            subscribe: Some(Box::new(subscribe)),
            ..Call::default()
        };
        self.step(Input::Call(Box::new(SchedulerCall { call, via })));
        self.remember_id(name);
    }

    fn remember_id(&mut self, name: &str) {
        let scheduler = self.frameworks.get_mut(name).expect("it subscribed");
        let frameworks = &self.master.frameworks;
        let handle = match &scheduler.actor {
            Some(pid) => frameworks.by_pid.get(pid),
            None => frameworks.by_connection.get(&scheduler.connection),
        };
        if let Some(handle) = handle {
            scheduler.info = v1::FrameworkInfo::clone(&frameworks.registered[*handle].info);
        }
    }

    pub fn scheduler(&self, name: &str) -> &Scheduler {
        &self.frameworks[name]
    }

    pub fn framework_id(&self, name: &str) -> v1::FrameworkId {
        self.frameworks[name].info.id.clone().expect("the test's framework has subscribed")
    }

    /// A call of a framework, the way it is connected.
    pub fn call(&mut self, name: &str, r#type: call::Type, fill: impl FnOnce(&mut Call)) {
        let scheduler = self.frameworks[name].clone();
        let mut call =
            Call { framework_id: scheduler.info.id.clone(), r#type: Some(r#type as i32), ..Call::default() };
        fill(&mut call);
        let via = match scheduler.actor {
            Some(pid) => Via::Actor(pid),
            None => Via::Http(self.request(Some(scheduler.stream_id))),
        };
        self.step(Input::Call(Box::new(SchedulerCall { call, via })));
    }

    pub fn request(&mut self, stream_id: Option<String>) -> HttpRequest {
        let request = self.next_request();
        HttpRequest { request, acceptable: true, stream_id, principal: None, stream: None }
    }

    pub fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    pub fn disconnect(&mut self, name: &str) {
        let scheduler = self.frameworks[name].clone();
        match scheduler.actor {
            Some(pid) => self.step(Input::Exited(pid)),
            None => self.step(Input::Disconnected(scheduler.connection)),
        }
    }

    // The usual calls.

    pub fn accept(&mut self, name: &str, offers: &[&str], operations: Vec<v1::offer::Operation>) {
        self.call(name, call::Type::Accept, |call| {
            call.accept = Some(Box::new(call::Accept { offer_ids: ids(offers), operations, filters: None }));
        });
    }

    pub fn launch(&mut self, name: &str, offer: &str, tasks: Vec<v1::TaskInfo>) {
        self.accept(name, &[offer], vec![launch(tasks)]);
    }

    pub fn decline(&mut self, name: &str, offers: &[&str], seconds: Option<f64>) {
        self.call(name, call::Type::Decline, |call| {
            let filters = seconds.map(|seconds| v1::Filters { refuse_seconds: Some(seconds) });
            call.decline = Some(Box::new(call::Decline { offer_ids: ids(offers), filters }));
        });
    }

    pub fn acknowledge(&mut self, name: &str, agent: &str, task: &str, number: u8) {
        let agent_id = self.agents[agent].info.id.clone().expect("the agent is registered");
        self.call(name, call::Type::Acknowledge, |call| {
            let task_id = v1::TaskId { value: task.into() };
            call.acknowledge = Some(Box::new(call::Acknowledge { agent_id, task_id, uuid: uuid(number) }));
        });
    }

    pub fn kill(&mut self, name: &str, task: &str, agent: Option<&str>) {
        self.call(name, call::Type::Kill, |call| {
            let task_id = v1::TaskId { value: task.into() };
            let agent_id = agent.map(|id| v1::AgentId { value: id.into() });
            call.kill = Some(Box::new(call::Kill { task_id, agent_id, kill_policy: None }));
        });
    }

    pub fn reconcile(&mut self, name: &str, tasks: &[(&str, Option<&str>)]) {
        let task = |(task, agent): &(&str, Option<&str>)| call::reconcile::Task {
            task_id: v1::TaskId { value: (*task).into() },
            agent_id: agent.map(|id| v1::AgentId { value: id.into() }),
        };
        let tasks = tasks.iter().map(task).collect();
        self.call(name, call::Type::Reconcile, |call| call.reconcile = Some(call::Reconcile { tasks }));
    }

    /// A task of the framework runs on the agent, its first updates acknowledged.
    pub fn running(mut self, framework: &str, agent: &str, info: v1::TaskInfo) -> Cluster {
        self.allocate();
        let owner = *self.master.frameworks.by_id.get(&self.id_of(framework)).expect("it is subscribed");
        let on = self.agents[agent].pid.clone();
        let on = self.master.agents.by_pid[&on];
        let offers = self.master.agents.registered[on].offers.iter();
        let offer = offers
            .map(|offer| &self.master.offers.outstanding[*offer])
            .find(|offer| offer.framework == owner);
        let offer = offer.expect("the framework has an offer of the agent").id.to_string();
        let task = info.task_id.value.clone();
        self.launch(framework, &offer, vec![info]);
        self.update(agent, framework, &task, v1::TaskState::TaskRunning, 1);
        self.acknowledge(framework, agent, &task, 1);
        self.forget();
        self
    }

    fn id_of(&self, framework: &str) -> tepui_model::FrameworkId {
        tepui_model::FrameworkId::from_wire(&self.framework_id(framework))
            .expect("the master's ids are valid")
    }
}

/// A command task on the first agent.
pub fn task(id: &str, resources: &str) -> v1::TaskInfo {
    task_on("m-S0", id, resources)
}

pub fn task_on(agent: &str, id: &str, resources: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.into(),
        task_id: v1::TaskId { value: id.into() },
        agent_id: v1::AgentId { value: agent.into() },
        resources: Resources::parse(resources, &Role::star())
            .expect("the test's resources are valid")
            .to_wire(),
        command: Some(Box::new(v1::CommandInfo { value: Some("true".into()), ..v1::CommandInfo::default() })),
        ..v1::TaskInfo::default()
    }
}

/// The same for a custom executor.
pub fn executor_task(id: &str, resources: &str, executor: &str, executor_resources: &str) -> v1::TaskInfo {
    let resources_of =
        |text| Resources::parse(text, &Role::star()).expect("the test's resources are valid").to_wire();
    let executor = v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: executor.into() },
        command: Some(Box::default()),
        resources: resources_of(executor_resources),
        ..v1::ExecutorInfo::default()
    };
    v1::TaskInfo { command: None, executor: Some(Box::new(executor)), ..task(id, resources) }
}

pub fn launch(tasks: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch as i32),
        launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
        ..v1::offer::Operation::default()
    }
}

pub fn capability(r#type: v1::framework_info::capability::Type) -> v1::framework_info::Capability {
    v1::framework_info::Capability { r#type: Some(r#type as i32) }
}

pub fn uuid(number: u8) -> bytes::Bytes {
    vec![number; 16].into()
}

fn ids(offers: &[&str]) -> Vec<v1::OfferId> {
    offers.iter().map(|id| v1::OfferId { value: (*id).into() }).collect()
}

fn all_capabilities() -> Vec<v1::agent_info::Capability> {
    (1..=8).map(|number| v1::agent_info::Capability { r#type: Some(number) }).collect()
}
