//! `namespaces/pid`: the container sees only its own processes, and none of them outlives its first.
//!
//! Limits: visibility and signals. A process cannot leave the namespace, so killing its init kills everything.

use super::{Isolator, IsolatorError};
use crate::containerizer::{ContainerConfig, LaunchSpec};

#[derive(Debug)]
pub(super) struct NamespacesPid;

impl Isolator for NamespacesPid {
    fn prepare(&self, config: &ContainerConfig, spec: &mut LaunchSpec) -> Result<(), IsolatorError> {
        if config.sees_host {
            return Ok(());
        }
        spec.pid_namespace = true;
        // The namespace needs a `/proc` of its own, and that must not be mounted over the host's.
        spec.mount_namespace = true;
        Ok(())
    }
}
