//! The flags about traces of messages, which master and agent share and Mesos does not have.

use super::flag::{Group, SIZE, done};

pub static TRACING: Group = Group {
    title: "Traces (Mesos has none)",
    flags: &[done(
        "flight_recorder_size",
        SIZE,
        "64MB",
        "memory for the last messages, which `tepui trace` shows; 64MB hold a million",
    )],
};
