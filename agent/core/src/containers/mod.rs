//! What becomes of containers, one file per event.

mod exited;
mod launched;
mod updated;
