//! What the core asks of the world. The shell performs each, in order, with one line of code.

use std::fmt;
use std::sync::Arc;

use tepui_model::Time;
use tepui_proto::{internal, v1};

use crate::changed::Changed;
use crate::counter::Counter;
use crate::fact::Fact;
use crate::names::{Connection, Pid, RequestId, Ticket, Timer};
use crate::registry::RegistryOperation;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answer an HTTP request. Each [`HttpRequest`](crate::HttpRequest) gets one `Answer` or one `Open`.
    Answer {
        /// Which.
        request: RequestId,
        /// With what.
        answer: Answer,
    },
    /// Answer a SUBSCRIBE with 200 and its stream (`Mesos-Stream-Id` as the shell made it). Events follow;
    /// its end comes back as [`Input::Disconnected`](crate::Input::Disconnected).
    Open {
        /// Which.
        request: RequestId,
        /// The stream that is now open.
        connection: Connection,
    },
    /// Send an event to a scheduler.
    Event {
        /// To whom.
        to: Peer,
        /// Encoded once, also when several get it.
        event: Arc<v1::scheduler::Event>,
    },
    /// End a stream after what was sent on it.
    Close(Connection),
    /// Send a message to an agent.
    Send {
        /// Its address.
        to: Pid,
        /// What.
        message: ToAgent,
    },
    /// Make a change of the registry durable. Answered by [`Input::Persisted`](crate::Input::Persisted) or
    /// [`Input::PersistFailed`](crate::Input::PersistFailed). Several may be written at once; they are applied in order.
    Persist {
        /// The question.
        ticket: Ticket,
        /// The change; [`RegistryOperation::apply`] makes it.
        operation: RegistryOperation,
    },
    /// Wake the core with [`Input::TimerDue`](crate::Input::TimerDue) at `at`, or as soon after as can be.
    Arm {
        /// The wake-up.
        timer: Timer,
        /// When.
        at: Time,
    },
    /// A timer is not needed any more.
    Disarm(Timer),
    /// Tell the allocator.
    Allocator(tepui_allocator::Call),
    /// Say with [`Input::Exited`](crate::Input::Exited) when this actor is gone. Watching twice is watching once.
    Watch(Pid),
    /// An entity has a new value for the readers.
    Changed(Changed),
    /// One more of something that is counted.
    Count(Counter),
    /// Something that belongs into the log.
    Log(Fact),
    /// This master cannot go on; the process ends (a supervisor or another master takes over).
    Abdicate(String),
}

/// An HTTP answer without headers. An empty body has no `Content-Type`; otherwise it is plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// 202 with an empty body.
    pub fn accepted() -> Answer {
        Answer { status: 202, body: String::new() }
    }

    /// 200 with an empty body.
    pub fn ok() -> Answer {
        Answer { status: 200, body: String::new() }
    }

    /// A refusal and its reason.
    pub fn refused(status: u16, body: impl Into<String>) -> Answer {
        Answer { status, body: body.into() }
    }
}

/// A scheduler to which events go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// An HTTP stream.
    Http(Connection),
    /// An actor; it gets the message `mesos.v1.scheduler.Event`.
    Actor(Pid),
    /// A driver of the unversioned API; each event is a message of its own there.
    Driver(Pid),
}

/// What agents are told.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the message of its name")]
pub enum ToAgent {
    Registered(internal::SlaveRegisteredMessage),
    Reregistered(Box<internal::SlaveReregisteredMessage>),
    Ping(internal::PingSlaveMessage),
    RunTask(Box<internal::RunTaskMessage>),
    KillTask(internal::KillTaskMessage),
    StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage),
    ApplyOperation(Box<internal::ApplyOperationMessage>),
    CheckpointResources(internal::CheckpointResourcesMessage),
    ReconcileOperations(internal::ReconcileOperationsMessage),
    OperationStatusAcknowledgement(internal::AcknowledgeOperationStatusMessage),
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    UpdateFramework(Box<internal::UpdateFrameworkMessage>),
    ShutdownFramework(internal::ShutdownFrameworkMessage),
    ShutdownExecutor(internal::ShutdownExecutorMessage),
    Drain(internal::DrainSlaveMessage),
    Shutdown(internal::ShutdownMessage),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Http(connection) => connection.fmt(f),
            Peer::Actor(pid) => pid.fmt(f),
            Peer::Driver(pid) => write!(f, "driver {pid}"),
        }
    }
}
