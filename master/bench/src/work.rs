//! Time of this thread: what it worked, without what it waited while others had its core.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Measures from when it is made.
pub struct Work {
    began: Duration,
}

impl Work {
    pub fn begin() -> Work {
        Work { began: now() }
    }

    /// How long the thread has worked since.
    pub fn done(&self) -> Duration {
        now().saturating_sub(self.began)
    }
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has a clock of its own").into()
}
