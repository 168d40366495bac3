//! The long work of one task, away from the executor's own thread of events.

use std::time::{Duration, Instant};

use bollard::models::ContainerInspectResponse;
use tokio::sync::oneshot;

use super::{REPORT_EVERY, Setup, Way};
use crate::container::Ending;
use crate::engine::{Engine, EngineError};
use crate::pull::Progress;
use crate::spec::Plan;

/// What a container has said may still be on its way when it has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What became of preparing a container.
pub(super) enum Prepared {
    Started(Engine, Box<ContainerInspectResponse>),
    Failed(EngineError),
    /// Nobody wants it any more; nothing is left of it.
    Stopped,
}

pub(super) async fn prepare(
    setup: &Setup,
    plan: &Plan,
    way: &Way,
    stopped: oneshot::Receiver<()>,
) -> Prepared {
    let engine = match Engine::at(&setup.engine) {
        Ok(engine) => engine,
        Err(why) => return Prepared::Failed(why),
    };
    let started = tokio::select! {
        biased;
        _ = stopped => None,
        started = provide_and_start(&engine, setup, plan, way) => Some(started),
    };
    match started {
        Some(Ok(inspected)) => Prepared::Started(engine, Box::new(inspected)),
        Some(Err(why)) => Prepared::Failed(why),
        None => {
            // It may just have been made.
            if let Err(error) = engine.remove(&plan.name).await {
                tracing::warn!(%error, container = plan.name, "container of a killed task not removed");
            }
            Prepared::Stopped
        }
    }
}

async fn provide_and_start(
    engine: &Engine,
    setup: &Setup,
    plan: &Plan,
    way: &Way,
) -> Result<ContainerInspectResponse, EngineError> {
    let mut reported: Option<Instant> = None;
    let report = |progress: &Progress| {
        if reported.is_some_and(|last| last.elapsed() < REPORT_EVERY) {
            return;
        }
        reported = Some(Instant::now());
        let message = format!("Pulling image {}: {}", plan.image, progress.describe());
        way.run(move |executor, cx| executor.pulling(cx, message));
    };
    engine.provide_image(plan, &setup.config, report).await?;
    engine.start(plan).await
}

/// Copies the container's output into the sandbox, which is where our own goes, until its end.
pub(super) async fn follow(engine: &Engine, name: &str) -> Result<Ending, EngineError> {
    let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
    let mut copied = std::pin::pin!(engine.copy_logs(name, &mut stdout, &mut stderr));
    let mut ended = std::pin::pin!(engine.ended(name));
    tokio::select! {
        () = &mut copied => ended.await,
        ending = &mut ended => {
            let _ = tokio::time::timeout(LAST_WORDS, copied).await;
            ending
        }
    }
}

pub(super) async fn stop(setup: &Setup, grace: Duration) {
    let stopped = match Engine::at(&setup.engine) {
        Ok(engine) => engine.stop(&setup.container, grace).await,
        Err(error) => Err(error),
    };
    if let Err(error) = stopped {
        tracing::warn!(%error, container = setup.container, "container not stopped");
    }
}

/// A container that outlives its stop is killed, also if the engine cannot be asked for it any more.
pub(super) async fn kill(setup: &Setup) {
    tracing::warn!(container = setup.container, "container outlived its grace period");
    let killed = match Engine::at(&setup.engine) {
        Ok(engine) => engine.kill(&setup.container).await,
        Err(error) => Err(error),
    };
    if let Err(error) = killed {
        tracing::error!(%error, container = setup.container, "container not killed");
    }
}
