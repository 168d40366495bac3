//! What an agent is told at start; names follow Mesos' flags.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use tepui_agent_core::{Patience, Policy, Recover};
use tepui_model::basic::Door;
use tepui_model::{Credential, Size, duration};

use crate::containerizer::{Isolation, LauncherKind, PIDS_PER_CONTAINER};
use crate::docker::DockerFlags;

/// The settings of one agent. [`Config::new`] has Mesos' defaults; every field may be changed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub ip: IpAddr,
    /// Where to listen; 0 takes any free port.
    pub port: u16,
    /// What others reach this agent at, if it is not `ip`.
    pub advertise_ip: Option<IpAddr>,
    /// What others reach this agent at, if it is not `port`.
    pub advertise_port: Option<u16>,
    /// TLS for everything that connects, and is dialled; none, if not given.
    pub tls: Option<libactor::tls::Settings>,
    /// `LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH`: nobody is believed to be at another address than they come from.
    pub require_peer_match: bool,
    /// The name told to frameworks; looked up if not given.
    pub hostname: Option<String>,
    /// Look the name up; otherwise the address is the name.
    pub hostname_lookup: bool,
    /// The master, as `host:port`.
    pub master: String,
    /// Sandboxes and checkpoints.
    pub work_dir: PathBuf,
    /// What need not survive a reboot: pids and exit statuses of containers.
    pub runtime_dir: PathBuf,
    /// Resources as text or JSON; what is left out is detected.
    pub resources: Option<String>,
    /// Attributes as text, `rack:r1;os:linux`.
    pub attributes: Option<String>,
    /// The role of resources that name none.
    pub default_role: String,
    /// Tasks in Docker containers, if this agent runs them.
    pub docker: Option<DockerFlags>,
    /// Tasks without an image, or with one that is not Docker's, if this agent runs them.
    pub native: bool,
    /// How processes are started and killed; if not given, as strictly as this user and this machine can.
    pub launcher: Option<LauncherKind>,
    /// What containers are kept from; if not given, everything that the launcher can carry.
    pub isolation: Option<Isolation>,
    /// Parent of all containers' cgroups.
    pub cgroups_root: String,
    /// Limit CPU to what was asked for.
    pub cgroups_enable_cfs: bool,
    /// Limit memory and swap together.
    pub cgroups_limit_swap: bool,
    /// How long a container may take to die.
    pub cgroups_destroy_timeout: Duration,
    /// Most processes and threads of one container where `cgroups/pids` isolates; `None` is unlimited.
    pub pids_limit: Option<u64>,
    /// How often sandboxes are measured.
    pub container_disk_watch_interval: Duration,
    /// End containers whose sandbox outgrows its disk.
    pub enforce_container_disk_quota: bool,
    /// Run tasks as the user they name; otherwise as the agent's.
    pub switch_user: bool,
    /// Executors must subscribe within.
    pub executor_registration_timeout: Duration,
    /// Recovered executors must come back within.
    pub executor_reregistration_timeout: Duration,
    /// Executors must end within, when asked to.
    pub executor_shutdown_grace_period: Duration,
    /// Executors give up without their agent after.
    pub recovery_timeout: Duration,
    /// What to do with executors that survived a restart.
    pub recover: Recover,
    /// A checkpoint that cannot be read ends the start.
    pub strict: bool,
    /// What may change between two starts.
    pub reconfiguration_policy: Policy,
    /// How long sandboxes are kept at most.
    pub gc_delay: Duration,
    /// The part of the disk that should stay free: sandboxes are deleted earlier as it fills.
    pub gc_disk_headroom: f64,
    /// How often the disk is looked at.
    pub disk_watch_interval: Duration,
    /// What relative URIs start with.
    pub frameworks_home: String,
    /// Variables that every executor gets.
    pub executor_environment_variables: BTreeMap<String, String>,
    /// A download that stands still this long has failed.
    pub fetcher_stall_timeout: Duration,
    /// The first pause before registering; doubles with every attempt.
    pub registration_backoff_factor: Duration,
    /// What the master is shown; without one the agent does not authenticate.
    pub credential: Option<Credential>,
    /// How patiently that is done.
    pub authentication: Patience,
    /// Which realms of HTTP are closed, and who may enter.
    pub door: Door,
    /// Ended executors of a framework that are kept for readers.
    pub max_completed_executors_per_framework: usize,
    /// Memory for the last messages.
    pub flight_recorder_size: Size,
    /// What `/files` shows as `/slave/log`.
    pub log_file: Option<PathBuf>,
    /// The program that runs `executor command`; this process' own executable if not given.
    pub executor_binary: Option<PathBuf>,
    /// The program that runs `container init`; this process' own executable if not given.
    pub container_binary: Option<PathBuf>,
    /// Flags as the operator gave them, shown by `/flags` besides those above.
    pub flags: BTreeMap<String, String>,
}

impl Config {
    /// Mesos' defaults: isolation as strong as this user is allowed, everything else as in its documentation. The port is
    /// 5051; tests and several agents on a machine take 0.
    pub fn new(master: impl Into<String>, work_dir: impl Into<PathBuf>) -> Config {
        let work_dir = work_dir.into();
        Config {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 5051,
            advertise_ip: None,
            advertise_port: None,
            tls: None,
            require_peer_match: false,
            hostname: None,
            hostname_lookup: true,
            master: master.into(),
            runtime_dir: work_dir.join("runtime"),
            work_dir,
            resources: None,
            attributes: None,
            default_role: "*".into(),
            docker: None,
            native: true,
            launcher: None,
            isolation: None,
            cgroups_root: "mesos".into(),
            cgroups_enable_cfs: false,
            cgroups_limit_swap: false,
            cgroups_destroy_timeout: Duration::from_secs(60),
            pids_limit: Some(PIDS_PER_CONTAINER),
            container_disk_watch_interval: Duration::from_secs(15),
            enforce_container_disk_quota: false,
            switch_user: true,
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: Duration::from_secs(2),
            executor_shutdown_grace_period: Duration::from_secs(5),
            recovery_timeout: Duration::from_secs(15 * 60),
            recover: Recover::Reconnect,
            strict: true,
            reconfiguration_policy: Policy::Equal,
            gc_delay: Duration::from_secs(7 * 24 * 3600),
            gc_disk_headroom: 0.1,
            disk_watch_interval: Duration::from_secs(60),
            frameworks_home: String::new(),
            executor_environment_variables: BTreeMap::new(),
            fetcher_stall_timeout: Duration::from_secs(60),
            registration_backoff_factor: Duration::from_secs(1),
            credential: None,
            authentication: Patience::default(),
            door: Door::default(),
            max_completed_executors_per_framework: 150,
            flight_recorder_size: Size::megabytes(64),
            log_file: None,
            executor_binary: None,
            container_binary: None,
            flags: BTreeMap::new(),
        }
    }

    /// What runs executors of ours: this process' own program, unless another was given.
    pub(crate) fn executor_program(&self) -> std::io::Result<PathBuf> {
        self.executor_binary.clone().map_or_else(std::env::current_exe, Ok)
    }

    /// Those that are there, as Mesos names them.
    pub(crate) fn containerizers(&self) -> String {
        let named = [("docker", self.docker.is_some()), ("mesos", self.native)];
        named.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect::<Vec<_>>().join(",")
    }

    /// All settings by the name of their flag, as Mesos prints them. What the operator gave wins.
    pub(crate) fn shown_flags(&self) -> BTreeMap<String, String> {
        let time = |value: Duration| duration::print(value).to_string();
        let path = |value: &PathBuf| value.display().to_string();
        let launcher = match self.launcher {
            None => "",
            Some(LauncherKind::Posix) => "posix",
            Some(LauncherKind::Linux) => "linux",
        };
        let recover = match self.recover {
            Recover::Reconnect => "reconnect",
            Recover::Cleanup => "cleanup",
        };
        let policy = match self.reconfiguration_policy {
            Policy::Equal => "equal",
            Policy::Additive => "additive",
        };
        let mut flags: BTreeMap<String, String> = [
            ("authentication_backoff_factor", time(self.authentication.backoff_factor)),
            ("authentication_timeout_max", time(self.authentication.timeout_max)),
            ("authentication_timeout_min", time(self.authentication.timeout_min)),
            ("cgroups_destroy_timeout", time(self.cgroups_destroy_timeout)),
            ("cgroups_enable_cfs", self.cgroups_enable_cfs.to_string()),
            ("cgroups_limit_swap", self.cgroups_limit_swap.to_string()),
            ("cgroups_root", self.cgroups_root.clone()),
            ("container_disk_watch_interval", time(self.container_disk_watch_interval)),
            ("containerizers", self.containerizers()),
            ("default_role", self.default_role.clone()),
            ("disk_watch_interval", time(self.disk_watch_interval)),
            ("enforce_container_disk_quota", self.enforce_container_disk_quota.to_string()),
            ("executor_registration_timeout", time(self.executor_registration_timeout)),
            ("executor_reregistration_timeout", time(self.executor_reregistration_timeout)),
            ("executor_shutdown_grace_period", time(self.executor_shutdown_grace_period)),
            ("fetcher_stall_timeout", time(self.fetcher_stall_timeout)),
            ("flight_recorder_size", self.flight_recorder_size.to_string()),
            ("frameworks_home", self.frameworks_home.clone()),
            ("gc_delay", time(self.gc_delay)),
            ("gc_disk_headroom", self.gc_disk_headroom.to_string()),
            ("hostname_lookup", self.hostname_lookup.to_string()),
            ("ip", self.ip.to_string()),
            ("launcher", launcher.into()),
            ("master", self.master.clone()),
            ("max_completed_executors_per_framework", self.max_completed_executors_per_framework.to_string()),
            ("port", self.port.to_string()),
            ("reconfiguration_policy", policy.into()),
            ("recover", recover.into()),
            ("recovery_timeout", time(self.recovery_timeout)),
            ("registration_backoff_factor", time(self.registration_backoff_factor)),
            ("runtime_dir", path(&self.runtime_dir)),
            ("strict", self.strict.to_string()),
            ("switch_user", self.switch_user.to_string()),
            ("work_dir", path(&self.work_dir)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let given =
            [("hostname", &self.hostname), ("resources", &self.resources), ("attributes", &self.attributes)];
        flags.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
        flags.extend(self.flags.clone());
        flags
    }
}
