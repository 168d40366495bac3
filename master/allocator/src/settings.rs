//! What the operator decides, once.

use std::collections::BTreeSet;
use std::time::Duration;

use tepui_model::{ResourceName, ResourceQuantities};

/// Who comes first: `--role_sorter` and `--framework_sorter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sorting {
    /// `drf`: whoever has the smallest share of the resource of which it has the largest.
    #[default]
    DominantShare,
    /// `random`: whoever is drawn, the heavier the likelier.
    Random,
}

/// The allocator's part of the master's flags.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `--allocation_interval`: how often all agents are considered, and the least that a refusal lasts.
    pub allocation_interval: Duration,
    /// `--min_allocatable_resources`: an offer holds at least one of these; an empty list lets any offer pass.
    pub min_allocatable: Vec<ResourceQuantities>,
    /// `--filter_gpu_resources`: agents with GPUs are for frameworks that say they know GPUs.
    pub filter_gpu_resources: bool,
    /// `--fair_sharing_excluded_resource_names`: what does not count for a share.
    pub excluded_from_sharing: BTreeSet<ResourceName>,
    /// The master's region; agents in another one are for frameworks that say they know regions.
    pub region: Option<String>,
    /// Whose turn it is among roles.
    pub role_sorter: Sorting,
    /// Whose turn it is among the frameworks of a role.
    pub framework_sorter: Sorting,
    /// `--allocator_agent_recovery_factor`: where there is quota, offers wait for this part of the agents after a start.
    pub recovery_factor: f64,
    /// `--allocator_recovery_timeout`: but not longer than this.
    pub recovery_timeout: Duration,
    /// Seeds the order in which agents are considered.
    pub seed: u64,
}

impl Settings {
    /// Mesos' defaults: every second, at least 0.01 cpus or 32 MB of memory.
    pub fn new(seed: u64) -> Self {
        let min_allocatable = ResourceQuantities::parse_alternatives("cpus:0.01|mem:32");
        Self {
            allocation_interval: Duration::from_secs(1),
            min_allocatable: min_allocatable.expect("the default is well-formed"),
            filter_gpu_resources: true,
            excluded_from_sharing: BTreeSet::new(),
            region: None,
            role_sorter: Sorting::DominantShare,
            framework_sorter: Sorting::DominantShare,
            recovery_factor: 0.8,
            recovery_timeout: Duration::from_secs(10 * 60),
            seed,
        }
    }
}
