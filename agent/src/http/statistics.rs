//! `/containers` and `/monitor/statistics`: what containers use now.

use futures::future::join_all;
use libactor::AskError;
use libactor::web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};
use tepui_agent_core::{Executor, ExecutorPhase};
use tepui_proto::json::AsJson;
use tepui_proto::v1;

use super::{Site, answer};
use crate::containerizer::ResourceStatistics;
use crate::docker;

/// An executor's container, and a sample of what it uses.
pub(super) struct Sample {
    pub executor: Executor,
    pub statistics: Option<v1::ResourceStatistics>,
}

impl Sample {
    /// Its container's id and first process.
    pub fn status(&self) -> v1::ContainerStatus {
        v1::ContainerStatus {
            container_id: Some(Box::new(self.executor.run.container.to_wire())),
            executor_pid: self.executor.pid,
            ..v1::ContainerStatus::default()
        }
    }
}

/// Of all containers that have not ended.
pub(super) async fn samples(site: &Site) -> Result<Vec<Sample>, AskError> {
    let executors: Vec<Executor> = site
        .look(|agent| {
            let all = agent.core.frameworks().flat_map(|framework| framework.executors.values());
            all.filter(|executor| executor.phase != ExecutorPhase::Terminated).cloned().collect()
        })
        .await?;
    let sample = |executor: Executor| async move {
        let statistics = usage(site, &executor).await;
        Sample { executor, statistics }
    };
    Ok(join_all(executors.into_iter().map(sample)).await)
}

/// A Docker container's is its own and not that of the executor beside it, but for the sandbox, which they share.
async fn usage(site: &Site, executor: &Executor) -> Option<v1::ResourceStatistics> {
    let container = &executor.run.container;
    let native = site.world.containerizer.usage(&container.to_string()).await.ok();
    let docker = site.world.docker.as_ref().filter(|_| docker::is_docker(&executor.info));
    let Some(docker) = docker else { return native.map(v1::ResourceStatistics::from) };
    let mut statistics = docker.usage(container).await?;
    statistics.disk_limit_bytes = native.as_ref().and_then(|sample| sample.disk_limit_bytes);
    statistics.disk_used_bytes = native.as_ref().and_then(|sample| sample.disk_used_bytes);
    Some(statistics)
}

pub(super) async fn containers(request: &HttpRequest, site: &Site) -> Result<HttpResponse, AskError> {
    let shown: Vec<Value> = samples(site)
        .await?
        .iter()
        .map(|sample| {
            let mut shown = Map::new();
            shown.insert("container_id".into(), sample.executor.run.container.to_string().into());
            describe(&mut shown, sample);
            shown.insert("status".into(), serde_json::to_value(AsJson(&sample.status())).unwrap_or_default());
            Value::Object(shown)
        })
        .collect();
    Ok(answer::json(request, &shown))
}

pub(super) async fn statistics(request: &HttpRequest, site: &Site) -> Result<HttpResponse, AskError> {
    let samples = samples(site).await?;
    let shown = samples.iter().filter(|sample| sample.statistics.is_some()).map(|sample| {
        let mut shown = Map::new();
        describe(&mut shown, sample);
        Value::Object(shown)
    });
    Ok(answer::json(request, &shown.collect::<Vec<_>>()))
}

fn describe(shown: &mut Map<String, Value>, sample: &Sample) {
    let Sample { executor, statistics } = sample;
    shown.insert("executor_id".into(), executor.id().to_string().into());
    shown.insert("executor_name".into(), executor.info.name().into());
    shown.insert("framework_id".into(), executor.run.framework.to_string().into());
    shown.insert("source".into(), executor.info.source().into());
    if let Some(statistics) = statistics {
        shown.insert("statistics".into(), serde_json::to_value(AsJson(statistics)).unwrap_or_default());
    }
}

impl From<ResourceStatistics> for v1::ResourceStatistics {
    fn from(sample: ResourceStatistics) -> v1::ResourceStatistics {
        v1::ResourceStatistics {
            timestamp: sample.timestamp,
            processes: sample.processes,
            threads: sample.threads,
            cpus_user_time_secs: sample.cpus_user_time_secs,
            cpus_system_time_secs: sample.cpus_system_time_secs,
            cpus_limit: sample.cpus_limit,
            cpus_soft_limit: sample.cpus_soft_limit,
            cpus_nr_periods: sample.cpus_nr_periods,
            cpus_nr_throttled: sample.cpus_nr_throttled,
            cpus_throttled_time_secs: sample.cpus_throttled_time_secs,
            mem_total_bytes: sample.mem_total_bytes,
            mem_total_memsw_bytes: sample.mem_total_memsw_bytes,
            mem_kmem_usage_bytes: sample.mem_kmem_usage_bytes,
            mem_kmem_tcp_usage_bytes: sample.mem_kmem_tcp_usage_bytes,
            mem_limit_bytes: sample.mem_limit_bytes,
            mem_soft_limit_bytes: sample.mem_soft_limit_bytes,
            mem_rss_bytes: sample.mem_rss_bytes,
            mem_anon_bytes: sample.mem_anon_bytes,
            mem_cache_bytes: sample.mem_cache_bytes,
            mem_file_bytes: sample.mem_file_bytes,
            mem_mapped_file_bytes: sample.mem_mapped_file_bytes,
            mem_swap_bytes: sample.mem_swap_bytes,
            mem_unevictable_bytes: sample.mem_unevictable_bytes,
            disk_limit_bytes: sample.disk_limit_bytes,
            disk_used_bytes: sample.disk_used_bytes,
            net_rx_packets: sample.net_rx_packets,
            net_rx_bytes: sample.net_rx_bytes,
            net_rx_errors: sample.net_rx_errors,
            net_rx_dropped: sample.net_rx_dropped,
            net_tx_packets: sample.net_tx_packets,
            net_tx_bytes: sample.net_tx_bytes,
            net_tx_errors: sample.net_tx_errors,
            net_tx_dropped: sample.net_tx_dropped,
            ..v1::ResourceStatistics::default()
        }
    }
}
