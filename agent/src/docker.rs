//! The containerizer `docker`, as the agent sees it: which launches are its own, what their executor is told, and what happens
//! with containers that are over. The containers themselves are the Docker executor's.

mod ahead;
mod burial;
mod executors;
mod kept;
mod usage;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use tepui_agent_core::{Launch, Run};
use tepui_docker::spec::Settings;
use tepui_docker::{DockerConfig, Engine, Setup};
use tepui_model::ContainerId;
use tepui_proto::v1::{self, container_info};
use tracing::{info, warn};
use uuid::Uuid;

use crate::volumes::{self, Volume};

/// By which the containers of one agent are told from another's with the same engine: its value is its work directory's [`docker_id`].
pub const LABEL_OF_WORK_DIR: &str = "tepui.work_dir";

/// By which an agent tells the containers that came since it started from those of its earlier lives.
const PROCESS: &str = "tepui.agent_process";

/// By which the containers of one run are found again.
const CONTAINER: &str = "tepui.container";

/// What the flags say about Docker.
#[derive(Clone, Debug)]
pub struct DockerFlags {
    /// `--docker_socket`.
    pub socket: String,
    /// `--docker_config`: the JSON itself. Secret.
    pub config: Option<Credentials>,
    /// `--docker_remove_delay`.
    pub remove_delay: Duration,
    /// `--docker_kill_orphans`.
    pub kill_orphans: bool,
    /// `--sandbox_directory`.
    pub sandbox_directory: String,
}

/// Docker's `config.json`, which prints as nothing.
#[derive(Clone)]
pub struct Credentials(String);

impl Credentials {
    /// Takes the text of a `config.json`.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: String) -> Result<Credentials, tepui_docker::ConfigError> {
        DockerConfig::parse(&text).map(|_| Credentials(text))
    }

    /// Who we are at registries.
    fn read(&self) -> DockerConfig {
        DockerConfig::parse(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

pub(crate) use burial::Alive;
pub(crate) use executors::Lodging;
pub(crate) use kept::KeepError;

use ahead::Ahead;
use kept::Kept;

/// What the containers of a work directory are labelled with.
///
/// # Errors
/// It cannot be read, or not be written where there is none yet.
pub fn docker_id(work_dir: &Path) -> std::io::Result<String> {
    kept::id(work_dir)
}

/// The containerizer.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    flags: DockerFlags,
    hard_cpu_limit: bool,
    kept: Kept,
    ahead: Ahead,
    /// What no other agent process is called.
    process: String,
}

/// Whether the executor is one for a Docker container.
pub(crate) fn is_docker(executor: &v1::ExecutorInfo) -> bool {
    executor.container.as_ref().is_some_and(|info| info.r#type() == container_info::Type::Docker)
}

impl Docker {
    /// `work_dir`: whose containers these are. An engine that is not there yet may come: until then its tasks fail, and say why.
    pub(crate) async fn open(
        flags: DockerFlags,
        hard_cpu_limit: bool,
        work_dir: &Path,
    ) -> Result<Docker, KeepError> {
        let kept = kept::keep(work_dir, flags.config.as_ref())?;
        for field in flags.config.iter().flat_map(|config| config.read().unheeded()) {
            warn!(field, "--docker_config says more than is heeded");
        }
        let version = async { Engine::at(&flags.socket)?.version().await };
        match version.await {
            Ok(version) => info!(socket = flags.socket, version, "docker engine found"),
            Err(error) => warn!(%error, "docker tasks will fail until the engine is there"),
        }
        Ok(Docker {
            flags,
            hard_cpu_limit,
            kept,
            ahead: Ahead::default(),
            process: Uuid::new_v4().to_string(),
        })
    }

    /// What an executor finds in its environment.
    pub(crate) fn variables(&self, launch: &Launch, volumes: &[Volume]) -> Vec<(String, String)> {
        tepui_docker::variables(&self.setup(&launch.run, volumes), self.kept.credentials.as_deref())
    }

    fn setup(&self, run: &Run, volumes: &[Volume]) -> Setup {
        Setup {
            container: name_of(&run.container),
            engine: self.flags.socket.clone(),
            config: DockerConfig::default(),
            settings: Settings {
                sandbox_directory: self.flags.sandbox_directory.clone(),
                hard_cpu_limit: self.hard_cpu_limit,
                binds: volumes::binds(&self.flags.sandbox_directory, volumes),
            },
            labels: self.labels(run),
        }
    }

    fn labels(&self, run: &Run) -> HashMap<String, String> {
        let labels = [
            (LABEL_OF_WORK_DIR, self.kept.id.clone()),
            (PROCESS, self.process.clone()),
            ("tepui.agent", run.agent.to_string()),
            ("tepui.framework", run.framework.to_string()),
            ("tepui.executor", run.executor.to_string()),
            (CONTAINER, run.container.to_string()),
        ];
        labels.map(|(key, value)| (key.to_owned(), value)).into()
    }
}

/// As Mesos names them.
fn name_of(container: &ContainerId) -> String {
    format!("mesos-{container}")
}
