//! Waiting for something that happens in another process.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// How often we look. Short against everything a cluster does by itself (its shortest interval is one second).
const LOOK: Duration = Duration::from_millis(50);

/// Looks until `found` gives something; panics with `what` if that takes longer than `limit`.
#[track_caller]
pub fn until<T>(what: impl Display, limit: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
        thread::sleep(LOOK);
    }
}

/// Seconds, for short.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
