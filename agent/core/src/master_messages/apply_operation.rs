//! `ApplyOperationMessage`: resources are to become others, as a framework or an operator wants it.
//!
//! What is not applied is told as OPERATION_DROPPED, and the agent registers anew: the master has counted on it.

use std::path::Path;

use bytes::Bytes;
use tepui_model::{OfferOperation, OperationUuid};
use tepui_proto::internal::{ApplyOperationMessage, UpdateOperationStatusMessage};
use tepui_proto::v1::{self, OperationState, OperationStatus};

use crate::agent::{Agent, Pending, Phase};
use crate::assets::Applied;
use crate::cx::Cx;
use crate::effect::ToMaster;
use crate::fact::Fact;
use crate::limits;
use crate::volumes::volume_directory;

impl Agent {
    pub(crate) fn apply_operation(&mut self, cx: &mut Cx, message: ApplyOperationMessage) {
        let Some(uuid) = OperationUuid::from_wire(&message.operation_uuid) else {
            return cx.log(Fact::warn("operation without a proper uuid ignored"));
        };
        if !matches!(self.phase, Phase::Running { .. }) {
            // The master asks about it when this agent is registered again.
            return cx.log(Fact::warn("operation ignored while not registered").with("operation", uuid));
        }
        if self.assets.operations.contains_key(&uuid) {
            return cx.log(Fact::warn("operation that is already applied ignored").with("operation", uuid));
        }
        match self.apply(&message) {
            Ok(()) => {
                cx.log(
                    Fact::info("operation applied")
                        .with("operation", uuid)
                        .with("kind", message.operation_info.r#type().as_str_name()),
                );
                let status = self.finished(&message.operation_info);
                let operation = v1::Operation {
                    framework_id: message.framework_id,
                    agent_id: status.agent_id.clone(),
                    info: Box::new(message.operation_info),
                    statuses: vec![status.clone()],
                    latest_status: Box::new(status),
                    uuid: message.operation_uuid,
                };
                self.assets.operations.insert(uuid, Applied::new(operation, false));
                self.checkpoint_assets(cx, Pending::Assets(Some(uuid)));
            }
            Err(why) => {
                cx.log(Fact::warn("operation dropped").with("operation", uuid).with("why", &why));
                let id = message.operation_info.id.clone();
                self.drop_operation(cx, uuid, message.framework_id, id, &why);
                self.disconnect(cx);
            }
        }
    }

    fn apply(&mut self, message: &ApplyOperationMessage) -> Result<(), String> {
        if message.resource_version_uuid.uuid.value != self.resource_version[..] {
            return Err("Operation assumes outdated resource state".into());
        }
        if self.assets.operations.len() >= limits::OPERATIONS {
            return Err(format!("Too many operations are not acknowledged ({})", limits::OPERATIONS));
        }
        let operation = OfferOperation::from_wire(&message.operation_info).map_err(|why| why.to_string())?;
        let total = operation.unallocated().apply(&self.assets.total)?;
        for volume in &total.persistent_volumes() {
            volume_directory(Path::new(""), volume)?;
        }
        // What could not be read back must not be written.
        let flags = crate::checks::resources(&self.info.resources)?;
        flags.with_checkpointed(&total.checkpointed())?;
        self.assets.total = total;
        self.assets.changed = true;
        Ok(())
    }

    fn finished(&mut self, operation: &v1::offer::Operation) -> OperationStatus {
        let uuid = v1::Uuid { value: Bytes::copy_from_slice(&self.uuid()) };
        OperationStatus {
            operation_id: operation.id.clone(),
            state: OperationState::OperationFinished as i32,
            uuid: Some(Box::new(uuid)),
            agent_id: self.info.id.clone(),
            ..OperationStatus::default()
        }
    }

    /// Says once that an operation was not applied; a master that misses it asks.
    pub(crate) fn drop_operation(
        &self,
        cx: &mut Cx,
        uuid: OperationUuid,
        framework_id: Option<v1::FrameworkId>,
        operation_id: Option<v1::OperationId>,
        why: &str,
    ) {
        let status = OperationStatus {
            operation_id,
            state: OperationState::OperationDropped as i32,
            message: Some(why.to_owned()).filter(|why| !why.is_empty()),
            agent_id: self.info.id.clone(),
            ..OperationStatus::default()
        };
        self.tell_once(cx, Some(uuid), framework_id, status);
    }

    /// A status that nobody acknowledges.
    pub(crate) fn tell_once(
        &self,
        cx: &mut Cx,
        uuid: Option<OperationUuid>,
        framework_id: Option<v1::FrameworkId>,
        status: OperationStatus,
    ) {
        let message = UpdateOperationStatusMessage {
            framework_id,
            slave_id: self.info.id.clone(),
            status,
            latest_status: None,
            operation_uuid: uuid.map(|uuid| Box::new(uuid.to_wire())),
        };
        self.tell_master(cx, ToMaster::OperationStatus(Box::new(message)));
    }
}
