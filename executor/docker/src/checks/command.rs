//! How a command ends that the engine runs in the container.

use std::time::Duration;

use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures::StreamExt;
use tepui_executor::checks::{Blind, Finding, Output, end_tree};
use tepui_executor::v1;

use crate::engine::{Engine, EngineError};
use crate::process::belongs_to;
use crate::spec::{self, SpecError};

/// How often it is asked whether a command that has closed its output has ended.
const LOOK: Duration = Duration::from_millis(100);

/// Ends the command, unless it has ended. The engine has no call for that; only a process that is seen on this machine can be
/// ended.
struct Running {
    engine: Engine,
    exec: Option<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (engine, Some(exec)) = (self.engine.clone(), self.exec.take()) else { return };
        tokio::spawn(async move {
            let inspected = engine.docker().inspect_exec(&exec).await;
            let running = inspected.ok().filter(|found| found.running == Some(true));
            let Some(running) = running else { return };
            let container = running.container_id.unwrap_or_default();
            let pid = running.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 1);
            match pid.filter(|pid| belongs_to(*pid, &container)) {
                Some(pid) => end_tree(pid.unsigned_abs()),
                None => tracing::warn!(
                    container,
                    "check that took too long not ended: its process is not in sight"
                ),
            }
        });
    }
}

pub(super) async fn look(
    engine: &Engine,
    container: &str,
    command: &v1::CommandInfo,
) -> Result<Finding, Blind> {
    let config = config(command).map_err(|error| Blind::Failed(error.to_string()))?;
    run(engine, container, config).await.map_err(|error| {
        let away = error.is_unreachable();
        let why = error.to_string();
        // An engine that is restarted may leave its containers alone; so do we.
        if away { Blind::Away(why) } else { Blind::Failed(why) }
    })
}

async fn run(engine: &Engine, container: &str, config: ExecConfig) -> Result<Finding, EngineError> {
    let docker = engine.docker();
    let failed = |why| engine.error(&format!("run the check in container {container}"), why);
    let exec = docker.create_exec(container, config).await.map_err(failed)?.id;
    let mut running = Running { engine: engine.clone(), exec: Some(exec.clone()) };
    let options = StartExecOptions::default();
    if let StartExecResults::Attached { mut output, .. } =
        docker.start_exec(&exec, Some(options)).await.map_err(failed)?
    {
        let mut shown = Output::default();
        while let Some(piece) = output.next().await {
            shown.show(&piece.map_err(failed)?.into_bytes());
        }
    }
    // Its output has ended, and so has the command, unless it goes on in silence.
    let status = loop {
        let found = docker.inspect_exec(&exec).await.map_err(failed)?;
        if found.running != Some(true) {
            break found.exit_code.unwrap_or_default();
        }
        tokio::time::sleep(LOOK).await;
    };
    running.exec = None;
    Ok(Finding::Exited(i32::try_from(status).unwrap_or(i32::MAX)))
}

fn config(command: &v1::CommandInfo) -> Result<ExecConfig, SpecError> {
    let value = command.value.clone().unwrap_or_default();
    let words = if command.shell.unwrap_or(true) {
        vec!["/bin/sh".to_owned(), "-c".to_owned(), value]
    } else {
        // As for the task itself: the value is the program, all arguments are its own.
        [value].into_iter().chain(command.arguments.iter().cloned()).collect()
    };
    let variables = command.environment.as_ref().map(spec::variables).transpose()?.unwrap_or_default();
    let env = variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        env: Some(env),
        cmd: Some(words),
        user: command.user.clone(),
        ..ExecConfig::default()
    })
}
