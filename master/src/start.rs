//! Starting a master, in an order in which nobody can ask before there is somebody to answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use libactor::{ActorRef, Node};
use tepui_daemon::files::Files;
use tepui_master_core::Master;
use tepui_proto::{v1, wire};

use crate::activity::Activity;
use crate::actor::{MasterActor, Persisted, wall_clock};
use crate::allocation::{Allocated, Allocation};
use crate::authentication::Authenticator;
use crate::config::Config;
use crate::http::{self, Site};
use crate::identity::{Identity, MESOS_VERSION, capabilities};
use crate::rate_limits::Meter;
use crate::reads::Reads;
use crate::registrar::{OpenRegistryError, Registrar};
use crate::whitelist::{ReadWhitelistError, Whitelist};

/// The name of the master's actor, which every agent and driver knows.
const ACTOR: &str = "master";

/// Why a master did not start. One line, with the next step.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address.
    #[error(transparent)]
    Bind(#[from] libactor::BindError),
    /// The routes.
    #[error(transparent)]
    Serve(#[from] libactor::ServeError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] OpenRegistryError),
    /// The whitelist.
    #[error(transparent)]
    Whitelist(#[from] ReadWhitelistError),
    /// A thread.
    #[error("start a thread: {0}")]
    Thread(std::io::Error),
}

/// A master that runs until it is shut down.
pub struct Running {
    node: Node,
    _master: ActorRef<MasterActor>,
    _whitelist: Option<Whitelist>,
}

impl Running {
    /// Where it can be reached: the advertised address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// Its node.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Ends it; what is durable stays.
    pub async fn shutdown(self) {
        self.node.shutdown().await;
    }
}

/// Where the threads find the actor, which is made after them.
type Slot = Arc<OnceLock<ActorRef<MasterActor>>>;

/// Starts a master: binds its port, reads its registry, and serves.
///
/// # Errors
/// What prevents it; nothing is left running then.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let node = Node::builder()
        .listen(config.listen)
        .advertise(config.advertise)
        .tls(config.tls.clone())
        .require_peer_match(config.require_peer_match)
        .body_check(wire::check)
        .body_renderer(tepui_model::secrets::shown)
        .flight_recorder(usize::try_from(config.flight_recorder_size.as_bytes()).unwrap_or(usize::MAX))
        .bind()
        .await?;
    crate::counters::install();
    let identity = identity(&config, node.address());
    let slot = Slot::default();
    let (registrar, registry) = {
        let slot = slot.clone();
        let done = move |outcome| {
            if let Some(master) = slot.get() {
                master.tell(Persisted(outcome));
            }
        };
        Registrar::open(&config.registry, done)?
    };
    let allocation = {
        let slot = slot.clone();
        let allocated = move |allocated: Allocated| {
            if let Some(master) = slot.get() {
                master.tell(allocated);
            }
        };
        Allocation::start(&config, allocated).map_err(StartError::Thread)?
    };
    let whitelist = config.whitelist.clone().map(|path| Whitelist::watch(path, allocation.clone()));
    let whitelist = whitelist.transpose()?;
    let reads =
        Reads::start(identity.clone(), config.max_operator_event_stream_subscribers, node.clock().clone());
    let reads = reads.map_err(StartError::Thread)?;
    let durable = registrar.durable();
    let core = Master::new(config.core.clone(), identity.info.clone());
    let authenticator = Authenticator::new(config.authentication.clone());
    let meter = Meter::new(&config.rate_limits);
    let activity = config.per_framework_metrics.then(Activity::default);
    let mut actor =
        MasterActor::new(core, registry, reads.clone(), registrar, allocation.clone(), authenticator, meter);
    actor.activity = activity.clone();
    let master = node.spawn(ACTOR, actor);
    // Spawning only queues the actor's first step, so that no thread has anything to say before this.
    let _ = slot.set(master.clone());
    let mut files = Files::default();
    if let Some(log) = &config.log_file {
        files.attach("/master/log", log);
    }
    let (files, clock) = (Arc::new(files), node.clock().clone());
    let site = Site {
        master: master.clone(),
        reads,
        allocation,
        identity,
        files,
        clock,
        registry: durable,
        door: config.door,
        activity,
    };
    node.serve(move |routes| http::install(site, routes)).await?;
    Ok(Running { node, _master: master, _whitelist: whitelist })
}

fn identity(config: &Config, address: SocketAddr) -> Identity {
    let id = uuid::Uuid::new_v4().to_string();
    let hostname = config.hostname.clone().unwrap_or_else(|| address.ip().to_string());
    let info = v1::MasterInfo {
        id,
        ip: network_order(address.ip()),
        port: u32::from(address.port()),
        pid: Some(format!("{ACTOR}@{address}")),
        hostname: Some(hostname.clone()),
        version: Some(MESOS_VERSION.into()),
        address: Some(
            v1::Address {
                hostname: Some(hostname),
                ip: Some(address.ip().to_string()),
                port: i32::from(address.port()),
            }
            .into(),
        ),
        domain: None,
        capabilities: capabilities(),
    };
    let (flags, roles) = (config.flags.clone(), config.core.roles.clone());
    Identity { info, start_time: wall_clock(), flags, roles }
}

/// An IPv4 address as the number that `in_addr` holds, which is how `MasterInfo.ip` says it; 0 for IPv6.
fn network_order(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => u32::from_ne_bytes(ip.octets()),
        IpAddr::V6(_) => 0,
    }
}
