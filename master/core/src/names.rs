//! What inputs and effects call things: handles into the core's slabs, and the shell's own handles.
//!
//! A handle names an entity without its text: slot and generation, so that a handle that outlived its entity finds nothing.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use tepui_allocator::{AgentHandle, FrameworkHandle};

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

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }
    };
}

numbered!(
    /// One HTTP request that waits for one answer. The shell numbers them and never uses a number twice.
    RequestId,
    "request "
);
numbered!(
    /// One event stream to an HTTP scheduler. The shell numbers them and never uses a number twice.
    Connection,
    "stream "
);
numbered!(
    /// One unanswered question to the registry. The core numbers them and never uses a number twice.
    Ticket,
    "ticket "
);

/// An outstanding offer. Agents and frameworks have handles of the same kind, which the allocator knows too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OfferHandle {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl fmt::Display for OfferHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "o{}", self.slot)?;
        if self.generation > 0 { write!(f, ".{}", self.generation) } else { Ok(()) }
    }
}

macro_rules! lies_in_a_slab {
    ($name:ident) => {
        impl crate::slab::Handle for $name {
            fn at(slot: u32, generation: u32) -> $name {
                $name { slot, generation }
            }

            fn slot(self) -> u32 {
                self.slot
            }

            fn generation(self) -> u32 {
                self.generation
            }
        }
    };
}

lies_in_a_slab!(AgentHandle);
lies_in_a_slab!(FrameworkHandle);
lies_in_a_slab!(OfferHandle);

/// A wake-up that the core asked for with [`Effect::Arm`](crate::Effect::Arm). Arming the same timer value twice never
/// happens: each has its own serial number, and one that comes due after it was disarmed is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timer {
    /// What is to be done then.
    pub alarm: Alarm,
    /// Which arming this was.
    pub serial: u64,
}

/// What a [`Timer`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Alarm {
    /// The next HEARTBEAT for a framework.
    Heartbeat(FrameworkHandle),
    /// A disconnected framework's `failover_timeout` is over.
    Failover(FrameworkHandle),
    /// An outstanding offer's `--offer_timeout` is over.
    OfferTimeout(OfferHandle),
    /// A ping was sent so long ago that its answer is missing.
    Ping(AgentHandle),
    /// A disconnected agent did not come back in `--agent_reregister_timeout`.
    Reregistration(AgentHandle),
    /// Recovered agents had `--agent_reregister_timeout` to come back after this master's start.
    Recovery,
    /// The registry's old entries are to be dropped.
    RegistryPruning,
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.alarm {
            Alarm::Heartbeat(framework) => write!(f, "heartbeat of {framework}"),
            Alarm::Failover(framework) => write!(f, "failover of {framework}"),
            Alarm::OfferTimeout(offer) => write!(f, "timeout of {offer}"),
            Alarm::Ping(agent) => write!(f, "ping of {agent}"),
            Alarm::Reregistration(agent) => write!(f, "reregistration of {agent}"),
            Alarm::Recovery => f.write_str("recovery of agents"),
            Alarm::RegistryPruning => f.write_str("registry pruning"),
        }
    }
}
