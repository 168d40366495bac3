//! The containerizer `docker`, as the agent sees it: which launches are its own, what their executor is told, and what happens
//! with containers that are over. The containers themselves are the Docker executor's.

mod executors;
mod usage;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tepui_agent_core::{Launch, Run};
use tepui_docker::spec::Settings;
use tepui_docker::{DockerConfig, Engine, EngineError, Setup};
use tepui_model::ContainerId;
use tepui_proto::v1::{self, container_info};
use tracing::{info, warn};

/// By which the containers of one agent are told from another's on the same machine: its value is the work directory.
pub const LABEL_OF_WORK_DIR: &str = "tepui.work_dir";

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

pub(crate) use executors::Lodging;

/// The containerizer.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    flags: DockerFlags,
    hard_cpu_limit: bool,
    work_dir: String,
}

/// Whether the executor is one for a Docker container.
pub(crate) fn is_docker(executor: &v1::ExecutorInfo) -> bool {
    executor.container.as_ref().is_some_and(|info| info.r#type() == container_info::Type::Docker)
}

impl Docker {
    /// `work_dir`: whose containers these are.
    pub(crate) async fn open(
        flags: DockerFlags,
        hard_cpu_limit: bool,
        work_dir: String,
    ) -> Result<Docker, EngineError> {
        let version = Engine::at(&flags.socket)?.version().await?;
        info!(socket = flags.socket, version, "docker engine found");
        Ok(Docker { flags, hard_cpu_limit, work_dir })
    }

    /// What an executor finds in its environment.
    pub(crate) fn variables(&self, launch: &Launch) -> Vec<(String, String)> {
        let config = self.flags.config.as_ref().map(|config| config.0.as_str());
        tepui_docker::variables(&self.setup(&launch.run), config)
    }

    fn setup(&self, run: &Run) -> Setup {
        Setup {
            container: name_of(&run.container),
            engine: self.flags.socket.clone(),
            config: DockerConfig::default(),
            settings: Settings {
                sandbox_directory: self.flags.sandbox_directory.clone(),
                hard_cpu_limit: self.hard_cpu_limit,
            },
            labels: self.labels(run),
        }
    }

    fn labels(&self, run: &Run) -> HashMap<String, String> {
        let labels = [
            (LABEL_OF_WORK_DIR, self.work_dir.clone()),
            ("tepui.agent", run.agent.to_string()),
            ("tepui.framework", run.framework.to_string()),
            ("tepui.executor", run.executor.to_string()),
            ("tepui.container", run.container.to_string()),
        ];
        labels.map(|(key, value)| (key.to_owned(), value)).into()
    }

    /// The executor of this container has ended, and so must the container; it is kept for whoever wants to look at it, for
    /// as long as the operator said.
    pub(crate) fn executor_ended(&self, container: &ContainerId) {
        let (docker, name) = (self.clone(), name_of(container));
        tokio::spawn(async move {
            if let Err(error) = docker.bury(&name, docker.flags.remove_delay).await {
                warn!(%error, container = name, "docker container not removed");
            }
        });
    }

    async fn bury(&self, name: &str, delay: Duration) -> Result<(), EngineError> {
        let engine = Engine::at(&self.flags.socket)?;
        engine.kill(name).await?;
        tokio::time::sleep(delay).await;
        engine.remove(name).await
    }

    /// After a restart of the agent: containers of no run that is alive are over.
    pub(crate) fn sweep<'a>(&self, alive: impl Iterator<Item = &'a Run>) {
        let known: HashSet<String> = alive.map(|run| name_of(&run.container)).collect();
        let docker = self.clone();
        tokio::spawn(async move {
            if let Err(error) = docker.bury_all_but(&known).await {
                warn!(%error, "docker containers of earlier tasks not looked for");
            }
        });
    }

    async fn bury_all_but(&self, known: &HashSet<String>) -> Result<(), EngineError> {
        let engine = Engine::at(&self.flags.socket)?;
        for found in engine.labelled(LABEL_OF_WORK_DIR, &self.work_dir).await? {
            if known.contains(&found.name) {
                continue;
            }
            if found.runs && !self.flags.kill_orphans {
                warn!(
                    container = found.name,
                    "orphaned docker container left alone, as --docker_kill_orphans says"
                );
                continue;
            }
            let docker = self.clone();
            tokio::spawn(async move {
                info!(container = found.name, runs = found.runs, "docker container of an earlier task ends");
                if let Err(error) = docker.bury(&found.name, docker.flags.remove_delay).await {
                    warn!(%error, container = found.name, "docker container not removed");
                }
            });
        }
        Ok(())
    }
}

/// As Mesos names them.
fn name_of(container: &ContainerId) -> String {
    format!("mesos-{container}")
}
