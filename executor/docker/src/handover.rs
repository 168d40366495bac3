//! How an agent hands over to the executor it starts: by variables of its environment, which no container inherits.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::credentials::{ConfigError, DockerConfig};
use crate::executor::Setup;
use crate::spec::Settings;

/// What the container is called and where the engine is, as JSON.
const SETUP: &str = "TEPUI_DOCKER";

/// Docker's `config.json`. Apart, because it is secret: an executor takes it out of its environment.
const CONFIG: &str = "TEPUI_DOCKER_CONFIG";

/// Why there is nothing to begin with.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The program was not started by an agent.
    #[error("{SETUP} is not set: Docker executors are started by an agent, which sets it")]
    Missing,
    /// Another version of the agent wrote it, perhaps.
    #[error("{SETUP} cannot be read")]
    Setup(#[from] serde_json::Error),
    /// The operator's file.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

#[derive(Serialize, Deserialize)]
struct Written {
    container: String,
    engine: String,
    sandbox_directory: String,
    hard_cpu_limit: bool,
    labels: BTreeMap<String, String>,
}

/// The variables for one container's executor.
///
/// # Panics
/// Never: what is written are texts.
#[must_use]
pub fn variables(setup: &Setup, config: Option<&str>) -> Vec<(String, String)> {
    let written = Written {
        container: setup.container.clone(),
        engine: setup.engine.clone(),
        sandbox_directory: setup.settings.sandbox_directory.clone(),
        hard_cpu_limit: setup.settings.hard_cpu_limit,
        labels: setup.labels.clone().into_iter().collect(),
    };
    let written = serde_json::to_string(&written).expect("texts are written");
    let config = config.map(|config| (CONFIG.to_owned(), config.to_owned()));
    [(SETUP.to_owned(), written)].into_iter().chain(config).collect()
}

impl Setup {
    /// What the agent wrote.
    ///
    /// # Errors
    /// It wrote nothing, or something else.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Setup, HandoverError> {
        let written: Written = serde_json::from_str(&variable(SETUP).ok_or(HandoverError::Missing)?)?;
        let config = match variable(CONFIG) {
            Some(text) => DockerConfig::parse(&text)?,
            None => DockerConfig::default(),
        };
        Ok(Setup {
            container: written.container,
            engine: written.engine,
            config,
            settings: Settings {
                sandbox_directory: written.sandbox_directory,
                hard_cpu_limit: written.hard_cpu_limit,
            },
            labels: written.labels.into_iter().collect::<HashMap<_, _>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_writes_its_executor_reads() {
        let setup = Setup {
            container: "mesos-c1".into(),
            engine: "/run/docker.sock".into(),
            config: DockerConfig::default(),
            settings: Settings { sandbox_directory: "/box".into(), hard_cpu_limit: true },
            labels: [("tepui.task".to_owned(), "t1".to_owned())].into(),
        };
        let written: HashMap<String, String> =
            variables(&setup, Some(r#"{"auths":{}}"#)).into_iter().collect();

        let read = Setup::read(|name| written.get(name).cloned()).unwrap();

        assert_eq!(format!("{read:?}"), format!("{setup:?}"));
    }

    #[test]
    fn without_an_agent_there_is_nothing_to_read() {
        let error = Setup::read(|_| None).unwrap_err().to_string();

        assert_eq!(error, "TEPUI_DOCKER is not set: Docker executors are started by an agent, which sets it");
    }
}
