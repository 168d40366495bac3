//! The cluster's brain: actors, HTTP and registry around the master core.
//!
//! [`start`] runs a master on the current actix system; several may run in one process.

mod activity;
mod actor;
mod allocation;
mod authentication;
mod config;
mod counters;
mod encoding;
mod http;
mod identity;
mod perform;
mod rate_limits;
mod reads;
mod recorded;
mod recording;
mod registrar;
mod start;
mod stream;
mod v0;
mod whitelist;

pub use authentication::Authentication;
pub use config::{Config, RegistryStorage};
/// The names of the realms that [`Config::door`] may close.
pub mod realms {
    pub use crate::http::door::{READ_ONLY, READ_WRITE, SCHEDULER};
}

pub use identity::{MESOS_VERSION, TEPUI_VERSION};
pub use rate_limits::{InvalidRateLimits, RateLimits};
pub use registrar::OpenRegistryError;
pub use start::{Running, StartError, start};
pub use tepui_allocator::Sorting;
/// What decides; for whoever replays a recording of it.
pub use tepui_master_core::Master as Core;
