//! Whether a scheduler's call is complete: its type, the part that belongs to the type, and the ids in it.

use tepui_proto::v1::scheduler::{Call, call::Type};

use super::Checked;

/// The call's type, if everything is there that its handler takes for granted.
pub fn check(call: &Call, principal: Option<&str>) -> Result<Type, String> {
    let Some(Ok(r#type)) = call.r#type.map(Type::try_from) else {
        return Err("Expecting 'type' to be present".into());
    };
    if r#type == Type::Subscribe {
        check_subscribe(call, principal)?;
        return Ok(r#type);
    }
    if call.framework_id.is_none() {
        return Err("Expecting 'framework_id' to be present".into());
    }
    check_parts(call, r#type)?;
    Ok(r#type)
}

fn check_subscribe(call: &Call, principal: Option<&str>) -> Checked {
    let subscribe = part(&call.subscribe, "subscribe")?;
    let info = &subscribe.framework_info;
    let inside = info.id.as_ref().map_or("", |id| id.value.as_str());
    let outside = call.framework_id.as_ref().map_or("", |id| id.value.as_str());
    if inside != outside {
        return Err("'framework_id' differs from 'subscribe.framework_info.id'".into());
    }
    match (principal, &info.principal) {
        (Some(authenticated), Some(own)) if authenticated != own => Err(format!(
            "Authenticated principal '{authenticated}' does not match principal '{own}' set in `FrameworkInfo`"
        )),
        _ => Ok(()),
    }
}

fn check_parts(call: &Call, r#type: Type) -> Checked {
    match r#type {
        Type::Accept => part(&call.accept, "accept").map(|_| ()),
        Type::Decline => part(&call.decline, "decline").map(|_| ()),
        Type::AcceptInverseOffers => part(&call.accept_inverse_offers, "accept_inverse_offers").map(|_| ()),
        Type::DeclineInverseOffers => {
            part(&call.decline_inverse_offers, "decline_inverse_offers").map(|_| ())
        }
        Type::Kill => part(&call.kill, "kill").map(|_| ()),
        Type::Shutdown => part(&call.shutdown, "shutdown").map(|_| ()),
        Type::Acknowledge => check_uuid(&part(&call.acknowledge, "acknowledge")?.uuid),
        Type::AcknowledgeOperationStatus => {
            let acknowledge = part(&call.acknowledge_operation_status, "acknowledge_operation_status")?;
            check_uuid(&acknowledge.uuid)?;
            part(&acknowledge.agent_id, "agent_id").map(|_| ())
        }
        Type::Reconcile => part(&call.reconcile, "reconcile").map(|_| ()),
        Type::ReconcileOperations => part(&call.reconcile_operations, "reconcile_operations").map(|_| ()),
        Type::Message => part(&call.message, "message").map(|_| ()),
        Type::Request => part(&call.request, "request").map(|_| ()),
        Type::UpdateFramework => check_update(call),
        Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress | Type::Unknown => Ok(()),
    }
}

fn check_update(call: &Call) -> Checked {
    let info = &part(&call.update_framework, "update_framework")?.framework_info;
    let inside = info.id.as_ref().map_or("", |id| id.value.as_str());
    let outside = call.framework_id.as_ref().map_or("", |id| id.value.as_str());
    if inside == outside {
        Ok(())
    } else {
        Err("'framework_id' differs from 'update_framework.framework_info.id'".into())
    }
}

fn part<'a, T>(part: &'a Option<T>, name: &str) -> Result<&'a T, String> {
    part.as_ref().ok_or_else(|| format!("Expecting '{name}' to be present"))
}

/// A uuid on the wire is its 16 bytes.
pub fn check_uuid(uuid: &[u8]) -> Checked {
    if uuid.len() == 16 { Ok(()) } else { Err("Not a valid UUID".into()) }
}

/// What counts a call that is not complete, if anything does.
pub fn invalid_counter(call: &Call) -> Option<&'static str> {
    match call.r#type() {
        Type::Acknowledge => Some("master/invalid_status_update_acknowledgements"),
        Type::AcknowledgeOperationStatus => Some("master/invalid_operation_status_update_acknowledgements"),
        Type::Message => Some("master/invalid_framework_to_executor_messages"),
        _ => None,
    }
}
