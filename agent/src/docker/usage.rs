//! What a Docker container uses: from its control groups where they can be read, and otherwise from the engine.

use std::time::Duration;

use tepui_docker::{Engine, EngineError, Running};
use tepui_model::ContainerId;
use tepui_proto::v1;
use tracing::debug;

use super::{Docker, name_of};
use crate::containerizer::{ContainerResources, Limit, usage_of};

/// An engine takes a second to count; one that hangs must not hold up who asks about other containers.
const PATIENCE: Duration = Duration::from_secs(5);

impl Docker {
    /// `None` if it does not run, or nobody knows.
    pub(crate) async fn usage(&self, container: &ContainerId) -> Option<v1::ResourceStatistics> {
        let name = name_of(container);
        match tokio::time::timeout(PATIENCE, self.measured(&name)).await {
            Ok(Ok(statistics)) => statistics,
            Ok(Err(error)) if error.is_missing() => None,
            Ok(Err(error)) => {
                debug!(%error, container = name, "usage of a docker container not known");
                None
            }
            Err(_) => {
                debug!(container = name, "engine did not say in time what a docker container uses");
                None
            }
        }
    }

    async fn measured(&self, name: &str) -> Result<Option<v1::ResourceStatistics>, EngineError> {
        let engine = Engine::at(&self.flags.socket)?;
        let Some(running) = engine.running(name).await? else { return Ok(None) };
        let grouped = tokio::task::spawn_blocking(move || in_groups(&running)).await.ok().flatten();
        match grouped {
            Some(statistics) => Ok(Some(statistics)),
            None => engine.usage(name).await,
        }
    }
}

fn in_groups(running: &Running) -> Option<v1::ResourceStatistics> {
    let granted = ContainerResources {
        cpus: running.cpus,
        cpu_limit: running.cpu_limit.map(Limit::At),
        ..ContainerResources::default()
    };
    usage_of(running.pid, &running.id, &granted).map(v1::ResourceStatistics::from)
}
