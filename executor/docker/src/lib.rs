//! Tasks in Docker containers: the engine's API, and the executor that runs one task through it.

mod beside;
mod checks;
mod container;
mod credentials;
mod engine;
mod executor;
#[cfg(test)]
mod fake;
mod handover;
mod image;
mod logs;
mod making;
mod plan;
mod presence;
mod process;
mod pull;
mod resize;
pub mod spec;
mod terminal;
mod usage;

pub use beside::accompany;
pub use container::{Ending, Found};
pub use credentials::{ConfigError, DockerConfig};
pub use engine::{Engine, EngineError};
pub use executor::{DockerExecutor, Setup, run};
pub use handover::{HandoverError, variables};
pub use process::end_processes;
pub use pull::Progress;
pub use usage::Running;
