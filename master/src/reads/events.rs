//! What operators are told on their event streams, made from what the readers hear. Pure: the values known so far are those of
//! the cluster to which the change was not applied yet.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{AgentView, Changed, FrameworkStanding, FrameworkView, TaskStanding, TaskView};
use tepui_model::{AgentId, secrets};
use tepui_proto::v1::master::event::{self, Type};
use tepui_proto::v1::master::{Event, response};
use tepui_proto::v1::task_status::Reason;

use super::cluster::Cluster;
use super::legacy;
use super::operator::{self, StateJson};
use crate::encoding::Encoding;

/// The event that a change is; none if the streams do not tell of it.
pub(super) fn of(change: &Changed, known: &Cluster) -> Option<Event> {
    match change {
        Changed::Task(task) => of_task(task, known.task(task.record)),
        Changed::Agent(agent) => of_agent(agent, known.agent(&agent.id)),
        Changed::AgentForgotten(id) => {
            known.agent(id).filter(|agent| legacy::is_registered(agent)).map(|_| agent_removed(id))
        }
        Changed::Framework(framework) => of_framework(framework, known.framework(&framework.id)),
        Changed::Serving { .. }
        | Changed::FrameworkForgotten(_)
        | Changed::TaskForgotten(_)
        | Changed::Executor(_)
        | Changed::ExecutorGone { .. }
        | Changed::Operation(_)
        | Changed::OperationGone(_)
        | Changed::Offer(_)
        | Changed::OfferGone(_)
        | Changed::Quota { .. }
        | Changed::Maintenance(_)
        | Changed::InverseAnswers { .. }
        | Changed::Weight { .. } => None,
    }
}

/// The first event of a subscriber: the state from which the others go on.
pub(super) fn subscribed(cluster: &Cluster, heartbeat: Duration) -> Event {
    let subscribed = event::Subscribed {
        get_state: Some(operator::state(cluster).into()),
        heartbeat_interval_seconds: Some(heartbeat.as_secs_f64()),
    };
    Event { subscribed: Some(subscribed), ..of_type(Type::Subscribed) }
}

/// Writes it, with the lists of its state as `GET_STATE` has them.
pub(super) fn encode_subscribed(event: &Event, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => event.encode_to_vec(),
        Encoding::Json => {
            serde_json::to_vec(&Subscribed(event)).expect("these types have no keys that are not text")
        }
    }
}

/// `HEARTBEAT`.
pub(super) fn heartbeat() -> Event {
    of_type(Type::Heartbeat)
}

fn of_type(kind: Type) -> Event {
    Event { r#type: Some(kind as i32), ..Event::default() }
}

/// A task that is not on a registered agent is no news to anybody: it ended before this master knew of it.
fn of_task(new: &TaskView, known: Option<&TaskView>) -> Option<Event> {
    let Some(known) = known else {
        return (new.standing == TaskStanding::Active).then(|| {
            let added = event::TaskAdded { task: secrets::task(&new.task).into_owned() };
            Event { task_added: Some(added.into()), ..of_type(Type::TaskAdded) }
        });
    };
    let (status, last) = (new.task.statuses.last()?, known.task.statuses.last());
    if last == Some(status) {
        return None;
    }
    let is_new_state = last.is_none_or(|last| last.state != status.state);
    let is_told = is_new_state || tells_of_check(status.reason);
    let updated = || event::TaskUpdated {
        framework_id: new.framework.to_wire(),
        status: status.clone(),
        state: new.task.state,
    };
    is_told.then(|| Event { task_updated: Some(updated().into()), ..of_type(Type::TaskUpdated) })
}

/// Checks tell of the same state again and again, each time with another result.
fn tells_of_check(reason: Option<i32>) -> bool {
    [Reason::TaskCheckStatusUpdated, Reason::TaskHealthCheckStatusUpdated]
        .iter()
        .any(|told| reason == Some(*told as i32))
}

/// An agent is added when it is registered and was not, and removed when it is not registered any more: also when it is
/// unreachable, which Mesos' master leaves its subscribers to guess.
fn of_agent(new: &AgentView, known: Option<&AgentView>) -> Option<Event> {
    match (known.is_some_and(legacy::is_registered), legacy::is_registered(new)) {
        (false, true) => {
            new.info.as_ref()?;
            let added = event::AgentAdded { agent: operator::agent(new) };
            Some(Event { agent_added: Some(added.into()), ..of_type(Type::AgentAdded) })
        }
        (true, false) => Some(agent_removed(&new.id)),
        (false, false) | (true, true) => None,
    }
}

fn agent_removed(id: &AgentId) -> Event {
    let removed = event::AgentRemoved { agent_id: id.to_wire() };
    Event { agent_removed: Some(removed), ..of_type(Type::AgentRemoved) }
}

fn of_framework(new: &FrameworkView, known: Option<&FrameworkView>) -> Option<Event> {
    let has_ended = |view: &FrameworkView| view.standing == FrameworkStanding::Completed;
    match (known.filter(|known| !has_ended(known)), has_ended(new)) {
        (None, false) => {
            let added = event::FrameworkAdded { framework: framework(new) };
            Some(Event { framework_added: Some(added.into()), ..of_type(Type::FrameworkAdded) })
        }
        (Some(known), false) if describes_itself_anew(new, known) => {
            let updated = event::FrameworkUpdated { framework: framework(new) };
            Some(Event { framework_updated: Some(updated.into()), ..of_type(Type::FrameworkUpdated) })
        }
        (Some(_), true) => {
            let removed = event::FrameworkRemoved { framework_info: (*new.info).clone() };
            Some(Event { framework_removed: Some(removed.into()), ..of_type(Type::FrameworkRemoved) })
        }
        (Some(_), false) | (None, true) => None,
    }
}

/// It subscribed again, or gave another description. One that says the same again counts, as with Mesos; offers and tasks, which
/// change a framework's value too, do not.
fn describes_itself_anew(new: &FrameworkView, known: &FrameworkView) -> bool {
    !Arc::ptr_eq(&new.info, &known.info) || new.reregistered != known.reregistered
}

/// A framework without what it holds.
fn framework(view: &FrameworkView) -> response::get_frameworks::Framework {
    response::get_frameworks::Framework {
        // Where Mesos' master has no time to tell, it tells of the epoch.
        unregistered_time: Some(view.unregistered.unwrap_or_default().into()),
        ..operator::framework_itself(view)
    }
}

/// `SUBSCRIBED` in JSON.
struct Subscribed<'a>(&'a Event);

impl Serialize for Subscribed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.0.r#type().as_str_name())?;
        map.serialize_entry("subscribed", &self.0.subscribed.as_ref().map(Content))?;
        map.end()
    }
}

struct Content<'a>(&'a event::Subscribed);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("get_state", &self.0.get_state.as_deref().map(StateJson))?;
        map.serialize_entry("heartbeat_interval_seconds", &self.0.heartbeat_interval_seconds)?;
        map.end()
    }
}
