//! The long work of one task, away from the executor's own thread of events.

use std::time::{Duration, Instant};

use bollard::models::ContainerInspectResponse;
use tokio::sync::oneshot;

use super::{REPORT_EVERY, Setup, Way};
use crate::container::Ending;
use crate::engine::{Engine, EngineError};
use crate::process::Process;
use crate::pull::Progress;
use crate::spec::Plan;

/// How long an engine may take to tell of the end of a process that we have seen end: to start again, for example.
const SILENCE: Duration = Duration::from_secs(30);

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
            match tokio::time::timeout(LAST_WORDS, remove(&engine, setup)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "container of a killed task not removed"),
                Err(_) => tracing::warn!("container of a killed task not removed: the engine is silent"),
            }
            Prepared::Stopped
        }
    }
}

/// Removes what may have been made.
async fn remove(engine: &Engine, setup: &Setup) -> Result<(), EngineError> {
    match engine.own(&setup.container, &setup.labels).await? {
        Some(id) => engine.remove(&id).await,
        None => Ok(()),
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
        let message = match progress.describe() {
            Some(how_far) => format!("Pulling image {}: {how_far}", plan.image),
            None => format!("Pulling image {}", plan.image),
        };
        way.run(move |executor, cx| executor.pulling(cx, message));
    };
    engine.provide_and_start(plan, &setup.config, report).await
}

/// How a container ended is not known, and why not.
#[derive(Debug)]
pub(super) struct Unknown(pub(super) String);

/// A container that runs.
pub(super) struct Follow {
    pub(super) engine: Engine,
    pub(super) name: String,
    pub(super) process: Option<Process>,
}

impl Follow {
    /// Copies the container's output into the sandbox, which is where our own goes, until its end.
    pub(super) async fn to_the_end(&self) -> Result<Ending, Unknown> {
        let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
        let mut copied = std::pin::pin!(self.engine.copy_logs(&self.name, &mut stdout, &mut stderr));
        let mut ended = std::pin::pin!(self.ended());
        tokio::select! {
            () = &mut copied => ended.await,
            ending = &mut ended => {
                if ending.is_ok() && tokio::time::timeout(LAST_WORDS, copied).await.is_err() {
                    tracing::warn!(container = self.name, "the end of its output was not copied in time");
                }
                ending
            }
        }
    }

    /// The engine tells; if it does not, the end of the process does.
    async fn ended(&self) -> Result<Ending, Unknown> {
        let told = std::pin::pin!(self.engine.ended(&self.name));
        let gone = async {
            match &self.process {
                Some(process) => process.gone().await,
                None => std::future::pending().await,
            }
            tokio::time::sleep(SILENCE).await;
        };
        tokio::select! {
            ended = told => ended.map_err(|why| Unknown(why.to_string())),
            () = gone => {
                let engine = self.engine.address();
                Err(Unknown(format!("the Docker engine at {engine} has not said how for {} s", SILENCE.as_secs())))
            }
        }
    }
}
