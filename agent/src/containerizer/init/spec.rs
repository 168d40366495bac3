//! What the agent tells the helper: one line of JSON over the control socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::containerizer::Identity;

/// How to start one command. Isolators write their part into it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LaunchSpec {
    pub role: Role,
    /// Executed; looked up in the `PATH` of `environment` and in `directory` when it has no slash.
    pub file: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Working directory.
    pub directory: PathBuf,
    /// `None` keeps what the helper was given.
    pub output: Option<Output>,
    pub identity: Option<Identity>,
    pub pid_namespace: bool,
    pub mount_namespace: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    /// The helper stays, and writes how the command ended to this file.
    Container { status: PathBuf },
    /// The helper becomes the command: for short steps that the agent waits for.
    Step,
}

/// Appended to; created for the container's user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Output {
    pub stdout: PathBuf,
    pub stderr: PathBuf,
}
