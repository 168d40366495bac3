//! What a master is started with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tepui_allocator::Sorting;
use tepui_model::basic::Door;
use tepui_model::{ResourceName, ResourceQuantities, Size};

use crate::authentication::Authentication;
use crate::rate_limits::RateLimits;

/// Everything the operator decides. [`Config::new`] has Mesos' defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// `--ip` and `--port`: where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `--advertise_ip` and `--advertise_port`: the address others are told; where we listen, unless set.
    pub advertise: Option<SocketAddr>,
    /// TLS for everything that connects, and is dialled; none, unless set.
    pub tls: Option<libactor::tls::Settings>,
    /// `LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH`: nobody is believed to be at another address than they come from.
    pub require_peer_match: bool,
    /// `--hostname`: the name others are told; the address' own, unless set.
    pub hostname: Option<String>,
    /// Where the registry is kept.
    pub registry: RegistryStorage,
    /// `--allocation_interval`.
    pub allocation_interval: Duration,
    /// `--min_allocatable_resources`: an offer holds at least one of these.
    pub min_allocatable_resources: Vec<ResourceQuantities>,
    /// `--filter_gpu_resources`: agents with GPUs are for frameworks that know about them.
    pub filter_gpu_resources: bool,
    /// `--fair_sharing_excluded_resource_names`: what does not count for a share.
    pub excluded_from_sharing: BTreeSet<ResourceName>,
    /// `--role_sorter`: whose turn it is among roles.
    pub role_sorter: Sorting,
    /// `--framework_sorter`: whose turn it is among the frameworks of a role.
    pub framework_sorter: Sorting,
    /// `--allocator_agent_recovery_factor`: where there is quota, offers wait for this part of the agents after a start.
    pub recovery_factor: f64,
    /// `--allocator_recovery_timeout`: but no longer than this.
    pub recovery_timeout: Duration,
    /// `--whitelist`: a file with the only hosts whose agents are offered; all, unless set.
    pub whitelist: Option<PathBuf>,
    /// `--registry_fetch_timeout`.
    pub registry_fetch_timeout: Duration,
    /// `--registry_store_timeout`.
    pub registry_store_timeout: Duration,
    /// `--max_operator_event_stream_subscribers`: of one more, the oldest goes.
    pub max_operator_event_stream_subscribers: usize,
    /// `--flight_recorder_size`: memory for the last messages.
    pub flight_recorder_size: Size,
    /// `--external_log_file`, or the file in `--log_dir`: what `/files` shows as `/master/log`.
    pub log_file: Option<PathBuf>,
    /// Who must show who they are.
    pub authentication: Authentication,
    /// Which realms of HTTP are closed, and who may enter.
    pub door: Door,
    /// `--rate_limits`: how many messages frameworks may send that are actors or drivers.
    pub rate_limits: RateLimits,
    /// `--publish_per_framework_metrics`: count what each framework says and is told.
    pub per_framework_metrics: bool,
    /// What decisions depend on.
    pub core: tepui_master_core::Config,
    /// Every flag and its value, for `/flags` and `/state`. Secrets do not belong here.
    pub flags: BTreeMap<String, String>,
}

/// `--registry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryStorage {
    /// A file in `--work_dir`; what Mesos' `replicated_log` is for a single master.
    File {
        /// `--work_dir`; made if missing.
        work_dir: PathBuf,
    },
    /// Nothing outlives the process.
    InMemory,
}

impl Config {
    /// A master with Mesos' defaults on every point but these.
    ///
    /// # Panics
    /// Never: the built-in defaults are well-formed.
    #[must_use]
    pub fn new(listen: SocketAddr, registry: RegistryStorage) -> Config {
        Config {
            listen,
            advertise: None,
            tls: None,
            require_peer_match: false,
            hostname: None,
            registry,
            allocation_interval: Duration::from_secs(1),
            min_allocatable_resources: ResourceQuantities::parse_alternatives("cpus:0.01|mem:32")
                .expect("the default is well-formed"),
            filter_gpu_resources: true,
            excluded_from_sharing: BTreeSet::new(),
            role_sorter: Sorting::DominantShare,
            framework_sorter: Sorting::DominantShare,
            recovery_factor: 0.8,
            recovery_timeout: Duration::from_secs(10 * 60),
            whitelist: None,
            registry_fetch_timeout: Duration::from_secs(60),
            registry_store_timeout: Duration::from_secs(20),
            max_operator_event_stream_subscribers: 1000,
            flight_recorder_size: Size::megabytes(64),
            log_file: None,
            authentication: Authentication::default(),
            door: Door::default(),
            rate_limits: RateLimits::default(),
            per_framework_metrics: true,
            core: tepui_master_core::Config::default(),
            flags: BTreeMap::new(),
        }
    }
}
