//! The engine: where it is, and what can go wrong between it and us.

use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};

/// Until an answer begins. Pulling, waiting and reading logs may take longer after that.
const ANSWER_SECONDS: u64 = 120;

/// Between two attempts to reach an engine that is being restarted.
const RETRY: Duration = Duration::from_millis(500);

/// An engine reached by its API.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    address: String,
}

/// Why an engine did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its address does not read as one, or nothing is there.
    #[error("reach the Docker engine at {address}: {why}; is dockerd running, and is --docker_socket right?")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What happened.
        why: String,
    },
    /// It refused.
    #[error("{what}: {message}")]
    Refused {
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
}

impl EngineError {
    /// Whether the engine says that there is no such thing.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, EngineError::Refused { status: 404, .. })
    }

    /// Whether the engine says that something else is in the way, such as a container of the same name.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, EngineError::Refused { status: 409, .. })
    }

    /// Whether it says so of an image.
    pub(crate) fn is_missing_image(&self) -> bool {
        let names = |message: &String| message.to_ascii_lowercase().contains("no such image");
        matches!(self, EngineError::Refused { status: 404, message, .. } if names(message))
    }

    /// Whether the engine may do it later: it could not be asked.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, EngineError::Unreachable { .. })
    }
}

impl Engine {
    /// The engine at a socket's path, at `unix://…` or at `tcp://host:port`.
    ///
    /// # Errors
    /// The address is none, or its socket does not exist.
    pub fn at(address: &str) -> Result<Engine, EngineError> {
        let docker = if address.starts_with("tcp://") || address.starts_with("http://") {
            Docker::connect_with_http(address, ANSWER_SECONDS, API_DEFAULT_VERSION)
        } else {
            Docker::connect_with_unix(address, ANSWER_SECONDS, API_DEFAULT_VERSION)
        };
        let address = address.to_owned();
        match docker {
            Ok(docker) => Ok(Engine { docker, address }),
            Err(why) => Err(EngineError::Unreachable { address, why: why.to_string() }),
        }
    }

    /// The engine's version, which shows that it answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn version(&self) -> Result<String, EngineError> {
        let version = self.docker.version().await.map_err(|why| self.error("ask for its version", why))?;
        Ok(version.version.unwrap_or_default())
    }

    /// Whether containers go on while it is away.
    pub(crate) async fn live_restore(&self) -> bool {
        let info = async { self.docker.info().await.map_err(|why| self.error("ask for its settings", why)) };
        info.await.is_ok_and(|info| info.live_restore_enabled == Some(true))
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Asks again for as long as the engine cannot be reached: who restarts it expects containers to be found again.
    pub(crate) async fn insist<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>>,
    {
        let mut told = false;
        loop {
            match ask().await {
                Err(error) if error.is_unreachable() => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "engine not reached, trying again until it is");
                    }
                    tokio::time::sleep(RETRY).await;
                }
                done => return done,
            }
        }
    }

    pub(crate) fn error(&self, what: &str, error: bollard::errors::Error) -> EngineError {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError { status_code, message } => EngineError::Refused {
                what: what.to_owned(),
                status: status_code,
                message: message.trim().to_owned(),
            },
            // The engine says these in the middle of an answer whose status it has sent already.
            Error::DockerStreamError { error } => {
                EngineError::Refused { what: what.to_owned(), status: 500, message: error.trim().to_owned() }
            }
            other => EngineError::Unreachable { address: self.address.clone(), why: with_causes(&other) },
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_is_not_there_is_named_with_what_to_look_at() {
        let error = Engine::at("/no/such/docker.sock").unwrap_err();

        assert!(error.is_unreachable());
        let text = error.to_string();
        assert!(text.starts_with("reach the Docker engine at /no/such/docker.sock: "), "{text}");
        assert!(text.ends_with("is dockerd running, and is --docker_socket right?"), "{text}");
    }
}
