//! Effects as text, one line each: what step tests and simulations show.

use std::fmt;

use tepui_model::{OfferOperation, Resources, duration};
use tepui_proto::v1::scheduler::{Event, event};
use tepui_proto::v1::{self, DrainState, TaskStatus};

use crate::changed::{AgentStanding, Changed, TaskView};
use crate::effect::{Effect, ToAgent};
use crate::maintenance::Planned;
use crate::quotas::quota_of;

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Answer { request, answer } if answer.body.is_empty() => {
                write!(f, "{request} <- {}", answer.status)
            }
            Effect::Answer { request, answer } => write!(f, "{request} <- {} {}", answer.status, answer.body),
            Effect::Open { request, connection } => write!(f, "{request} <- {connection}"),
            Effect::Event { to, event } => write!(f, "{to} <- {}", EventText(event)),
            Effect::Close(connection) => write!(f, "{connection} closed"),
            Effect::Send { to, message } => write!(f, "{to} <- {message}"),
            Effect::Persist { operation, .. } => write!(f, "registry <- {operation}"),
            Effect::Arm { timer, at } => write!(f, "arm {timer} at {at}"),
            Effect::Disarm(timer) => write!(f, "disarm {timer}"),
            Effect::Allocator(call) => write!(f, "allocator <- {call}"),
            Effect::Watch(pid) => write!(f, "watch {pid}"),
            Effect::Changed(changed) => write!(f, "changed {changed}"),
            Effect::Count(counter) => write!(f, "count {counter}"),
            Effect::Log(fact) => write!(f, "log {}: {fact}", fact.level),
            Effect::Abdicate(why) => write!(f, "abdicate: {why}"),
        }
    }
}

struct EventText<'a>(&'a Event);

impl fmt::Display for EventText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.0;
        f.write_str(event.r#type().as_str_name())?;
        if let Some(subscribed) = &event.subscribed {
            write!(f, " {}", subscribed.framework_id.value)?;
        }
        for offer in event.offers.iter().flat_map(|offers| &offers.offers) {
            write!(f, " {}", OfferText(offer))?;
        }
        if let Some(event::Rescind { offer_id }) = &event.rescind {
            write!(f, " {}", offer_id.value)?;
        }
        for offer in event.inverse_offers.iter().flat_map(|offers| &offers.inverse_offers) {
            let agent = offer.agent_id.as_ref().map_or("", |id| &id.value);
            write!(
                f,
                " {} on {agent} at {}",
                offer.id.value,
                tepui_model::Time::from(&offer.unavailability.start)
            )?;
        }
        if let Some(event::RescindInverseOffer { inverse_offer_id }) = &event.rescind_inverse_offer {
            write!(f, " {}", inverse_offer_id.value)?;
        }
        if let Some(update) = &event.update {
            write!(f, " {}", StatusText(&update.status))?;
        }
        if let Some(update) = &event.update_operation_status {
            let status = &update.status;
            let id = status.operation_id.as_ref().map_or("", |id| &id.value);
            write!(f, " {id} {} '{}'", status.state().as_str_name(), status.message())?;
        }
        if let Some(message) = &event.message {
            let data = String::from_utf8_lossy(&message.data);
            write!(f, " from {} on {}: {data}", message.executor_id.value, message.agent_id.value)?;
        }
        if let Some(failure) = &event.failure {
            write_failure(f, failure)?;
        }
        if let Some(error) = &event.error {
            write!(f, " {}", error.message)?;
        }
        Ok(())
    }
}

fn write_failure(f: &mut fmt::Formatter<'_>, failure: &event::Failure) -> fmt::Result {
    let agent = failure.agent_id.as_ref().map_or("", |id| &id.value);
    match &failure.executor_id {
        Some(executor) => write!(f, " of {} on {agent}, status {}", executor.value, failure.status()),
        None => write!(f, " of {agent}"),
    }
}

struct OfferText<'a>(&'a v1::Offer);

impl fmt::Display for OfferText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offer = self.0;
        write!(f, "{} on {}", offer.id.value, offer.agent_id.value)?;
        if let Some(allocation) = &offer.allocation_info {
            write!(f, " as {}", allocation.role())?;
        }
        let resources = Resources::from_wire(&offer.resources).unwrap_or_default();
        write!(f, " ({resources})")?;
        for executor in &offer.executor_ids {
            write!(f, " with {}", executor.value)?;
        }
        Ok(())
    }
}

struct StatusText<'a>(&'a TaskStatus);

impl fmt::Display for StatusText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.0;
        write!(f, "{} {}", status.task_id.value, status.state().as_str_name())?;
        if let Some(agent) = &status.agent_id {
            write!(f, " on {}", agent.value)?;
        }
        if let Some(executor) = &status.executor_id {
            write!(f, " by {}", executor.value)?;
        }
        if status.reason.is_some() {
            write!(f, " {}", status.reason().as_str_name())?;
        }
        if let Some(message) = &status.message {
            write!(f, " '{message}'")?;
        }
        if let Some(since) = &status.unreachable_time {
            write!(f, " since {}", tepui_model::Time::from(since))?;
        }
        if status.uuid.is_some() {
            f.write_str(", to acknowledge")?;
        }
        Ok(())
    }
}

impl fmt::Display for ToAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToAgent::Registered(message) => write!(f, "Registered as {}", message.slave_id.value),
            ToAgent::Reregistered(message) => {
                write!(f, "Reregistered as {}", message.slave_id.value)?;
                let statuses =
                    message.reconciliations.iter().flat_map(|reconciliation| &reconciliation.statuses);
                statuses.into_iter().try_for_each(|status| {
                    write!(f, ", what of {} in {}?", status.task_id.value, status.state().as_str_name())
                })
            }
            ToAgent::Ping(message) if message.connected => f.write_str("Ping"),
            ToAgent::Ping(_) => f.write_str("Ping, not connected"),
            ToAgent::RunTask(message) => {
                let task = &message.task;
                let resources = Resources::from_wire(&task.resources).unwrap_or_default();
                write!(f, "RunTask {} ({resources})", task.task_id.value)?;
                match (&task.executor, message.launch_executor()) {
                    (Some(executor), true) => write!(f, " in new {}", executor.executor_id.value),
                    (Some(executor), false) => write!(f, " in running {}", executor.executor_id.value),
                    (None, _) => Ok(()),
                }
            }
            ToAgent::KillTask(message) => {
                write!(f, "KillTask {}", message.task_id.value)?;
                let grace = message.kill_policy.and_then(|policy| policy.grace_period);
                let grace = grace.and_then(|grace| u64::try_from(grace.nanoseconds).ok());
                grace.map_or(Ok(()), |grace| {
                    write!(f, " within {}", duration::print(std::time::Duration::from_nanos(grace)))
                })
            }
            ToAgent::StatusUpdateAcknowledgement(message) => {
                write!(f, "Acknowledgement of {}", message.task_id.value)
            }
            ToAgent::ApplyOperation(message) => {
                write!(f, "ApplyOperation {}", OperationText(&message.operation_info))
            }
            ToAgent::CheckpointResources(message) => {
                let resources = Resources::from_wire(&message.resources).unwrap_or_default();
                write!(f, "CheckpointResources {resources}")
            }
            ToAgent::ReconcileOperations(message) => {
                write!(f, "ReconcileOperations, what of {}?", message.operations.len())
            }
            ToAgent::OperationStatusAcknowledgement(_) => f.write_str("Acknowledgement of an operation"),
            ToAgent::FrameworkToExecutor(message) => {
                write!(
                    f,
                    "Message for {}: {}",
                    message.executor_id.value,
                    String::from_utf8_lossy(&message.data)
                )
            }
            ToAgent::UpdateFramework(message) => {
                write!(f, "UpdateFramework {}", message.framework_id.value)?;
                message.pid.as_ref().map_or(Ok(()), |pid| write!(f, " at {pid}"))
            }
            ToAgent::ShutdownFramework(message) => {
                write!(f, "ShutdownFramework {}", message.framework_id.value)
            }
            ToAgent::ShutdownExecutor(message) => {
                write!(f, "ShutdownExecutor {}", message.executor_id.as_ref().map_or("", |id| &id.value))
            }
            ToAgent::Drain(message) => write!(f, "Drain{}", DrainText(&message.config)),
            ToAgent::Shutdown(message) => write!(f, "Shutdown: {}", message.message()),
        }
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Changed::Serving { since } => write!(f, "master: serving since {since}"),
            Changed::Agent(agent) => {
                write!(f, "agent {}: ", agent.id)?;
                match agent.standing {
                    AgentStanding::Unreachable { since } => write!(f, "unreachable since {since}"),
                    AgentStanding::Recovered => f.write_str("recovered"),
                    AgentStanding::Active | AgentStanding::Disconnected => {
                        let standing = format!("{:?}", agent.standing).to_lowercase();
                        let deactivated = match &agent.drain {
                            Some(drain) if drain.info.state() == DrainState::Drained => " and drained",
                            Some(_) => " and draining",
                            None if agent.deactivated => " and deactivated",
                            None => "",
                        };
                        write!(
                            f,
                            "{standing}{deactivated}, has {}, used {}, offered {}",
                            agent.total, agent.used, agent.offered
                        )
                    }
                }
            }
            Changed::AgentForgotten(id) => write!(f, "agent {id}: forgotten"),
            Changed::Framework(framework) => {
                let standing = format!("{:?}", framework.standing).to_lowercase();
                write!(f, "framework {}: {standing}, uses {}", framework.id, framework.used)?;
                write!(f, ", offered {}", framework.offered)
            }
            Changed::FrameworkForgotten(id) => write!(f, "framework {id}: forgotten"),
            Changed::Task(task) => write!(f, "{}", TaskText(task)),
            Changed::TaskForgotten(record) => write!(f, "task record {record}: forgotten"),
            Changed::Executor(executor) => {
                write!(f, "executor {} on {}: running", executor.info.executor_id.value, executor.agent)
            }
            Changed::ExecutorGone { agent, executor, .. } => {
                write!(f, "executor {executor} on {agent}: gone")
            }
            Changed::Operation(operation) => {
                let state = operation.latest_status.state().as_str_name();
                write!(f, "operation {}: {state}", OperationText(&operation.info))
            }
            Changed::OperationGone(_) => f.write_str("operation: gone"),
            Changed::Offer(offer) => write!(f, "offer {}: outstanding", offer.id),
            Changed::OfferGone(id) => write!(f, "offer {id}: gone"),
            Changed::Quota { role, config } => match config.as_ref().map(|config| quota_of(config)) {
                Some(Ok(quota)) => write!(f, "quota of {role}: {quota}"),
                Some(Err(_)) | None => write!(f, "quota of {role}: none"),
            },
            Changed::Maintenance(maintenance) => {
                let modes = maintenance.machines.values().map(|plan| plan.mode);
                let (draining, down): (Vec<_>, Vec<_>) = modes.partition(|mode| *mode == Planned::Draining);
                write!(f, "maintenance: {} draining, {} down", draining.len(), down.len())
            }
            Changed::InverseAnswers { machine, answers } => {
                write!(f, "inverse offers of {machine}: {} answers", answers.len())
            }
            Changed::Weight { role, weight } => write!(f, "weight of {role}: {weight}"),
        }
    }
}

struct OperationText<'a>(&'a v1::offer::Operation);

impl fmt::Display for OperationText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.r#type().as_str_name())?;
        if let Some(id) = &self.0.id {
            write!(f, " {}", id.value)?;
        }
        match OfferOperation::from_wire(self.0) {
            Ok(operation) => write!(f, " ({})", operation.subject()),
            Err(why) => write!(f, " ({why})"),
        }
    }
}

struct TaskText<'a>(&'a TaskView);

impl fmt::Display for TaskText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TaskView { record, standing, task, .. } = self.0;
        let standing = format!("{standing:?}").to_lowercase();
        let statuses: Vec<&str> = task.statuses.iter().map(|status| status.state().as_str_name()).collect();
        write!(
            f,
            "task {} (record {record}): {standing}, {}",
            task.task_id.value,
            task.state().as_str_name()
        )?;
        write!(f, ", statuses [{}]", statuses.join(", "))
    }
}

/// How an agent is to be drained.
pub(crate) struct DrainText<'a>(pub &'a v1::DrainConfig);

impl fmt::Display for DrainText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(grace) = self.0.max_grace_period {
            let nanoseconds = u64::try_from(grace.nanoseconds).unwrap_or_default();
            write!(f, " within {}", duration::print(std::time::Duration::from_nanos(nanoseconds)))?;
        }
        f.write_str(if self.0.mark_gone() { ", then it is gone" } else { "" })
    }
}
