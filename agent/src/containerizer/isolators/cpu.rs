//! `cgroups/cpu`: a share of the CPUs, and a quota where one is asked for.
//!
//! Limits: `cpu.shares` divides what is contended; `cpu.cfs_quota_us` caps even an idle machine, with
//! `--cgroups_enable_cfs` or an explicit limit.

use cgroups_rs::fs::{Controllers, cpu::CpuController};

use super::{Isolator, IsolatorError};
use crate::containerizer::{
    ContainerConfig, ContainerResources, LaunchSpec, Limit, Limitation, ResourceStatistics, Settings,
    cgroup::{Group, field},
};

pub(super) const CONTROLLERS: [&str; 2] = ["cpu", "cpuacct"];
/// The kernel's weight of one CPU, and the least it takes.
const SHARES_PER_CPU: f64 = 1024.0;
const MIN_SHARES: u64 = 2;
/// The kernel's default period, and the least quota it takes, in microseconds.
const PERIOD: u64 = 100_000;
const MIN_QUOTA: i64 = 1_000;
const NO_QUOTA: i64 = -1;

#[derive(Debug)]
pub(super) struct Cpu {
    root: String,
    always_quota: bool,
}

impl Cpu {
    pub fn new(settings: &Settings) -> Cpu {
        Cpu { root: settings.cgroups_root.clone(), always_quota: settings.cgroups_enable_cfs }
    }

    fn group(&self, id: &str) -> Group {
        Group::of(&self.root, id, &CONTROLLERS)
    }

    fn quota(&self, resources: &ContainerResources) -> Option<i64> {
        match resources.cpu_limit {
            Some(Limit::Unlimited) => Some(NO_QUOTA),
            Some(Limit::At(cpus)) => Some(quota_of(cpus)),
            None => self.always_quota.then(|| quota_of(resources.cpus)),
        }
    }
}

impl Isolator for Cpu {
    fn prepare(&self, config: &ContainerConfig, _spec: &mut LaunchSpec) -> Result<(), IsolatorError> {
        self.group(&config.id).create().map_err(failed)?;
        self.update(&config.id, &config.resources)
    }

    fn isolate(&self, id: &str, pid: i32) -> Result<(), IsolatorError> {
        self.group(id).add(pid).map_err(failed)
    }

    fn update(&self, id: &str, resources: &ContainerResources) -> Result<(), IsolatorError> {
        let group = self.group(id);
        let Some(controller) = group.cgroup().controller_of::<CpuController>() else { return Ok(()) };
        controller
            .set_shares(shares_of(resources.cpus))
            .map_err(|error| failed(group.failed("set shares of", &error)))?;
        let Some(quota) = self.quota(resources) else { return Ok(()) };
        controller
            .set_cfs_period(PERIOD)
            .and_then(|()| controller.set_cfs_quota(quota))
            .map_err(|error| failed(group.failed("set quota of", &error)))
    }

    fn usage(&self, id: &str, _pid: i32, resources: &ContainerResources, into: &mut ResourceStatistics) {
        let group = self.group(id);
        let ticks = procfs::ticks_per_second() as f64;
        let times = group.read(Controllers::CpuAcct, "cpuacct.stat");
        into.cpus_user_time_secs = field(&times, "user").map(|user| user as f64 / ticks);
        into.cpus_system_time_secs = field(&times, "system").map(|system| system as f64 / ticks);
        into.cpus_limit = match resources.cpu_limit {
            Some(Limit::At(cpus)) => Some(cpus),
            Some(Limit::Unlimited) => None,
            None => Some(resources.cpus),
        };
        into.cpus_soft_limit = Some(resources.cpus);

        if self.quota(resources).is_some() {
            let stat = group.read(Controllers::Cpu, "cpu.stat");
            let count = |name| field(&stat, name).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
            into.cpus_nr_periods = count("nr_periods");
            into.cpus_nr_throttled = count("nr_throttled");
            into.cpus_throttled_time_secs = field(&stat, "throttled_time").map(|nanos| nanos as f64 / 1e9);
        }
    }

    fn cleanup(&self, id: &str) -> Result<Option<Limitation>, IsolatorError> {
        self.group(id).remove().map_err(failed)?;
        Ok(None)
    }
}

fn shares_of(cpus: f64) -> u64 {
    ((SHARES_PER_CPU * cpus) as u64).max(MIN_SHARES)
}

fn quota_of(cpus: f64) -> i64 {
    ((PERIOD as f64 * cpus) as i64).max(MIN_QUOTA)
}

fn failed(cause: String) -> IsolatorError {
    IsolatorError { isolator: "cgroups/cpu", cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_request_and_never_fall_below_the_kernels_least() {
        assert_eq!(shares_of(1.5), 1536);
        assert_eq!(shares_of(0.001), 2);
    }

    #[test]
    fn a_quota_is_a_part_of_the_period_and_never_below_a_millisecond() {
        assert_eq!(quota_of(0.5), 50_000);
        assert_eq!(quota_of(0.001), 1_000);
    }

    #[test]
    fn an_explicit_limit_decides_over_the_flag() {
        let cpu = Cpu { root: "any".into(), always_quota: true };
        let with = |cpu_limit| ContainerResources { cpus: 0.5, cpu_limit, ..Default::default() };

        assert_eq!(cpu.quota(&with(None)), Some(50_000));
        assert_eq!(cpu.quota(&with(Some(Limit::At(2.0)))), Some(200_000));
        assert_eq!(cpu.quota(&with(Some(Limit::Unlimited))), Some(-1));
        assert_eq!(Cpu { root: "any".into(), always_quota: false }.quota(&with(None)), None);
    }
}
