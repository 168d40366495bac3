//! Starting a container: helper first, then its cgroups, then the command.

use std::{io, sync::Arc};

use tracing::{info, warn};

use super::{
    ContainerConfig, Identity, IsolatorError, LaunchSpec, Native, Output, Role, UserError,
    launcher::{Helper, Process},
    native::{Container, Inner, blocking},
    resolve,
};

/// A running container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launched {
    /// The helper's: leader of the container's session, and where signals go.
    pub pid: i32,
}

/// Why a container was not started. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("{0}")]
    Config(String),
    #[error("container {0} is already running or not yet forgotten")]
    AlreadyLaunched(String),
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Isolator(#[from] IsolatorError),
    #[error("{action} for container {id}: {cause}")]
    Helper { action: &'static str, id: String, cause: io::Error },
    /// What the helper says it could not do, such as executing the command.
    #[error("{0}")]
    Start(String),
}

impl Native {
    /// Returns once the command runs. Dropping the future does not leave half a container.
    pub async fn launch(&self, config: ContainerConfig) -> Result<Launched, LaunchError> {
        let inner = self.inner.clone();
        let launching = tokio::spawn(async move { inner.launch(config).await });
        match launching.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl Inner {
    async fn launch(self: Arc<Self>, mut config: ContainerConfig) -> Result<Launched, LaunchError> {
        config.check()?;
        config.sandbox = std::path::absolute(&config.sandbox).map_err(|cause| LaunchError::Helper {
            action: "find the sandbox",
            id: config.id.clone(),
            cause,
        })?;
        let container =
            config.enlist(&self).ok_or_else(|| LaunchError::AlreadyLaunched(config.id.clone()))?;

        match self.start(&config, &container).await {
            Ok(process) => {
                let pid = process.pid();
                info!(container = config.id, pid, "container running");
                self.watch(container, Arc::new(process));
                Ok(Launched { pid })
            }
            Err(error) => {
                self.undo(&container).await;
                Err(error)
            }
        }
    }

    async fn start(&self, config: &ContainerConfig, container: &Container) -> Result<Process, LaunchError> {
        let failed = |action| move |cause| LaunchError::Helper { action, id: config.id.clone(), cause };
        let user = config.user.clone();
        let identity = blocking(move || user.as_deref().map(resolve).transpose()).await?.flatten();
        container.directory.create().map_err(failed("create the runtime directory"))?;
        let spec = self.prepare(config, container, identity).await?;

        let mut helper = Helper::start(&self.machinery.settings.program, &config.id)
            .await
            .map_err(failed("start the launch helper"))?;
        match self.release(container, &mut helper, &spec).await {
            Ok(()) => Ok(helper.process),
            Err(error) => {
                helper.abandon().await;
                Err(error)
            }
        }
    }

    async fn prepare(
        &self,
        config: &ContainerConfig,
        container: &Container,
        identity: Option<Identity>,
    ) -> Result<LaunchSpec, LaunchError> {
        let (file, arguments) = config.command.resolve();
        let output = Output { stdout: config.sandbox.join("stdout"), stderr: config.sandbox.join("stderr") };
        let mut spec = LaunchSpec {
            role: Role::Container { status: container.directory.status_path() },
            file,
            arguments,
            environment: config.environment.clone().into_iter().collect(),
            directory: config.sandbox.clone(),
            output: Some(output),
            identity,
            pid_namespace: false,
            mount_namespace: false,
        };
        let (machinery, config) = (self.machinery.clone(), config.clone());
        blocking(move || {
            for isolator in &machinery.isolators {
                isolator.prepare(&config, &mut spec)?;
            }
            Ok(spec)
        })
        .await
    }

    /// The helper is on record and in its cgroups before it may go on.
    async fn release(
        &self,
        container: &Container,
        helper: &mut Helper,
        spec: &LaunchSpec,
    ) -> Result<(), LaunchError> {
        let (id, record) = (container.id.clone(), helper.process.record().clone());
        let (machinery, directory) = (self.machinery.clone(), container.directory.clone());
        blocking(move || {
            directory.write_pid(&record).map_err(|cause| LaunchError::Helper {
                action: "record the pid",
                id: id.clone(),
                cause,
            })?;
            if let Some(freezer) = &machinery.freezer {
                freezer.admit(&id, record.pid).map_err(LaunchError::Start)?;
            }
            machinery
                .isolators
                .iter()
                .try_for_each(|isolator| isolator.isolate(&id, record.pid).map_err(LaunchError::from))
        })
        .await?;
        helper.release(spec).await.map_err(LaunchError::Start)
    }

    async fn undo(&self, container: &Container) {
        let (machinery, id, directory) =
            (self.machinery.clone(), container.id.clone(), container.directory.clone());
        blocking(move || {
            machinery.clean_up(&id);
            if let Err(error) = directory.remove() {
                warn!(container = id, %error, "container's runtime directory not removed");
            }
        })
        .await;
        self.withdraw(&container.id);
        // Whoever waits for it learns that it is over.
        container.phase.send_replace(super::native::Phase::Ended(super::ContainerTermination {
            wait_status: None,
            limitation: None,
        }));
    }
}
