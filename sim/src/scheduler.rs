//! Frameworks: seeded schedulers with jobs to place. One is an actor, or subscribes over HTTP; what it believes of its
//! tasks comes from the master alone, and outlives its process.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tepui_master_core::Answer;
use tepui_model::{Resources, Role, Time, task_state};
use tepui_proto::v1::scheduler::{Call, Event as SchedulerEvent, call, event};
use tepui_proto::v1::{self, TaskState};

use crate::event::{Event, Plan};
use crate::names;
use crate::network::{End, Link, LinkId, Packet, Side};
use crate::text;
use crate::world::World;

/// One framework.
#[derive(Debug)]
pub(crate) struct Scheduler {
    pub number: usize,
    /// Which process, from 1; a new one takes over from the one before.
    pub process: u64,
    pub link: LinkId,
    pub id: Option<v1::FrameworkId>,
    /// How often it began anew.
    incarnation: u64,
    line: Line,
    attempt: u64,
    /// When the master was heard last.
    heard: Time,
    stream_id: Option<String>,
    ending: bool,
    jobs: VecDeque<Job>,
    /// Not answered yet.
    offers: Vec<v1::Offer>,
    suppressed: bool,
    launched: u64,
    pub tasks: BTreeMap<String, Believed>,
}

/// The subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Apart,
    Waiting,
    Subscribed,
}

/// Tasks to launch.
#[derive(Debug)]
struct Job {
    resources: Resources,
    left: u64,
}

/// What a scheduler knows of a task it launched.
#[derive(Debug)]
pub(crate) struct Believed {
    pub agent: String,
    pub state: TaskState,
    /// The newest state that came with a uuid: what the task's agent said, in its order.
    said: Option<(TaskState, bytes::Bytes)>,
}

impl Scheduler {
    pub fn new(number: usize) -> Scheduler {
        Scheduler {
            number,
            process: 0,
            link: 0,
            id: None,
            incarnation: 0,
            line: Line::Apart,
            attempt: 0,
            heard: Time::ZERO,
            stream_id: None,
            ending: false,
            jobs: VecDeque::new(),
            offers: Vec::new(),
            suppressed: false,
            launched: 0,
            tasks: BTreeMap::new(),
        }
    }

    pub fn is_http(&self) -> bool {
        self.number % 3 != 2
    }

    pub fn is_subscribed(&self) -> bool {
        self.line == Line::Subscribed
    }

    fn brings_executor(&self) -> bool {
        self.number % 4 == 1
    }

    pub fn checkpoints(&self, some_do_not: bool) -> bool {
        !(some_do_not && self.number % 10 == 3)
    }

    fn info(&self, some_do_not_checkpoint: bool) -> v1::FrameworkInfo {
        use v1::framework_info::capability::Type::{MultiRole, PartitionAware};
        let role = ["web", "batch", "data", "ops", "*"][self.number % 5];
        let mut capabilities = vec![MultiRole];
        if self.number.is_multiple_of(2) {
            capabilities.push(PartitionAware);
        }
        let capability = |kind| v1::framework_info::Capability { r#type: Some(kind as i32) };
        v1::FrameworkInfo {
            user: "nobody".into(),
            name: format!("framework{}", self.number),
            id: self.id.clone(),
            failover_timeout: Some(if self.number % 5 == 4 { 20.0 } else { 604_800.0 }),
            checkpoint: Some(self.checkpoints(some_do_not_checkpoint)),
            roles: vec![role.into()],
            capabilities: capabilities.into_iter().map(capability).collect(),
            ..v1::FrameworkInfo::default()
        }
    }
}

impl World {
    /// A new process; one before it is not ended but forgotten, and notices later.
    pub(crate) fn scheduler_starts(&mut self, framework: usize) {
        let id = self.next_link;
        self.next_link += 1;
        let scheduler = &mut self.schedulers[framework];
        let old = scheduler.link;
        scheduler.process += 1;
        let process = scheduler.process;
        scheduler.link = id;
        scheduler.line = Line::Apart;
        scheduler.stream_id = None;
        scheduler.offers.clear();
        self.links.insert(id, Link::new(End::Scheduler { framework, process }));
        self.scheduler_links.insert((framework, process), id);
        if process > 1 {
            let at = self.now + self.chance.millis(0..20_000);
            self.queue.push(at, Event::OldSchedulerDies(old));
        }
        let soon = self.chance.millis(0..2000);
        self.scheduler_later(framework, soon, Plan::Subscribe);
        let soon = self.chance.millis(2000..20_000);
        self.scheduler_later(framework, soon, Plan::Job);
        self.plan_reconciliation(framework);
    }

    fn scheduler_later(&mut self, framework: usize, after: Duration, deed: Plan) {
        let process = self.schedulers[framework].process;
        self.queue.push(self.now + after, Event::Scheduler { framework, process, deed });
    }

    fn plan_reconciliation(&mut self, framework: usize) {
        let after = self.chance.millis(60_000..240_000);
        self.scheduler_later(framework, after, Plan::Reconcile);
    }

    pub(crate) fn scheduler_does(&mut self, framework: usize, process: u64, deed: Plan) {
        let scheduler = &self.schedulers[framework];
        if scheduler.process != process {
            return;
        }
        match deed {
            Plan::Subscribe => self.scheduler_subscribes(framework),
            Plan::GiveUpSubscribing { attempt } => {
                if scheduler.line == Line::Waiting && scheduler.attempt == attempt {
                    self.scheduler_gives_up(framework);
                }
            }
            Plan::Listen { attempt } => self.listen(framework, attempt),
            Plan::AnswerOffers => self.answer_offers(framework),
            Plan::Job => self.new_job(framework),
            Plan::Kill(task) => self.kill(framework, &task),
            Plan::Reconcile => {
                self.plan_reconciliation(framework);
                self.reconcile(framework);
            }
            Plan::TornDown => {
                if scheduler.ending {
                    self.begin_anew(framework);
                }
            }
        }
    }

    fn scheduler_subscribes(&mut self, framework: usize) {
        let some_do_not_checkpoint = self.scenario.load.some_do_not_checkpoint;
        let scheduler = &mut self.schedulers[framework];
        if scheduler.line != Line::Apart {
            return;
        }
        scheduler.line = Line::Waiting;
        scheduler.attempt += 1;
        scheduler.stream_id = None;
        let (attempt, link) = (scheduler.attempt, scheduler.link);
        let subscribe = call::Subscribe {
            framework_info: scheduler.info(some_do_not_checkpoint),
            ..call::Subscribe::default()
        };
        let call =
            Call { subscribe: Some(Box::new(subscribe)), ..self.call_of(framework, call::Type::Subscribe) };
        self.counters.add("subscriptions asked for");
        self.send_call(framework, call);
        self.watch(link, Side::Peer);
        let after = self.chance.millis(3000..8000);
        self.scheduler_later(framework, after, Plan::GiveUpSubscribing { attempt });
    }

    fn scheduler_gives_up(&mut self, framework: usize) {
        let link = self.schedulers[framework].link;
        if let Some(link) = self.links.get_mut(&link) {
            link.watched[Side::Peer as usize] = false;
        }
        self.break_connection(link);
        self.scheduler_is_apart(framework);
    }

    fn scheduler_is_apart(&mut self, framework: usize) {
        let scheduler = &mut self.schedulers[framework];
        scheduler.line = Line::Apart;
        scheduler.stream_id = None;
        scheduler.offers.clear();
        let after = self.chance.millis(50..3000);
        self.scheduler_later(framework, after, Plan::Subscribe);
    }

    fn call_of(&self, framework: usize, kind: call::Type) -> Call {
        Call {
            framework_id: self.schedulers[framework].id.clone(),
            r#type: Some(kind as i32),
            ..Call::default()
        }
    }

    fn send_call(&mut self, framework: usize, call: Call) {
        let scheduler = &self.schedulers[framework];
        let (link, stream_id) = (scheduler.link, scheduler.stream_id.clone());
        let name = call.r#type().as_str_name();
        self.transcript.note(self.now, text::Framework(framework), name);
        self.send(link, Side::Master, Packet::Call { call: Box::new(call), stream_id });
    }

    // What it hears.

    /// Heartbeats come four times a minute; without any for a minute the master is gone, or does not know us.
    fn listen(&mut self, framework: usize, attempt: u64) {
        let scheduler = &self.schedulers[framework];
        if !scheduler.is_subscribed() || scheduler.attempt != attempt {
            return;
        }
        if self.now.since(scheduler.heard) > Duration::from_secs(60) {
            self.counters.add("schedulers that heard nothing");
            return self.scheduler_gives_up(framework);
        }
        self.scheduler_later(framework, Duration::from_secs(20), Plan::Listen { attempt });
    }

    pub(crate) fn scheduler_hears(&mut self, framework: usize, packet: Packet) {
        self.schedulers[framework].heard = self.now;
        match packet {
            Packet::Opened { stream_id } => self.schedulers[framework].stream_id = Some(stream_id),
            Packet::Event(event) => self.scheduler_event(framework, &event),
            Packet::Answer(answer) => self.scheduler_answered(framework, &answer),
            Packet::End
                if self.schedulers[framework].ending && self.schedulers[framework].is_subscribed() =>
            {
                self.begin_anew(framework);
            }
            Packet::End | Packet::Loss => {
                if self.schedulers[framework].line != Line::Apart {
                    self.scheduler_is_apart(framework);
                }
            }
            other => unreachable!("a master does not send {other:?} to schedulers"),
        }
    }

    fn scheduler_answered(&mut self, framework: usize, answer: &Answer) {
        if answer.status < 300 {
            return;
        }
        self.counters.add("calls of schedulers that were refused");
        self.transcript.note(
            self.now,
            text::Framework(framework),
            format_args!("is refused: {}", answer.body),
        );
        if self.schedulers[framework].line != Line::Apart {
            self.scheduler_gives_up(framework);
        }
    }

    fn scheduler_event(&mut self, framework: usize, event: &SchedulerEvent) {
        match event.r#type() {
            event::Type::Subscribed => {
                if let Some(subscribed) = &event.subscribed {
                    self.subscribed(framework, subscribed.framework_id.clone());
                }
            }
            event::Type::Offers => {
                let offers = event.offers.iter().flat_map(|offers| &offers.offers);
                self.offered(framework, offers);
            }
            event::Type::Rescind => {
                let id = event.rescind.as_ref().map(|rescind| &rescind.offer_id);
                // Sometimes the answer is on its way already.
                if self.chance.index(4) > 0 {
                    self.schedulers[framework].offers.retain(|offer| Some(&offer.id) != id);
                }
            }
            event::Type::Update => {
                if let Some(update) = &event.update {
                    self.scheduler_updated(framework, &update.status);
                }
            }
            event::Type::Error => {
                let message = event.error.as_ref().map_or("", |error| error.message.as_str());
                self.scheduler_told_error(framework, message);
            }
            event::Type::Unknown
            | event::Type::InverseOffers
            | event::Type::RescindInverseOffer
            | event::Type::UpdateOperationStatus
            | event::Type::Message
            | event::Type::Failure
            | event::Type::Heartbeat => {}
        }
    }

    fn subscribed(&mut self, framework: usize, id: v1::FrameworkId) {
        let scheduler = &mut self.schedulers[framework];
        if scheduler.line != Line::Waiting {
            return;
        }
        self.counters.add("subscriptions");
        scheduler.id = Some(id.clone());
        scheduler.line = Line::Subscribed;
        let attempt = scheduler.attempt;
        scheduler.suppressed = false;
        self.scheduler_later(framework, Duration::from_secs(20), Plan::Listen { attempt });
        self.ledger.lives(&id.value, framework);
        if self.schedulers[framework].ending {
            return self.tear_down(framework);
        }
        self.reconcile(framework);
        self.suppress_if_idle(framework);
    }

    fn scheduler_told_error(&mut self, framework: usize, message: &str) {
        if message.contains("has been removed") {
            self.counters.add("frameworks that came back too late");
            return self.begin_anew(framework);
        }
        if message.contains("failed over") {
            // By a call of a process before this one, which was late. It goes with its end.
            self.counters.add("schedulers that were replaced by older ones");
            return self.scheduler_gives_up(framework);
        }
        self.broken.push(format!("framework{framework} is told: {message}"));
    }

    // Offers.

    fn offered<'a>(&mut self, framework: usize, offers: impl Iterator<Item = &'a v1::Offer>) {
        let scheduler = &mut self.schedulers[framework];
        if !scheduler.is_subscribed() || scheduler.ending {
            return;
        }
        let is_first = scheduler.offers.is_empty();
        scheduler.offers.extend(offers.cloned());
        if is_first {
            let after = self.chance.millis(1..1500);
            self.scheduler_later(framework, after, Plan::AnswerOffers);
        }
    }

    fn new_job(&mut self, framework: usize) {
        if self.is_calm() {
            return self.schedulers[framework].jobs.clear();
        }
        let every = self.scenario.load.job_every;
        let after = self.chance.about(every);
        self.scheduler_later(framework, after, Plan::Job);
        let (cpus, mem) = (self.chance.number(1..25), self.chance.number(1..33) * 32);
        let resources = format!("cpus:{}.{};mem:{mem}", cpus / 10, cpus % 10);
        let resources = Resources::parse(&resources, &Role::star()).expect("it is well-formed");
        let left = self.chance.number(1..self.scenario.load.tasks_per_job + 1);
        let scheduler = &mut self.schedulers[framework];
        scheduler.jobs.push_back(Job { resources, left });
        if scheduler.is_subscribed() && !scheduler.ending && scheduler.suppressed {
            scheduler.suppressed = false;
            let call = self.call_of(framework, call::Type::Revive);
            self.send_call(framework, call);
        }
    }

    fn suppress_if_idle(&mut self, framework: usize) {
        let calm = self.is_calm();
        let scheduler = &mut self.schedulers[framework];
        if calm {
            scheduler.jobs.clear();
        }
        if scheduler.jobs.is_empty() && !scheduler.suppressed {
            scheduler.suppressed = true;
            let call = self.call_of(framework, call::Type::Suppress);
            self.send_call(framework, call);
        }
    }

    fn answer_offers(&mut self, framework: usize) {
        let offers = std::mem::take(&mut self.schedulers[framework].offers);
        if !self.schedulers[framework].is_subscribed() || self.schedulers[framework].ending {
            return;
        }
        if self.is_calm() {
            self.schedulers[framework].jobs.clear();
        }
        let mut declined = Vec::new();
        for offer in offers {
            let tasks = self.tasks_for(framework, &offer);
            if tasks.is_empty() {
                declined.push(offer.id);
            } else {
                self.accept(framework, offer.id, tasks);
            }
        }
        if !declined.is_empty() {
            self.decline(framework, declined);
        }
        self.suppress_if_idle(framework);
    }

    /// As many waiting tasks as fit into an offer, up to a few.
    fn tasks_for(&mut self, framework: usize, offer: &v1::Offer) -> Vec<v1::TaskInfo> {
        const PER_OFFER: usize = 6;
        let mut room = Resources::from_wire(&offer.resources).unwrap_or_default().unallocated();
        let scheduler = &mut self.schedulers[framework];
        let executor = scheduler.brings_executor().then(own_executor);
        let mut tasks = Vec::new();
        while tasks.len() < PER_OFFER {
            let Some(job) = scheduler.jobs.front_mut() else { break };
            let mut needs = job.resources.clone();
            if executor.is_some() && tasks.is_empty() && offer.executor_ids.is_empty() {
                needs += &executor_resources();
            }
            if !room.contains(&needs) {
                break;
            }
            room -= &needs;
            job.left -= 1;
            scheduler.launched += 1;
            let id = format!("f{framework}.{}-t{}", scheduler.incarnation, scheduler.launched);
            tasks.push(task_info(id, offer, &job.resources, executor.as_ref()));
            if job.left == 0 {
                scheduler.jobs.pop_front();
            }
        }
        tasks
    }

    fn accept(&mut self, framework: usize, offer: v1::OfferId, tasks: Vec<v1::TaskInfo>) {
        for task in &tasks {
            self.counters.add("tasks launched");
            let believed =
                Believed { agent: task.agent_id.value.clone(), state: TaskState::TaskStaging, said: None };
            let id = task.task_id.value.clone();
            if self.chance.per_mille(self.scenario.load.killed) {
                let longest = self.scenario.load.longest_task.as_millis() as u64;
                let after = self.chance.millis(0..longest);
                self.scheduler_later(framework, after, Plan::Kill(id.clone()));
            }
            if let (Some(of), None) = (&self.schedulers[framework].id, &task.executor) {
                self.latencies.accepted(of.value.clone(), id.clone(), self.now);
            }
            self.schedulers[framework].tasks.insert(id, believed);
        }
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
            ..v1::offer::Operation::default()
        };
        let filters = Some(v1::Filters { refuse_seconds: Some(self.chance.number(1..60) as f64) });
        let accept = call::Accept { offer_ids: vec![offer], operations: vec![launch], filters };
        let call = Call { accept: Some(Box::new(accept)), ..self.call_of(framework, call::Type::Accept) };
        self.counters.add("offers accepted");
        self.send_call(framework, call);
    }

    fn decline(&mut self, framework: usize, offers: Vec<v1::OfferId>) {
        self.counters.add_many("offers declined", offers.len());
        let filters = Some(v1::Filters { refuse_seconds: Some(self.chance.number(60..600) as f64) });
        let decline = call::Decline { offer_ids: offers, filters };
        let call = Call { decline: Some(Box::new(decline)), ..self.call_of(framework, call::Type::Decline) };
        self.send_call(framework, call);
    }

    // Tasks.

    fn scheduler_updated(&mut self, framework: usize, status: &v1::TaskStatus) {
        self.counters.add("updates");
        self.believe(framework, status);
        let Some(uuid) = status.uuid.clone() else { return };
        self.ledger.told(&uuid);
        // A scheduler that dies while it handles an update does not acknowledge it.
        if self.chance.per_mille(5) {
            return;
        }
        let acknowledge = call::Acknowledge {
            agent_id: status.agent_id.clone().unwrap_or_default(),
            task_id: status.task_id.clone(),
            uuid,
        };
        let call = self.call_of(framework, call::Type::Acknowledge);
        self.send_call(framework, Call { acknowledge: Some(Box::new(acknowledge)), ..call });
    }

    fn believe(&mut self, framework: usize, status: &v1::TaskStatus) {
        let id = &status.task_id.value;
        let state = status.state();
        let may_forget = self.may_forget(framework) || status.message() == "Cannot find executor";
        let Some(believed) = self.schedulers[framework].tasks.get_mut(id) else {
            return self
                .broken
                .push(format!("framework{framework} is told of {id}, which it never launched"));
        };
        if let Some(uuid) = &status.uuid {
            if let Some((before, known)) = &believed.said
                && known != uuid
                && rank(*before) >= rank(state)
            {
                if may_forget && is_of_nothing(status) {
                    self.counters.add("ends that were told again otherwise");
                    return;
                }
                let (before, after) = (before.as_str_name(), state.as_str_name());
                self.broken
                    .push(format!("framework{framework} is told {after} of {id} after {before}: {status:?}"));
            }
            let is_new = believed.said.as_ref().is_none_or(|(_, known)| known != uuid);
            if is_new && task_state::is_terminal(state) {
                self.counters.add(ended_as(state));
            }
            believed.said = Some((state, uuid.clone()));
        }
        let has_said_end = believed.said.as_ref().is_some_and(|(said, _)| task_state::is_terminal(*said));
        if status.uuid.is_some() || !has_said_end {
            believed.state = state;
        }
    }

    /// Whether an agent may not know after a crash what it said of the framework's tasks: what is not on disk is not known.
    fn may_forget(&self, framework: usize) -> bool {
        let checkpoints = self.schedulers[framework].checkpoints(self.scenario.load.some_do_not_checkpoint);
        !checkpoints || self.counters.get("checkpoints that failed") > 0
    }

    fn kill(&mut self, framework: usize, task: &str) {
        let scheduler = &self.schedulers[framework];
        let Some(believed) = scheduler.tasks.get(task) else { return };
        if !scheduler.is_subscribed() || scheduler.ending || has_ended(believed.state) {
            return;
        }
        let kill = call::Kill {
            task_id: v1::TaskId { value: task.into() },
            agent_id: Some(v1::AgentId { value: believed.agent.clone() }),
            kill_policy: None,
        };
        let call = Call { kill: Some(Box::new(kill)), ..self.call_of(framework, call::Type::Kill) };
        self.counters.add("kills");
        self.send_call(framework, call);
    }

    /// Asks how everything is, and how each task is that should live.
    fn reconcile(&mut self, framework: usize) {
        let scheduler = &self.schedulers[framework];
        if !scheduler.is_subscribed() || scheduler.ending {
            return;
        }
        let live = scheduler.tasks.iter().filter(|(_, believed)| !has_ended(believed.state));
        let tasks: Vec<_> = live
            .map(|(id, believed)| call::reconcile::Task {
                task_id: v1::TaskId { value: id.clone() },
                agent_id: Some(v1::AgentId { value: believed.agent.clone() }),
            })
            .collect();
        let is_idle = tasks.is_empty();
        let everything = call::Reconcile { tasks: Vec::new() };
        for question in [everything, call::Reconcile { tasks }].into_iter().take(if is_idle { 1 } else { 2 })
        {
            let call = Call { reconcile: Some(question), ..self.call_of(framework, call::Type::Reconcile) };
            self.send_call(framework, call);
        }
    }

    // Endings.

    /// The framework is to end; it goes on trying until it has.
    pub(crate) fn end_framework(&mut self, framework: usize) {
        let scheduler = &mut self.schedulers[framework];
        if scheduler.ending {
            return;
        }
        scheduler.ending = true;
        scheduler.jobs.clear();
        if scheduler.is_subscribed() {
            self.tear_down(framework);
        }
    }

    fn tear_down(&mut self, framework: usize) {
        self.counters.add("teardowns");
        let call = self.call_of(framework, call::Type::Teardown);
        self.send_call(framework, call);
        if !self.schedulers[framework].is_http() {
            self.scheduler_later(framework, Duration::from_secs(20), Plan::TornDown);
        }
    }

    fn begin_anew(&mut self, framework: usize) {
        let life = self.master.life;
        let scheduler = &mut self.schedulers[framework];
        if let Some(id) = scheduler.id.take() {
            self.ledger.ended(&id.value, life);
        }
        scheduler.ending = false;
        scheduler.incarnation += 1;
        scheduler.launched = 0;
        scheduler.tasks.clear();
        scheduler.jobs.clear();
        scheduler.suppressed = false;
        self.scheduler_starts(framework);
    }

    /// The process that was replaced is gone.
    pub(crate) fn old_scheduler_dies(&mut self, link: LinkId) {
        self.side_died(link, Side::Peer);
    }

    /// What a framework was replaced by takes over.
    pub(crate) fn fail_over_framework(&mut self, framework: usize) {
        self.counters.add("framework failovers");
        self.transcript.note(self.now, text::Framework(framework), "fails over");
        self.scheduler_starts(framework);
    }

    /// The scheduler at an address, for tests.
    pub(crate) fn scheduler_name(&self, framework: usize) -> String {
        names::scheduler(framework, self.schedulers[framework].process)
    }
}

/// Where a state stands in the order in which an agent tells them.
fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::TaskStaging => 0,
        TaskState::TaskStarting => 1,
        TaskState::TaskRunning => 2,
        TaskState::TaskKilling => 3,
        _ => 4,
    }
}

/// Whether a scheduler would launch another task in its place.
pub(crate) fn has_ended(state: TaskState) -> bool {
    task_state::is_terminal(state) || state == TaskState::TaskUnknown
}

/// An agent's answer to its master about a task that it does not know: asked after it, or told to kill it.
fn is_of_nothing(status: &v1::TaskStatus) -> bool {
    use v1::task_status::{Reason, Source};
    matches!(status.reason(), Reason::Reconciliation | Reason::ExecutorTerminated)
        && status.source() == Source::Agent
        && task_state::is_terminal(status.state())
}

fn ended_as(state: TaskState) -> &'static str {
    match state {
        TaskState::TaskFinished => "tasks finished",
        TaskState::TaskFailed => "tasks failed",
        TaskState::TaskKilled => "tasks killed",
        TaskState::TaskLost => "tasks lost",
        TaskState::TaskGone => "tasks gone",
        TaskState::TaskDropped => "tasks dropped",
        TaskState::TaskError => "tasks in error",
        _ => "tasks ended otherwise",
    }
}

fn task_info(
    id: String,
    offer: &v1::Offer,
    resources: &Resources,
    executor: Option<&v1::ExecutorInfo>,
) -> v1::TaskInfo {
    let command = v1::CommandInfo { value: Some("work".into()), ..v1::CommandInfo::default() };
    v1::TaskInfo {
        name: id.clone(),
        task_id: v1::TaskId { value: id },
        agent_id: offer.agent_id.clone(),
        resources: resources.to_wire(),
        command: executor.is_none().then(|| Box::new(command)),
        executor: executor.cloned().map(Box::new),
        ..v1::TaskInfo::default()
    }
}

fn executor_resources() -> Resources {
    Resources::parse("cpus:0.2;mem:64", &Role::star()).expect("a constant parses")
}

fn own_executor() -> v1::ExecutorInfo {
    let command = v1::CommandInfo { value: Some("./executor".into()), ..v1::CommandInfo::default() };
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: "own".into() },
        command: Some(Box::new(command)),
        resources: executor_resources().to_wire(),
        ..v1::ExecutorInfo::default()
    }
}
