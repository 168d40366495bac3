//! What a container uses now. Fields carry Mesos' names; absent means not measured by this isolation.

use std::time::SystemTime;

/// One sample. Times in seconds, sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceStatistics {
    /// Seconds since the epoch.
    pub timestamp: f64,
    pub processes: Option<u32>,
    pub threads: Option<u32>,
    pub cpus_user_time_secs: Option<f64>,
    pub cpus_system_time_secs: Option<f64>,
    /// The hard limit, or the request where there is none.
    pub cpus_limit: Option<f64>,
    pub cpus_soft_limit: Option<f64>,
    pub cpus_nr_periods: Option<u32>,
    pub cpus_nr_throttled: Option<u32>,
    pub cpus_throttled_time_secs: Option<f64>,
    pub mem_total_bytes: Option<u64>,
    pub mem_total_memsw_bytes: Option<u64>,
    pub mem_kmem_usage_bytes: Option<u64>,
    pub mem_kmem_tcp_usage_bytes: Option<u64>,
    pub mem_limit_bytes: Option<u64>,
    pub mem_soft_limit_bytes: Option<u64>,
    pub mem_rss_bytes: Option<u64>,
    pub mem_anon_bytes: Option<u64>,
    pub mem_cache_bytes: Option<u64>,
    pub mem_file_bytes: Option<u64>,
    pub mem_mapped_file_bytes: Option<u64>,
    pub mem_swap_bytes: Option<u64>,
    pub mem_unevictable_bytes: Option<u64>,
    pub disk_limit_bytes: Option<u64>,
    pub disk_used_bytes: Option<u64>,
    pub net_rx_packets: Option<u64>,
    pub net_rx_bytes: Option<u64>,
    pub net_rx_errors: Option<u64>,
    pub net_rx_dropped: Option<u64>,
    pub net_tx_packets: Option<u64>,
    pub net_tx_bytes: Option<u64>,
    pub net_tx_errors: Option<u64>,
    pub net_tx_dropped: Option<u64>,
}

impl ResourceStatistics {
    pub(crate) fn at(now: SystemTime) -> Self {
        let timestamp = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        ResourceStatistics { timestamp, ..Default::default() }
    }
}
