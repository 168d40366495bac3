//! What a running container may use and does use.

use std::time::{SystemTime, UNIX_EPOCH};

use bollard::models::{ContainerInspectResponse, ContainerStatsResponse, HostConfig};
use bollard::query_parameters::StatsOptionsBuilder;
use futures::StreamExt;
use tepui_proto::v1;

use crate::engine::{Engine, EngineError};

/// The engine's weight of one processor, and the period of limits that name none.
const SHARES_PER_CPU: f64 = 1024.0;
const PERIOD: i64 = 100_000;

/// A container that runs, as somebody sees it who measures it himself.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The engine's id, which is part of the names of its control groups.
    pub id: String,
    /// Its first process, as the machine of the engine counts.
    pub pid: i32,
    /// Its share of the processors.
    pub cpus: f64,
    /// What it may use of them at most, if that is limited.
    pub cpu_limit: Option<f64>,
}

impl Engine {
    /// None if it does not run.
    ///
    /// # Errors
    /// There is no such container, or the engine could not be reached.
    pub async fn running(&self, name: &str) -> Result<Option<Running>, EngineError> {
        Ok(running(self.inspect(name).await?))
    }

    /// What the engine has counted; it takes its time for that. None if the container does not run.
    ///
    /// # Errors
    /// There is no such container, or the engine could not be reached.
    pub async fn usage(&self, name: &str) -> Result<Option<v1::ResourceStatistics>, EngineError> {
        let Some(running) = self.running(name).await? else { return Ok(None) };
        let options = StatsOptionsBuilder::new().stream(false).build();
        let counted = Box::pin(self.docker().stats(name, Some(options))).next().await;
        let Some(counted) = counted else { return Ok(None) };
        let counted = counted.map_err(|why| self.error(&format!("count what container {name} uses"), why))?;
        Ok(Some(statistics(&running, &counted)))
    }
}

fn running(inspected: ContainerInspectResponse) -> Option<Running> {
    let pid = inspected.state?.pid.filter(|pid| *pid > 0)?;
    let host = inspected.host_config.unwrap_or_default();
    Some(Running {
        id: inspected.id?,
        pid: i32::try_from(pid).ok()?,
        // Without shares the engine gives those of one processor.
        cpus: host
            .cpu_shares
            .filter(|shares| *shares > 0)
            .map_or(1.0, |shares| amount(shares) / SHARES_PER_CPU),
        cpu_limit: cpu_limit(&host),
    })
}

fn cpu_limit(host: &HostConfig) -> Option<f64> {
    if let Some(billionths) = host.nano_cpus.filter(|cpus| *cpus > 0) {
        return Some(amount(billionths) / 1e9);
    }
    let period = host.cpu_period.filter(|period| *period > 0).unwrap_or(PERIOD);
    host.cpu_quota.filter(|quota| *quota > 0).map(|quota| amount(quota) / amount(period))
}

#[expect(clippy::cast_precision_loss, reason = "no machine has that many processors")]
fn amount(count: i64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "centuries of processor time lose nanoseconds")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

fn statistics(running: &Running, counted: &ContainerStatsResponse) -> v1::ResourceStatistics {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let mut into = v1::ResourceStatistics {
        timestamp: now,
        cpus_soft_limit: Some(running.cpus),
        cpus_limit: Some(running.cpu_limit.unwrap_or(running.cpus)),
        // Tasks of the kernel: processes and threads.
        threads: counted.pids_stats.as_ref().and_then(|pids| u32::try_from(pids.current?).ok()),
        ..v1::ResourceStatistics::default()
    };
    let cpu = counted.cpu_stats.as_ref();
    if let Some(usage) = cpu.and_then(|cpu| cpu.cpu_usage.as_ref()) {
        into.cpus_user_time_secs = usage.usage_in_usermode.map(seconds);
        into.cpus_system_time_secs = usage.usage_in_kernelmode.map(seconds);
    }
    if let Some(throttling) =
        cpu.and_then(|cpu| cpu.throttling_data.as_ref()).filter(|_| running.cpu_limit.is_some())
    {
        into.cpus_nr_periods = throttling.periods.and_then(|count| u32::try_from(count).ok());
        into.cpus_nr_throttled = throttling.throttled_periods.and_then(|count| u32::try_from(count).ok());
        into.cpus_throttled_time_secs = throttling.throttled_time.map(seconds);
    }
    if let Some(memory) = &counted.memory_stats {
        // Control groups of version 1 call them so, those of version 2 as the second name says.
        let stat = |first: &str, second: &str| {
            let stats = memory.stats.as_ref()?;
            stats.get(first).or_else(|| stats.get(second)).copied()
        };
        into.mem_total_bytes = memory.usage;
        into.mem_limit_bytes = memory.limit;
        into.mem_rss_bytes = stat("total_rss", "anon");
        into.mem_anon_bytes = into.mem_rss_bytes;
        into.mem_cache_bytes = stat("total_cache", "file");
        into.mem_file_bytes = into.mem_cache_bytes;
        into.mem_mapped_file_bytes = stat("total_mapped_file", "file_mapped");
        into.mem_unevictable_bytes = stat("total_unevictable", "unevictable");
    }
    count_network(counted, &mut into);
    into
}

/// A container that shares another's network has none in the engine's answer.
fn count_network(counted: &ContainerStatsResponse, into: &mut v1::ResourceStatistics) {
    let Some(networks) = counted.networks.as_ref().filter(|networks| !networks.is_empty()) else { return };
    type Count = fn(&bollard::models::ContainerNetworkStats) -> Option<u64>;
    let sum = |count: Count| Some(networks.values().filter_map(count).sum());
    into.net_rx_bytes = sum(|it| it.rx_bytes);
    into.net_rx_packets = sum(|it| it.rx_packets);
    into.net_rx_errors = sum(|it| it.rx_errors);
    into.net_rx_dropped = sum(|it| it.rx_dropped);
    into.net_tx_bytes = sum(|it| it.tx_bytes);
    into.net_tx_packets = sum(|it| it.tx_packets);
    into.net_tx_errors = sum(|it| it.tx_errors);
    into.net_tx_dropped = sum(|it| it.tx_dropped);
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;
    use tepui_proto::json;

    use super::*;

    fn read<T: DeserializeOwned>(value: serde_json::Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_engines_limits_are_those_of_a_container() {
        let with = |host| {
            let inspected = json!({ "Id": "abc", "State": { "Pid": 42 }, "HostConfig": host });
            let found = running(read(inspected)).unwrap();
            (found.cpus, found.cpu_limit)
        };

        assert_eq!(with(json!({ "CpuShares": 512 })), (0.5, None));
        assert_eq!(
            with(json!({ "CpuShares": 2048, "CpuQuota": 150_000, "CpuPeriod": 100_000 })),
            (2.0, Some(1.5))
        );
        assert_eq!(with(json!({ "NanoCpus": 500_000_000 })), (1.0, Some(0.5)));
        assert_eq!(running(read(json!({ "Id": "abc", "State": { "Pid": 0 } }))), None);
    }

    #[test]
    fn what_the_engine_counts_gets_mesos_names() {
        let running = Running { id: "abc".into(), pid: 42, cpus: 0.5, cpu_limit: None };
        let counted = json!({
            "cpu_stats": { "cpu_usage": { "usage_in_usermode": 1_500_000_000, "usage_in_kernelmode": 500_000_000 } },
            "memory_stats": { "usage": 4096, "limit": 8192, "stats": { "anon": 1024, "file": 2048 } },
            "pids_stats": { "current": 3 },
            "networks": { "eth0": { "rx_bytes": 10, "tx_bytes": 1 }, "eth1": { "rx_bytes": 20, "tx_bytes": 2 } }
        });

        let mut counted = statistics(&running, &read(counted));
        counted.timestamp = 0.0;

        expect_test::expect![[r#"{"timestamp":0.0,"threads":3,"cpus_user_time_secs":1.5,"cpus_system_time_secs":0.5,"cpus_limit":0.5,"cpus_soft_limit":0.5,"mem_total_bytes":4096,"mem_limit_bytes":8192,"mem_file_bytes":2048,"mem_anon_bytes":1024,"mem_cache_bytes":2048,"mem_rss_bytes":1024,"net_rx_packets":0,"net_rx_bytes":30,"net_rx_errors":0,"net_rx_dropped":0,"net_tx_packets":0,"net_tx_bytes":3,"net_tx_errors":0,"net_tx_dropped":0}"#]].assert_eq(&json::to_string(&counted));
    }
}
