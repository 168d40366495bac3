//! How a container ended, and why the agent ended it.

/// The last word about a container.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerTermination {
    /// As from wait(2): exit code in bits 8–15, or the number of the signal that killed it. `None` when nobody
    /// was there to see it: the helper was killed or the machine rebooted while the agent was away.
    pub wait_status: Option<i32>,
    /// Set when the container was ended for using more than it may.
    pub limitation: Option<Limitation>,
}

/// A limit that a container ran into.
#[derive(Clone, Debug, PartialEq)]
pub struct Limitation {
    pub reason: LimitationReason,
    /// For people: what was exceeded, by how much.
    pub message: String,
}

/// Which limit it was: `REASON_CONTAINER_LIMITATION_*` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitationReason {
    Memory,
    Disk,
}

impl ContainerTermination {
    /// The exit code, if the command ended by itself.
    pub fn exit_code(&self) -> Option<i32> {
        self.wait_status.filter(|status| libc::WIFEXITED(*status)).map(|status| libc::WEXITSTATUS(status))
    }

    /// The signal that ended the command, if one did.
    pub fn signal(&self) -> Option<i32> {
        self.wait_status.filter(|status| libc::WIFSIGNALED(*status)).map(|status| libc::WTERMSIG(status))
    }
}
