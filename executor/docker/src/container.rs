//! A container's life with the engine: made, started, waited for, stopped, removed.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{ContainerInspectResponse, ContainerState, ContainerSummaryStateEnum};
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;

use crate::engine::{Engine, EngineError};

/// Between two looks at a container that goes on though the engine has stopped telling.
const RETRY: Duration = Duration::from_millis(500);

/// What an engine may take to end a container, beyond the grace period.
const STOP_MARGIN: Duration = Duration::from_secs(120);

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
    /// Whether it was ever started, as far as the engine has come.
    pub was_started: bool,
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
            let was_started = container.state != Some(CREATED);
            let labels = container.labels.unwrap_or_default();
            Some(Found { id: container.id?, labels, name, runs, was_started })
        });
        Ok(found.collect())
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
        loop {
            let mut presence = self.presence();
            tokio::select! {
                () = self.wait(name) => {}
                () = presence.over() => {}
            }
            // What was answered is not enough: whether it was for want of memory, only an inspection tells. An engine that is
            // being ended answers none any more, its successor does.
            let inspected = self.insist(|| self.inspect(name)).await?;
            if let Some(ending) = inspected.state.as_ref().and_then(ending_of) {
                let by_engine = presence.is_over() && !self.live_restore().await;
                return Ok(Ending { by_engine, ..ending });
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Returns when the container has ended, or when nobody can be asked.
    async fn wait(&self, name: &str) {
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let mut wait = Box::pin(self.docker().wait_container(name, Some(options)));
        // A status that is not zero is an error, too.
        while wait.next().await.is_some_and(|answer| answer.is_ok()) {}
    }

    /// Asks the container to end, and ends it after the grace period.
    ///
    /// # Errors
    /// The engine could not be reached, or could not do it. A container that is gone already is no error.
    pub async fn stop(&self, name: &str, grace: Duration) -> Result<(), EngineError> {
        let seconds = i32::try_from(grace.as_secs_f64().ceil() as i64).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        // It answers when the container has ended.
        let docker = self.docker().clone().with_timeout(grace + STOP_MARGIN);
        let stopped = docker.stop_container(name, Some(options)).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Answer, Fake};

    #[tokio::test(start_paused = true)]
    async fn a_grace_period_may_be_longer_than_any_other_answer_takes() {
        let grace = Duration::from_secs(3600);
        let text = "HTTP/1.1 204 No Content\r\n\r\n";
        let fake = Fake::engine(move |_, _| Answer { after: grace, text: text.into(), ends: true });

        let stopped = fake.engine.stop("c", grace).await;

        assert!(stopped.is_ok(), "{stopped:?}");
        assert!(fake.asked()[0].ends_with("/containers/c/stop?t=3600"), "{:?}", fake.asked());
    }

    #[tokio::test]
    async fn an_engine_that_may_not_be_watched_is_not_taken_for_one_that_has_gone() {
        let fake = Fake::engine(|asked, _| match asked {
            events if events.contains("/events") => {
                let text = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
                Answer { text: text.into(), ..Answer::json("") }
            }
            wait if wait.contains("/wait") => Answer::json(r#"{"StatusCode":0}"#),
            _ => Answer::json(r#"{"State":{"Status":"exited","ExitCode":0}}"#),
        });

        let ending = fake.engine.ended("c").await.unwrap();

        assert_eq!(ending, Ending { code: 0, out_of_memory: false, error: None, by_engine: false });
    }
}
