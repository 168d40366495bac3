//! Disk space: what sandboxes use, what the file system has left, and when old sandboxes go.

mod gc;
mod remove;
mod usage;

pub use gc::{Gc, GcSettings};
pub use remove::{RemoveError, remove_below};
pub use usage::{filesystem_usage, used_below};
