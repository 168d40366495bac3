//! Finding containers again after the agent was away.

use std::{io, path::PathBuf, sync::Arc};

use tracing::{info, warn};

use super::{
    ContainerResources, ContainerTermination, Native,
    launcher::Process,
    native::{Container, Inner, blocking},
};

/// A container that the agent's checkpoints speak of.
#[derive(Clone, Debug)]
pub struct KnownContainer {
    pub id: String,
    pub sandbox: PathBuf,
    pub resources: ContainerResources,
}

/// What became of the known containers, and what else was there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// Still running, with the helper's pid; they are watched from now on.
    pub live: Vec<(String, i32)>,
    /// Ended while the agent was away. A `wait_status` of `None`: nobody saw it end, as after a reboot.
    pub ended: Vec<(String, ContainerTermination)>,
    /// Nobody knows them any more: destroyed.
    pub orphans: Vec<String>,
}

/// The runtime directory cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("recover containers from the runtime directory")]
pub struct RecoverError(#[from] io::Error);

impl Native {
    /// To be called once, before any launch.
    pub async fn recover(&self, known: Vec<KnownContainer>) -> Result<Recovered, RecoverError> {
        let inner = &self.inner;
        let mut recovered = Recovered::default();
        for KnownContainer { id, sandbox, resources } in known {
            let Some(container) = inner.enlist(&id, sandbox, resources) else { continue };
            match inner.find(&container)? {
                Some(process) => {
                    recovered.live.push((id, process.pid()));
                    inner.resume(container, process).await;
                }
                None => {
                    inner.machinery.finish(container.clone(), None).await;
                    recovered.ended.push((id, container.termination().await));
                }
            }
        }
        for id in inner.runtime.ids()? {
            if inner.destroy_orphan(&id).await? {
                recovered.orphans.push(id);
            }
        }
        self.report_foreign_cgroups(&recovered.orphans).await;
        Ok(recovered)
    }

    /// Cgroups without a record of ours may be another agent's: they are named, never touched.
    async fn report_foreign_cgroups(&self, orphans: &[String]) {
        let Some(freezer) = self.inner.machinery.freezer.clone() else { return };
        let ids = blocking(move || freezer.ids()).await;
        let foreign = |id: &String| !orphans.contains(id) && self.container(id).is_err();
        for id in ids.into_iter().filter(foreign) {
            let root = &self.inner.machinery.settings.cgroups_root;
            warn!(
                cgroup = format!("{root}/{id}"),
                "cgroup belongs to no container of this agent; left alone"
            );
        }
    }
}

impl Inner {
    fn find(&self, container: &Container) -> io::Result<Option<Arc<Process>>> {
        // A status without the end of the helper: it is still ending what the command left behind.
        let Some(record) = container.directory.pid() else { return Ok(None) };
        Ok(Process::find(&record)?.map(Arc::new))
    }

    async fn resume(&self, container: Arc<Container>, process: Arc<Process>) {
        let (machinery, found) = (self.machinery.clone(), container.clone());
        blocking(move || {
            for isolator in &machinery.isolators {
                isolator.recover(&found.id, &found.sandbox, &super::native::locked(&found.resources));
            }
        })
        .await;
        self.watch(container, process);
    }

    /// False for a container that is known.
    async fn destroy_orphan(&self, id: &str) -> io::Result<bool> {
        let Some(container) = self.enlist(id, PathBuf::new(), ContainerResources::default()) else {
            return Ok(false);
        };
        info!(container = id, "orphaned container destroyed");
        let process = self.find(&container)?;
        if let Some(process) = &process {
            self.machinery.kill(id, process).await;
        }
        self.machinery.finish(container.clone(), process).await;
        container.directory.remove()?;
        self.withdraw(id);
        Ok(true)
    }
}
