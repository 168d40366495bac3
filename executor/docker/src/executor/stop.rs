//! Ending a container: by the engine, and past it if it does not answer.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::timeout;

use super::Setup;
use super::task::Unknown;
use crate::engine::Engine;
use crate::process::Process;

/// What the engine gets, beyond the grace period, to end a container before we do; then what it gets for a kill, and then to tell
/// of an end that was not its doing.
const STAGE: Duration = Duration::from_secs(2);

/// The same for a shutdown: whatever the engine does, our word is out before the agent ends us. Its own grace period is longer by two
/// seconds than what it leaves the task.
const STAGE_OF_SHUTDOWN: Duration = Duration::from_millis(500);

/// For how long an end is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// The task's.
    pub(super) grace: Duration,
    stage: Duration,
}

impl Patience {
    pub(super) fn of_kill(grace: Duration) -> Patience {
        Patience { grace, stage: STAGE }
    }

    pub(super) fn of_shutdown(grace: Duration) -> Patience {
        Patience { grace, stage: STAGE_OF_SHUTDOWN }
    }

    pub(super) fn is_shorter_than(self, other: Patience) -> bool {
        self.grace + self.stage < other.grace + other.stage
    }
}

/// Who ended a container.
pub(super) enum Stopped {
    /// The engine, which tells how it ended.
    ByEngine,
    /// We did, as it did not; it may never tell.
    ByUs(Unknown),
}

/// A request to end, and an end after the grace period.
pub(super) async fn stop(setup: &Setup, process: Option<&Process>, patience: Patience) -> Stopped {
    let Patience { grace, stage } = patience;
    let stop = async { Engine::at(&setup.engine)?.stop(&setup.container, grace).await };
    let why = match timeout(grace + stage, stop).await {
        Ok(Ok(())) => return Stopped::ByEngine,
        Ok(Err(error)) => {
            if let Some(process) = process {
                process.signal(Signal::SIGTERM);
                // One that does not end by it is killed below.
                let _ = timeout(grace, process.gone()).await;
            }
            error.to_string()
        }
        Err(_) => format!("the Docker engine at {} did not end it in its grace period", setup.engine),
    };
    tracing::warn!(why, container = setup.container, "container not stopped by its engine");
    let Some(process) = process else {
        insist(setup).await;
        return Stopped::ByEngine;
    };
    let kill = async { Engine::at(&setup.engine)?.kill(&setup.container).await };
    // Whatever it answers, what counts is the process.
    let _ = timeout(stage, kill).await;
    process.signal(Signal::SIGKILL);
    process.gone().await;
    tokio::time::sleep(stage).await;
    Stopped::ByUs(Unknown(why))
}

/// An engine elsewhere is the only one who can do it.
async fn insist(setup: &Setup) {
    loop {
        // Its socket is not there while it is restarted.
        let killed = match Engine::at(&setup.engine) {
            Ok(engine) => engine.insist(|| engine.kill(&setup.container)).await,
            Err(error) => Err(error),
        };
        match killed {
            Err(error) if error.is_unreachable() => tokio::time::sleep(STAGE).await,
            Err(error) => return tracing::error!(%error, container = setup.container, "container not killed"),
            Ok(()) => return,
        }
    }
}

/// The executor is at its end, and its container must not go on without it.
pub(super) fn abandon(setup: &Setup) {
    let killed = || -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let kill = async {
            let engine = Engine::at(&setup.engine)?;
            match engine.own(&setup.container, &setup.labels).await? {
                Some(id) => engine.kill(&id).await,
                None => Ok(()),
            }
        };
        let killed = runtime.map_err(|why| why.to_string())?.block_on(async { timeout(STAGE, kill).await });
        let killed = killed.map_err(|_| "the engine is silent".to_owned())?;
        killed.map_err(|error| error.to_string())
    };
    if let Err(why) = killed() {
        tracing::error!(why, container = setup.container, "container not killed");
    }
}
