//! Ending a container with everything in it.

use tokio::time::timeout;

use super::{ContainerTermination, Native, native::Phase};

/// Containers that did not die in time.
pub(super) const DESTROY_ERRORS: &str = "containerizer/mesos/container_destroy_errors";

/// A container that does not die.
#[derive(Debug, thiserror::Error)]
#[error(
    "container {id} still has processes {seconds}s after SIGKILL; they wait inside the kernel, usually for a file \
     system that does not answer"
)]
pub struct DestroyError {
    pub id: String,
    pub seconds: u64,
}

impl Native {
    /// Kills the whole tree and returns how the container ended; `None` for an unknown container. One that is being
    /// started is killed as soon as it runs.
    pub async fn destroy(&self, id: &str) -> Result<Option<ContainerTermination>, DestroyError> {
        let Ok(container) = self.container(id) else { return Ok(None) };
        let limit = self.inner.machinery.settings.cgroups_destroy_timeout;
        let ending = async {
            if let Phase::Running(process) = container.settled().await {
                self.inner.machinery.kill(id, &process).await;
            }
            container.termination().await
        };
        let ended = timeout(limit, ending).await;
        ended.map(Some).map_err(|_| {
            metrics::counter!(DESTROY_ERRORS).increment(1);
            DestroyError { id: id.into(), seconds: limit.as_secs() }
        })
    }
}
