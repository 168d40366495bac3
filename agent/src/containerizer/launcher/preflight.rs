//! Whether this machine lets the linux launcher work: tried out once, at start, rather than at the first task.

use std::path::Path;

use super::{Helper, Program};
use crate::containerizer::{Isolation, LaunchSpec, Role};

/// Runs `true` in the namespaces that containers will have.
pub(crate) async fn check_namespaces(
    program: &Program,
    isolation: &Isolation,
    scratch: &Path,
) -> Result<(), String> {
    let status = scratch.join("namespace-check");
    let spec = LaunchSpec {
        role: Role::Container { status: status.clone() },
        file: "/bin/true".into(),
        arguments: vec!["true".into()],
        environment: Vec::new(),
        directory: scratch.into(),
        output: None,
        identity: None,
        pid_namespace: isolation.namespaces_pid,
        mount_namespace: isolation.filesystem_linux,
    };

    let mut helper = Helper::start(program, "namespace-check").await.map_err(|error| error.to_string())?;
    let released = helper.release(&spec).await;
    helper.process.ended().await;
    helper.process.reap();
    // Absent when the command was not started.
    let _ = std::fs::remove_file(status);
    released
}
