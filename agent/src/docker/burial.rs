//! What becomes of containers that are over: ended at once, and removed when nobody wants to look at them any more.

use std::collections::HashMap;
use std::time::Duration;

use tepui_agent_core::Run;
use tepui_docker::{Engine, EngineError, Found};
use tepui_model::ContainerId;
use tokio::time::timeout;
use tracing::{info, warn};

use super::{CONTAINER, Docker, LABEL_OF_WORK_DIR, PROCESS, name_of};

/// Between two attempts to reach an engine that is away.
const RETRY: Duration = Duration::from_secs(2);

/// What an engine has to end a container. Nobody hears of an executor's end before its container's.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the executor of a run that the agent knows is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alive {
    Yes,
    No,
}

impl Docker {
    /// Ends what is left of a container whose executor has ended: past the engine, where its processes are in sight, if that does
    /// not do it in time.
    pub(crate) async fn end(&self, container: &ContainerId) {
        let ended = async {
            self.settled(container).await;
            let engine = Engine::at(&self.flags.socket)?;
            for found in engine.labelled(CONTAINER, &container.to_string()).await? {
                end(&engine, &found).await?;
            }
            Ok::<_, EngineError>(())
        };
        let why = match timeout(PATIENCE, ended).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the engine has said nothing for {} s", PATIENCE.as_secs()),
        };
        let name = name_of(container);
        let mark = name.clone();
        let killed = tokio::task::spawn_blocking(move || tepui_docker::end_processes(&mark)).await;
        let processes = killed.unwrap_or_default();
        warn!(why, container = name, processes, "docker container not ended by its engine");
    }

    /// The executor of this container has ended, and so must the container; it is kept for whoever wants to look at it, for
    /// as long as the operator said.
    pub(crate) fn executor_ended(&self, container: &ContainerId) {
        let (docker, container) = (self.clone(), container.clone());
        tokio::spawn(async move {
            docker.settled(&container).await;
            // By its label: a stranger's container may have taken its name.
            for found in docker.labelled(CONTAINER, &container.to_string()).await {
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
        let found = self.labelled(LABEL_OF_WORK_DIR, &self.kept.id).await;
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
        self.note(found, end(&self.reached().await, found).await);
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

/// Also one that is not said to run: to one that has ended nothing happens. One that was never started has nothing to look at, and
/// may be starting just now, which only its removal prevents.
async fn end(engine: &Engine, found: &Found) -> Result<(), EngineError> {
    match found.was_started {
        true => engine.kill(&found.id).await,
        false => engine.remove(&found.id).await,
    }
}
