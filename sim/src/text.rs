//! Inputs as text for the transcript. Messages were effects of others and stand there in full; here their kind is enough.

use std::fmt;

use tepui_agent_core as agent;
use tepui_master_core as master;

/// An agent, as the transcript calls it.
pub(crate) struct Agent(pub usize);

/// A framework, likewise.
pub(crate) struct Framework(pub usize);

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agent{}", self.0)
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "framework{}", self.0)
    }
}

pub(crate) struct MasterInput<'a>(pub &'a master::Input);

impl fmt::Display for MasterInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use master::{FromAgent, Input, Via};
        match self.0 {
            Input::RegistryRecovered(_) => f.write_str("<- registry"),
            Input::Persisted(ticket) => write!(f, "<- {ticket} is durable"),
            Input::PersistFailed { ticket, why } => write!(f, "<- {ticket} is not durable: {why}"),
            Input::Call(call) => {
                let kind = call.call.r#type().as_str_name();
                match &call.via {
                    Via::Http(http) => write!(f, "<- {}: {kind}", http.request),
                    Via::Actor(pid) => write!(f, "<- {pid}: {kind}"),
                    Via::Driver(driver) => write!(f, "<- driver {}: {kind}", driver.pid),
                }
            }
            Input::Disconnected(connection) => write!(f, "<- {connection} ended"),
            Input::Agent { from, message } => {
                let kind = match message {
                    FromAgent::Register(_) => "Register",
                    FromAgent::Reregister(_) => "Reregister",
                    FromAgent::Unregister(_) => "Unregister",
                    FromAgent::Update(_) => "Update",
                    FromAgent::StatusUpdate(_) => "StatusUpdate",
                    FromAgent::ExitedExecutor(_) => "ExitedExecutor",
                    FromAgent::ExecutorToFramework(_) => "ExecutorToFramework",
                    FromAgent::OperationStatus(_) => "OperationStatus",
                    FromAgent::Pong(_) => "Pong",
                };
                write!(f, "<- {from}: {kind}")
            }
            Input::Exited(pid) => write!(f, "<- {pid} exited"),
            Input::TimerDue(timer) => write!(f, "<- {timer} is due"),
            Input::Deactivate { from, .. } => write!(f, "<- driver {from}: abort"),
            Input::Allocated(allocations) => write!(f, "<- {} allocations", allocations.len()),
            Input::InverseOffers(offers) => write!(f, "<- {} inverse offers", offers.len()),
            Input::Operator(call) => write!(f, "<- operator: {}", call.call.r#type().as_str_name()),
        }
    }
}

pub(crate) struct AgentInput<'a>(pub &'a agent::Input);

impl fmt::Display for AgentInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use agent::{ContainerEvent, Input};
        match self.0 {
            Input::Start(recovered) => {
                write!(f, "<- start, {} frameworks recovered", recovered.frameworks.len())
            }
            Input::ContainersRecovered { alive } => write!(f, "<- {} containers are alive", alive.len()),
            Input::MasterDetected(pid) => write!(f, "<- the master is {pid}"),
            Input::MasterExited(pid) => write!(f, "<- {pid} exited"),
            Input::Authenticated { attempt, .. } => write!(f, "<- attempt {attempt} to authenticate is over"),
            Input::Master { message, .. } => write!(f, "<- {}", message_kind(message)),
            Input::Executor(call) => {
                let executor = &call.call.executor_id.value;
                write!(f, "<- executor {executor}: {}", call.call.r#type().as_str_name())?;
                let update = call.call.update.as_ref();
                update.map_or(Ok(()), |update| write!(f, " {}", update.status.state().as_str_name()))
            }
            Input::ExecutorGone(peer) => write!(f, "<- {peer} is gone"),
            Input::Container { id, event } => {
                let event = match event {
                    ContainerEvent::Launched { .. } => "launched",
                    ContainerEvent::LaunchFailed { .. } => "not launched",
                    ContainerEvent::Updated => "updated",
                    ContainerEvent::UpdateFailed { .. } => "not updated",
                    ContainerEvent::Exited(_) => "exited",
                };
                write!(f, "<- container {id} {event}")
            }
            Input::Checkpointed { ticket, outcome: Ok(()) } => write!(f, "<- {ticket} is durable"),
            Input::Checkpointed { ticket, outcome: Err(why) } => {
                write!(f, "<- {ticket} is not durable: {why}")
            }
            Input::TimerDue(timer) => write!(f, "<- {timer} is due"),
            Input::Stop => f.write_str("<- stop"),
        }
    }
}

fn message_kind(message: &agent::MasterMessage) -> &'static str {
    use agent::MasterMessage;
    match message {
        MasterMessage::Registered(_) => "Registered",
        MasterMessage::Reregistered(_) => "Reregistered",
        MasterMessage::Ping(_) => "Ping",
        MasterMessage::RunTask(_) => "RunTask",
        MasterMessage::RunTaskGroup(_) => "RunTaskGroup",
        MasterMessage::KillTask(_) => "KillTask",
        MasterMessage::ShutdownFramework(_) => "ShutdownFramework",
        MasterMessage::ShutdownExecutor(_) => "ShutdownExecutor",
        MasterMessage::UpdateFramework(_) => "UpdateFramework",
        MasterMessage::FrameworkToExecutor(_) => "FrameworkToExecutor",
        MasterMessage::StatusUpdateAcknowledgement(_) => "Acknowledgement",
        MasterMessage::ReconcileTasks(_) => "ReconcileTasks",
        MasterMessage::ApplyOperation(_) => "ApplyOperation",
        MasterMessage::AcknowledgeOperationStatus(_) => "AcknowledgeOperationStatus",
        MasterMessage::ReconcileOperations(_) => "ReconcileOperations",
        MasterMessage::Drain(_) => "Drain",
        MasterMessage::CheckpointResources(_) => "CheckpointResources",
        MasterMessage::Shutdown(_) => "Shutdown",
    }
}
