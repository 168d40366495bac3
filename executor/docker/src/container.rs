//! A container's life with the engine: made, started, waited for, stopped, removed.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerState, ContainerSummaryStateEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder,
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;

use crate::engine::{Engine, EngineError};
use crate::spec::Plan;

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The exit code of its first process; 128 and more for a signal.
    pub code: i64,
    /// The kernel killed something in it for want of memory.
    pub out_of_memory: bool,
    /// What the engine says about it, if anything went wrong there.
    pub error: Option<String>,
    /// The engine was away in between, and is one that ends its containers then.
    pub by_engine: bool,
}

/// A container that an agent once had made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The engine's id of it.
    pub id: String,
    /// What it was labelled with.
    pub labels: HashMap<String, String>,
    /// Its name.
    pub name: String,
    /// Whether it runs, or may: it is paused, or being started again.
    pub runs: bool,
}

impl Engine {
    /// All containers, running or not, that have this label with this value.
    ///
    /// # Errors
    /// The engine could not be reached.
    pub async fn labelled(&self, label: &str, value: &str) -> Result<Vec<Found>, EngineError> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{label}={value}")])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.docker().list_containers(Some(options)).await;
        let listed = listed.map_err(|why| self.error("list containers", why))?;
        let found = listed.into_iter().filter_map(|container| {
            let name = container.names?.into_iter().next()?.trim_start_matches('/').to_owned();
            use ContainerSummaryStateEnum::{CREATED, DEAD, EXITED};
            let runs = !matches!(container.state, Some(CREATED | EXITED | DEAD));
            Some(Found { id: container.id?, labels: container.labels.unwrap_or_default(), name, runs })
        });
        Ok(found.collect())
    }

    /// Makes the container and starts it. What was made and does not start is removed.
    ///
    /// # Errors
    /// The engine refused, or could not be reached.
    pub async fn start(&self, plan: &Plan) -> Result<ContainerInspectResponse, EngineError> {
        let (docker, name) = (self.docker(), plan.name.as_str());
        let options = CreateContainerOptionsBuilder::new().name(name);
        let options = match &plan.platform {
            Some(platform) => options.platform(platform),
            None => options,
        };
        let created = docker.create_container(Some(options.build()), plan.body.clone()).await;
        let created = created.map_err(|why| self.error(&format!("create container {name}"), why))?;
        let started = docker.start_container(&created.id, None::<StartContainerOptions>).await;
        if let Err(why) = started {
            let error = self.error(&format!("start container {name}"), why);
            if let Err(error) = self.remove(&created.id).await {
                tracing::warn!(%error, container = name, "container that did not start not removed");
            }
            return Err(error);
        }
        self.inspect(&created.id).await
    }

    /// Removes what may have been made of a plan: a container of its name with its labels. One with other labels is a stranger's.
    pub(crate) async fn remove_own(&self, plan: &Plan) -> Result<(), EngineError> {
        let found = match self.inspect(&plan.name).await {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(error),
        };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let wanted = plan.body.labels.clone().unwrap_or_default();
        if wanted.iter().any(|(key, value)| labels.get(key) != Some(value)) {
            return Ok(());
        }
        self.remove(&plan.name).await
    }

    /// What the engine knows about a container.
    ///
    /// # Errors
    /// There is no such container, or the engine could not be reached.
    pub async fn inspect(&self, name: &str) -> Result<ContainerInspectResponse, EngineError> {
        let inspected = self.docker().inspect_container(name, None::<InspectContainerOptions>).await;
        inspected.map_err(|why| self.error(&format!("inspect container {name}"), why))
    }

    /// Ready when the container has ended, also over restarts of the engine.
    ///
    /// # Errors
    /// There is no such container any more.
    pub async fn ended(&self, name: &str) -> Result<Ending, EngineError> {
        let mut was_away = false;
        loop {
            let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
            let mut wait = Box::pin(self.docker().wait_container(name, Some(options)));
            // What it answers is not enough: whether it was for want of memory, only an inspection tells.
            while let Some(answer) = wait.next().await {
                use bollard::errors::Error::{DockerContainerWaitError, DockerResponseServerError};
                match answer {
                    Ok(_) => {}
                    // A status that is not zero, and an answer to our question.
                    Err(DockerContainerWaitError { .. } | DockerResponseServerError { .. }) => break,
                    Err(_) => was_away = true,
                }
            }
            let inspected = self.insist(|| self.inspect(name)).await?;
            if let Some(ending) = inspected.state.as_ref().and_then(ending_of) {
                let by_engine = was_away && !self.live_restore().await;
                return Ok(Ending { by_engine, ..ending });
            }
        }
    }

    /// Asks the container to end, and ends it after the grace period.
    ///
    /// # Errors
    /// The engine could not be reached, or could not do it. A container that is gone already is no error.
    pub async fn stop(&self, name: &str, grace: Duration) -> Result<(), EngineError> {
        let seconds = i32::try_from(grace.as_secs_f64().ceil() as i64).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let stopped = self.docker().stop_container(name, Some(options)).await;
        self.unless_gone(stopped, &format!("stop container {name}"))
    }

    /// Ends the container at once.
    ///
    /// # Errors
    /// As [`Engine::stop`].
    pub async fn kill(&self, name: &str) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        let killed = self.docker().kill_container(name, Some(options)).await;
        self.unless_gone(killed, &format!("kill container {name}"))
    }

    /// Removes the container with its anonymous volumes, running or not.
    ///
    /// # Errors
    /// As [`Engine::stop`].
    pub async fn remove(&self, name: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = self.docker().remove_container(name, Some(options)).await;
        self.unless_gone(removed, &format!("remove container {name}"))
    }

    fn unless_gone(&self, done: Result<(), bollard::errors::Error>, what: &str) -> Result<(), EngineError> {
        match done.map_err(|why| self.error(what, why)) {
            // 304: stopped already. 409: not running, or being removed already.
            Err(EngineError::Refused { status: 304 | 404 | 409, .. }) => Ok(()),
            done => done,
        }
    }
}

/// None while it runs, or was never started.
fn ending_of(state: &ContainerState) -> Option<Ending> {
    use bollard::models::ContainerStateStatusEnum as Status;
    match state.status {
        Some(Status::EXITED | Status::DEAD | Status::REMOVING) => Some(Ending {
            code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
            error: state.error.clone().filter(|error| !error.is_empty()),
            by_engine: false,
        }),
        _ => None,
    }
}
