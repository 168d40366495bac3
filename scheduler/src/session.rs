//! The framework's side of the conversation with the master, without any IO.
//!
//! Apart because reliability lives here: when to subscribe again, what to acknowledge, which tasks to ask about.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tepui_model::task_state;
use tepui_proto::v1;
use tepui_proto::v1::scheduler::{Call, Event, call, event};

/// ```text
///          (connects)            SUBSCRIBED
/// Apart ─────────────► Waiting ─────────────► Subscribed
///   ▲                     │                       │
///   └─────────────────────┴───────────────────────┘  lost
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Apart,
    Waiting,
    Subscribed,
}

/// What the session asks of its shell. Times are pauses from now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Open a stream with [`Session::subscribe`] after a pause; answered by events or by `lost`.
    Subscribe { after: Duration },
    /// Send a call on the current subscription.
    Call(Box<Call>),
    /// Ask `silent` after this pause.
    WatchHeartbeat { after: Duration },
    /// Ask `reconcile` after this pause.
    Reconcile { after: Duration },
    /// Show the framework what happened.
    Show(Box<Event>),
    /// The master refuses us for good.
    Refused(String),
}

/// What is known of a task that has not ended.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    agent_id: Option<v1::AgentId>,
    state: Option<i32>,
    /// The uuid last shown to the framework.
    uuid: Option<Bytes>,
    /// Asked about since the last subscription, and not yet answered.
    unconfirmed: bool,
}

/// The state of one framework's conversation.
#[derive(Debug)]
pub(crate) struct Session {
    framework: v1::FrameworkInfo,
    phase: Phase,
    attempts: u32,
    heartbeat: Duration,
    last_heard: Duration,
    tasks: BTreeMap<String, Known>,
    /// The tasks that ended latest: an end whose acknowledgement was lost comes again, and reconciliation tells of ends too.
    ended: BTreeSet<String>,
    /// The same, oldest first.
    ended_in_order: VecDeque<String>,
    /// Roles in which the framework wants no offers; said again with every subscription.
    suppressed: BTreeSet<String>,
    /// Rounds of reconciliation since the last subscription.
    rounds: u32,
    explicit_acknowledgements: bool,
    resumed: bool,
}

/// The first pause before another attempt to subscribe; doubles up to the maximum.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Heartbeats that may be missed before the connection counts as dead (Mesos' advice for schedulers).
const MISSED_HEARTBEATS: u32 = 5;
/// Ended tasks remembered. An agent repeats an end after 10 s at first: this many cannot end meanwhile on clusters
/// of thousands of machines, and they take a megabyte.
const MAX_ENDED: usize = 16 * 1024;
/// Pauses between rounds of reconciliation, Mesos' truncated exponential back-off.
const RECONCILE_MIN: Duration = Duration::from_secs(2);
const RECONCILE_MAX: Duration = Duration::from_secs(15 * 60);

impl Session {
    pub(crate) fn new(framework: v1::FrameworkInfo, explicit_acknowledgements: bool) -> Self {
        let resumed = framework.id.is_some();
        Session {
            framework,
            phase: Phase::Apart,
            attempts: 0,
            heartbeat: Duration::ZERO,
            last_heard: Duration::ZERO,
            tasks: BTreeMap::new(),
            ended: BTreeSet::new(),
            ended_in_order: VecDeque::new(),
            suppressed: BTreeSet::new(),
            rounds: 0,
            explicit_acknowledgements,
            resumed,
        }
    }

    pub(crate) fn framework_id(&self) -> Option<&v1::FrameworkId> {
        self.framework.id.as_ref()
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.phase == Phase::Subscribed
    }

    /// The SUBSCRIBE to open a stream with.
    pub(crate) fn subscribe(&mut self) -> Call {
        self.phase = Phase::Waiting;
        let subscribe = call::Subscribe {
            framework_info: self.framework.clone(),
            suppressed_roles: self.suppressed.iter().cloned().collect(),
            ..Default::default()
        };
        Call { subscribe: Some(subscribe.into()), ..self.call(call::Type::Subscribe) }
    }

    /// The stream ended, or could not be opened.
    pub(crate) fn lost(&mut self) -> Vec<Effect> {
        if self.phase == Phase::Apart {
            return Vec::new();
        }
        self.attempts = if self.phase == Phase::Subscribed { 0 } else { self.attempts + 1 };
        self.phase = Phase::Apart;
        let after = BACKOFF_MIN.saturating_mul(1 << self.attempts.min(10)).min(BACKOFF_MAX);
        vec![Effect::Subscribe { after }]
    }

    /// Whether the master has been silent for too long; otherwise asks to look again.
    pub(crate) fn silent(&mut self, now: Duration) -> Result<Vec<Effect>, Duration> {
        let limit = self.heartbeat * MISSED_HEARTBEATS;
        if self.phase != Phase::Subscribed || limit.is_zero() {
            return Ok(Vec::new());
        }
        let silence = now.saturating_sub(self.last_heard);
        if silence >= limit {
            return Err(silence);
        }
        Ok(vec![Effect::WatchHeartbeat { after: limit - silence }])
    }

    /// The master said something.
    pub(crate) fn heard(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        self.last_heard = now;
        match event.r#type() {
            event::Type::Subscribed => self.subscribed(event),
            event::Type::Update => self.updated(event),
            event::Type::Error => {
                let message = event.error.map_or_else(String::new, |error| error.message.clone());
                vec![Effect::Refused(message)]
            }
            event::Type::Heartbeat => Vec::new(),
            _ => vec![Effect::Show(Box::new(event))],
        }
    }

    fn subscribed(&mut self, event: Event) -> Vec<Effect> {
        let Some(subscribed) = &event.subscribed else { return Vec::new() };
        self.phase = Phase::Subscribed;
        self.attempts = 0;
        self.rounds = 0;
        self.framework.id = Some(subscribed.framework_id.clone());
        let interval = subscribed.heartbeat_interval_seconds.unwrap_or_default();
        self.heartbeat = Duration::try_from_secs_f64(interval).unwrap_or_default();
        for known in self.tasks.values_mut() {
            known.unconfirmed = true;
        }
        let mut effects = vec![Effect::Show(Box::new(event))];
        if !self.heartbeat.is_zero() {
            effects.push(Effect::WatchHeartbeat { after: self.heartbeat * MISSED_HEARTBEATS });
        }
        effects.extend(self.reconcile());
        effects
    }

    /// Asks about what has not been confirmed since the last subscription. The first round of a framework that resumed
    /// by id also asks for everything the master knows (an empty list).
    pub(crate) fn reconcile(&mut self) -> Vec<Effect> {
        if self.phase != Phase::Subscribed {
            return Vec::new();
        }
        let mut effects = Vec::new();
        if std::mem::take(&mut self.resumed) {
            effects.push(self.reconcile_call(Vec::new()));
        }
        let ask = |(id, known): (&String, &Known)| call::reconcile::Task {
            task_id: v1::TaskId { value: id.clone() },
            agent_id: known.agent_id.clone(),
        };
        let unconfirmed: Vec<_> = self.tasks.iter().filter(|(_, known)| known.unconfirmed).map(ask).collect();
        if !unconfirmed.is_empty() {
            effects.push(self.reconcile_call(unconfirmed));
            let after = RECONCILE_MIN.saturating_mul(1 << self.rounds.min(10)).min(RECONCILE_MAX);
            effects.push(Effect::Reconcile { after });
            self.rounds += 1;
        }
        effects
    }

    fn reconcile_call(&self, tasks: Vec<call::reconcile::Task>) -> Effect {
        let reconcile = Some(call::Reconcile { tasks });
        Effect::Call(Box::new(Call { reconcile, ..self.call(call::Type::Reconcile) }))
    }

    fn updated(&mut self, event: Event) -> Vec<Effect> {
        let Some(status) = event.update.as_ref().map(|update| &update.status) else { return Vec::new() };
        let acknowledge = (!self.explicit_acknowledgements).then(|| self.acknowledgement(status)).flatten();
        let news = self.learn(status);
        let mut effects = Vec::new();
        if news {
            effects.push(Effect::Show(Box::new(event)));
        }
        // After the framework has seen it: an update that crashes the framework must come again.
        effects.extend(acknowledge);
        effects
    }

    /// Notes a status; false when it tells nothing new.
    fn learn(&mut self, status: &v1::TaskStatus) -> bool {
        let id = &status.task_id.value;
        let repeated = self.tasks.get(id).is_some_and(|known| match &status.uuid {
            Some(uuid) => known.uuid.as_ref() == Some(uuid),
            None => is_reconciliation(status) && known.state == Some(status.state),
        });
        // A task the master does not know is not asked about again.
        if task_state::is_terminal(status.state()) || status.state() == v1::TaskState::TaskUnknown {
            self.tasks.remove(id);
            return self.note_end(status);
        }
        self.forget_end(id);
        let known = self.tasks.entry(id.clone()).or_insert(Known {
            agent_id: None,
            state: None,
            uuid: None,
            unconfirmed: false,
        });
        known.state = Some(status.state);
        known.unconfirmed = false;
        known.agent_id = status.agent_id.clone().or_else(|| known.agent_id.take());
        known.uuid = status.uuid.clone().or_else(|| known.uuid.take());
        !repeated
    }

    /// Remembers that a task ended; false when that is known. A task that lives again (launched anew, or lost and back) may
    /// end again.
    fn note_end(&mut self, status: &v1::TaskStatus) -> bool {
        let id = &status.task_id.value;
        if !self.ended.insert(id.clone()) {
            return false;
        }
        self.ended_in_order.push_back(id.clone());
        if self.ended_in_order.len() > MAX_ENDED
            && let Some(oldest) = self.ended_in_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        true
    }

    fn forget_end(&mut self, task: &str) {
        if self.ended.remove(task) {
            self.ended_in_order.retain(|ended| ended != task);
        }
    }

    /// The ACKNOWLEDGE of a status; statuses without a uuid must not be acknowledged.
    pub(crate) fn acknowledgement(&self, status: &v1::TaskStatus) -> Option<Effect> {
        let (Some(uuid), Some(agent_id)) = (&status.uuid, &status.agent_id) else { return None };
        let acknowledge = call::Acknowledge {
            agent_id: agent_id.clone(),
            task_id: status.task_id.clone(),
            uuid: uuid.clone(),
        };
        let acknowledge = Some(acknowledge.into());
        Some(Effect::Call(Box::new(Call { acknowledge, ..self.call(call::Type::Acknowledge) })))
    }

    /// Notes what a call of the framework changes for its next subscription.
    pub(crate) fn note(&mut self, call: &Call) {
        let named = |roles: Option<&Vec<String>>| match roles {
            Some(roles) if !roles.is_empty() => roles.clone(),
            _ => self.framework.roles.clone(),
        };
        match call.r#type() {
            call::Type::Suppress => {
                let roles = named(call.suppress.as_ref().map(|suppress| &suppress.roles));
                self.suppressed.extend(roles);
            }
            call::Type::Revive => {
                let roles = named(call.revive.as_ref().map(|revive| &revive.roles));
                self.suppressed.retain(|role| !roles.contains(role));
            }
            _ => {}
        }
    }

    /// Asks about tasks that an earlier life of the framework may have launched, until each is answered.
    pub(crate) fn ask(&mut self, tasks: Vec<v1::TaskId>) -> Vec<Effect> {
        for task in tasks {
            let known = Known { agent_id: None, state: None, uuid: None, unconfirmed: true };
            self.tasks.entry(task.value).or_insert(known);
        }
        self.reconcile()
    }

    /// Notes tasks about to be launched, so that they are asked about should the answer get lost.
    pub(crate) fn launching(&mut self, tasks: &[v1::TaskInfo]) {
        for task in tasks {
            let agent_id = Some(task.agent_id.clone());
            let known = Known { agent_id, state: None, uuid: None, unconfirmed: false };
            self.forget_end(&task.task_id.value);
            self.tasks.insert(task.task_id.value.clone(), known);
        }
    }

    /// An envelope for a call of this framework.
    pub(crate) fn call(&self, kind: call::Type) -> Call {
        Call { framework_id: self.framework.id.clone(), r#type: Some(kind as i32), ..Call::default() }
    }
}

fn is_reconciliation(status: &v1::TaskStatus) -> bool {
    status.reason == Some(v1::task_status::Reason::Reconciliation as i32)
}

#[cfg(test)]
mod tests;
