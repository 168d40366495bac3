//! What the core asks of containers, by way of the containerizer and the fetcher. Everything long is a task of its own that
//! answers with an input.

mod prepare;

use std::path::PathBuf;
use std::sync::Arc;

use libactor::Context;
use tepui_agent_core::{ContainerEvent, Input, Launch, Run, TaskLimits, Termination};
use tepui_model::{ContainerId, Resources};
use tepui_proto::v1::task_status::Reason;
use tokio::sync::oneshot;
use tracing::{error, warn};

use self::prepare::prepare;
use crate::actor::{AgentActor, Happened};
use crate::checkpoint;
use crate::containerizer::{
    ContainerConfig, ContainerResources, ContainerTermination, KnownContainer, Limit, LimitationReason,
    Recovered,
};
use crate::docker::{self, Alive, Docker, Lodging};
use crate::volumes::{self, Volume};
use crate::with_causes;
use crate::world::World;

impl AgentActor {
    pub(crate) fn launch_container(&mut self, cx: &mut Context<Self>, launch: Launch) {
        let id = launch.run.container.clone();
        let (stop, stopped) = oneshot::channel();
        self.launching.insert(id.clone(), stop);
        let (world, limits) = (Arc::clone(&self.world), self.limits(&id));
        let volumes = self.volumes(&id, &launch.resources);
        cx.spawn_then(
            async move {
                tokio::select! {
                    biased;
                    _ = stopped => Err("destroyed while it was being prepared".to_owned()),
                    prepared = prepare(&world, launch, limits, volumes) => prepared,
                }
            },
            move |agent, cx, prepared| agent.container_prepared(cx, id, prepared),
        );
    }

    fn container_prepared(
        &mut self,
        cx: &mut Context<Self>,
        id: ContainerId,
        prepared: Result<(Run, ContainerConfig), String>,
    ) {
        // Gone: it was destroyed in the moment between being prepared and this.
        let wanted = self.launching.contains_key(&id);
        let (run, config) = match prepared {
            Ok(prepared) if wanted => prepared,
            Ok(_) => return self.launch_failed(cx, &id, "destroyed before it was started".into()),
            Err(why) => return self.launch_failed(cx, &id, why),
        };
        let world = Arc::clone(&self.world);
        cx.spawn_then(
            async move {
                let launched = world.containerizer.launch(config).await.map_err(|why| with_causes(&why))?;
                let pid = u32::try_from(launched.pid).unwrap_or_default();
                if let Err(why) = record_pid(&world, run, pid).await {
                    warn!(why, "pid not recorded");
                }
                Ok(pid)
            },
            move |agent, cx, launched| agent.container_launched(cx, id, launched),
        );
    }

    fn container_launched(&mut self, cx: &mut Context<Self>, id: ContainerId, launched: Result<u32, String>) {
        let pid = match launched {
            Ok(pid) => pid,
            Err(why) => return self.launch_failed(cx, &id, why),
        };
        let wanted = self.launching.remove(&id).is_some();
        self.tell_core(cx, &id, ContainerEvent::Launched { pid });
        if !wanted {
            // The containerizer may not have known it when it was to be destroyed.
            self.destroy_container(cx, &id);
        }
        self.await_end(cx, id);
    }

    fn launch_failed(&mut self, cx: &mut Context<Self>, id: &ContainerId, why: String) {
        self.launching.remove(id);
        self.provided.remove(id);
        if let Some(docker) = self.docker_container(id) {
            // It may have been made before the launch failed, or was given up.
            docker.executor_ended(id);
        }
        self.tell_core(cx, id, ContainerEvent::LaunchFailed { why });
    }

    fn await_end(&mut self, cx: &mut Context<Self>, id: ContainerId) {
        let world = Arc::clone(&self.world);
        let (docker, lodged) = (self.docker_container(&id), self.lodging(&id));
        cx.spawn_then(
            async move {
                let mut end = end_of(&world, &id).await;
                if let Some(docker) = &docker {
                    docker.end(&id).await;
                }
                if let Some(docker) = lodged {
                    end = docker.end_of_executor(&id, end).await;
                }
                (end, id, docker)
            },
            move |agent, cx, (end, id, docker)| {
                if let Some(docker) = docker {
                    docker.executor_ended(&id);
                }
                agent.provided.remove(&id);
                agent.tell_core(cx, &id, ContainerEvent::Exited(end))
            },
        );
    }

    /// The containerizer of an executor that lives in a Docker container itself.
    fn lodging(&self, id: &ContainerId) -> Option<Docker> {
        self.docker_container(id).filter(|_| self.core.executor_of(id).is_some_and(|it| !it.generated))
    }

    /// The containerizer of a container that is Docker's.
    fn docker_container(&self, id: &ContainerId) -> Option<Docker> {
        let executor = self.core.executor_of(id)?;
        self.world.docker.clone().filter(|_| docker::is_docker(&executor.info))
    }

    pub(crate) fn update_container(
        &mut self,
        cx: &mut Context<Self>,
        id: ContainerId,
        resources: &Resources,
    ) {
        let before = self.provided.get(&id).cloned().unwrap_or_default();
        let volumes = self.volumes(&id, resources);
        let executor = self.core.executor_of(&id);
        let sandbox = executor.map(|of| of.run.sandbox(&self.world.config.work_dir));
        let lodging = self.lodging(&id).zip(executor).zip(sandbox.clone());
        let lodging = lodging.map(|((docker, executor), sandbox)| {
            (docker, executor.run.clone(), Arc::clone(&executor.info), sandbox, resources.clone())
        });
        let is_docker = self.docker_container(&id).is_some();
        let (world, resources) = (Arc::clone(&self.world), granted(resources, self.limits(&id)));
        let me = cx.actor_ref();
        cx.spawn(async move {
            if let Err(why) = update_volumes(sandbox, before, volumes, is_docker).await {
                let event = ContainerEvent::UpdateFailed { why };
                return me.tell(Happened(Input::Container { id, event }));
            }
            let updated = world.containerizer.update(&id.to_string(), resources).await;
            let mut updated = updated.map_err(|why| with_causes(&why));
            if let (Ok(()), Some((docker, run, info, sandbox, resources))) = (&updated, &lodging) {
                updated = docker.resize(&Lodging { run, info, resources, sandbox, volumes: &[] }).await;
            }
            let event = match updated {
                Ok(()) => ContainerEvent::Updated,
                Err(why) => ContainerEvent::UpdateFailed { why },
            };
            me.tell(Happened(Input::Container { id, event }));
        });
    }

    pub(crate) fn destroy_container(&mut self, cx: &mut Context<Self>, id: &ContainerId) {
        if let Some(stop) = self.launching.remove(id) {
            // Ends the preparation; later than that, whoever launches it finds it unwanted.
            let _ = stop.send(());
        }
        let (world, id) = (Arc::clone(&self.world), id.to_string());
        cx.spawn(async move {
            if let Err(why) = world.containerizer.destroy(&id).await {
                error!(container = id, why = with_causes(&why), "container not destroyed");
            }
        });
    }

    pub(crate) fn recover_containers(&mut self, cx: &mut Context<Self>, runs: Vec<Run>) {
        let known = runs.iter().map(|run| self.known(run)).collect();
        let world = Arc::clone(&self.world);
        cx.spawn_then(
            async move { world.containerizer.recover(known).await },
            move |agent, cx, recovered| match recovered {
                Ok(recovered) => agent.containers_recovered(cx, &runs, recovered),
                Err(why) => {
                    let why = format!("recover containers: {}", with_causes(&why));
                    agent.ended.send_replace(Some(why));
                }
            },
        );
    }

    /// The volumes among what a container has, or is to have; remembered, so that a later change is known.
    fn volumes(&mut self, id: &ContainerId, resources: &Resources) -> Result<Vec<Volume>, String> {
        if resources.persistent_volumes().is_empty() {
            self.provided.insert(id.clone(), Vec::new());
            return Ok(Vec::new());
        }
        let all = self.core.frameworks().flat_map(|framework| framework.executors.values());
        let others = all.filter(|executor| executor.run.container != *id && executor.is_alive());
        let others: Resources =
            others.fold(Resources::new(), |sum, executor| sum + &executor.needs().shared());
        let volumes = volumes::among(&self.world.config.work_dir, resources, &others)?;
        self.provided.insert(id.clone(), volumes.clone());
        Ok(volumes)
    }

    fn limits(&self, id: &ContainerId) -> TaskLimits {
        self.core.executor_of(id).map(tepui_agent_core::Executor::limits).unwrap_or_default()
    }

    fn known(&self, run: &Run) -> KnownContainer {
        let needs =
            self.core.executor_of(&run.container).map(tepui_agent_core::Executor::needs).unwrap_or_default();
        let limits = self.limits(&run.container);
        KnownContainer {
            id: run.container.to_string(),
            sandbox: run.sandbox(&self.world.config.work_dir),
            resources: granted(&needs, limits),
        }
    }

    fn containers_recovered(&mut self, cx: &mut Context<Self>, runs: &[Run], recovered: Recovered) {
        let find =
            |id: &str| runs.iter().map(|run| &run.container).find(|container| container.to_string() == id);
        let alive: Vec<ContainerId> = recovered.live.iter().filter_map(|(id, _)| find(id).cloned()).collect();
        runs.iter().for_each(|run| self.world.shown.show_latest(run));
        if let Some(docker) = &self.world.docker {
            let is_alive = |run: &Run| if alive.contains(&run.container) { Alive::Yes } else { Alive::No };
            docker.sweep(runs.iter().map(|run| (run, is_alive(run))));
        }
        for run in runs.iter().filter(|run| alive.contains(&run.container)) {
            let needs = self.core.executor_of(&run.container).map(tepui_agent_core::Executor::needs);
            if let Err(why) = self.volumes(&run.container, &needs.unwrap_or_default()) {
                warn!(why, container = %run.container, "volumes of a recovered container not known");
            }
        }
        self.step(cx, Input::ContainersRecovered { alive: alive.clone() });
        for (id, termination) in recovered.ended {
            let Some(container) = find(&id).cloned() else { continue };
            self.ended_meanwhile(cx, container, described(termination));
        }
        alive.into_iter().for_each(|id| self.await_end(cx, id));
    }

    /// Its executor has ended while no agent looked, and left its container behind, perhaps.
    fn ended_meanwhile(&mut self, cx: &mut Context<Self>, id: ContainerId, end: Termination) {
        let docker = self.docker_container(&id);
        cx.spawn_then(
            async move {
                if let Some(docker) = docker {
                    docker.end(&id).await;
                }
                id
            },
            move |agent, cx, id| agent.tell_core(cx, &id, ContainerEvent::Exited(end)),
        );
    }

    fn tell_core(&mut self, cx: &mut Context<Self>, id: &ContainerId, event: ContainerEvent) {
        self.step(cx, Input::Container { id: id.clone(), event });
    }
}

/// Volumes of tasks that come to or go from an executor that runs.
async fn update_volumes(
    sandbox: Option<PathBuf>,
    before: Vec<Volume>,
    volumes: Result<Vec<Volume>, String>,
    is_docker: bool,
) -> Result<(), String> {
    let (Some(sandbox), volumes) = (sandbox, volumes?) else { return Ok(()) };
    if before.is_empty() && volumes.is_empty() {
        return Ok(());
    }
    if is_docker && volumes.iter().any(|volume| !before.contains(volume)) {
        return Err("volumes cannot be added to a Docker container that runs".into());
    }
    prepare::provide(&sandbox, before, volumes, !is_docker).await
}

/// Scalars as the containerizer takes them; Mesos counts memory and disk in megabytes.
fn granted(resources: &Resources, limits: TaskLimits) -> ContainerResources {
    const MEGABYTE: f64 = 1024.0 * 1024.0;
    let bytes = |megabytes: f64| (megabytes * MEGABYTE) as u64;
    // Volumes are not in the sandbox.
    let disk = resources.filter(|entry| !entry.is_persistent_volume()).disk().as_f64();
    ContainerResources {
        cpus: resources.cpus().as_f64(),
        mem: bytes(resources.mem().as_f64()),
        disk: (disk > 0.0).then(|| bytes(disk)),
        cpu_limit: limits.cpus.map(|cpus| limit(cpus, |cpus| cpus)),
        mem_limit: limits.mem.map(|megabytes| limit(megabytes, bytes)),
    }
}

fn limit<T>(amount: f64, at: impl FnOnce(f64) -> T) -> Limit<T> {
    if amount.is_finite() { Limit::At(at(amount)) } else { Limit::Unlimited }
}

async fn record_pid(world: &Arc<World>, run: Run, pid: u32) -> Result<(), String> {
    let work_dir: PathBuf = world.config.work_dir.clone();
    let written = tokio::task::spawn_blocking(move || checkpoint::forked_pid(&work_dir, &run, pid)).await;
    written.map_err(|why| why.to_string())?.map_err(|why| why.to_string())
}

async fn end_of(world: &World, id: &ContainerId) -> Termination {
    let id = id.to_string();
    match world.containerizer.wait(&id).await {
        Ok(termination) => described(termination),
        Err(why) => Termination { message: Some(why.to_string()), ..Termination::default() },
    }
}

fn described(termination: ContainerTermination) -> Termination {
    let (reason, message) = match termination.limitation {
        None => (None, None),
        Some(limitation) => {
            let reason = match limitation.reason {
                LimitationReason::Memory => Reason::ContainerLimitationMemory,
                LimitationReason::Disk => Reason::ContainerLimitationDisk,
            };
            (Some(reason), Some(limitation.message))
        }
    };
    Termination { status: termination.wait_status, state: None, reason, message, limited: Vec::new() }
}
