//! The two ways to a master.

mod http;

pub(crate) use http::{HttpLink, Master, chain};
use libactor::Pid;

/// The current subscription.
pub(crate) enum Link {
    /// None.
    Closed,
    /// Over HTTP.
    Http(HttpLink),
    /// Actor messages to this pid, which is being watched.
    Actor(Pid),
}
