//! What happens to the master: everything the core is told, each with the time it is told at ([`Cx::now`](crate::Cx)).
//!
//! An input is a value. A recording of a master is its first state and the inputs since.

use serde::{Deserialize, Serialize};
use tepui_proto::v1::master::call;
use tepui_proto::{internal, v1};

use crate::names::{Connection, Pid, RequestId, Ticket, Timer};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// This master was elected and has read the registry. The first input; everything before it is refused.
    /// The core answers with a write ([`RegistryOperation::Recover`](crate::RegistryOperation)) and serves after it.
    RegistryRecovered(Box<internal::Registry>),
    /// Answers [`Effect::Persist`](crate::Effect::Persist): the operation is durable.
    Persisted(Ticket),
    /// Answers [`Effect::Persist`](crate::Effect::Persist): it is not, and `why`. The core abdicates.
    PersistFailed {
        /// The question.
        ticket: Ticket,
        /// The store's words.
        why: String,
    },
    /// A scheduler's call.
    Call(Box<SchedulerCall>),
    /// An event stream ended: the scheduler closed it, or it broke. Also right after the core's own
    /// [`Effect::Close`](crate::Effect::Close); that one changes nothing.
    Disconnected(Connection),
    /// An agent's message.
    Agent {
        /// The sender.
        from: Pid,
        /// What it says.
        message: FromAgent,
    },
    /// Answers [`Effect::Watch`](crate::Effect::Watch): the actor ended, its process died, or the connection was lost.
    Exited(Pid),
    /// Answers [`Effect::Arm`](crate::Effect::Arm).
    TimerDue(Timer),
    /// A driver's framework wants no offers until it subscribes again; its scheduler stays connected.
    Deactivate {
        /// The driver.
        from: Pid,
        /// The framework it names.
        framework: v1::FrameworkId,
    },
    /// The allocator's decisions; follows some [`Effect::Allocator`](crate::Effect::Allocator) or its own interval.
    Allocated(Vec<tepui_allocator::Allocation>),
    /// The allocator asks frameworks to leave agents that will be in maintenance; after [`Input::Allocated`] of the same run.
    InverseOffers(Vec<tepui_allocator::InverseOffer>),
    /// An operator's call that changes something. Answered with exactly one [`Effect::Answer`](crate::Effect::Answer), in this
    /// step or, when the registry must be written first, in a later one.
    Operator(Box<OperatorCall>),
}

/// A call of the operator API. Endpoints that are older than it are brought into its form by the shell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorCall {
    /// Where the answer goes.
    pub request: RequestId,
    /// The authenticated principal, if authentication is on.
    pub principal: Option<String>,
    /// The decoded call.
    pub call: v1::master::Call,
}

impl OperatorCall {
    /// The call that ends a framework, by its id as the operator wrote it.
    pub fn teardown(framework: String) -> v1::master::Call {
        let teardown = call::Teardown { framework_id: v1::FrameworkId { value: framework } };
        let r#type = Some(call::Type::Teardown as i32);
        v1::master::Call { r#type, teardown: Some(teardown), ..v1::master::Call::default() }
    }
}

/// A call of the scheduler API, and the way it came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchedulerCall {
    /// The decoded call.
    pub call: v1::scheduler::Call,
    /// Who carries the answer.
    pub via: Via,
}

/// The ways in. The calls are the same, and so are the events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Via {
    /// `POST /api/v1/scheduler`. Answered with exactly one [`Effect::Answer`](crate::Effect::Answer) or
    /// [`Effect::Open`](crate::Effect::Open), in the same step.
    Http(HttpRequest),
    /// The actor's message `mesos.v1.scheduler.Call`. Nothing answers but events; a call that is refused is logged.
    Actor(Pid),
    /// A message of a driver that speaks the unversioned API, as programs linked against libmesos do.
    Driver(Driver),
}

/// A driver, as it called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// Its address.
    pub pid: Pid,
    /// Of a SUBSCRIBE: it takes over from whoever is subscribed as this framework. Without it a driver that was cut off
    /// cannot displace the one that came after it.
    pub force: bool,
}

/// What the core needs to know of the HTTP request that carried a call. The shell has seen to the method, the content type
/// and the decoding (rules 1–6 of the API's status codes); the core decides from the call's own validity on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Where the answer goes.
    pub request: RequestId,
    /// `Accept` allows JSON or protobuf.
    pub acceptable: bool,
    /// The header `Mesos-Stream-Id`, if there was one.
    pub stream_id: Option<String>,
    /// The authenticated principal, if authentication is on.
    pub principal: Option<String>,
    /// The stream that a SUBSCRIBE gets, if it is accepted: identity and random `Mesos-Stream-Id`. Made by the shell for
    /// every SUBSCRIBE (the core has no randomness); `None` for other calls.
    pub stream: Option<NewStream>,
}

/// A stream that may be opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewStream {
    /// The shell's number.
    pub connection: Connection,
    /// The random UUID of the header `Mesos-Stream-Id`.
    pub id: String,
}

/// What agents say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the message of its name")]
pub enum FromAgent {
    Register(Box<internal::RegisterSlaveMessage>),
    Reregister(Box<internal::ReregisterSlaveMessage>),
    Unregister(internal::UnregisterSlaveMessage),
    Update(Box<internal::UpdateSlaveMessage>),
    StatusUpdate(Box<internal::StatusUpdateMessage>),
    ExitedExecutor(internal::ExitedExecutorMessage),
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
    OperationStatus(Box<internal::UpdateOperationStatusMessage>),
    Pong(internal::PongSlaveMessage),
}
