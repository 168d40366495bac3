//! Recordings: an incident becomes a test.
//!
//! A recording is the snapshot of a core's state and every input since, each with its time. A daemon's actor holds a
//! [`Tape`]; while somebody reads, each step's input goes on it, and the last record says what the state's hash became.
//! [`replay()`] feeds a recording to the same core in another process, which must end with the same hash, because nothing
//! but inputs, their times and the state decides what a core does.
//!
//! What cores and their inputs look like in bytes is `tepui_model::recorded`; secrets are hidden there.

mod actor;
mod file;
mod replay;
mod tape;

pub use actor::{Begin, Finish, Recorded, serve};
pub use file::{End, Header, ReadError, Reader, Record, Why};
pub use replay::{ReplayError, Replayed, replay};
pub use tape::{Busy, Limits, Records, Tape};

/// Which build records and replays.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");
