//! A process of ours beside an executor that lives in a container: what the executor says goes where our own output goes, which is
//! the sandbox, and we end as it ends. So neither a killed agent ends it, nor does its end go unseen while the agent is away.

use crate::container::Ending;
use crate::engine::{Engine, EngineError};
use crate::executor::Setup;

/// Of a process whose container is gone before anybody could see how it ended.
const UNKNOWN: u8 = 255;

/// Returns when the executor's container has ended, with what it exited with.
///
/// # Errors
/// The engine's address is none.
///
/// # Panics
/// The system gives this process no event queue.
pub fn accompany(setup: &Setup) -> Result<u8, EngineError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a process may wait for events").block_on(async {
        let engine = Engine::at(&setup.engine)?;
        match engine.followed(&setup.container).await {
            Ok(ending) => Ok(u8::try_from(ending.code).unwrap_or(UNKNOWN)),
            Err(error) => {
                tracing::error!(%error, container = setup.container, "how the executor ended is not known");
                Ok(UNKNOWN)
            }
        }
    })
}

impl Engine {
    async fn followed(&self, name: &str) -> Result<Ending, EngineError> {
        let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
        // Which ends when the container does, with the last it has said.
        self.copy_logs(name, &mut stdout, &mut stderr).await;
        self.ended(name).await
    }
}
