//! What a container is to be, from what a task says: pure, so that every rule can be read and tested without an engine.

mod environment;
mod mount;
mod network;
mod parameters;
mod ports;
mod resources;
#[cfg(test)]
mod tests;
mod value;
mod volumes;

pub(crate) use environment::{NAME, read as variables};

use std::collections::HashMap;
use std::path::PathBuf;

use bollard::models::ContainerCreateBody;
use serde::{Deserialize, Serialize};
use tepui_proto::v1;

/// What a container is made of.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Its name with the engine.
    pub name: &'a str,
    /// What it is and what it runs.
    pub container: &'a v1::ContainerInfo,
    /// The command in it.
    pub command: &'a v1::CommandInfo,
    /// What it may use.
    pub resources: &'a [v1::Resource],
    /// What it may use at most, where that is more.
    pub limits: &'a [(String, f64)],
    /// Set on top of the command's environment.
    pub variables: Vec<(String, String)>,
    /// By which it is found again.
    pub labels: HashMap<String, String>,
    /// The sandbox on the host.
    pub sandbox: PathBuf,
    /// What the agent's flags say.
    pub settings: &'a Settings,
}

/// What an agent's flags say about all of its containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `--sandbox_directory`: where a container finds its sandbox.
    pub sandbox_directory: String,
    /// `--cgroups_enable_cfs`: processors are a limit, not only a share.
    pub hard_cpu_limit: bool,
    /// Persistent volumes, which the agent has made.
    pub binds: Vec<Bind>,
}

/// A directory of the host in the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Its path there.
    pub host: String,
    /// Its path here.
    pub container: String,
    /// The container may not write.
    pub read_only: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { sandbox_directory: "/mnt/mesos/sandbox".into(), hard_cpu_limit: false, binds: Vec::new() }
    }
}

/// What the engine is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The container's name.
    pub name: String,
    /// The image.
    pub image: String,
    /// Pull the image even if it is there.
    pub force_pull: bool,
    /// Of which platform the image must be.
    pub platform: Option<String>,
    /// The container.
    pub body: ContainerCreateBody,
}

/// Why a task cannot be a container. The task says it wrong, so trying again would not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No `ContainerInfo.docker`.
    #[error("container.docker is not set: it names the image")]
    NoDocker,
    /// An option of `docker run` that is not known, or not well written.
    #[error("container.docker.parameters: `{key}` {why}")]
    Parameter {
        /// The option.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The network cannot be.
    #[error("container.docker.network: {0}")]
    Network(String),
    /// A port cannot be mapped.
    #[error("container.docker.port_mappings: {0}")]
    Port(String),
    /// A volume cannot be mounted.
    #[error("container.volumes: {0}")]
    Volume(String),
    /// A variable without a value.
    #[error("command.environment: {0}")]
    Environment(String),
    /// A resource limit that the engine has no name for.
    #[error("container.rlimit_info: {0}")]
    Rlimit(String),
    /// The command is not one.
    #[error("command: {0}")]
    Command(String),
}

impl Wanted<'_> {
    /// The engine's request for this container.
    ///
    /// # Errors
    /// The task is wrong; the error names the field.
    pub fn plan(&self) -> Result<Plan, SpecError> {
        let docker = self.container.docker.as_ref().ok_or(SpecError::NoDocker)?;
        let mut body = ContainerCreateBody {
            image: Some(docker.image.clone()),
            labels: Some(self.labels.clone()),
            user: self.command.user.clone().filter(|user| !user.is_empty()),
            env: Some(environment::of(self)?),
            ..ContainerCreateBody::default()
        };
        body.host_config.get_or_insert_default().privileged = docker.privileged;
        resources::limit(&mut body, self)?;
        volumes::mount(&mut body, self, docker)?;
        self.command(&mut body)?;
        // Before what depends on the network, which a parameter may choose, and after what it may override.
        let extra = parameters::apply(&mut body, &docker.parameters)?;
        network::connect(&mut body, self, docker)?;
        Ok(Plan {
            name: self.name.to_owned(),
            image: docker.image.clone(),
            force_pull: docker.force_pull_image() || extra.always_pull,
            platform: extra.platform,
            body,
        })
    }

    /// A shell command is run by the image's own `/bin/sh`; an argument vector goes to the image's entry point.
    fn command(&self, body: &mut ContainerCreateBody) -> Result<(), SpecError> {
        if !self.command.shell() {
            let words = self.command.value.iter().chain(&self.command.arguments);
            let words: Vec<String> = words.cloned().collect();
            body.cmd = (!words.is_empty()).then_some(words);
            return Ok(());
        }
        let value = self.command.value.clone();
        let value =
            value.ok_or_else(|| SpecError::Command("value is not set, though shell is true".into()))?;
        body.entrypoint = Some(vec!["/bin/sh".into()]);
        body.cmd = Some(vec!["-c".into(), value]);
        Ok(())
    }
}
