//! What inputs and effects call things: the shell's handles and the core's tickets and timers.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tepui_model::{ContainerId, FrameworkId, OperationUuid, TaskId};

/// The address of an actor, `name@ip:port`, as the runtime prints it. The core never takes it apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pid(Arc<str>);

impl Pid {
    /// Any text is taken: the runtime is who knows what an address looks like.
    pub fn new(text: impl Into<Arc<str>>) -> Pid {
        Pid(text.into())
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One HTTP request that waits for one answer. The shell numbers them and never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// One event stream to an HTTP executor. The shell numbers them and never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Connection(pub u64);

/// One write that was asked for and not answered yet. The core numbers them and never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// An executor to which events go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// An HTTP stream.
    Http(Connection),
    /// An actor; it gets the message `mesos.v1.executor.Event`.
    Actor(Pid),
    /// A driver of the unversioned API, as programs linked against libmesos have; each event is a message of its own there.
    Driver(Pid),
}

impl Peer {
    /// Its address, if it has one.
    pub fn pid(&self) -> Option<&Pid> {
        match self {
            Peer::Http(_) => None,
            Peer::Actor(pid) | Peer::Driver(pid) => Some(pid),
        }
    }
}

/// The identity of one status update: the 16 bytes of a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UpdateId(pub [u8; 16]);

impl UpdateId {
    /// Reads the bytes of a message; `None` unless there are sixteen.
    pub fn from_bytes(bytes: &[u8]) -> Option<UpdateId> {
        bytes.try_into().ok().map(UpdateId)
    }
}

/// A wake-up that the core asked for with [`Effect::Arm`](crate::Effect::Arm). Timers are never taken back: one whose
/// reason is gone when it comes due finds nothing to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Timer {
    /// The next attempt to register; of the attempts started by the `epoch`-th loss of the master.
    Register {
        /// Which series of attempts.
        epoch: u64,
    },
    /// An attempt to authenticate should be over by now.
    Authentication {
        /// Which attempt.
        attempt: u64,
    },
    /// The master should have pinged by now.
    Ping {
        /// Which series of attempts led to this registration.
        epoch: u64,
    },
    /// Recovered executors should have come back by now.
    Reregistration,
    /// An executor should have subscribed by now.
    Registration(ContainerId),
    /// A driver that was lost should have come back by now.
    CallBack {
        /// Whose.
        container: ContainerId,
        /// How often it may be asked from now on.
        calls: u32,
    },
    /// An executor that was told to shut down should be gone by now.
    ShutdownGrace(ContainerId),
    /// The head of a stream of updates is still not acknowledged.
    Retry {
        /// Whose.
        framework: FrameworkId,
        /// Whose.
        task: TaskId,
        /// Which sending of which head.
        generation: u64,
    },
    /// An operation is still not acknowledged.
    RetryOperation {
        /// Which.
        operation: OperationUuid,
        /// Which sending of it.
        generation: u64,
    },
    /// A write that failed is tried again.
    Rewrite(Ticket),
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {}", self.0)
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream {}", self.0)
    }
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

impl fmt::Debug for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Timer::Register { .. } => f.write_str("register"),
            Timer::Authentication { .. } => f.write_str("authentication"),
            Timer::Ping { .. } => f.write_str("ping"),
            Timer::Reregistration => f.write_str("reregistration of executors"),
            Timer::Registration(container) => write!(f, "registration of {container}"),
            Timer::CallBack { container, .. } => write!(f, "call back of {container}"),
            Timer::ShutdownGrace(container) => write!(f, "shutdown grace of {container}"),
            Timer::Retry { task, .. } => write!(f, "retry of {task}"),
            Timer::RetryOperation { .. } => f.write_str("retry of an operation"),
            Timer::Rewrite(ticket) => write!(f, "rewrite {ticket}"),
        }
    }
}
