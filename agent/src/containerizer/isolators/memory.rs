//! `cgroups/mem`: memory, and the end of a container that exceeds it.
//!
//! Limits: `memory.soft_limit_in_bytes` is the request, which the kernel reclaims down to under pressure;
//! `memory.limit_in_bytes` the limit, at which it kills a process of the container. That ends the container.

use std::{
    fs::{self, File},
    io,
    os::fd::AsRawFd,
    sync::Arc,
};

use cgroups_rs::fs::{Controllers, memory::MemController};
use nix::sys::eventfd::{EfdFlags, EventFd};
use tracing::warn;

use super::{Isolator, IsolatorError, Watch};
use crate::containerizer::{
    ContainerConfig, ContainerResources, LaunchSpec, Limit, Limitation, LimitationReason, ResourceStatistics,
    Settings,
    cgroup::{Group, field},
    launcher::when_readable,
};

pub(super) const CONTROLLERS: [&str; 1] = ["memory"];
/// Less does not carry a process that does anything.
const MIN_MEMORY: u64 = 32 << 20;
const NO_LIMIT: i64 = -1;

#[derive(Debug)]
pub(super) struct Memory {
    root: String,
    limit_swap: bool,
}

impl Memory {
    pub fn new(settings: &Settings) -> Memory {
        Memory { root: settings.cgroups_root.clone(), limit_swap: settings.cgroups_limit_swap }
    }

    fn group(&self, id: &str) -> Group {
        Group::of(&self.root, id, &CONTROLLERS)
    }

    /// A new group has no limit of either kind, and the one of memory alone must not be the higher one.
    fn set_hard_limit(&self, group: &Group, limit: i64) -> Result<(), IsolatorError> {
        limit_memory(group, limit)?;
        self.limit_memory_and_swap(group, limit)
    }

    /// The kernel refuses a limit of memory alone above the one of memory and swap: that one rises first.
    fn raise_hard_limit(&self, group: &Group, limit: i64) -> Result<(), IsolatorError> {
        self.limit_memory_and_swap(group, limit)?;
        limit_memory(group, limit)
    }

    /// Does nothing without `--cgroups_limit_swap`.
    fn limit_memory_and_swap(&self, group: &Group, limit: i64) -> Result<(), IsolatorError> {
        if !self.limit_swap {
            return Ok(());
        }
        let Some(controller) = group.cgroup().controller_of::<MemController>() else { return Ok(()) };
        controller
            .set_memswap_limit(limit)
            .map_err(|error| failed(group.failed("limit memory and swap of", &error)))
    }

    fn set_soft_limit(&self, group: &Group, resources: &ContainerResources) -> Result<(), IsolatorError> {
        let Some(controller) = group.cgroup().controller_of::<MemController>() else { return Ok(()) };
        controller
            .set_soft_limit(clamped(resources.mem.max(MIN_MEMORY)))
            .map_err(|error| failed(group.failed("set the soft limit of", &error)))
    }
}

impl Isolator for Memory {
    fn prepare(&self, config: &ContainerConfig, _spec: &mut LaunchSpec) -> Result<(), IsolatorError> {
        let group = self.group(&config.id);
        group.create().map_err(failed)?;
        self.set_soft_limit(&group, &config.resources)?;
        self.set_hard_limit(&group, hard_limit(&config.resources))
    }

    fn isolate(&self, id: &str, pid: i32) -> Result<(), IsolatorError> {
        self.group(id).add(pid).map_err(failed)
    }

    fn watch(self: Arc<Self>, id: &str) -> Option<Watch> {
        let id = id.to_string();
        Some(Box::pin(async move {
            match self.next_oom(&id).await {
                Ok(limitation) => limitation,
                Err(error) => {
                    // The end of the container still tells whether the kernel killed in it.
                    warn!(container = id, %error, "out-of-memory events not watched");
                    std::future::pending().await
                }
            }
        }))
    }

    /// The hard limit only rises: lowering it under what is in use would end the container for no fault of its own.
    fn update(&self, id: &str, resources: &ContainerResources) -> Result<(), IsolatorError> {
        let group = self.group(id);
        self.set_soft_limit(&group, resources)?;
        let (now, wanted) = (group.number(Controllers::Mem, "memory.limit_in_bytes"), hard_limit(resources));
        let rises = wanted == NO_LIMIT || now.is_none_or(|now| clamped(now) < wanted);
        if rises { self.raise_hard_limit(&group, wanted) } else { Ok(()) }
    }

    fn usage(&self, id: &str, _pid: i32, _resources: &ContainerResources, into: &mut ResourceStatistics) {
        let group = self.group(id);
        let number = |file| group.number(Controllers::Mem, file);
        into.mem_total_bytes = number("memory.usage_in_bytes");
        into.mem_total_memsw_bytes = number("memory.memsw.usage_in_bytes");
        into.mem_kmem_usage_bytes = number("memory.kmem.usage_in_bytes");
        into.mem_kmem_tcp_usage_bytes = number("memory.kmem.tcp.usage_in_bytes");
        into.mem_limit_bytes = number("memory.limit_in_bytes");
        into.mem_soft_limit_bytes = number("memory.soft_limit_in_bytes");

        let stat = group.read(Controllers::Mem, "memory.stat");
        into.mem_rss_bytes = field(&stat, "total_rss");
        into.mem_anon_bytes = into.mem_rss_bytes;
        into.mem_cache_bytes = field(&stat, "total_cache");
        into.mem_file_bytes = into.mem_cache_bytes;
        into.mem_mapped_file_bytes = field(&stat, "total_mapped_file");
        into.mem_swap_bytes = field(&stat, "total_swap");
        into.mem_unevictable_bytes = field(&stat, "total_unevictable");
    }

    fn cleanup(&self, id: &str) -> Result<Option<Limitation>, IsolatorError> {
        let group = self.group(id);
        // The container may have ended of the kill before its event was read.
        let killed = field(&group.read(Controllers::Mem, "memory.oom_control"), "oom_kill").unwrap_or(0);
        let limitation = (killed > 0).then(|| exceeded(&group));
        group.remove().map_err(failed)?;
        Ok(limitation)
    }
}

impl Memory {
    async fn next_oom(&self, id: &str) -> io::Result<Limitation> {
        let group = self.group(id);
        let Some(directory) = group.directory(Controllers::Mem) else { return std::future::pending().await };
        let oom_control = File::open(directory.join("memory.oom_control"))?;
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let registration = format!("{} {}", event.as_raw_fd(), oom_control.as_raw_fd());
        fs::write(directory.join("cgroup.event_control"), registration)?;

        let event = when_readable(event.into())?;
        let _ready = event.readable().await?;
        if !group.exists() {
            // The removal of the group is announced like an event.
            return std::future::pending().await;
        }
        Ok(exceeded(&group))
    }
}

fn limit_memory(group: &Group, limit: i64) -> Result<(), IsolatorError> {
    let Some(controller) = group.cgroup().controller_of::<MemController>() else { return Ok(()) };
    controller.set_limit(limit).map_err(|error| failed(group.failed("limit memory of", &error)))
}

fn hard_limit(resources: &ContainerResources) -> i64 {
    match resources.mem_limit {
        Some(Limit::Unlimited) => NO_LIMIT,
        Some(Limit::At(bytes)) => clamped(bytes.max(MIN_MEMORY)),
        None => clamped(resources.mem.max(MIN_MEMORY)),
    }
}

/// The kernel's files hold signed numbers.
fn clamped(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn exceeded(group: &Group) -> Limitation {
    let bytes = |file| group.number(Controllers::Mem, file).unwrap_or(0);
    let (limit, peak) = (bytes("memory.limit_in_bytes"), bytes("memory.max_usage_in_bytes"));
    let statistics = group.read(Controllers::Mem, "memory.stat");
    let message = format!(
        "memory limit of {} MB exceeded: most used {} MB\n\nmemory statistics:\n{statistics}",
        limit >> 20,
        peak >> 20
    );
    Limitation { reason: LimitationReason::Memory, message }
}

fn failed(cause: String) -> IsolatorError {
    IsolatorError { isolator: "cgroups/mem", cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_is_the_explicit_one_or_the_request_and_never_tiny() {
        let with = |mem, mem_limit| ContainerResources { mem, mem_limit, ..Default::default() };

        assert_eq!(hard_limit(&with(64 << 20, None)), 64 << 20);
        assert_eq!(hard_limit(&with(64 << 20, Some(Limit::At(128 << 20)))), 128 << 20);
        assert_eq!(hard_limit(&with(64 << 20, Some(Limit::Unlimited))), -1);
        assert_eq!(hard_limit(&with(1 << 20, None)), 32 << 20);
    }
}
