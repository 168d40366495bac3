//! The agent's state and the door to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, ContainerId, ExecutorId, FrameworkId, OperationUuid, TaskId, Time};
use tepui_proto::internal::StatusUpdate;
use tepui_proto::v1;

use crate::assets::Assets;
use crate::authentication::Authentication;
use crate::counters::Counters;
use crate::cx::Cx;
use crate::effect::{Effect, ToMaster, Write};
use crate::executor::{Executor, staging_task};
use crate::fact::Fact;
use crate::framework::Framework;
use crate::input::{ContainerEvent, Input, MasterMessage};
use crate::master_messages::Drain;
use crate::names::{Pid, Ticket, Timer, UpdateId};
use crate::run::Run;
use crate::settings::Settings;
use crate::updates::{StreamKey, Updates};

/// One machine's agent.
#[derive(Debug, Serialize, Deserialize)]
pub struct Agent {
    pub(crate) settings: Settings,
    /// As it is told to masters and executors; `id` once a master gave one.
    pub(crate) info: v1::AgentInfo,
    pub(crate) id: Option<AgentId>,
    pub(crate) phase: Phase,
    /// The leading master, if one is known.
    pub(crate) master: Option<Pid>,
    /// Counts losses of the master, so that timers of an earlier series of attempts are told from the current.
    pub(crate) epoch: u64,
    pub(crate) authentication: Authentication,
    /// Numbers the attempts to authenticate.
    pub(crate) attempts: u64,
    pub(crate) frameworks: BTreeMap<FrameworkId, Framework>,
    /// Frameworks without executors here, oldest first.
    pub(crate) completed: VecDeque<Framework>,
    pub(crate) updates: Updates,
    pub(crate) assets: Assets,
    /// Until nothing is left.
    pub(crate) drain: Option<Drain>,
    /// Containers of live executors: which executor each belongs to.
    pub(crate) containers: BTreeMap<ContainerId, (FrameworkId, ExecutorId)>,
    pub(crate) pending: BTreeMap<Ticket, Pending>,
    /// Updates that wait until the one before them is written: one that must be written again is not overtaken.
    pub(crate) held: BTreeMap<StreamKey, VecDeque<Pending>>,
    next_ticket: u64,
    pub(crate) resource_version: [u8; 16],
    pub(crate) counters: Counters,
    random: Xoshiro256PlusPlus,
}

/// ```text
/// Starting ──Start──► Recovering
/// Recovering ──executors back──► Disconnected ──(authenticated)──SlaveRe/registered──► Running
///                                     ▲                                  │ master lost, silent, or
///                                     └──────────────────────────────────┘ thinks us disconnected
/// any ──Shutdown, or recover=cleanup done──► Terminating ──all executors gone──► (process ends)
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// Not told yet what an earlier life left: nobody's executor is known.
    Starting,
    /// Executors of an earlier life have some time to come back.
    Recovering,
    /// No master serves us; `attempt` counts registrations tried in this series.
    Disconnected {
        /// From zero.
        attempt: u32,
    },
    /// A master serves us.
    Running {
        /// When it pinged last, or took us in.
        heard: Time,
        /// How long it may be silent.
        patience: std::time::Duration,
    },
    /// Everything is being shut down.
    Terminating {
        /// What [`Effect::Terminate`] will say.
        why: String,
    },
}

/// What a write was for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Pending {
    /// `slave.info`.
    AgentInfo,
    /// All that must be known of a task before its new executor is started.
    Launch { run: Run },
    /// A task for an executor that is already there.
    Task { run: Run, task: TaskId },
    /// A status update, before anybody hears of it.
    Update { key: StreamKey, id: UpdateId, run: Run, update: Arc<StatusUpdate>, waits: Option<ExecutorId> },
    /// An acknowledgement, before the next update is sent.
    Acknowledgement { key: StreamKey, id: UpdateId, run: Run },
    /// What this agent has, and the operation that made it so.
    Assets(Option<OperationUuid>),
    /// What an operator wants of this agent, or that it is done.
    Drain,
    /// What only speeds up or tidies a later recovery; if it fails, recovery copes.
    Note,
}

impl Agent {
    /// An agent that offers `info` (without an id). `seed` feeds everything random: ids, identities of updates, back-off.
    pub fn new(settings: Settings, info: v1::AgentInfo, seed: u64) -> Agent {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let resource_version = uuid(&mut random);
        let updates = Updates::new(settings.pid.clone());
        let assets = Assets::new(&info);
        Agent {
            settings,
            info: v1::AgentInfo { id: None, ..info },
            id: None,
            phase: Phase::Starting,
            master: None,
            epoch: 0,
            authentication: Authentication::default(),
            attempts: 0,
            frameworks: BTreeMap::new(),
            completed: VecDeque::new(),
            updates,
            assets,
            drain: None,
            containers: BTreeMap::new(),
            pending: BTreeMap::new(),
            held: BTreeMap::new(),
            next_ticket: 1,
            resource_version,
            counters: Counters::default(),
            random,
        }
    }

    /// Something happened. What is to be done about it is in `cx.effects` afterwards.
    pub fn step(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start(recovered) => self.start(cx, *recovered),
            Input::ContainersRecovered { alive } => self.containers_recovered(cx, &alive),
            Input::MasterDetected(pid) => self.master_detected(cx, pid),
            Input::MasterExited(pid) => self.master_exited(cx, &pid),
            Input::Authenticated { attempt, verdict } => self.authenticated(cx, attempt, verdict),
            Input::Master { from, message } => self.master_message(cx, from, message),
            Input::Executor(call) => self.executor_call(cx, *call),
            Input::ExecutorGone(peer) => self.executor_gone(cx, &peer),
            Input::Container { id, event } => self.container_event(cx, &id, event),
            Input::Checkpointed { ticket, outcome } => self.checkpointed(cx, ticket, outcome),
            Input::TimerDue(timer) => self.timer_due(cx, timer),
            Input::Stop => self.stop(cx),
        }
        self.end_drain_if_done(cx);
    }

    fn master_message(&mut self, cx: &mut Cx, from: Pid, message: MasterMessage) {
        // Pings come from an actor of their own at the master's address.
        if let MasterMessage::Ping(ping) = message {
            return self.ping(cx, from, &ping);
        }
        // Drivers of schedulers send these directly, to the address that stood beside the offer.
        if let MasterMessage::FrameworkToExecutor(message) = &message
            && self.is_scheduler(&from, &message.framework_id)
        {
            return self.framework_to_executor(cx, message.clone());
        }
        if self.master.as_ref() != Some(&from) {
            cx.log(Fact::warn("message of another than the leading master ignored").with("from", from));
            return;
        }
        match message {
            MasterMessage::Ping(_) => unreachable!("handled above"),
            MasterMessage::Registered(message) => self.registered(cx, &message),
            MasterMessage::Reregistered(message) => self.reregistered(cx, *message),
            MasterMessage::RunTask(message) => self.run_task(cx, *message),
            MasterMessage::RunTaskGroup(message) => self.run_task_group(cx, &message),
            MasterMessage::KillTask(message) => self.kill_task(cx, &message),
            MasterMessage::ShutdownFramework(message) => self.shutdown_framework_message(cx, &message),
            MasterMessage::ShutdownExecutor(message) => self.shutdown_executor_message(cx, &message),
            MasterMessage::UpdateFramework(message) => self.update_framework(cx, *message),
            MasterMessage::FrameworkToExecutor(message) => self.framework_to_executor(cx, message),
            MasterMessage::StatusUpdateAcknowledgement(message) => self.acknowledge(cx, &message),
            MasterMessage::ReconcileTasks(message) => self.reconcile(cx, &message),
            MasterMessage::ApplyOperation(message) => self.apply_operation(cx, *message),
            MasterMessage::AcknowledgeOperationStatus(message) => self.acknowledge_operation(cx, &message),
            MasterMessage::ReconcileOperations(message) => self.reconcile_operations(cx, &message),
            MasterMessage::CheckpointResources(message) => self.checkpoint_resources(cx, message),
            MasterMessage::Drain(message) => self.drain_message(cx, message),
            MasterMessage::Shutdown(message) => self.shutdown(cx, message.message()),
        }
    }

    fn container_event(&mut self, cx: &mut Cx, id: &ContainerId, event: ContainerEvent) {
        let Some((framework, executor)) = self.containers.get(id).cloned() else {
            cx.log(Fact::warn("news of an unknown container ignored").with("container", id));
            return;
        };
        match event {
            ContainerEvent::Launched { pid } => self.container_launched(cx, &framework, &executor, pid),
            ContainerEvent::LaunchFailed { why } => {
                let why = format!("Failed to launch container: {why}");
                self.launch_failed(cx, &framework, &executor, why);
            }
            ContainerEvent::Updated => self.container_updated(cx, &framework, &executor),
            ContainerEvent::UpdateFailed { why } => self.update_failed(cx, &framework, &executor, &why),
            ContainerEvent::Exited(end) => self.container_exited(cx, &framework, &executor, &end),
        }
    }

    fn checkpointed(&mut self, cx: &mut Cx, ticket: Ticket, outcome: Result<(), String>) {
        let pending = self.pending.remove(&ticket).expect("every answer has its question");
        match outcome {
            Ok(()) => self.written(cx, pending),
            Err(why) => self.not_written(cx, ticket, pending, &why),
        }
    }

    fn written(&mut self, cx: &mut Cx, pending: Pending) {
        match pending {
            Pending::AgentInfo | Pending::Drain | Pending::Note => {}
            Pending::Launch { run } => self.launch(cx, &run),
            Pending::Task { run, task } => self.task_ready(cx, &run, &task),
            Pending::Update { key, id, update, waits, .. } => {
                self.update_stored(cx, &key, id, update, waits.as_ref());
                self.write_next_update(cx, &key);
            }
            Pending::Acknowledgement { key, id, .. } => self.acknowledged(cx, &key, id),
            Pending::Assets(operation) => self.assets_written(cx, operation),
        }
    }

    /// What nobody has seen yet can be refused; what was promised is written again later.
    fn not_written(&mut self, cx: &mut Cx, ticket: Ticket, pending: Pending, why: &str) {
        cx.log(Fact::error("checkpoint failed; make room in the work directory").with("why", why));
        match pending {
            Pending::Note => {}
            Pending::Assets(_) => self.assets_not_written(cx, why),
            Pending::Launch { run } => {
                if let Some(executor) = self.executor_mut(&run.framework, &run.executor) {
                    executor.checkpointed = false;
                }
                self.launch_failed(cx, &run.framework, &run.executor, no_checkpoint(why))
            }
            Pending::Task { run, task } => self.task_not_checkpointed(cx, &run, &task, &no_checkpoint(why)),
            Pending::AgentInfo
            | Pending::Drain
            | Pending::Update { .. }
            | Pending::Acknowledgement { .. } => {
                self.pending.insert(ticket, pending);
                cx.push(Effect::Arm { timer: Timer::Rewrite(ticket), after: crate::limits::REWRITE_AFTER });
            }
        }
    }

    fn timer_due(&mut self, cx: &mut Cx, timer: Timer) {
        match timer {
            Timer::Register { epoch } => self.try_to_register(cx, epoch),
            Timer::Authentication { attempt } => self.authentication_overdue(cx, attempt),
            Timer::Ping { epoch } => self.check_pings(cx, epoch),
            Timer::Reregistration => self.recovery_over(cx),
            Timer::Registration(container) => self.registration_overdue(cx, &container),
            Timer::CallBack { container, calls } => self.call_back(cx, &container, calls),
            Timer::ShutdownGrace(container) => self.shutdown_overdue(cx, &container),
            Timer::Retry { framework, task, generation } => {
                self.updates.retry(cx, &(framework, task), generation)
            }
            Timer::RetryOperation { operation, generation } => {
                self.retry_operation(cx, operation, generation)
            }
            Timer::Rewrite(ticket) => self.rewrite(cx, ticket),
        }
    }

    /// Asks for writes and remembers what they were for.
    pub(crate) fn checkpoint(&mut self, cx: &mut Cx, pending: Pending, writes: Vec<Write>) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.pending.insert(ticket, pending);
        cx.push(Effect::Checkpoint { ticket, writes });
    }

    fn rewrite(&mut self, cx: &mut Cx, ticket: Ticket) {
        let Some(pending) = self.pending.get(&ticket) else { return };
        let write = match pending {
            Pending::AgentInfo => Write::Agent(Box::new(self.info.clone())),
            Pending::Drain => self.write_drain(),
            Pending::Update { key, run, update, .. } => {
                crate::master_messages::update_record(run, &key.1, update)
            }
            Pending::Acknowledgement { key, id, run } => crate::master_messages::ack_record(run, &key.1, *id),
            Pending::Launch { .. } | Pending::Task { .. } | Pending::Assets(_) | Pending::Note => return,
        };
        cx.push(Effect::Checkpoint { ticket, writes: vec![write] });
    }

    pub(crate) fn tell_master(&self, cx: &mut Cx, message: ToMaster) {
        if let Some(master) = self.master.clone() {
            cx.push(Effect::Master { to: master, message });
        }
    }

    pub(crate) fn executor_mut(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> Option<&mut Executor> {
        self.frameworks.get_mut(framework)?.executors.get_mut(executor)
    }

    pub(crate) fn executor_in(&self, container: &ContainerId) -> Option<&Executor> {
        let (framework, executor) = self.containers.get(container)?;
        self.frameworks.get(framework)?.executors.get(executor)
    }

    /// 16 random bytes that say they are a random UUID.
    pub(crate) fn uuid(&mut self) -> [u8; 16] {
        uuid(&mut self.random)
    }

    /// A moment in the first `span` from now.
    pub(crate) fn random_below(&mut self, span: std::time::Duration) -> std::time::Duration {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1);
        std::time::Duration::from_nanos(self.random.next_u64() % nanos)
    }
}

/// What readers may know.
impl Agent {
    /// Where the agent stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// As it is told to masters.
    pub fn info(&self) -> &v1::AgentInfo {
        &self.info
    }

    /// Once a master gave one.
    pub fn id(&self) -> Option<&AgentId> {
        self.id.as_ref()
    }

    /// How an operator wants it drained, as long as something is left.
    pub fn drain(&self) -> Option<Drain> {
        self.drain
    }

    /// The leading master, if one is known.
    pub fn master(&self) -> Option<&Pid> {
        self.master.as_ref()
    }

    /// Frameworks with executors here, by id.
    pub fn frameworks(&self) -> impl Iterator<Item = &Framework> {
        self.frameworks.values()
    }

    /// One of them.
    pub fn framework(&self, id: &FrameworkId) -> Option<&Framework> {
        self.frameworks.get(id)
    }

    /// Frameworks that had executors here, oldest first.
    pub fn completed_frameworks(&self) -> impl Iterator<Item = &Framework> {
        self.completed.iter()
    }

    /// The streams of status updates.
    pub fn updates(&self) -> &Updates {
        &self.updates
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Tasks that wait for their executor, as records.
    pub fn queued_tasks<'a>(&self, executor: &'a Executor) -> impl Iterator<Item = v1::Task> + use<'a> {
        executor.queued.iter().map(|queued| staging_task(queued, &executor.run))
    }

    /// Delivered tasks that have not ended, with the update that is in flight for them.
    pub fn launched_tasks(&self, executor: &Executor) -> impl Iterator<Item = v1::Task> {
        executor.launched.iter().map(|(id, record)| self.with_update(executor, id, &record.task))
    }

    /// Ended tasks whose last word is not acknowledged, with the update that is in flight for them.
    pub fn terminated_tasks(&self, executor: &Executor) -> impl Iterator<Item = v1::Task> {
        executor.terminated.iter().map(|(id, record)| self.with_update(executor, id, &record.task))
    }

    fn with_update(&self, executor: &Executor, id: &TaskId, task: &v1::Task) -> v1::Task {
        let in_flight = self.updates.in_flight(&(executor.run.framework.clone(), id.clone()));
        let mut task = task.clone();
        if let Some((state, uuid)) = in_flight {
            task.status_update_state = Some(state as i32);
            task.status_update_uuid = Some(bytes::Bytes::copy_from_slice(&uuid.0));
        }
        task
    }

    /// The executor that runs in a container.
    pub fn executor_of(&self, container: &ContainerId) -> Option<&Executor> {
        self.executor_in(container)
    }
}

fn no_checkpoint(why: &str) -> String {
    format!("Failed to checkpoint: {why}; make room in the agent's work directory")
}

fn uuid(random: &mut Xoshiro256PlusPlus) -> [u8; 16] {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}
