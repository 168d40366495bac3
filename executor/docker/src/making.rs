//! Making a container and starting it. An agent makes the containers of its tasks while their executors come up, which then find
//! them, or find them in the making.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions};

use crate::engine::{Engine, EngineError};
use crate::spec::Plan;

/// Between two looks for a container that is being made, at least and at most.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The share of what was waited already that the next pause takes, so that a container is found late by no more than that.
const PATIENCE: u32 = 10;

/// How long a container may be in the making, which is as long as any answer may take.
const MAKING: Duration = Duration::from_secs(120);

/// Who has a container's name.
enum Holder {
    Us(String),
    Stranger,
    /// There is no such container, or not yet.
    Nobody,
}

impl Engine {
    /// Makes the plan's container, and answers its id.
    ///
    /// # Errors
    /// The engine refused, or could not be reached.
    pub async fn create(&self, plan: &Plan) -> Result<String, EngineError> {
        let options = CreateContainerOptionsBuilder::new().name(&plan.name);
        let options = match &plan.platform {
            Some(platform) => options.platform(platform),
            None => options,
        };
        let created = self.docker().create_container(Some(options.build()), plan.body.clone()).await;
        let created = created.map_err(|why| self.error(&format!("create container {}", plan.name), why))?;
        Ok(created.id)
    }

    /// Makes the container, unless the agent has, and starts it. What was made and does not start is removed.
    ///
    /// # Errors
    /// The engine refused, or could not be reached.
    pub async fn start(&self, plan: &Plan) -> Result<ContainerInspectResponse, EngineError> {
        let id = self.found_or_made(plan).await?;
        let started = self.docker().start_container(&id, None::<StartContainerOptions>).await;
        if let Err(why) = started {
            let error = self.error(&format!("start container {}", plan.name), why);
            if let Err(error) = self.remove(&id).await {
                tracing::warn!(%error, container = plan.name, "container that did not start not removed");
            }
            return Err(error);
        }
        self.inspect(&id).await
    }

    /// The agent may be making it just now: then its name is taken, and nobody has it yet.
    async fn found_or_made(&self, plan: &Plan) -> Result<String, EngineError> {
        let nothing = HashMap::new();
        let labels = plan.body.labels.as_ref().unwrap_or(&nothing);
        let begin = Instant::now();
        let mut conflict = None;
        loop {
            match (self.holder(&plan.name, labels).await?, conflict) {
                (Holder::Us(id), _) => return Ok(id),
                (Holder::Stranger, Some(error)) => return Err(error),
                (Holder::Nobody, Some(error)) if begin.elapsed() > MAKING => return Err(error),
                (Holder::Nobody, Some(_)) => {
                    let pause = begin.elapsed() / PATIENCE;
                    tokio::time::sleep(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
                }
                (Holder::Nobody | Holder::Stranger, None) => {}
            }
            match self.create(plan).await {
                Err(error) if error.is_conflict() => conflict = Some(error),
                made => return made,
            }
        }
    }

    /// Who has the container of this name. One without these labels is a stranger's.
    async fn holder(&self, name: &str, labels: &HashMap<String, String>) -> Result<Holder, EngineError> {
        let found = match self.inspect(name).await {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(Holder::Nobody),
            Err(error) => return Err(error),
        };
        let has = found.config.and_then(|config| config.labels).unwrap_or_default();
        let is_ours = labels.iter().all(|(key, value)| has.get(key) == Some(value));
        Ok(found.id.filter(|_| is_ours).map_or(Holder::Stranger, Holder::Us))
    }

    /// The id of the container of this name, if it has these labels.
    pub(crate) async fn own(
        &self,
        name: &str,
        labels: &HashMap<String, String>,
    ) -> Result<Option<String>, EngineError> {
        match self.holder(name, labels).await? {
            Holder::Us(id) => Ok(Some(id)),
            Holder::Nobody | Holder::Stranger => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Answer, Fake};

    fn plan() -> Plan {
        let labels = HashMap::from([("tepui.container".to_owned(), "c".to_owned())]);
        let body = bollard::models::ContainerCreateBody { labels: Some(labels), ..Default::default() };
        Plan { name: "mesos-c".into(), image: "x".into(), force_pull: false, platform: None, body }
    }

    fn refusal(status: &str, message: &str) -> Answer {
        let body = format!(r#"{{"message":"{message}"}}"#);
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Answer { text, ..Answer::json("") }
    }

    #[tokio::test]
    async fn a_container_that_the_agent_is_making_is_waited_for_and_started() {
        let fake = Fake::engine(|asked, before| match asked {
            create if create.contains("/create?") => refusal("409 Conflict", "the name is in use"),
            start if start.contains("/start") => {
                Answer { text: "HTTP/1.1 204 No Content\r\n\r\n".into(), ..Answer::json("") }
            }
            _ if before < 5 => refusal("404 Not Found", "No such container: mesos-c"),
            _ => Answer::json(r#"{"Id":"12","Config":{"Labels":{"tepui.container":"c"}}}"#),
        });

        let started = fake.engine.start(&plan()).await.unwrap();

        assert_eq!(started.id.as_deref(), Some("12"));
        let asked = fake.asked();
        assert_eq!(asked.iter().filter(|line| line.contains("/start")).count(), 1, "{asked:?}");
        assert!(asked.iter().any(|line| line.contains("/containers/12/start")), "{asked:?}");
    }

    #[tokio::test]
    async fn a_strangers_container_is_not_taken_for_our_own() {
        let fake = Fake::engine(|asked, _| match asked {
            create if create.contains("/create?") => refusal("409 Conflict", "the name is in use"),
            _ => Answer::json(r#"{"Id":"12","Config":{"Labels":{"tepui.container":"d"}}}"#),
        });

        let error = fake.engine.start(&plan()).await.unwrap_err().to_string();

        assert_eq!(error, "create container mesos-c: the name is in use");
    }

    #[tokio::test]
    async fn only_an_image_that_is_missing_is_pulled() {
        let fake = Fake::engine(|asked, _| match asked {
            pull if pull.contains("/images/create") => Answer::stream("{\"status\":\"done\"}\n", true),
            create if create.contains("/create?") => refusal("404 Not Found", "No such image: x"),
            _ => refusal("404 Not Found", "No such container: mesos-c"),
        });
        let other = Fake::engine(|_, _| refusal("404 Not Found", "No such container: mesos-c"));
        let start = async |fake: &Fake| {
            let started = fake.engine.provide_and_start(&plan(), &Default::default(), |_| ()).await;
            let pulls = fake.asked().iter().filter(|line| line.contains("/images/create")).count();
            (started.unwrap_err().to_string(), pulls)
        };

        assert_eq!(start(&fake).await, ("create container mesos-c: No such image: x".into(), 1));
        assert_eq!(start(&other).await, ("create container mesos-c: No such container: mesos-c".into(), 0));
    }
}
