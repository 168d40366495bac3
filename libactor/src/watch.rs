//! Watching an actor: one `Exited` for one watch.
//!
//! ```text
//!  watch(pid) ──► watching ──► Exited(Stopped | Panicked)      the actor ended
//!      │              └──────► Exited(ConnectionLost)          the connection that carried the watch was lost
//!      ├── no such actor ────► Exited(Missing)
//!      └── dialling failed ──► Exited(Unreachable)
//! ```

use std::fmt;

/// Why a watched actor is out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It stopped, or its node was shut down in good order.
    Stopped,
    /// One of its handlers panicked.
    Panicked,
    /// There is no actor of that name at that address.
    Missing,
    /// No connection to its address could be made.
    Unreachable,
    /// The connection to its node was lost. It may still run; a new watch finds out.
    ConnectionLost,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Exit::Stopped => "stopped",
            Exit::Panicked => "panicked",
            Exit::Missing => "missing",
            Exit::Unreachable => "unreachable",
            Exit::ConnectionLost => "connection lost",
        })
    }
}

/// Tells one watch from another of the same actor by the same watcher.
pub(crate) type WatchKey = u64;

/// Somebody who waits for an actor's end. Dropped without a call when the watch is withdrawn.
pub(crate) struct Watcher {
    pub(crate) key: WatchKey,
    pub(crate) notify: Box<dyn FnOnce(Exit) + Send + Sync>,
}

impl Watcher {
    pub(crate) fn fire(self, why: Exit) {
        (self.notify)(why);
    }
}
