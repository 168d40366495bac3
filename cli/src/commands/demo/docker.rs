//! The Docker engine of the demo, if there is one: found at the start, left at the end as it was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tepui_agent::{DockerFlags, LABEL_OF_WORK_DIR, docker_id};
use tepui_docker::Engine;
use tokio::time::timeout;

use super::image;

/// The demo must not wait for an engine that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ended containers are looked for this often, until none is left or [`PATIENCE`] ends.
const LOOK: Duration = Duration::from_millis(100);

pub struct Docker {
    engine: Engine,
    /// Where it listens.
    address: String,
    /// The image of the web servers.
    image: String,
    /// Whose containers are ours.
    agents: Vec<String>,
}

impl Docker {
    /// The engine that the docker command would use, with an image for web servers.
    ///
    /// # Errors
    /// Why the demo goes without.
    pub async fn find() -> Result<Docker> {
        let named = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let address = named.unwrap_or_else(|| "/var/run/docker.sock".into());
        let socket = address.strip_prefix("unix://").unwrap_or(&address);
        if !socket.starts_with('/') {
            bail!("the Docker engine at {address} is not on this machine");
        }
        if !Path::new(socket).exists() {
            bail!("there is no Docker engine at {socket}");
        }
        let engine = Engine::at(&address)?;
        timeout(PATIENCE, engine.version()).await.with_context(|| format!("{address} does not answer"))??;
        let root = tokio::task::spawn_blocking(image::root).await??;
        let image = format!("tepui/demo:{}", std::process::id());
        let docker = Docker { engine, address, image, agents: Vec::new() };
        let imported = timeout(PATIENCE, docker.engine.import_image(&docker.image, root.into())).await;
        let why = match imported {
            Ok(Ok(())) => return Ok(docker),
            Ok(Err(error)) => error.into(),
            Err(_) => anyhow!("{} takes too long to import an image", docker.address),
        };
        // It may be there all the same.
        let _ = docker.clear().await;
        Err(why)
    }

    /// Takes note of the agents that will run containers.
    ///
    /// # Errors
    /// One of them does not say by which name it knows its containers.
    pub fn know(&mut self, agents: &[PathBuf]) -> Result<()> {
        let of = |work_dir: &PathBuf| {
            docker_id(work_dir).with_context(|| format!("read the id of {}", work_dir.display()))
        };
        self.agents = agents.iter().map(of).collect::<Result<_>>()?;
        Ok(())
    }

    pub fn image(&self) -> &str {
        &self.image
    }

    /// What agents are told of it.
    pub fn flags(&self) -> DockerFlags {
        DockerFlags {
            socket: self.address.clone(),
            config: None,
            remove_delay: Duration::ZERO,
            kill_orphans: true,
            sandbox_directory: "/mnt/mesos/sandbox".into(),
        }
    }

    /// Removes what the demo made: containers that its agents did not come round to, and the image.
    ///
    /// # Errors
    /// The engine did not answer, or not in time.
    pub async fn clear(&self) -> Result<()> {
        timeout(PATIENCE, self.remove()).await.context("the Docker engine takes too long to clean up")?
    }

    async fn remove(&self) -> Result<()> {
        for agent in &self.agents {
            loop {
                let left = self.engine.labelled(LABEL_OF_WORK_DIR, agent).await?;
                if left.is_empty() {
                    break;
                }
                for container in left {
                    self.engine.remove(&container.name).await?;
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(self.engine.remove_image(&self.image).await?)
    }
}
