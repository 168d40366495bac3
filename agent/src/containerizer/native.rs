//! The containers of this agent, and the small verbs; each big verb has its own file.

use std::{
    collections::BTreeMap,
    io,
    path::{self, Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use tokio::{sync::watch, task::JoinSet};
use tracing::info;

use super::{
    ContainerConfig, ContainerResources, ContainerTermination, IsolatorError, LauncherKind, Limitation,
    ResourceStatistics, Settings, cgroup,
    destroy::DESTROY_ERRORS,
    isolators::{self, Isolator},
    launcher::{Freezer, Process, check_namespaces},
    runtime_dir::{ContainerDir, RuntimeDir},
};

/// The native containerizer. Clones share the same containers.
#[derive(Clone, Debug)]
pub struct Native {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub runtime: RuntimeDir,
    pub machinery: Arc<Machinery>,
    containers: Mutex<BTreeMap<String, Arc<Container>>>,
    /// Ended with the containerizer; the containers live on.
    watchers: Mutex<JoinSet<()>>,
}

/// What acts on containers; holds none of them.
#[derive(Debug)]
pub(super) struct Machinery {
    pub settings: Settings,
    /// In the order of preparing; cleaned up in reverse.
    pub isolators: Vec<Arc<dyn Isolator>>,
    /// Of the linux launcher.
    pub freezer: Option<Freezer>,
}

/// One container.
#[derive(Debug)]
pub(super) struct Container {
    pub id: String,
    pub sandbox: PathBuf,
    pub directory: ContainerDir,
    pub resources: Mutex<ContainerResources>,
    /// The first limit it ran into.
    pub limitation: Mutex<Option<Limitation>>,
    pub phase: watch::Sender<Phase>,
}

/// ```text
/// Starting ──► Running ──► Ended
///     └─ failed: the container is removed again
/// ```
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Starting,
    Running(Arc<Process>),
    Ended(ContainerTermination),
}

/// Why the containerizer cannot work on this machine as it is set up.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("open the runtime directory {path}")]
    RuntimeDir {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the runtime directory {0} belongs to another running agent: give each its own --runtime_dir")]
    InUse(PathBuf),
    #[error(
        "isolators {0:?} need the linux launcher: use --launcher=linux, or leave them out of --isolation"
    )]
    NeedsLinuxLauncher(Vec<&'static str>),
    #[error("the linux launcher needs root: run the agent as root, or use --launcher=posix")]
    NeedsRoot,
    #[error("cgroups cannot be used: {0}; use --launcher=posix to run without isolation")]
    Cgroups(String),
    #[error("namespaces cannot be used: {0}; use --launcher=posix to run without isolation")]
    Namespaces(String),
}

/// No container of that id was launched or recovered here, or it has been forgotten.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown container {0}")]
pub struct UnknownContainer(pub String);

impl Native {
    /// Takes the runtime directory and checks that the machine can do what the settings ask for.
    pub async fn open(mut settings: Settings) -> Result<Native, OpenError> {
        // Known as 0 until something happens.
        metrics::counter!(DESTROY_ERRORS).increment(0);
        // The helper works elsewhere than the agent.
        settings.runtime_dir = path::absolute(&settings.runtime_dir)
            .map_err(|cause| OpenError::RuntimeDir { path: settings.runtime_dir.clone(), cause })?;
        let runtime = take_runtime_dir(&settings.runtime_dir).await?;
        let freezer = match settings.launcher {
            LauncherKind::Posix => {
                check_posix(&settings)?;
                None
            }
            LauncherKind::Linux => {
                check_linux(&settings).await?;
                Some(Freezer::new(&settings.cgroups_root))
            }
        };
        let isolators = isolators::chosen(&settings);
        let machinery = Arc::new(Machinery { settings, isolators, freezer });
        let (containers, watchers) = Default::default();
        Ok(Native { inner: Arc::new(Inner { runtime, machinery, containers, watchers }) })
    }

    /// Ids of all containers, ended ones included until they are forgotten.
    pub fn containers(&self) -> Vec<String> {
        locked(&self.inner.containers).keys().cloned().collect()
    }

    /// Whether the container was launched or recovered here, and has not been forgotten.
    pub fn knows(&self, id: &str) -> bool {
        locked(&self.inner.containers).contains_key(id)
    }

    /// Waits for the container to end; answers at once if it has.
    pub async fn wait(&self, id: &str) -> Result<ContainerTermination, UnknownContainer> {
        let container = self.container(id)?;
        Ok(container.termination().await)
    }

    /// Sends a signal to the container's command. SIGKILL is [`Native::destroy`]'s: nothing passes it on.
    pub async fn signal(&self, id: &str, signal: i32) -> Result<(), UnknownContainer> {
        let container = self.container(id)?;
        if let Phase::Running(process) = container.settled().await {
            // A container that has just ended needs no signal.
            let _ = process.signal(signal);
        }
        Ok(())
    }

    /// Applies new resources to a running container.
    pub async fn update(&self, id: &str, resources: ContainerResources) -> Result<(), IsolatorError> {
        let Ok(container) = self.container(id) else { return Ok(()) };
        let Phase::Running(_) = container.settled().await else { return Ok(()) };
        *locked(&container.resources) = resources.clone();
        let machinery = self.inner.machinery.clone();
        blocking(move || machinery.isolators.iter().try_for_each(|it| it.update(&container.id, &resources)))
            .await
    }

    /// What a running container uses; `Err` also for one that has ended.
    pub async fn usage(&self, id: &str) -> Result<ResourceStatistics, UnknownContainer> {
        let container = self.container(id)?;
        let Phase::Running(process) = container.settled().await else {
            return Err(UnknownContainer(id.into()));
        };
        let machinery = self.inner.machinery.clone();
        Ok(blocking(move || {
            let mut statistics = ResourceStatistics::at(SystemTime::now());
            let resources = locked(&container.resources).clone();
            for isolator in &machinery.isolators {
                isolator.usage(&container.id, process.pid(), &resources, &mut statistics);
            }
            statistics
        })
        .await)
    }

    /// Drops an ended container and what the runtime directory holds of it. To be called once its termination is on
    /// the agent's own record. Does nothing to a container that still runs.
    pub async fn forget(&self, id: &str) {
        let Ok(container) = self.container(id) else { return };
        if !matches!(*container.phase.borrow(), Phase::Ended(_)) {
            return;
        }
        locked(&self.inner.containers).remove(id);
        blocking(move || {
            if let Err(error) = container.directory.remove() {
                tracing::warn!(container = container.id, %error, "container's runtime directory not removed");
            }
        })
        .await;
    }
}

impl Inner {
    /// A new entry; `None` if the id is taken.
    pub fn enlist(
        &self,
        id: &str,
        sandbox: PathBuf,
        resources: ContainerResources,
    ) -> Option<Arc<Container>> {
        let container = Arc::new(Container {
            id: id.into(),
            sandbox,
            directory: self.runtime.container(id),
            resources: Mutex::new(resources),
            limitation: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
        });
        let mut containers = locked(&self.containers);
        if containers.contains_key(id) {
            return None;
        }
        containers.insert(id.into(), container.clone());
        Some(container)
    }

    /// Takes back an entry whose container never ran.
    pub fn withdraw(&self, id: &str) {
        locked(&self.containers).remove(id);
    }

    /// From now on the end of the container is noticed.
    pub fn watch(&self, container: Arc<Container>, process: Arc<Process>) {
        container.phase.send_replace(Phase::Running(process.clone()));
        let mut watchers = locked(&self.watchers);
        while watchers.try_join_next().is_some() {}
        watchers.spawn(super::watch::until_ended(self.machinery.clone(), container, process));
    }
}

impl Native {
    pub(super) fn container(&self, id: &str) -> Result<Arc<Container>, UnknownContainer> {
        locked(&self.inner.containers).get(id).cloned().ok_or_else(|| UnknownContainer(id.into()))
    }
}

impl Container {
    /// The phase once it is no longer `Starting`.
    pub async fn settled(&self) -> Phase {
        self.reached(|phase| !matches!(phase, Phase::Starting)).await
    }

    pub async fn termination(&self) -> ContainerTermination {
        loop {
            if let Phase::Ended(termination) = self.reached(|phase| matches!(phase, Phase::Ended(_))).await {
                return termination;
            }
        }
    }

    async fn reached(&self, wanted: impl FnMut(&Phase) -> bool) -> Phase {
        let mut phase = self.phase.subscribe();
        let reached = phase.wait_for(wanted).await.expect("the container holds the sender");
        reached.clone()
    }
}

/// An agent that restarts inside one process may find its own former self still letting go.
async fn take_runtime_dir(path: &Path) -> Result<RuntimeDir, OpenError> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let started = Instant::now();
    loop {
        match RuntimeDir::open(path) {
            Ok(runtime) => return Ok(runtime),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                return Err(OpenError::RuntimeDir { path: path.into(), cause: error });
            }
            Err(_) if started.elapsed() > PATIENCE => return Err(OpenError::InUse(path.into())),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn check_posix(settings: &Settings) -> Result<(), OpenError> {
    let impossible = settings.isolation.needs_linux_launcher();
    if !impossible.is_empty() {
        return Err(OpenError::NeedsLinuxLauncher(impossible));
    }
    info!(
        not_isolated = "cpu, memory, processes, file system",
        "posix launcher: containers are not isolated"
    );
    Ok(())
}

async fn check_linux(settings: &Settings) -> Result<(), OpenError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(OpenError::NeedsRoot);
    }
    let controllers = isolators::controllers(&settings.isolation);
    let root = settings.cgroups_root.clone();
    blocking(move || cgroup::check(&root, &controllers)).await.map_err(OpenError::Cgroups)?;
    check_namespaces(&settings.program, &settings.isolation, &settings.runtime_dir)
        .await
        .map_err(OpenError::Namespaces)
}

/// A lock whose holder panicked guards plain values, which are whole at any time.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` where it may block. Never returns once the runtime is shutting down.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}

impl ContainerConfig {
    pub(super) fn enlist(&self, inner: &Inner) -> Option<Arc<Container>> {
        inner.enlist(&self.id, self.sandbox.clone(), self.resources.clone())
    }
}
