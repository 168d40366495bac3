//! `disk/du`: how much a sandbox holds, measured again and again.
//!
//! Limits: the disk that was asked for, if `--enforce_container_disk_quota` is set; a container beyond it ends.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{Isolator, IsolatorError, Watch};
use crate::{
    containerizer::{
        ContainerConfig, ContainerResources, LaunchSpec, Limitation, LimitationReason, ResourceStatistics,
        Settings,
        native::{blocking, locked},
    },
    disk,
};

#[derive(Debug)]
pub(super) struct DiskDu {
    interval: Duration,
    enforce: bool,
    sandboxes: Mutex<BTreeMap<String, Sandbox>>,
}

#[derive(Clone, Debug)]
struct Sandbox {
    path: PathBuf,
    limit: Option<u64>,
    used: Option<u64>,
}

impl DiskDu {
    pub fn new(settings: &Settings) -> DiskDu {
        DiskDu {
            interval: settings.container_disk_watch_interval,
            enforce: settings.enforce_container_disk_quota,
            sandboxes: Mutex::default(),
        }
    }
}

impl Isolator for DiskDu {
    fn prepare(&self, config: &ContainerConfig, _spec: &mut LaunchSpec) -> Result<(), IsolatorError> {
        self.recover(&config.id, &config.sandbox, &config.resources);
        Ok(())
    }

    fn watch(self: Arc<Self>, id: &str) -> Option<Watch> {
        let id = id.to_string();
        Some(Box::pin(async move { self.until_exceeded(&id).await }))
    }

    fn update(&self, id: &str, resources: &ContainerResources) -> Result<(), IsolatorError> {
        if let Some(sandbox) = locked(&self.sandboxes).get_mut(id) {
            sandbox.limit = resources.disk;
        }
        Ok(())
    }

    fn usage(&self, id: &str, _pid: i32, _resources: &ContainerResources, into: &mut ResourceStatistics) {
        if let Some(sandbox) = locked(&self.sandboxes).get(id) {
            into.disk_limit_bytes = sandbox.limit;
            into.disk_used_bytes = sandbox.used;
        }
    }

    fn cleanup(&self, id: &str) -> Result<Option<Limitation>, IsolatorError> {
        locked(&self.sandboxes).remove(id);
        Ok(None)
    }

    fn recover(&self, id: &str, path: &Path, resources: &ContainerResources) {
        let sandbox = Sandbox { path: path.into(), limit: resources.disk, used: None };
        locked(&self.sandboxes).insert(id.into(), sandbox);
    }
}

impl DiskDu {
    async fn until_exceeded(&self, id: &str) -> Limitation {
        loop {
            let Some(path) = locked(&self.sandboxes).get(id).map(|sandbox| sandbox.path.clone()) else {
                return std::future::pending().await;
            };
            let used = blocking(move || disk::used_below(&path)).await;
            if let Some(limitation) = self.measured(id, used) {
                return limitation;
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    fn measured(&self, id: &str, used: u64) -> Option<Limitation> {
        let mut sandboxes = locked(&self.sandboxes);
        let sandbox = sandboxes.get_mut(id)?;
        sandbox.used = Some(used);
        let limit = sandbox.limit.filter(|limit| self.enforce && used > *limit)?;
        let message =
            format!("disk limit of {} MB exceeded: the sandbox holds {} MB", limit >> 20, used >> 20);
        Some(Limitation { reason: LimitationReason::Disk, message })
    }
}
