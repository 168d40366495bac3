//! One machine's hands: containers, checkpoints and HTTP around the agent core.
//!
//! [`start`] runs an agent on the current actix system; several may run in one process, each with its own work directory.
//! What the agent decides is in `tepui-agent-core`; everything here performs it.
//!
//! | module | performs |
//! |---|---|
//! | `actor`, `perform`, `containers` | the core's effects, each answered with an input |
//! | `checkpoint` | what must outlive the agent, on a thread of its own |
//! | [`containerizer`], [`fetcher`], [`sandbox`](mod@sandbox) | containers |
//! | [`disk`], `collector` | disk space |
//! | `http`, `shown` | what is served over HTTP |

pub mod containerizer;
pub mod detect;
pub mod disk;
pub mod fetcher;
pub mod sandbox;

mod actor;
mod authentication;
mod beneath;
mod checkpoint;
mod collector;
mod config;
mod containers;
mod docker;
mod environment;
mod hostname;
mod http;
mod info;
mod perform;
mod reach;
mod recorded;
mod recording;
mod shown;
mod start;
mod stream;
mod v0;
mod volumes;
mod world;

/// The names of the realms that [`Config::door`] may close.
pub mod realms {
    pub use crate::http::door::{READ_ONLY, READ_WRITE};
}

pub use config::Config;
pub use docker::{Credentials, DockerFlags, LABEL_OF_WORK_DIR, docker_id};
pub use start::{Running, StartError, start};
/// What decides; for whoever replays a recording of it.
pub use tepui_agent_core::Agent as Core;
pub use tepui_agent_core::{Patience, Policy, Recover};

/// An error and what caused it, in one line: for operators, and for the messages of task statuses.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
