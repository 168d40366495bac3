//! The native containerizer: processes in their own session, sandbox and, as root, cgroups and namespaces.
//!
//! The agent never forks. It spawns one single-threaded helper per container ([`init`]), puts it into the
//! container's cgroups and only then tells it what to run. The helper outlives the agent and leaves the wait
//! status of the container in the runtime directory, so that an agent that starts again can tell how it ended.
//!
//! ```text
//!  agent ── posix_spawn ──► helper (own session; writes `status`)
//!    │  pid file, cgroups       │ fork (new pid namespace with the linux launcher)
//!    └─ launch spec ──────────► │
//!                               ├─► reaper (pid 1 of the namespace)   linux launcher only
//!                               │     └─► the command
//!                               └─► the command                      posix launcher
//! ```

mod cgroup;
mod config;
mod destroy;
mod foreign;
pub mod init;
mod isolators;
mod launch;
mod launcher;
mod native;
mod recover;
mod runtime_dir;
mod settings;
mod statistics;
mod step;
mod termination;
mod user;
mod watch;

pub use config::{Command, ContainerConfig, ContainerResources, Limit};
pub use destroy::DestroyError;
pub use isolators::IsolatorError;
pub use launch::{LaunchError, Launched};
pub use launcher::Program;
pub use native::{Native, OpenError, UnknownContainer};
pub use recover::{KnownContainer, RecoverError, Recovered};
pub use settings::{Isolation, LauncherKind, PIDS_PER_CONTAINER, Settings, UnknownIsolator};
pub use statistics::ResourceStatistics;
pub use termination::{ContainerTermination, Limitation, LimitationReason};
pub use user::{Identity, UserError};

pub(crate) use foreign::usage_of;
pub(crate) use init::spec::{LaunchSpec, Output, Role};
pub(crate) use step::{Step, StepError};
pub(crate) use user::resolve;
