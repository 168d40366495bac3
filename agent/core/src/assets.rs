//! What this agent has: the resources that its flags give it, with what was reserved and made of them since, and the
//! operations that did so, until somebody has acknowledged them.
//!
//! ```text
//! arrives ──► applied ──► written (with the volumes) ──► told, again and again ──► acknowledged ──► written
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_model::{OperationUuid, Resources};
use tepui_proto::internal::UpdateOperationStatusMessage;
use tepui_proto::internal::slave::ResourceState;
use tepui_proto::v1::{self, AgentInfo, OperationState, OperationStatus};

use crate::agent::{Agent, Pending, Phase};
use crate::checks;
use crate::cx::Cx;
use crate::effect::{Effect, ToMaster, Write};
use crate::fact::Fact;
use crate::limits;
use crate::names::Timer;

/// See the module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Assets {
    /// Of nobody: not allocated.
    pub total: Resources,
    pub operations: BTreeMap<OperationUuid, Applied>,
    /// Something else than what the master was told when it took this agent in.
    pub changed: bool,
}

/// An operation that was applied and is not acknowledged.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Applied {
    /// As it is or will be on disk: with its last status.
    pub message: v1::Operation,
    /// It is on disk: it may be told.
    pub written: bool,
    /// Counts sendings, so that the timer of an earlier one is told from the latest.
    generation: u64,
    /// The pause before it is sent again.
    pause: Duration,
}

impl Applied {
    pub fn new(message: v1::Operation, written: bool) -> Applied {
        Applied { message, written, generation: 0, pause: limits::RETRY_MIN }
    }

    /// As others may know it.
    pub fn shown(&self) -> v1::Operation {
        let mut shown = self.message.clone();
        if !self.written {
            shown.statuses.clear();
            shown.latest_status.state = OperationState::OperationPending as i32;
            shown.latest_status.uuid = None;
        }
        shown
    }
}

/// What an agent has that its flags give these resources and that kept this on its disk.
///
/// # Errors
/// The two do not go together; in words for the operator.
pub fn total(info: &AgentInfo, kept: &ResourceState) -> Result<Resources, String> {
    let flags = checks::resources(&info.resources)?;
    flags.with_checkpointed(&checks::resources(&kept.resources)?)
}

impl Assets {
    pub fn new(info: &AgentInfo) -> Assets {
        Assets {
            total: checks::resources(&info.resources).unwrap_or_default(),
            operations: BTreeMap::new(),
            changed: false,
        }
    }

    /// What must be on disk.
    pub fn state(&self) -> ResourceState {
        ResourceState {
            operations: self.operations.values().map(|applied| applied.message.clone()).collect(),
            resources: self.total.checkpointed().to_wire(),
        }
    }
}

impl Agent {
    /// What an earlier life kept. Its operations are told again; those of another agent, whose id this one does not have,
    /// are nobody's any more.
    pub(crate) fn recover_assets(&mut self, cx: &mut Cx, kept: &ResourceState) {
        match total(&self.info, kept) {
            Ok(total) => self.assets.total = total,
            // The shell has refused to start with these; a recording may still come here.
            Err(why) => return cx.log(Fact::error("checkpointed resources ignored").with("why", why)),
        }
        for operation in &kept.operations {
            let uuid = OperationUuid::from_wire(&operation.uuid);
            let is_ours = operation.agent_id == self.info.id && self.id.is_some();
            if let Some(uuid) = uuid.filter(|_| is_ours) {
                self.assets.operations.insert(uuid, Applied::new(operation.clone(), true));
            }
        }
    }

    pub(crate) fn write_assets(&self) -> Write {
        Write::Assets(Box::new(self.assets.state()))
    }

    /// Writes what this agent has now; goes on with `pending`.
    pub(crate) fn checkpoint_assets(&mut self, cx: &mut Cx, pending: Pending) {
        let write = self.write_assets();
        self.checkpoint(cx, pending, vec![write]);
    }

    /// Whether something of it is on its way to the disk, so that a volume may not be there yet.
    pub(crate) fn assets_are_being_written(&self) -> bool {
        self.pending.values().any(|pending| matches!(pending, Pending::Assets(_)))
    }

    pub(crate) fn assets_written(&mut self, cx: &mut Cx, operation: Option<OperationUuid>) {
        let Some(operation) = operation else { return };
        if let Some(applied) = self.assets.operations.get_mut(&operation) {
            applied.written = true;
            self.tell_operation(cx, operation);
        }
    }

    /// The master counts on it already, and so may frameworks: without it, this agent is not what it is taken for. Its next
    /// life tries again, or never knew of it.
    pub(crate) fn assets_not_written(&mut self, cx: &mut Cx, why: &str) {
        self.terminate(
            cx,
            format!(
                "an operation on this agent's resources could not be made durable: {why}; see to the disk and start it again"
            ),
        );
    }

    /// Tells what became of an operation, and again until it is acknowledged.
    pub(crate) fn tell_operation(&mut self, cx: &mut Cx, uuid: OperationUuid) {
        if !matches!(self.phase, Phase::Running { .. }) {
            return;
        }
        let Some(applied) = self.assets.operations.get_mut(&uuid).filter(|applied| applied.written) else {
            return;
        };
        applied.generation += 1;
        let (generation, after) = (applied.generation, applied.pause);
        applied.pause = (applied.pause * 2).min(limits::RETRY_MAX);
        let message = UpdateOperationStatusMessage {
            framework_id: applied.message.framework_id.clone(),
            slave_id: applied.message.agent_id.clone(),
            status: OperationStatus::clone(&applied.message.latest_status),
            latest_status: Some(applied.message.latest_status.clone()),
            operation_uuid: Some(Box::new(uuid.to_wire())),
        };
        self.tell_master(cx, ToMaster::OperationStatus(Box::new(message)));
        cx.push(Effect::Arm { timer: Timer::RetryOperation { operation: uuid, generation }, after });
    }

    pub(crate) fn retry_operation(&mut self, cx: &mut Cx, uuid: OperationUuid, generation: u64) {
        if self.assets.operations.get(&uuid).is_some_and(|applied| applied.generation == generation) {
            self.tell_operation(cx, uuid);
        }
    }

    /// A master listens: it is told of all of them, now.
    pub(crate) fn tell_operations(&mut self, cx: &mut Cx) {
        let all: Vec<OperationUuid> = self.assets.operations.keys().copied().collect();
        for uuid in all {
            if let Some(applied) = self.assets.operations.get_mut(&uuid) {
                applied.pause = limits::RETRY_MIN;
            }
            self.tell_operation(cx, uuid);
        }
    }
}

/// What readers may know.
impl Agent {
    /// Everything it has, reservations and volumes included; not allocated.
    pub fn total(&self) -> &Resources {
        &self.assets.total
    }

    /// Operations that are not acknowledged.
    pub fn operations(&self) -> impl Iterator<Item = v1::Operation> {
        self.assets.operations.values().map(Applied::shown)
    }
}
