//! The two ways to an agent.

mod http;
mod plain;

pub(crate) use http::{HttpLink, chain};
use libactor::Pid;
pub use plain::plain_http;

/// The current subscription.
pub(crate) enum Link {
    /// None.
    Closed,
    /// Over HTTP.
    Http(HttpLink),
    /// Actor messages to this pid, which is being watched.
    Actor(Pid),
}
