//! Operations on agents' resources that are under way, or whose outcome is not acknowledged.
//!
//! ```text
//! accepted: counted as done ──► agent ──► FINISHED ──► framework ──► acknowledged ──► forgotten
//!                                 └─────► DROPPED ──► forgotten; the agent registers anew and is counted anew
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message as _;
use serde::{Deserialize, Serialize};
use tepui_model::{FrameworkId, OfferOperation, OperationUuid};
use tepui_proto::internal::{
    AcknowledgeOperationStatusMessage, ApplyOperationMessage, CheckpointResourcesMessage, ResourceVersionUuid,
};
use tepui_proto::v1::{self, OperationState, OperationStatus};

use crate::changed::Changed;
use crate::cx::Cx;
use crate::effect::ToAgent;
use crate::events;
use crate::fact::Fact;
use crate::limits;
use crate::master::Master;
use crate::names::{AgentHandle, FrameworkHandle};

/// One operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Operation {
    pub agent: AgentHandle,
    /// Whose, unless an operator's; it may have ended, or not be known yet.
    pub framework: Option<FrameworkId>,
    /// For readers, and what is told when asked.
    pub message: Arc<v1::Operation>,
}

impl Operation {
    /// The id that its framework gave it.
    pub fn id(&self) -> Option<&v1::OperationId> {
        self.message.info.id.as_ref()
    }

    /// What was told last; not to be acknowledged.
    pub fn last_told(&self) -> OperationStatus {
        let told = self.message.statuses.last().unwrap_or(&self.message.latest_status);
        OperationStatus { uuid: None, ..told.clone() }
    }
}

/// All operations.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Operations {
    pub all: BTreeMap<OperationUuid, Operation>,
    /// Those with an id, by framework.
    pub by_id: BTreeMap<(FrameworkId, String), OperationUuid>,
    next: u64,
}

pub fn is_terminal(state: OperationState) -> bool {
    match state {
        OperationState::OperationFinished
        | OperationState::OperationFailed
        | OperationState::OperationError
        | OperationState::OperationDropped
        | OperationState::OperationGoneByOperator => true,
        OperationState::OperationUnsupported
        | OperationState::OperationPending
        | OperationState::OperationUnreachable
        | OperationState::OperationRecovering
        | OperationState::OperationUnknown => false,
    }
}

impl Master {
    /// Counts a checked operation as done and tells the agent to do it. The allocator is the caller's business.
    ///
    /// # Errors
    /// The agent has not what it needs; nothing happened.
    pub(crate) fn apply_operation(
        &mut self,
        cx: &mut Cx,
        handle: AgentHandle,
        framework: Option<FrameworkHandle>,
        operation: &OfferOperation,
        id: Option<v1::OperationId>,
    ) -> Result<(), String> {
        let agent = &self.agents.registered[handle];
        if agent.operations.len() >= limits::OPERATIONS_PER_AGENT {
            return Err(format!(
                "{} operations on the agent are not acknowledged; acknowledge some first",
                limits::OPERATIONS_PER_AGENT
            ));
        }
        let framework = framework.map(|framework| self.frameworks.registered[framework].id.clone());
        if framework.is_some() {
            let of = |uuid: &&OperationUuid| self.operations.all[*uuid].framework == framework;
            let most = limits::OPERATIONS_PER_FRAMEWORK_AND_AGENT;
            if agent.operations.iter().filter(of).count() >= most {
                return Err(format!(
                    "{most} operations of the framework on the agent are not acknowledged; acknowledge some first"
                ));
            }
        }
        let total = operation.unallocated().apply(&agent.total)?;
        let info = operation.to_wire(id);
        check_size("the operation", info.encoded_len(), limits::OPERATION_BYTES)?;
        let resources = total.checkpointed().to_wire();
        let kept: usize = resources.iter().map(|resource| resource.encoded_len()).sum();
        check_size("what is reserved on the agent", kept, limits::CHECKPOINTED_BYTES)?;
        let agent = &mut self.agents.registered[handle];
        agent.total = total;
        self.changes.agents.insert(handle);
        let agent = &self.agents.registered[handle];
        if !agent.capabilities.resource_provider {
            cx.send(&agent.pid, ToAgent::CheckpointResources(CheckpointResourcesMessage { resources }));
            return Ok(());
        }
        let uuid = nth_uuid(&self.info.id, self.operations.next);
        self.operations.next += 1;
        cx.log(
            Fact::info("operation sent")
                .with("kind", info.r#type().as_str_name())
                .with("operation", uuid)
                .with("agent", &agent.id),
        );
        let status = OperationStatus {
            operation_id: info.id.clone(),
            state: OperationState::OperationPending as i32,
            agent_id: Some(agent.id.to_wire()),
            ..OperationStatus::default()
        };
        let version = agent.resource_version.as_deref().cloned().unwrap_or_default();
        let message = ApplyOperationMessage {
            framework_id: framework.as_ref().map(FrameworkId::to_wire),
            operation_info: info.clone(),
            operation_uuid: uuid.to_wire(),
            resource_version_uuid: ResourceVersionUuid { resource_provider_id: None, uuid: version },
        };
        cx.send(&agent.pid, ToAgent::ApplyOperation(Box::new(message)));
        let message = v1::Operation {
            framework_id: framework.as_ref().map(FrameworkId::to_wire),
            agent_id: Some(agent.id.to_wire()),
            info: Box::new(info),
            latest_status: Box::new(status),
            statuses: Vec::new(),
            uuid: uuid.to_wire(),
        };
        self.add_operation(uuid, Operation { agent: handle, framework, message: Arc::new(message) });
        Ok(())
    }

    /// Notes an operation, new or reported by its agent.
    pub(crate) fn add_operation(&mut self, uuid: OperationUuid, operation: Operation) {
        self.agents.registered[operation.agent].operations.insert(uuid);
        if let (Some(framework), Some(id)) = (&operation.framework, operation.id()) {
            self.operations.by_id.insert((framework.clone(), id.value.clone()), uuid);
        }
        self.changes.push(Changed::Operation(operation.message.clone()));
        self.operations.all.insert(uuid, operation);
    }

    /// Takes a status into the record: one for each word of the agent.
    pub(crate) fn update_operation(&mut self, uuid: OperationUuid, status: &OperationStatus) {
        let operation = self.operations.all.get_mut(&uuid).expect("the caller found it");
        let message = Arc::make_mut(&mut operation.message);
        if !is_terminal(message.latest_status.state()) {
            *message.latest_status = status.clone();
        }
        if message.statuses.last() != Some(status) {
            if message.statuses.len() == limits::STATUSES_PER_OPERATION {
                message.statuses.remove(0);
            }
            message.statuses.push(status.clone());
        }
        self.changes.push(Changed::Operation(operation.message.clone()));
    }

    pub(crate) fn remove_operation(&mut self, uuid: OperationUuid) {
        let operation = self.operations.all.remove(&uuid).expect("the caller found it");
        self.agents.registered[operation.agent].operations.remove(&uuid);
        self.note_relief(operation.agent);
        if let (Some(framework), Some(id)) = (&operation.framework, operation.id()) {
            let key = (framework.clone(), id.value.clone());
            if self.operations.by_id.get(&key) == Some(&uuid) {
                self.operations.by_id.remove(&key);
            }
        }
        self.changes.push(Changed::OperationGone(uuid.0));
    }

    /// The agent of these operations is lost: whoever can be told is told, once, and asks later if it missed that.
    pub(crate) fn lose_operations(
        &mut self,
        cx: &mut Cx,
        handle: AgentHandle,
        state: OperationState,
        why: &str,
    ) {
        for uuid in self.agents.registered[handle].operations.clone() {
            let operation = &self.operations.all[&uuid];
            let status = OperationStatus {
                operation_id: operation.id().cloned(),
                state: state as i32,
                message: Some(why.to_owned()),
                agent_id: operation.message.agent_id.clone(),
                ..OperationStatus::default()
            };
            if let Some(framework) = operation.framework.clone().filter(|_| operation.id().is_some()) {
                self.tell_operation(cx, &framework, status);
            }
            self.remove_operation(uuid);
        }
    }

    /// Tells a framework what became of an operation; one whose scheduler is away is told again by the agent, or asks.
    pub(crate) fn tell_operation(&mut self, cx: &mut Cx, framework: &FrameworkId, status: OperationStatus) {
        let handle = self.frameworks.by_id.get(framework);
        let peer = handle.and_then(|handle| self.frameworks.registered[*handle].peer());
        match peer {
            Some(peer) => cx.event(peer, events::operation_update(status)),
            None => cx.log(
                Fact::debug("operation status not told, the scheduler is away").with("framework", framework),
            ),
        }
    }

    /// The agent need not tell this status again.
    pub(crate) fn tell_acknowledged(
        &self,
        cx: &mut Cx,
        agent: AgentHandle,
        operation: OperationUuid,
        status: v1::Uuid,
    ) {
        let message = AcknowledgeOperationStatusMessage {
            status_uuid: status,
            operation_uuid: operation.to_wire(),
            resource_provider_id: None,
        };
        let message = ToAgent::OperationStatusAcknowledgement(message);
        cx.send(&self.agents.registered[agent].pid, message);
    }

    /// What a framework was told last about an operation of its own.
    pub(crate) fn told_of_operation(
        &self,
        framework: &FrameworkId,
        id: &v1::OperationId,
    ) -> Option<OperationStatus> {
        let uuid = self.operations.by_id.get(&(framework.clone(), id.value.clone()))?;
        Some(self.operations.all[uuid].last_told())
    }
}

/// The n-th of a master: a UUID of the kind whose bits are its maker's business (version 8).
fn nth_uuid(master: &str, n: u64) -> OperationUuid {
    // FNV-1a: masters' ids are random, so that any mixing will do.
    let hash = master.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&hash.to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    OperationUuid(bytes)
}

fn check_size(what: &str, bytes: usize, most: usize) -> Result<(), String> {
    if bytes <= most {
        return Ok(());
    }
    Err(format!("{what} would take {bytes} bytes, labels included, and {most} are possible"))
}
