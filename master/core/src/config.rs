//! The operator's choices that decisions depend on, with Mesos' defaults.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tepui_model::Role;

/// The flags that matter to the core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `--agent_ping_timeout`: how long an agent may take for its answer to a ping.
    pub agent_ping_timeout: Duration,
    /// `--max_agent_ping_timeouts`: this many unanswered pings in a row make an agent unreachable.
    pub max_agent_ping_timeouts: u32,
    /// `--agent_reregister_timeout`: how long a disconnected or recovered agent may take to come back.
    pub agent_reregister_timeout: Duration,
    /// `--recovery_agent_removal_limit` in percent: when more of the registry's agents did not come back after this
    /// master's start, it abdicates instead of giving them all up.
    pub recovery_agent_removal_limit: f64,
    /// `--offer_timeout`: an offer that is neither used nor declined is rescinded after it; never, if unset.
    pub offer_timeout: Option<Duration>,
    /// `--max_completed_frameworks`.
    pub max_completed_frameworks: usize,
    /// `--max_completed_tasks_per_framework`.
    pub max_completed_tasks_per_framework: usize,
    /// `--max_unreachable_tasks_per_framework`.
    pub max_unreachable_tasks_per_framework: usize,
    /// Agents are asked with TLS: what URLs of offers begin with.
    pub https_agents: bool,
    /// `--root_submissions`: whether frameworks may run as root.
    pub root_submissions: bool,
    /// `--roles`: the only roles there are; any, if unset.
    pub roles: Option<BTreeSet<String>>,
    /// `--weights`: of roles; 1 for all others. Counts only as long as the registry holds no weight.
    pub weights: Vec<(Role, f64)>,
    /// `--registry_gc_interval`: how often old unreachable and gone agents are dropped from the registry.
    pub registry_gc_interval: Duration,
    /// `--registry_max_agent_age`: how old they may get.
    pub registry_max_agent_age: Duration,
    /// `--registry_max_agent_count`: how many there may be.
    pub registry_max_agent_count: usize,
    /// How often a stream gets a HEARTBEAT. Not a flag in Mesos; clients take it from SUBSCRIBED.
    pub heartbeat_interval: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Duration::from_secs(10 * 60),
            recovery_agent_removal_limit: 100.0,
            offer_timeout: None,
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            https_agents: false,
            root_submissions: true,
            roles: None,
            weights: Vec::new(),
            registry_gc_interval: Duration::from_secs(15 * 60),
            registry_max_agent_age: Duration::from_secs(14 * 24 * 60 * 60),
            registry_max_agent_count: 100 * 1024,
            heartbeat_interval: Duration::from_secs(15),
        }
    }
}

impl Config {
    /// How long an agent may go without answering any ping before it is given up; agents are told, and use the same time
    /// to notice a master that does not ping.
    pub fn total_ping_timeout(&self) -> Duration {
        self.agent_ping_timeout * self.max_agent_ping_timeouts
    }
}
