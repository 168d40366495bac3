//! The wire: Mesos' messages, their JSON, and RecordIO.
//!
//! The Rust types are generated from `mesos/**/*.proto` and live at their package's path: `mesos.v1.scheduler.Call` is
//! [`mesos::v1::scheduler::Call`]. One set of types, under the v1 names, serves the public API, the internal messages and
//! peers that speak the older unversioned packages, because all of them are the same bytes.
//!
//! Optional sub-messages wider than a `Vec` are boxed (see `build/boxed.rs`).

include!(concat!(env!("OUT_DIR"), "/types.rs"));

pub use mesos::{internal, v1};
