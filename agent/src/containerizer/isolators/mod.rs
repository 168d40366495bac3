//! One kind of isolation per file, all in the same order: what it limits · prepare · isolate · update · usage ·
//! cleanup · recover · tests. Calls may block; they touch a few files of the kernel.

mod cpu;
mod disk_du;
mod filesystem_linux;
mod memory;
mod namespaces_pid;
mod pids;
mod posix;

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use super::{
    ContainerConfig, ContainerResources, Isolation, LaunchSpec, Limitation, ResourceStatistics, Settings,
    launcher::Freezer,
};

/// An isolator could not do its part.
#[derive(Debug, thiserror::Error)]
#[error("isolator {isolator}: {cause}")]
pub struct IsolatorError {
    pub isolator: &'static str,
    pub cause: String,
}

/// Resolves when the container has reached a limit and must end.
pub(crate) type Watch = Pin<Box<dyn Future<Output = Limitation> + Send>>;

/// One kind of isolation for all containers.
pub(crate) trait Isolator: Debug + Send + Sync {
    /// Before the helper exists: creates what the container will enter, and says what the helper has to do.
    fn prepare(&self, _config: &ContainerConfig, _spec: &mut LaunchSpec) -> Result<(), IsolatorError> {
        Ok(())
    }

    /// The helper exists, and waits.
    fn isolate(&self, _id: &str, _pid: i32) -> Result<(), IsolatorError> {
        Ok(())
    }

    /// Called once the container runs; `None` if this isolator never ends a container.
    fn watch(self: Arc<Self>, _id: &str) -> Option<Watch> {
        None
    }

    fn update(&self, _id: &str, _resources: &ContainerResources) -> Result<(), IsolatorError> {
        Ok(())
    }

    /// Fills in its own fields; what cannot be measured stays absent.
    fn usage(&self, _id: &str, _pid: i32, _resources: &ContainerResources, _into: &mut ResourceStatistics) {}

    /// All processes are gone. Also called for containers that were never isolated. Answers a limit that was hit
    /// without [`Isolator::watch`] having been heard.
    fn cleanup(&self, _id: &str) -> Result<Option<Limitation>, IsolatorError> {
        Ok(None)
    }

    /// A container of the agent before this one runs on.
    fn recover(&self, _id: &str, _sandbox: &Path, _resources: &ContainerResources) {}
}

/// The isolators in the order of preparing.
pub(crate) fn chosen(settings: &Settings) -> Vec<Arc<dyn Isolator>> {
    let isolation = &settings.isolation;
    let mut chosen: Vec<Arc<dyn Isolator>> = Vec::new();
    if isolation.filesystem_linux {
        chosen.push(Arc::new(filesystem_linux::FilesystemLinux));
    }
    if isolation.namespaces_pid {
        chosen.push(Arc::new(namespaces_pid::NamespacesPid));
    }
    if isolation.cgroups_cpu {
        chosen.push(Arc::new(cpu::Cpu::new(settings)));
    }
    if isolation.cgroups_mem {
        chosen.push(Arc::new(memory::Memory::new(settings)));
    }
    if isolation.cgroups_pids {
        chosen.push(Arc::new(pids::Pids::new(settings)));
    }
    if isolation.posix_cpu || isolation.posix_mem {
        chosen.push(Arc::new(posix::Posix::new(settings)));
    }
    if isolation.disk_du {
        chosen.push(Arc::new(disk_du::DiskDu::new(settings)));
    }
    chosen
}

/// What is used in the groups of this name, whoever made them.
pub(crate) fn measure(group: &str, resources: &ContainerResources, into: &mut ResourceStatistics) {
    let settings = Settings { cgroups_root: group.into(), ..Settings::new(PathBuf::new()) };
    let measuring: [&dyn Isolator; 3] =
        [&cpu::Cpu::new(&settings), &memory::Memory::new(&settings), &pids::Pids::new(&settings)];
    for isolator in measuring {
        isolator.usage("", 0, resources, into);
    }
}

/// The cgroup controllers that the linux launcher and the chosen isolators need.
pub(crate) fn controllers(isolation: &Isolation) -> Vec<&'static str> {
    let mut controllers = vec![Freezer::CONTROLLER];
    if isolation.cgroups_cpu {
        controllers.extend(cpu::CONTROLLERS);
    }
    if isolation.cgroups_mem {
        controllers.extend(memory::CONTROLLERS);
    }
    if isolation.cgroups_pids {
        controllers.extend(pids::CONTROLLERS);
    }
    controllers
}
