//! `cgroups/pids`: how many processes and threads a container may have.
//!
//! Limits: `pids.max`, beyond which fork(2) fails with EAGAIN inside the container.

use cgroups_rs::fs::{MaxValue, pid::PidController};

use super::{Isolator, IsolatorError};
use crate::containerizer::{
    ContainerConfig, ContainerResources, LaunchSpec, Limitation, ResourceStatistics, Settings, cgroup::Group,
};

pub(super) const CONTROLLERS: [&str; 1] = ["pids"];
/// The helper and the init of the pid namespace live in the group, and are not the container's own.
const OURS: u64 = 2;

#[derive(Debug)]
pub(super) struct Pids {
    root: String,
    limit: Option<u64>,
}

impl Pids {
    pub fn new(settings: &Settings) -> Pids {
        Pids { root: settings.cgroups_root.clone(), limit: settings.pids_limit }
    }

    fn group(&self, id: &str) -> Group {
        Group::of(&self.root, id, &CONTROLLERS)
    }
}

impl Isolator for Pids {
    fn prepare(&self, config: &ContainerConfig, _spec: &mut LaunchSpec) -> Result<(), IsolatorError> {
        let group = self.group(&config.id);
        group.create().map_err(failed)?;
        let Some(limit) = self.limit else { return Ok(()) };
        let Some(controller) = group.cgroup().controller_of::<PidController>() else { return Ok(()) };
        let most = MaxValue::Value(i64::try_from(limit.saturating_add(OURS)).unwrap_or(i64::MAX));
        controller.set_pid_max(most).map_err(|error| failed(group.failed("limit processes of", &error)))
    }

    fn isolate(&self, id: &str, pid: i32) -> Result<(), IsolatorError> {
        self.group(id).add(pid).map_err(failed)
    }

    fn usage(&self, id: &str, _pid: i32, _resources: &ContainerResources, into: &mut ResourceStatistics) {
        let group = self.group(id);
        into.processes = u32::try_from(group.processes().len()).ok();
        into.threads = u32::try_from(group.threads()).ok();
    }

    fn cleanup(&self, id: &str) -> Result<Option<Limitation>, IsolatorError> {
        self.group(id).remove().map_err(failed)?;
        Ok(None)
    }
}

fn failed(cause: String) -> IsolatorError {
    IsolatorError { isolator: "cgroups/pids", cause }
}
