//! The executor's side of the conversation with its agent, without any IO.
//!
//! Apart because reliability lives here: what was launched and what was reported are kept until the agent acknowledges
//! them, and told again on every subscription.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tepui_proto::v1;
use tepui_proto::v1::executor::{Call, call};

use crate::Environment;

/// ```text
///            connected              SUBSCRIBED
/// Apart ───────────────► Waiting ───────────────► Subscribed
///   ▲                       │                         │
///   └───────────────────────┴─────────────────────────┘  lost
/// ```
#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// No connection since this moment; `attempts` have failed.
    Apart { since: Duration, attempts: u32 },
    /// SUBSCRIBE was sent; the moment is that of the loss before it.
    Waiting { since: Duration, attempts: u32 },
    /// Events flow.
    Subscribed,
}

/// What the session asks of its shell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Open a stream with this SUBSCRIBE after a pause; answered by `connected` or `lost`.
    Subscribe { after: Duration },
    /// Send a call on the current subscription.
    Call(Box<Call>),
    /// The agent is not coming back: end everything.
    GiveUp(String),
}

/// Everything the agent must still hear from us.
#[derive(Debug)]
pub(crate) struct Session {
    environment: Environment,
    phase: Phase,
    /// Launched, and nothing of them acknowledged yet.
    tasks: BTreeMap<String, v1::TaskInfo>,
    /// Sent or waiting to be sent, in order, until acknowledged.
    updates: Vec<v1::TaskStatus>,
    /// How many of the updates the latest SUBSCRIBE told of.
    told: usize,
}

/// The first pause before another attempt to subscribe; doubles up to the agent's `subscription_backoff_max`.
const BACKOFF_MIN: Duration = Duration::from_millis(100);

impl Session {
    pub(crate) fn new(environment: Environment) -> Self {
        let phase = Phase::Apart { since: Duration::ZERO, attempts: 0 };
        Session { environment, phase, tasks: BTreeMap::new(), updates: Vec::new(), told: 0 }
    }

    /// The SUBSCRIBE that tells the agent everything it has not acknowledged.
    pub(crate) fn subscribe(&mut self) -> Call {
        if let Phase::Apart { since, attempts } = self.phase {
            self.phase = Phase::Waiting { since, attempts };
        }
        self.told = self.updates.len();
        let subscribe = call::Subscribe {
            unacknowledged_tasks: self.tasks.values().cloned().collect(),
            unacknowledged_updates: self
                .updates
                .iter()
                .cloned()
                .map(|status| call::Update { status })
                .collect(),
        };
        Call { subscribe: Some(subscribe.into()), ..self.call(call::Type::Subscribe) }
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.phase == Phase::Subscribed
    }

    /// The agent has answered SUBSCRIBE. What happened since that was written was too late for it, and is sent now.
    #[must_use]
    pub(crate) fn subscribed(&mut self) -> Vec<Effect> {
        self.phase = Phase::Subscribed;
        let late = self.updates.iter().skip(self.told).cloned();
        late.map(|status| self.update_call(status)).collect()
    }

    /// The stream ended, or an attempt to open it failed.
    pub(crate) fn lost(&mut self, now: Duration, why: &str) -> Effect {
        let (since, attempts) = match self.phase {
            Phase::Subscribed => (now, 0),
            Phase::Apart { since, attempts } | Phase::Waiting { since, attempts } => (since, attempts + 1),
        };
        self.phase = Phase::Apart { since, attempts };
        if !self.environment.checkpoint {
            return Effect::GiveUp(format!(
                "the agent is gone ({why}) and the framework does not checkpoint"
            ));
        }
        let away = now.saturating_sub(since);
        if away >= self.environment.recovery_timeout {
            return Effect::GiveUp(format!(
                "the agent was away for {} s, the recovery timeout",
                away.as_secs()
            ));
        }
        let pause = BACKOFF_MIN.saturating_mul(1 << attempts.min(10));
        Effect::Subscribe { after: pause.min(self.environment.subscription_backoff_max) }
    }

    pub(crate) fn launched(&mut self, task: &v1::TaskInfo) {
        self.tasks.insert(task.task_id.value.clone(), task.clone());
    }

    /// Keeps an update until it is acknowledged, and sends it when there is a subscription; otherwise the next
    /// SUBSCRIBE carries it.
    pub(crate) fn update(&mut self, status: v1::TaskStatus) -> Option<Effect> {
        self.updates.push(status.clone());
        (self.phase == Phase::Subscribed).then(|| self.update_call(status))
    }

    /// A message to the framework: lost without a subscription, as Mesos says of messages.
    pub(crate) fn message(&self, data: Bytes) -> Option<Effect> {
        let message = Some(call::Message { data }.into());
        let call = Call { message, ..self.call(call::Type::Message) };
        (self.phase == Phase::Subscribed).then(|| Effect::Call(Box::new(call)))
    }

    pub(crate) fn acknowledged(&mut self, task_id: &v1::TaskId, uuid: &Bytes) {
        self.tasks.remove(&task_id.value);
        self.updates.retain(|status| status.uuid.as_ref() != Some(uuid));
    }

    /// Whether the agent has every update we made.
    pub(crate) fn all_acknowledged(&self) -> bool {
        self.updates.is_empty()
    }

    fn update_call(&self, status: v1::TaskStatus) -> Effect {
        let update = Some(call::Update { status }.into());
        Effect::Call(Box::new(Call { update, ..self.call(call::Type::Update) }))
    }

    fn call(&self, kind: call::Type) -> Call {
        Call {
            executor_id: v1::ExecutorId { value: self.environment.executor_id.clone() },
            framework_id: v1::FrameworkId { value: self.environment.framework_id.clone() },
            r#type: Some(kind as i32),
            ..Call::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(checkpoint: bool) -> Session {
        let variables = [
            ("MESOS_FRAMEWORK_ID", "F1"),
            ("MESOS_EXECUTOR_ID", "E1"),
            ("MESOS_AGENT_ENDPOINT", "127.0.0.1:5051"),
            ("MESOS_CHECKPOINT", if checkpoint { "1" } else { "0" }),
            ("MESOS_RECOVERY_TIMEOUT", "10secs"),
            ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "1secs"),
        ];
        let variables = variables.map(|(k, v)| (k.to_string(), v.to_string()));
        Session::new(Environment::read(variables).unwrap())
    }

    fn status(task: &str, uuid: &'static [u8]) -> v1::TaskStatus {
        let task_id = v1::TaskId { value: task.into() };
        v1::TaskStatus { task_id, uuid: Some(Bytes::from_static(uuid)), ..v1::TaskStatus::default() }
    }

    fn task(id: &str) -> v1::TaskInfo {
        v1::TaskInfo { task_id: v1::TaskId { value: id.into() }, ..v1::TaskInfo::default() }
    }

    #[test]
    fn what_was_not_acknowledged_is_told_again() {
        let mut session = session(true);
        session.subscribe();
        assert_eq!(session.subscribed(), []);
        session.launched(&task("t1"));
        session.launched(&task("t2"));
        session.update(status("t1", b"u1"));
        session.update(status("t2", b"u2"));

        session.acknowledged(&v1::TaskId { value: "t1".into() }, &Bytes::from_static(b"u1"));
        session.lost(Duration::from_secs(5), "test");
        let again = session.subscribe().subscribe.unwrap();

        assert_eq!(again.unacknowledged_tasks.len(), 1);
        assert_eq!(again.unacknowledged_tasks[0].task_id.value, "t2");
        assert_eq!(again.unacknowledged_updates.len(), 1);
        assert_eq!(again.unacknowledged_updates[0].status.uuid.as_deref(), Some(&b"u2"[..]));
    }

    #[test]
    fn an_update_without_a_subscription_waits_for_the_next_one() {
        let mut session = session(true);

        let effect = session.update(status("t1", b"u1"));

        assert_eq!(effect, None);
        assert_eq!(session.subscribe().subscribe.unwrap().unacknowledged_updates.len(), 1);
    }

    #[test]
    fn an_update_too_late_for_the_subscribe_is_sent_as_soon_as_it_is_answered() {
        let mut session = session(true);
        session.update(status("t1", b"u1"));
        session.subscribe();
        session.update(status("t1", b"u2"));

        let late = session.subscribed();

        let [Effect::Call(call)] = &late[..] else { panic!("{late:?}") };
        assert_eq!(call.update.as_ref().unwrap().status.uuid.as_deref(), Some(&b"u2"[..]));
    }

    #[test]
    fn pauses_double_up_to_the_agents_maximum_until_the_recovery_timeout() {
        let mut session = session(true);
        session.subscribe();
        assert_eq!(session.subscribed(), []);

        let pauses: Vec<_> = [0, 1, 2, 3, 4, 5].map(|s| session.lost(Duration::from_secs(s), "test")).into();
        let end = session.lost(Duration::from_secs(10), "test");

        let ms = |after| Effect::Subscribe { after: Duration::from_millis(after) };
        assert_eq!(pauses, [ms(100), ms(200), ms(400), ms(800), ms(1000), ms(1000)]);
        assert_eq!(end, Effect::GiveUp("the agent was away for 10 s, the recovery timeout".into()));
    }

    #[test]
    fn without_checkpointing_a_lost_agent_is_the_end() {
        let mut session = session(false);
        session.subscribe();
        assert_eq!(session.subscribed(), []);

        let effect = session.lost(Duration::from_secs(1), "connection closed");

        assert!(matches!(effect, Effect::GiveUp(why) if why.contains("connection closed")));
    }
}
