//! How an agent hands over to the executor it starts: by variables of its environment, which no container inherits. What is secret
//! lies in a file that only their user may read; the variables name it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::credentials::{ConfigError, DockerConfig};
use crate::executor::Setup;
use crate::spec::{Bind, Settings};

/// What the container is called and where the engine is, as JSON.
const SETUP: &str = "TEPUI_DOCKER";

/// Why there is nothing to begin with.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The program was not started by an agent.
    #[error("{SETUP} is not set: Docker executors are started by an agent, which sets it")]
    Missing,
    /// Another version of the agent wrote it, perhaps.
    #[error("{SETUP} cannot be read")]
    Setup(#[from] serde_json::Error),
    /// The agent's file is gone, or not ours.
    #[error("read the credentials for registries in {path}")]
    Credentials {
        /// Where the agent put them.
        path: String,
        /// What is wrong with it.
        #[source]
        cause: std::io::Error,
    },
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
    #[serde(default)]
    binds: Vec<Bind>,
    labels: BTreeMap<String, String>,
    credentials: Option<String>,
}

/// The variables for one container's executor. `credentials`: where it finds docker's `config.json`, if it is to have one.
///
/// # Panics
/// Never: what is written are texts.
#[must_use]
pub fn variables(setup: &Setup, credentials: Option<&Path>) -> Vec<(String, String)> {
    let written = Written {
        container: setup.container.clone(),
        engine: setup.engine.clone(),
        sandbox_directory: setup.settings.sandbox_directory.clone(),
        hard_cpu_limit: setup.settings.hard_cpu_limit,
        binds: setup.settings.binds.clone(),
        labels: setup.labels.clone().into_iter().collect(),
        credentials: credentials.map(|path| path.display().to_string()),
    };
    let written = serde_json::to_string(&written).expect("texts are written");
    vec![(SETUP.to_owned(), written)]
}

impl Setup {
    /// What the agent wrote.
    ///
    /// # Errors
    /// It wrote nothing, or something else.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Setup, HandoverError> {
        let written: Written = serde_json::from_str(&variable(SETUP).ok_or(HandoverError::Missing)?)?;
        let config = match written.credentials {
            Some(path) => {
                let failed = |cause| HandoverError::Credentials { path: path.clone(), cause };
                DockerConfig::parse(&std::fs::read_to_string(&path).map_err(failed)?)?
            }
            None => DockerConfig::default(),
        };
        Ok(Setup {
            container: written.container,
            engine: written.engine,
            config,
            settings: Settings {
                sandbox_directory: written.sandbox_directory,
                hard_cpu_limit: written.hard_cpu_limit,
                binds: written.binds,
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
            settings: Settings {
                sandbox_directory: "/box".into(),
                hard_cpu_limit: true,
                binds: vec![Bind { host: "/v".into(), container: "/box/data".into(), read_only: true }],
            },
            labels: [("tepui.task".to_owned(), "t1".to_owned())].into(),
        };
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        std::fs::write(&file, r#"{"auths":{"r:5000":{"username":"bob","password":"builder"}}}"#).unwrap();
        let written: HashMap<String, String> = variables(&setup, Some(&file)).into_iter().collect();

        let read = Setup::read(|name| written.get(name).cloned()).unwrap();

        assert_eq!(read.config.of_image("r:5000/x").and_then(|it| it.username), Some("bob".into()));
        assert_eq!(format!("{:?}", Setup { config: DockerConfig::default(), ..read }), format!("{setup:?}"));
        assert!(!format!("{written:?}").contains("builder"));
        std::fs::remove_file(&file).unwrap();
        let gone = Setup::read(|name| written.get(name).cloned()).unwrap_err().to_string();
        assert!(gone.starts_with("read the credentials for registries in /"), "{gone}");
    }

    #[test]
    fn without_an_agent_there_is_nothing_to_read() {
        let error = Setup::read(|_| None).unwrap_err().to_string();

        assert_eq!(error, "TEPUI_DOCKER is not set: Docker executors are started by an agent, which sets it");
    }
}
