//! How the agent finds its place with a master, and notices that it lost it.

use std::time::Duration;

use bytes::Bytes;
use tepui_model::{AgentId, duration};
use tepui_proto::internal::{
    MasterSlaveConnection, PingSlaveMessage, PongSlaveMessage, RegisterSlaveMessage, ReregisterSlaveMessage,
    SlaveRegisteredMessage, SlaveReregisteredMessage, UpdateSlaveMessage, archive,
    update_slave_message::Operations,
};
use tepui_proto::v1;
use tepui_proto::v1::agent_info::{Capability, capability};

use crate::agent::{Agent, Pending, Phase};
use crate::authentication::Authentication;
use crate::cx::Cx;
use crate::effect::{Effect, ToMaster, Write};
use crate::executor::Executor;
use crate::fact::Fact;
use crate::limits;
use crate::names::{Pid, Timer};

/// The API level this agent speaks; masters compare it.
const VERSION: &str = "1.11.0";

impl Agent {
    pub(crate) fn master_detected(&mut self, cx: &mut Cx, pid: Pid) {
        cx.log(Fact::info("master detected").with("master", &pid));
        self.master = Some(pid);
        self.disconnect(cx);
    }

    /// The connection to the master is lost: it, or its successor at the same address, is asked again.
    pub(crate) fn master_exited(&mut self, cx: &mut Cx, pid: &Pid) {
        if self.master.as_ref() != Some(pid) {
            return;
        }
        match self.phase {
            Phase::Running { .. } => {
                cx.log(Fact::warn("master lost").with("master", pid));
                self.disconnect(cx);
            }
            // Who it was shown to is gone.
            Phase::Disconnected { .. } => self.authentication_lost(cx),
            Phase::Starting | Phase::Recovering | Phase::Terminating { .. } => {}
        }
    }

    /// Starts a new series of attempts to register, unless something else has to be done first.
    pub(crate) fn disconnect(&mut self, cx: &mut Cx) {
        self.updates.pause();
        match self.phase {
            Phase::Starting | Phase::Recovering | Phase::Terminating { .. } => return,
            Phase::Disconnected { .. } | Phase::Running { .. } => {}
        }
        self.phase = Phase::Disconnected { attempt: 0 };
        self.epoch += 1;
        self.authentication = Authentication::default();
        if self.master.is_some() {
            self.arm_registration(cx, self.settings.registration_backoff_factor);
        }
    }

    pub(crate) fn arm_registration(&mut self, cx: &mut Cx, longest: Duration) {
        let after = self.random_below(longest);
        cx.push(Effect::Arm { timer: Timer::Register { epoch: self.epoch }, after });
    }

    pub(crate) fn try_to_register(&mut self, cx: &mut Cx, epoch: u64) {
        let Phase::Disconnected { attempt } = self.phase else { return };
        if epoch != self.epoch {
            return;
        }
        if self.must_authenticate(attempt) {
            return self.authenticate(cx);
        }
        let message = match &self.id {
            None => ToMaster::Register(Box::new(self.register_message())),
            Some(_) => ToMaster::Reregister(Box::new(self.reregister_message())),
        };
        self.tell_master(cx, message);
        let attempt = attempt.saturating_add(1);
        if attempt == limits::REGISTRATIONS_PER_AUTHENTICATION && self.settings.authentication.is_none() {
            cx.log(Fact::warn(
                "the master does not answer registrations; if it asks agents who they are, give this one --credential",
            ));
        }
        self.phase = Phase::Disconnected { attempt };
        let factor = self.settings.registration_backoff_factor;
        let longest =
            factor.saturating_mul(2_u32.saturating_pow(attempt)).min(limits::REGISTRATION_BACKOFF_MAX);
        self.arm_registration(cx, longest);
    }

    fn register_message(&self) -> RegisterSlaveMessage {
        RegisterSlaveMessage {
            slave: self.info.clone(),
            version: Some(VERSION.into()),
            agent_capabilities: capabilities(),
            resource_version_uuid: Some(Box::new(self.resource_version())),
            checkpointed_resources: self.assets.total.checkpointed().to_wire(),
        }
    }

    fn reregister_message(&self) -> ReregisterSlaveMessage {
        let mut message = ReregisterSlaveMessage {
            slave: self.info.clone(),
            version: Some(VERSION.into()),
            agent_capabilities: capabilities(),
            resource_version_uuid: Some(Box::new(self.resource_version())),
            checkpointed_resources: self.assets.total.checkpointed().to_wire(),
            ..ReregisterSlaveMessage::default()
        };
        for framework in self.frameworks.values() {
            message.frameworks.push(v1::FrameworkInfo::clone(&framework.info));
            for executor in framework.executors.values() {
                // Masters do not know the executors that agents make for tasks.
                if !executor.generated {
                    message.executor_infos.push(v1::ExecutorInfo::clone(&executor.info));
                }
                message.tasks.extend(self.tasks_of(executor));
            }
        }
        for framework in &self.completed {
            let tasks = framework.completed.iter().flat_map(|executor| executor.completed.iter().cloned());
            message.completed_frameworks.push(archive::Framework {
                framework_info: v1::FrameworkInfo::clone(&framework.info),
                pid: Some(framework.pid.clone()).filter(|pid| !pid.is_empty()),
                tasks: tasks.collect(),
            });
        }
        message
    }

    /// Everything a master must still account for: waiting, running, and ended without its acknowledgement.
    fn tasks_of(&self, executor: &Executor) -> Vec<v1::Task> {
        let all = self.queued_tasks(executor).chain(self.launched_tasks(executor));
        all.chain(self.terminated_tasks(executor)).collect()
    }

    pub(crate) fn registered(&mut self, cx: &mut Cx, message: &SlaveRegisteredMessage) {
        let id = match AgentId::from_wire(&message.slave_id) {
            Ok(id) => id,
            Err(why) => {
                cx.log(Fact::warn("registration with a bad agent id ignored").with("why", why));
                return;
            }
        };
        match (&self.phase, &self.id) {
            (Phase::Disconnected { .. }, None) => self.take_id(cx, id),
            (Phase::Disconnected { .. }, Some(own)) if *own == id => {}
            // The answer to an attempt that was repeated.
            (Phase::Running { .. }, Some(own)) if *own == id => return,
            (Phase::Disconnected { .. } | Phase::Running { .. }, Some(own)) => {
                let why = format!(
                    "the master registered this agent as {id}, but it is {own}: start it with another work directory"
                );
                return self.terminate(cx, why);
            }
            (Phase::Starting | Phase::Recovering | Phase::Terminating { .. }, _)
            | (Phase::Running { .. }, None) => return,
        }
        self.connected(cx, message.connection.as_ref());
    }

    fn take_id(&mut self, cx: &mut Cx, id: AgentId) {
        self.info.id = Some(id.to_wire());
        self.id = Some(id);
        let write = Write::Agent(Box::new(self.info.clone()));
        self.checkpoint(cx, Pending::AgentInfo, vec![write]);
    }

    /// Whether `slave.info` is not durable yet.
    pub(crate) fn is_being_written(&self) -> bool {
        self.pending.values().any(|pending| *pending == Pending::AgentInfo)
    }

    pub(crate) fn reregistered(&mut self, cx: &mut Cx, message: SlaveReregisteredMessage) {
        let is_us = self.id.as_ref().is_some_and(|own| own.as_str() == message.slave_id.value);
        match self.phase {
            Phase::Disconnected { .. } if is_us => self.connected(cx, message.connection.as_ref()),
            Phase::Running { .. } if is_us && self.assets.changed => {
                // The answer to an attempt that was repeated: the master has just taken up what this agent had before.
                cx.log(Fact::info("registered twice, and changed in between"));
                return self.disconnect(cx);
            }
            Phase::Running { .. } if is_us => {}
            Phase::Disconnected { .. } | Phase::Running { .. } => {
                let why = format!(
                    "the master re-registered this agent as {}, which it is not: start it with another work directory",
                    message.slave_id.value
                );
                return self.terminate(cx, why);
            }
            Phase::Starting | Phase::Recovering | Phase::Terminating { .. } => return,
        }
        for reconciliation in &message.reconciliations {
            self.reconcile(cx, reconciliation);
        }
    }

    fn connected(&mut self, cx: &mut Cx, connection: Option<&MasterSlaveConnection>) {
        let told = connection.and_then(|connection| connection.total_ping_timeout_seconds);
        let patience = told.and_then(|secs| duration::from_secs(secs).ok()).filter(|told| !told.is_zero());
        let patience = patience.unwrap_or(limits::PING_TIMEOUT);
        self.phase = Phase::Running { heard: cx.now, patience };
        self.assets.changed = false;
        let (Some(master), Some(id)) = (self.master.clone(), self.id.clone()) else { return };
        cx.log(Fact::info("registered").with("master", &master).with("agent", &id));
        cx.push(Effect::Watch(master.clone()));
        cx.push(Effect::Arm { timer: Timer::Ping { epoch: self.epoch }, after: patience });
        let message = UpdateSlaveMessage {
            slave_id: id.to_wire(),
            operations: Some(Operations { operations: self.operations().collect() }),
            resource_version_uuid: Some(Box::new(self.resource_version())),
            ..UpdateSlaveMessage::default()
        };
        self.tell_master(cx, ToMaster::Update(Box::new(message)));
        self.updates.resume(cx, master);
        self.tell_operations(cx);
    }

    pub(crate) fn ping(&mut self, cx: &mut Cx, from: Pid, ping: &PingSlaveMessage) {
        cx.push(Effect::Master { to: from, message: ToMaster::Pong(PongSlaveMessage {}) });
        let now = cx.now;
        let Phase::Running { heard, .. } = &mut self.phase else { return };
        *heard = now;
        if !ping.connected {
            cx.log(Fact::warn("master thinks this agent disconnected"));
            self.disconnect(cx);
        }
    }

    pub(crate) fn check_pings(&mut self, cx: &mut Cx, epoch: u64) {
        let Phase::Running { heard, patience } = self.phase else { return };
        if epoch != self.epoch {
            return;
        }
        let silent = cx.now.since(heard);
        if silent < patience {
            cx.push(Effect::Arm { timer: Timer::Ping { epoch }, after: patience - silent });
            return;
        }
        cx.log(Fact::warn("no ping from master").with("seconds", silent.as_secs()));
        self.disconnect(cx);
    }

    fn resource_version(&self) -> v1::Uuid {
        v1::Uuid { value: Bytes::copy_from_slice(&self.resource_version) }
    }
}

/// What masters may count on.
pub const CAPABILITIES: [capability::Type; 8] = [
    capability::Type::MultiRole,
    capability::Type::HierarchicalRole,
    capability::Type::ReservationRefinement,
    // There are no resource providers, but to masters this says who takes operations.
    capability::Type::ResourceProvider,
    capability::Type::ResizeVolume,
    capability::Type::AgentOperationFeedback,
    capability::Type::AgentDraining,
    capability::Type::TaskResourceLimits,
];

fn capabilities() -> Vec<Capability> {
    CAPABILITIES.iter().map(|kind| Capability { r#type: Some(*kind as i32) }).collect()
}
