//! What the agent's actor and its readers share: settings, containers, sandboxes, the disk.

use std::net::{IpAddr, SocketAddr};

use tepui_agent_core::Run;

use crate::Config;
use crate::checkpoint::WorkDirLock;
use crate::collector::Collector;
use crate::containerizer::Native;
use crate::docker::Docker;
use crate::fetcher::Fetcher;
use crate::hostname;
use crate::shown::Shown;

/// One agent's surroundings.
pub(crate) struct World {
    pub config: Config,
    /// `slave(1)@ip:port`.
    pub pid: String,
    /// Where others reach this agent.
    pub address: SocketAddr,
    /// Its name, as told to frameworks.
    pub hostname: String,
    /// Seconds since the epoch.
    pub started: f64,
    pub containerizer: Native,
    /// Docker's, if this agent runs its containers.
    pub docker: Option<Docker>,
    pub fetcher: Fetcher,
    pub collector: Collector,
    /// What `/files` shows.
    pub shown: Shown,
    /// No other agent uses the work directory while this one lives.
    pub _lock: WorkDirLock,
}

impl World {
    /// A run is over and everything about it is told: its container is forgotten, its directories may go.
    pub fn collect(&self, run: Run) {
        self.shown.show(&run);
        let (containerizer, id) = (self.containerizer.clone(), run.container.to_string());
        // Those that ended in an earlier life were forgotten then.
        match containerizer.knows(&id) {
            true => self.collector.schedule_ended(run),
            false => self.collector.schedule(run),
        }
        tokio::spawn(async move { containerizer.forget(&id).await });
    }

    /// The name of a machine at an address that is known to be a master's. Ours, if it is ours.
    pub fn hostname_of(&self, ip: IpAddr) -> String {
        if ip == self.address.ip() { self.hostname.clone() } else { hostname::of_address(ip) }
    }
}
