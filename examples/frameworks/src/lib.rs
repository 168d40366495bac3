//! Example frameworks, written as anybody would write theirs: on the SDK alone.
//!
//! `hello` is the smallest whole framework (`src/bin/hello.rs`), `batch` runs a number of tasks to their end, `service`
//! keeps a number of instances running.

mod batch;
mod service;

pub use batch::{Batch, BatchEvent, BatchOutcome};
pub use service::{Service, ServiceEvent};
