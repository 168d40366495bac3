//! The containerizer `docker`, as the agent sees it: which launches are its own, what their executor is told, and what happens
//! with containers that are over. The containers themselves are the Docker executor's.

mod executors;
mod usage;

use std::collections::HashMap;
use std::time::Duration;

use tepui_agent_core::{Launch, Run};
use tepui_docker::spec::Settings;
use tepui_docker::{DockerConfig, Engine, EngineError, Found, Setup};
use tepui_model::ContainerId;
use tepui_proto::v1::{self, container_info};
use tracing::{info, warn};
use uuid::Uuid;

/// By which the containers of one agent are told from another's on the same machine: its value is the work directory.
pub const LABEL_OF_WORK_DIR: &str = "tepui.work_dir";

/// By which an agent tells the containers that came since it started from those of its earlier lives.
const PROCESS: &str = "tepui.agent_process";

/// By which the containers of one run are found again.
const CONTAINER: &str = "tepui.container";

/// Between two attempts to reach an engine that is away.
const RETRY: Duration = Duration::from_secs(2);

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
    /// What no other agent process is called.
    process: String,
}

/// Whether the executor is one for a Docker container.
pub(crate) fn is_docker(executor: &v1::ExecutorInfo) -> bool {
    executor.container.as_ref().is_some_and(|info| info.r#type() == container_info::Type::Docker)
}

impl Docker {
    /// `work_dir`: whose containers these are. An engine that is not there yet may come: until then its tasks fail, and say why.
    pub(crate) async fn open(flags: DockerFlags, hard_cpu_limit: bool, work_dir: String) -> Docker {
        let version = async { Engine::at(&flags.socket)?.version().await };
        match version.await {
            Ok(version) => info!(socket = flags.socket, version, "docker engine found"),
            Err(error) => warn!(%error, "docker tasks will fail until the engine is there"),
        }
        Docker { flags, hard_cpu_limit, work_dir, process: Uuid::new_v4().to_string() }
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
            (PROCESS, self.process.clone()),
            ("tepui.agent", run.agent.to_string()),
            ("tepui.framework", run.framework.to_string()),
            ("tepui.executor", run.executor.to_string()),
            (CONTAINER, run.container.to_string()),
        ];
        labels.map(|(key, value)| (key.to_owned(), value)).into()
    }

    /// The executor of this container has ended, and so must the container; it is kept for whoever wants to look at it, for
    /// as long as the operator said.
    pub(crate) fn executor_ended(&self, container: &ContainerId) {
        let (docker, container) = (self.clone(), container.to_string());
        tokio::spawn(async move {
            // By its label: a stranger's container may have taken its name.
            for found in docker.labelled(CONTAINER, &container).await {
                docker.bury(&found).await;
            }
        });
    }

    /// After a restart of the agent: containers of no run that is alive are over. `runs` are all that the agent knows of.
    pub(crate) fn sweep<'a>(&self, runs: impl Iterator<Item = (&'a Run, Alive)>) {
        let known: HashMap<String, Alive> =
            runs.map(|(run, alive)| (run.container.to_string(), alive)).collect();
        let docker = self.clone();
        tokio::spawn(async move { docker.bury_all_but(&known).await });
    }

    async fn bury_all_but(&self, known: &HashMap<String, Alive>) {
        let found = self.labelled(LABEL_OF_WORK_DIR, &self.work_dir).await;
        // The engine may answer much later than it was asked, when tasks have come that are not among the known ones.
        for found in found.into_iter().filter(|found| found.labels.get(PROCESS) != Some(&self.process)) {
            let of_run = found.labels.get(CONTAINER).and_then(|id| known.get(id));
            match of_run {
                Some(Alive::Yes) => continue,
                None if found.runs && !self.flags.kill_orphans => {
                    warn!(
                        container = found.name,
                        "orphaned docker container left alone, as --docker_kill_orphans says"
                    );
                    continue;
                }
                Some(Alive::No) | None => {}
            }
            info!(container = found.name, runs = found.runs, "docker container of an earlier task ends");
            let docker = self.clone();
            tokio::spawn(async move { docker.bury(&found).await });
        }
    }

    async fn labelled(&self, label: &str, value: &str) -> Vec<Found> {
        let found = self.reached().await.labelled(label, value).await;
        found.unwrap_or_else(|error| {
            warn!(%error, "docker containers not looked for");
            Vec::new()
        })
    }

    async fn bury(&self, found: &Found) {
        // Also one that is not said to run: it may just be starting. To one that has ended nothing happens.
        self.note(found, self.reached().await.kill(&found.id).await);
        tokio::time::sleep(self.flags.remove_delay).await;
        self.note(found, self.reached().await.remove(&found.id).await);
    }

    fn note(&self, found: &Found, done: Result<(), EngineError>) {
        if let Err(error) = done {
            warn!(%error, container = found.name, "docker container not removed");
        }
    }

    /// The engine, once it answers.
    async fn reached(&self) -> Engine {
        let mut told = false;
        loop {
            let error = match Engine::at(&self.flags.socket) {
                Ok(engine) => match engine.version().await {
                    Ok(_) => return engine,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if !std::mem::replace(&mut told, true) {
                warn!(%error, "docker containers that are over wait for their engine");
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Whether the executor of a run that the agent knows is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alive {
    Yes,
    No,
}

/// As Mesos names them.
fn name_of(container: &ContainerId) -> String {
    format!("mesos-{container}")
}
