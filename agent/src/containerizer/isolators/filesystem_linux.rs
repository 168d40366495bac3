//! `filesystem/linux`: a mount namespace of its own.
//!
//! Limits: what the container mounts stays in the container. Its root file system is the host's; images are absent.

use super::{Isolator, IsolatorError};
use crate::containerizer::{ContainerConfig, LaunchSpec};

#[derive(Debug)]
pub(super) struct FilesystemLinux;

impl Isolator for FilesystemLinux {
    fn prepare(&self, _config: &ContainerConfig, spec: &mut LaunchSpec) -> Result<(), IsolatorError> {
        spec.mount_namespace = true;
        Ok(())
    }
}
