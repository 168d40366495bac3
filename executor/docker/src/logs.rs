//! What a container says, written into its sandbox while it says it.

use std::time::{SystemTime, UNIX_EPOCH};

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::engine::Engine;

impl Engine {
    /// Copies the container's output until it ends. An engine that is restarted is asked for the rest.
    pub async fn copy_logs(
        &self,
        name: &str,
        stdout: &mut (impl AsyncWrite + Unpin),
        stderr: &mut (impl AsyncWrite + Unpin),
    ) {
        let mut since = 0;
        loop {
            self.copy_since(since, name, stdout, stderr).await;
            since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
            let inspected = self.insist(|| self.inspect(name)).await;
            let runs =
                inspected.is_ok_and(|found| found.state.is_some_and(|state| state.running == Some(true)));
            if !runs {
                return;
            }
        }
    }

    async fn copy_since(
        &self,
        since: u64,
        name: &str,
        stdout: &mut (impl AsyncWrite + Unpin),
        stderr: &mut (impl AsyncWrite + Unpin),
    ) {
        let since = i32::try_from(since).unwrap_or(i32::MAX);
        let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).since(since).build();
        let mut output = Box::pin(self.docker().logs(name, Some(options)));
        while let Some(piece) = output.next().await {
            let written = match piece {
                Ok(LogOutput::StdErr { message }) => write(stderr, &message).await,
                Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => {
                    write(stdout, &message).await
                }
                Ok(LogOutput::StdIn { .. }) => Ok(()),
                Err(error) => {
                    tracing::debug!(%error, container = name, "output of a container interrupted");
                    return;
                }
            };
            if let Err(error) = written {
                // A full disk must not end the task, whose output it is after all.
                tracing::warn!(%error, container = name, "output not written into the sandbox");
            }
        }
    }
}

async fn write(file: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes).await?;
    file.flush().await
}
