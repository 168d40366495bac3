//! Executors that live in Docker containers themselves. The agent makes and starts the container, so that whatever is wrong with it
//! is said as a failed launch; beside it runs a process of ours, which is what the agent takes for the executor.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tepui_agent_core::{Run, Termination};
use tepui_docker::spec::{Plan, Wanted};
use tepui_docker::{Engine, EngineError, variables};
use tepui_model::{ContainerId, Resources};
use tepui_proto::v1;
use tepui_proto::v1::task_status::Reason;
use tokio::sync::oneshot;
use tracing::warn;

use super::{Credentials, Docker, name_of};
use crate::Config;
use crate::containerizer::Command;
use crate::environment::DEFAULT_PATH;
use crate::volumes::Volume;

/// An engine that hangs must not hide that an executor has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// An executor's container.
pub(crate) struct Lodging<'a> {
    pub run: &'a Run,
    pub info: &'a v1::ExecutorInfo,
    pub resources: &'a Resources,
    /// On this machine.
    pub sandbox: &'a Path,
    pub volumes: &'a [Volume],
}

impl Docker {
    /// Starts an executor's container, and answers what is to run beside it, with what environment.
    pub(crate) async fn lodge(
        &self,
        config: &Config,
        lodging: &Lodging<'_>,
        environment: BTreeMap<String, String>,
    ) -> Result<(Command, BTreeMap<String, String>), String> {
        let program = config.executor_program().map_err(|why| format!("find the agent's program: {why}"))?;
        self.start_executor(lodging, environment).await?;
        let arguments = ["tepui", "executor", "container"].map(String::from).to_vec();
        let command = Command::Argv { path: program.display().to_string(), arguments };
        // It pulls nothing, and gets no credentials.
        Ok((command, variables(&self.setup(lodging.run, &[]), None).into_iter().collect()))
    }

    /// Pulls the image, makes the container and starts it. If nobody waits for that any more, it is removed again.
    async fn start_executor(
        &self,
        lodging: &Lodging<'_>,
        environment: BTreeMap<String, String>,
    ) -> Result<(), String> {
        let said = |error: EngineError| error.to_string();
        let plan = self.plan(lodging, environment)?;
        let engine = Engine::at(&self.flags.socket).map_err(said)?;
        let credentials = self.flags.config.as_ref().map(Credentials::read).unwrap_or_default();
        engine.provide_image(&plan, &credentials, |_| ()).await.map_err(said)?;
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            let started = engine.start(&plan).await.map(|_| ());
            if let Err(Ok(())) = tell.send(started)
                && let Err(error) = engine.remove(&plan.name).await
            {
                warn!(%error, container = plan.name, "docker container of a destroyed executor not removed");
            }
        });
        told.await.map_err(|_| "the agent could not wait for the container".to_owned())?.map_err(said)
    }

    fn plan(&self, lodging: &Lodging<'_>, mut environment: BTreeMap<String, String>) -> Result<Plan, String> {
        let info = lodging.info;
        // Nobody asked for this one, and the image may have its own.
        if environment.get("PATH").is_some_and(|path| path == DEFAULT_PATH) {
            environment.remove("PATH");
        }
        // The executor's own are among them already; what is said about the container comes last.
        let mut command = info.command.as_deref().cloned().unwrap_or_default();
        let variable =
            |(name, value)| v1::environment::Variable { name, value: Some(value), ..Default::default() };
        command.environment =
            Some(v1::Environment { variables: environment.into_iter().map(variable).collect() });
        let setup = self.setup(lodging.run, lodging.volumes);
        let wanted = Wanted {
            name: &setup.container,
            container: info.container.as_ref().ok_or("the executor has no container")?,
            command: &command,
            resources: &lodging.resources.to_wire(),
            limits: &[],
            variables: Vec::new(),
            labels: setup.labels.clone(),
            sandbox: lodging.sandbox.to_path_buf(),
            settings: &setup.settings,
        };
        wanted.plan().map_err(|why| why.to_string())
    }

    /// Gives an executor's container other resources.
    pub(crate) async fn resize(&self, lodging: &Lodging<'_>) -> Result<(), String> {
        let plan = self.plan(lodging, BTreeMap::new())?;
        let resized = async { Engine::at(&self.flags.socket)?.resize(&plan).await };
        resized.await.map_err(|why| why.to_string())
    }

    /// The process beside the container has ended, and does not know of what the container has.
    pub(crate) async fn end_of_executor(&self, container: &ContainerId, end: Termination) -> Termination {
        let name = name_of(container);
        let asked = async { Engine::at(&self.flags.socket)?.inspect(&name).await };
        let state = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(found)) => found.state.unwrap_or_default(),
            Ok(Err(error)) => {
                warn!(%error, container = name, "how an executor in docker ended is not known");
                return end;
            }
            Err(_) => {
                warn!(container = name, "engine did not say in time how an executor ended");
                return end;
            }
        };
        if state.oom_killed != Some(true) {
            return end;
        }
        let status = state.exit_code.unwrap_or_default();
        Termination {
            reason: Some(Reason::ContainerLimitationMemory),
            message: Some(format!("Memory limit exceeded: Container exited with status {status}")),
            ..end
        }
    }
}
