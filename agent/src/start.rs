//! From settings to a running agent.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use libactor::{ActorRef, BindError, Node, ServeError};
use tepui_agent_core::{Agent, Input, Pid as CorePid, Reconfiguration, Settings as CoreSettings};
use tepui_proto::v1;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::Config;
use crate::actor::{AgentActor, Happened};
use crate::checkpoint::{self, WorkDirLock, Writer};
use crate::collector::Collector;
use crate::containerizer::{self, Isolation, LauncherKind, Native, OpenError, Program};
use crate::disk::GcSettings;
use crate::docker::{Docker, KeepError};
use crate::fetcher::Fetcher;
use crate::http::{self, Site};
use crate::info::{self as agent_info, InfoError};
use crate::reach;
use crate::shown::Shown;
use crate::world::World;

/// The actor's name, as every agent's since Mesos was young.
const ACTOR: &str = "slave(1)";

/// How long the end of an agent waits for the disk: operators expect a daemon to end within a second.
const LAST_WRITES: Duration = Duration::from_millis(400);

/// Why an agent does not start: one line for the operator, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The work directory is another agent's, or cannot be used.
    #[error("{0}")]
    WorkDir(String),
    /// The address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Nobody can be reached there.
    #[error("--master={given}: {why}; give it as host:port, such as 10.0.0.1:5050")]
    Master {
        /// As it was given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// Resources or attributes make no sense.
    #[error("{0}")]
    Info(String),
    /// Checkpoints of an earlier life cannot be read.
    #[error("{0}")]
    Recovery(String),
    /// The agent was something else before.
    #[error(
        "this agent cannot come back as what it was, because {why}; start it with its old settings, with \
         --reconfiguration_policy=additive if it only grew, or, to start a new agent and give up the tasks of the old one, \
         remove {}", .latest.display()
    )]
    Reconfigured {
        /// What changed.
        why: Reconfiguration,
        /// The link that makes it the same agent.
        latest: PathBuf,
    },
    /// The agent has less than what was reserved and made of it.
    #[error(
        "--resources do not hold what was reserved at run time and made into volumes, because {why}; start with resources that \
         do, or, to give up those reservations and volumes, remove {}", .kept.display()
    )]
    Assets {
        /// What is missing.
        why: String,
        /// Where it is remembered.
        kept: PathBuf,
    },
    /// This machine cannot run containers as asked.
    #[error("{0}")]
    Containerizer(String),
    /// HTTP cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The agent's own program is not where it should be.
    #[error("find the program of the command executor: {0}")]
    Executable(io::Error),
}

impl From<InfoError> for StartError {
    fn from(why: InfoError) -> StartError {
        StartError::Info(why.to_string())
    }
}

/// An agent that runs. Dropping it does not end it; [`Running::shutdown`] does.
pub struct Running {
    node: Node,
    agent: ActorRef<AgentActor>,
    writer: Writer,
    ended: watch::Receiver<Option<String>>,
}

impl Running {
    /// Where others reach it.
    pub fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// Its node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Ready when the agent ends by itself, with the reason: the master asked for it, or it cannot go on. Does not resolve
    /// for [`Running::shutdown`].
    pub async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the agent's actor is gone".into(),
        }
    }

    /// Ends the agent. Executors of checkpointing frameworks live on, and so do their tasks; the same work directory finds
    /// them again. Takes well below a second.
    pub async fn shutdown(self) {
        self.agent.tell(Happened(Input::Stop));
        let _ = self.ended().await;
        self.node.shutdown().await;
        // What was decided is written before the next agent reads it; a disk that hangs does not hold up the operator.
        let _ = tokio::time::timeout(LAST_WRITES, self.writer.flush()).await;
    }
}

/// Starts an agent on this thread, inside `libactor::run`.
///
/// # Errors
/// Each says in one line what is wrong and what to do about it.
pub async fn start(mut config: Config) -> Result<Running, StartError> {
    let master = resolve_master(&config.master).await?;
    let lock = WorkDirLock::take(&config.work_dir).map_err(|why| StartError::WorkDir(why.to_string()))?;
    let node = bind(&config).await?;
    let (info, hostname) = agent_info::describe(&config, node.address()).await?;
    let recovered = recover(&config, &info)?;
    let containerizer = open_containerizer(&mut config).await?;
    let docker = open_docker(&config).await.map_err(|why| StartError::WorkDir(why.to_string()))?;
    checkpoint::write_boot_id(&config.work_dir).map_err(|why| StartError::WorkDir(why.to_string()))?;

    let pid = node.pid(ACTOR);
    let settings = core_settings(&config, CorePid::new(pid.to_string()), node.address())?;
    let writer = Writer::start(config.work_dir.clone());
    let gc = GcSettings { gc_delay: config.gc_delay, gc_disk_headroom: config.gc_disk_headroom };
    let shown = Shown::new(config.work_dir.clone());
    if let Some(log) = &config.log_file {
        shown.show_log(log);
    }
    let collector = Collector::new(config.work_dir.clone(), gc, writer.clone(), shown.clone());
    collector.schedule_former_agents(
        recovered.info.as_ref().and_then(|info| Some(info.id.as_ref()?.value.as_str())),
    );
    let world = Arc::new(World {
        pid: pid.to_string(),
        address: node.address(),
        hostname,
        started: node.clock().now().as_secs_f64(),
        fetcher: Fetcher::new(program(&config), config.fetcher_stall_timeout),
        containerizer,
        docker,
        collector,
        shown,
        _lock: lock,
        config,
    });

    let (ended, is_ended) = watch::channel(None);
    let core = Agent::new(settings, info, rand::random());
    let agent = node.spawn(ACTOR, AgentActor::new(core, Arc::clone(&world), writer.clone(), ended));
    let site = Site { agent: agent.clone(), world, clock: node.clock().clone() };
    // Before anybody can call: executors that come back must find themselves known.
    agent.tell(Happened(Input::Start(Box::new(recovered))));
    node.serve(move |routes| http::install(site, routes)).await?;
    info!(address = %node.address(), "agent listening");
    agent.tell(Happened(Input::MasterDetected(master)));
    Ok(Running { node, agent, writer, ended: is_ended })
}

async fn resolve_master(given: &str) -> Result<CorePid, StartError> {
    let text = given.to_owned();
    let resolved =
        tokio::task::spawn_blocking(move || text.to_socket_addrs().map(Iterator::collect::<Vec<_>>)).await;
    let refuse = |why: String| StartError::Master { given: given.to_owned(), why };
    let addresses =
        resolved.map_err(|why| refuse(why.to_string()))?.map_err(|why| refuse(why.to_string()))?;
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    let address = first.ok_or_else(|| refuse("the name has no address".into()))?;
    Ok(CorePid::new(format!("master@{address}")))
}

async fn bind(config: &Config) -> Result<Node, BindError> {
    let listen = SocketAddr::new(config.ip, config.port);
    let advertise = (config.advertise_ip.is_some() || config.advertise_port.is_some()).then(|| {
        SocketAddr::new(
            config.advertise_ip.unwrap_or(config.ip),
            config.advertise_port.unwrap_or(config.port),
        )
    });
    let check = tepui_proto::wire::check;
    let recorder = usize::try_from(config.flight_recorder_size.as_bytes()).unwrap_or(usize::MAX);
    let builder = Node::builder().listen(listen).advertise(advertise).tls(config.tls.clone());
    let builder = builder.require_peer_match(config.require_peer_match);
    let builder = builder.body_check(check).body_renderer(tepui_model::secrets::shown);
    builder.flight_recorder(recorder).bind().await
}

/// Reads what an earlier life left, and whether this one may follow it.
fn recover(config: &Config, info: &v1::AgentInfo) -> Result<tepui_agent_core::Recovered, StartError> {
    let read = checkpoint::read(&config.work_dir, config.strict)
        .map_err(|why| StartError::Recovery(why.to_string()))?;
    if let Err(why) = tepui_agent_core::total(info, &read.recovered.assets) {
        let kept = config.work_dir.join("meta").join("resources");
        return Err(StartError::Assets { why, kept });
    }
    let Some(old) = &read.recovered.info else { return Ok(read.recovered) };
    match tepui_agent_core::compare(config.reconfiguration_policy, old, info) {
        Ok(()) => Ok(read.recovered),
        // Nothing of it runs any more, so nothing is lost with its id.
        Err(why) if read.rebooted => {
            info!(%why, "the machine was restarted and the agent changed: it starts as a new one");
            let assets = read.recovered.assets;
            Ok(tepui_agent_core::Recovered { assets, ..tepui_agent_core::Recovered::default() })
        }
        Err(why) => {
            let latest = config.work_dir.join("meta").join("slaves").join("latest");
            Err(StartError::Reconfigured { why, latest })
        }
    }
}

/// What runs `container init`.
fn program(config: &Config) -> Program {
    config.container_binary.clone().map_or(Program::ThisBinary, Program::Path)
}

async fn open_docker(config: &Config) -> Result<Option<Docker>, KeepError> {
    let Some(flags) = config.docker.clone() else { return Ok(None) };
    // Executors look for what is kept there from elsewhere.
    let work_dir = std::path::absolute(&config.work_dir).unwrap_or_else(|_| config.work_dir.clone());
    Docker::open(flags, config.cgroups_enable_cfs, &work_dir).await.map(Some)
}

/// Settles on a launcher where none was given: posix, if this machine lets nobody isolate and nobody asked for it.
async fn open_containerizer(config: &mut Config) -> Result<Native, StartError> {
    let launcher = config.launcher.unwrap_or_else(LauncherKind::detect);
    let may_be_posix = config.launcher.is_none()
        && config.isolation.is_none_or(|isolation| isolation.needs_linux_launcher().is_empty());
    let opened = match open_with(config, launcher).await {
        Err(why @ (OpenError::Cgroups(_) | OpenError::Namespaces(_))) if may_be_posix => {
            warn!(%why, "this machine cannot isolate containers; going on with the posix launcher");
            open_with(config, LauncherKind::Posix).await
        }
        opened => opened,
    };
    opened.map_err(|why| StartError::Containerizer(crate::with_causes(&why)))
}

/// The configuration says afterwards what is in force.
async fn open_with(config: &mut Config, launcher: LauncherKind) -> Result<Native, OpenError> {
    let isolation = config.isolation.unwrap_or_else(|| Isolation::strongest(launcher));
    let settings = containerizer::Settings {
        launcher,
        isolation,
        cgroups_root: config.cgroups_root.clone(),
        cgroups_enable_cfs: config.cgroups_enable_cfs,
        cgroups_limit_swap: config.cgroups_limit_swap,
        cgroups_destroy_timeout: config.cgroups_destroy_timeout,
        pids_limit: config.pids_limit,
        container_disk_watch_interval: config.container_disk_watch_interval,
        enforce_container_disk_quota: config.enforce_container_disk_quota,
        program: program(config),
        ..containerizer::Settings::new(config.runtime_dir.clone())
    };
    let native = Native::open(settings).await?;
    (config.launcher, config.isolation) = (Some(launcher), Some(isolation));
    Ok(native)
}

fn core_settings(config: &Config, pid: CorePid, address: SocketAddr) -> Result<CoreSettings, StartError> {
    let executor = config.executor_program().map_err(StartError::Executable)?;
    reach::warn_if_out_of_reach(config, &executor);
    Ok(CoreSettings {
        recover: config.recover,
        registration_backoff_factor: config.registration_backoff_factor,
        authentication: config.credential.is_some().then_some(config.authentication),
        executor_registration_timeout: config.executor_registration_timeout,
        executor_reregistration_timeout: config.executor_reregistration_timeout,
        executor_shutdown_grace_period: config.executor_shutdown_grace_period,
        max_completed_executors_per_framework: config.max_completed_executors_per_framework,
        ..CoreSettings::new(pid, address.ip().to_string(), executor.display().to_string())
    })
}
