//! What happens to an agent: everything the core is told, each with the time it is told at ([`Cx::now`](crate::Cx)).

use serde::{Deserialize, Serialize};
use tepui_model::ContainerId;
use tepui_proto::internal;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::v1::{self, TaskState};

use crate::authentication::Identification;
use crate::names::{Connection, Peer, Pid, RequestId, Ticket, Timer};
use crate::recovery::Recovered;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The first input: what an earlier life of this agent left in its work directory; nothing, on a fresh one.
    Start(Box<Recovered>),
    /// Answers [`Effect::RecoverContainers`](crate::Effect::RecoverContainers). The ends of those that are not alive
    /// follow as [`ContainerEvent::Exited`].
    ContainersRecovered {
        /// Those whose processes still run.
        alive: Vec<ContainerId>,
    },
    /// There is a leading master.
    MasterDetected(Pid),
    /// The connection to this master is lost; answers [`Effect::Watch`](crate::Effect::Watch).
    MasterExited(Pid),
    /// Answers [`Effect::Authenticate`](crate::Effect::Authenticate).
    Authenticated {
        /// The question.
        attempt: u64,
        /// What became of it.
        verdict: Identification,
    },
    /// A master's message.
    Master {
        /// The sender.
        from: Pid,
        /// What it says.
        message: MasterMessage,
    },
    /// An executor's call.
    Executor(Box<ExecutorCall>),
    /// An executor's stream ended, or its actor exited.
    ExecutorGone(Peer),
    /// News of a container.
    Container {
        /// Which.
        id: ContainerId,
        /// What.
        event: ContainerEvent,
    },
    /// Answers [`Effect::Checkpoint`](crate::Effect::Checkpoint).
    Checkpointed {
        /// The question.
        ticket: Ticket,
        /// Whether all of it is on disk; if not, why.
        outcome: Result<(), String>,
    },
    /// Answers [`Effect::Arm`](crate::Effect::Arm).
    TimerDue(Timer),
    /// The operator ends this process: executors of checkpointing frameworks live on.
    Stop,
}

/// What masters say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the message of its name")]
pub enum MasterMessage {
    Registered(internal::SlaveRegisteredMessage),
    Reregistered(Box<internal::SlaveReregisteredMessage>),
    Ping(internal::PingSlaveMessage),
    RunTask(Box<internal::RunTaskMessage>),
    RunTaskGroup(Box<internal::RunTaskGroupMessage>),
    KillTask(internal::KillTaskMessage),
    ShutdownFramework(internal::ShutdownFrameworkMessage),
    ShutdownExecutor(internal::ShutdownExecutorMessage),
    UpdateFramework(Box<internal::UpdateFrameworkMessage>),
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage),
    ReconcileTasks(Box<internal::ReconcileTasksMessage>),
    ApplyOperation(Box<internal::ApplyOperationMessage>),
    AcknowledgeOperationStatus(internal::AcknowledgeOperationStatusMessage),
    ReconcileOperations(internal::ReconcileOperationsMessage),
    CheckpointResources(internal::CheckpointResourcesMessage),
    Shutdown(internal::ShutdownMessage),
    Drain(internal::DrainSlaveMessage),
}

/// A call of the executor API, and the way it came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutorCall {
    /// The decoded call.
    pub call: v1::executor::Call,
    /// Who is told, with [`Effect::Reply`](crate::Effect::Reply); `None` for calls of actors.
    pub request: Option<RequestId>,
    /// The actor that called, or the stream that a SUBSCRIBE over HTTP gets if it is accepted.
    pub peer: Option<Peer>,
}

impl ExecutorCall {
    /// A call over HTTP; `stream` for SUBSCRIBE only.
    pub fn http(call: v1::executor::Call, request: RequestId, stream: Option<Connection>) -> ExecutorCall {
        ExecutorCall { call, request: Some(request), peer: stream.map(Peer::Http) }
    }

    /// A call that a driver of the unversioned API made.
    pub fn driver(call: v1::executor::Call, from: Pid) -> ExecutorCall {
        ExecutorCall { call, request: None, peer: Some(Peer::Driver(from)) }
    }

    /// A call that an actor sent.
    pub fn actor(call: v1::executor::Call, from: Pid) -> ExecutorCall {
        ExecutorCall { call, request: None, peer: Some(Peer::Actor(from)) }
    }
}

/// What happens to a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ContainerEvent {
    /// Its process runs.
    Launched {
        /// The first process, as the agent's pid namespace numbers it.
        pid: u32,
    },
    /// It could not be started, and `why`; nothing of it is left.
    LaunchFailed {
        /// For the task's status.
        why: String,
    },
    /// It has the resources it was given.
    Updated,
    /// It has not, and `why`.
    UpdateFailed {
        /// For the task's status.
        why: String,
    },
    /// It is gone.
    Exited(Termination),
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Termination {
    /// The raw status of `wait(2)`, if it is known.
    pub status: Option<i32>,
    /// What the tasks are to become, if the containerizer knows better than "failed".
    pub state: Option<TaskState>,
    /// Why, for programs.
    pub reason: Option<Reason>,
    /// Why, for people.
    pub message: Option<String>,
    /// What was exceeded.
    pub limited: Vec<v1::Resource>,
}
