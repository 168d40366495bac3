//! What a container needs before there is a process: its sandbox, its files, its environment.

use std::path::Path;

use tepui_agent_core::{Launch, Run, TaskLimits};
use tepui_proto::v1;

use super::granted;
use crate::containerizer::{Command, ContainerConfig};
use crate::docker::{self, Docker, Lodging};
use crate::environment;
use crate::fetcher::FetchItem;
use crate::volumes::{self, Volume};
use crate::world::World;
use crate::{sandbox, with_causes};

/// Everything before there is a process.
pub(super) async fn prepare(
    world: &World,
    launch: Launch,
    limits: TaskLimits,
    volumes: Result<Vec<Volume>, String>,
) -> Result<(Run, ContainerConfig), String> {
    let volumes = volumes?;
    let command = launch.executor.command.as_deref().ok_or("the executor has no command")?;
    let docker = docker_of(world, &launch)?;
    let user = user_of(world, &launch, command);
    let sandbox = launch.run.sandbox(&world.config.work_dir);
    make_sandbox(&sandbox, user.clone()).await?;
    provide(&sandbox, Vec::new(), volumes.clone(), docker.is_none()).await?;
    if let (Some(docker), Some(task)) = (docker, &launch.task) {
        docker.make_ahead(&launch.run, task, sandbox.clone(), &volumes);
    }
    world.shown.show_latest(&launch.run);
    let items: Vec<FetchItem> =
        command.uris.iter().map(|uri| item(&world.config.frameworks_home, uri)).collect();
    world.fetcher.fetch(&items, &sandbox, user.as_deref()).await.map_err(|why| with_causes(&why))?;
    let address = world.address;
    let environment = environment::of_executor(&world.config, &world.pid, address, &launch, &sandbox);
    let mut environment = environment.map_err(|why| why.to_string())?;
    let mut program = command_of(command);
    if let Some(docker) = docker {
        if launch.task.is_some() {
            environment.extend(docker.variables(&launch, &volumes));
        } else {
            let (run, info, resources, sandbox) =
                (&launch.run, &launch.executor, &launch.resources, &sandbox);
            let lodging = Lodging { run, info, resources, sandbox, volumes: &volumes };
            (program, environment) = docker.lodge(&world.config, &lodging, environment).await?;
        }
    }
    let config = ContainerConfig {
        id: launch.run.container.to_string(),
        command: program,
        environment,
        // The Docker executor talks to the engine, which only the agent's own user may.
        user: user.filter(|_| docker.is_none()),
        sandbox,
        resources: granted(&launch.resources, limits),
        // It enters its container's network, and ends what checks have started there.
        sees_host: docker.is_some(),
    };
    Ok((launch.run, config))
}

/// The containerizer for Docker, if this launch is one of its own.
fn docker_of<'a>(world: &'a World, launch: &Launch) -> Result<Option<&'a Docker>, String> {
    let none = || {
        let there = world.config.containerizers();
        Err(format!(
            "None of the enabled containerizers ({there}) could create a container for the provided TaskInfo/ExecutorInfo message"
        ))
    };
    match (docker::is_docker(&launch.executor), &world.docker) {
        (true, Some(docker)) => Ok(Some(docker)),
        (false, _) if world.config.native => match image_of(&launch.executor) {
            Some(kind) => Err(format!(
                "Unsupported container image type: {kind}: containers of the mesos containerizer have no images here; use a container of type DOCKER"
            )),
            None => Ok(None),
        },
        (true, None) | (false, _) => none(),
    }
}

/// The type of the image that a container of ours would be made of.
fn image_of(executor: &v1::ExecutorInfo) -> Option<&'static str> {
    let image = executor.container.as_ref()?.mesos.as_ref()?.image.as_ref()?;
    Some(image.r#type().as_str_name())
}

/// A relative path starts at `--frameworks_home`.
fn item(frameworks_home: &str, uri: &v1::command_info::Uri) -> FetchItem {
    let is_relative = !uri.value.starts_with('/') && !uri.value.contains("://");
    let home = frameworks_home.trim_end_matches('/');
    FetchItem {
        uri: if is_relative && !home.is_empty() {
            format!("{home}/{}", uri.value)
        } else {
            uri.value.clone()
        },
        executable: uri.executable(),
        extract: uri.extract(),
        output_file: uri.output_file.clone(),
    }
}

/// Gives a sandbox its volumes.
pub(super) async fn provide(
    sandbox: &Path,
    before: Vec<Volume>,
    volumes: Vec<Volume>,
    links: bool,
) -> Result<(), String> {
    let sandbox = sandbox.to_path_buf();
    let provided = move || volumes::provide(&sandbox, &before, &volumes, links);
    tokio::task::spawn_blocking(provided).await.map_err(|why| why.to_string())?
}

async fn make_sandbox(path: &Path, user: Option<String>) -> Result<(), String> {
    let path = path.to_path_buf();
    let made = tokio::task::spawn_blocking(move || sandbox::create(&path, user.as_deref())).await;
    made.map_err(|why| why.to_string())?.map_err(|why| with_causes(&why))
}

fn user_of(world: &World, launch: &Launch, command: &v1::CommandInfo) -> Option<String> {
    let named = command.user.clone().unwrap_or_else(|| launch.framework.user.clone());
    world.config.switch_user.then_some(named)
}

fn command_of(command: &v1::CommandInfo) -> Command {
    let value = command.value().to_owned();
    match command.shell() {
        true => Command::Shell(value),
        false => Command::Argv { path: value, arguments: command.arguments.clone() },
    }
}
