//! `posix/cpu` and `posix/mem`: what the processes of a container use, summed up from `/proc`.
//!
//! Limits: nothing. What has ended is no longer counted, except by the processes that waited for it.

use super::Isolator;
use crate::containerizer::{ContainerResources, ResourceStatistics, Settings, launcher::tree};

#[derive(Debug)]
pub(super) struct Posix {
    cpu: bool,
    mem: bool,
}

impl Posix {
    pub fn new(settings: &Settings) -> Posix {
        Posix { cpu: settings.isolation.posix_cpu, mem: settings.isolation.posix_mem }
    }
}

impl Isolator for Posix {
    fn usage(&self, _id: &str, pid: i32, resources: &ContainerResources, into: &mut ResourceStatistics) {
        let members = tree::descendants(pid);
        let ticks = procfs::ticks_per_second() as f64;
        if self.cpu {
            let user: u64 =
                members.iter().map(|it| it.stat.utime + it.stat.cutime.max(0).cast_unsigned()).sum();
            let system: u64 =
                members.iter().map(|it| it.stat.stime + it.stat.cstime.max(0).cast_unsigned()).sum();
            into.cpus_user_time_secs = Some(user as f64 / ticks);
            into.cpus_system_time_secs = Some(system as f64 / ticks);
            into.cpus_limit = Some(resources.cpus);
            into.processes = u32::try_from(members.len()).ok();
            into.threads = u32::try_from(members.iter().map(|it| it.stat.num_threads).sum::<i64>()).ok();
        }
        if self.mem {
            into.mem_rss_bytes = Some(members.iter().map(|it| it.stat.rss * procfs::page_size()).sum());
            into.mem_limit_bytes = Some(resources.mem);
        }
    }
}
