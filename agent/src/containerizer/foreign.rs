//! Containers that somebody else runs on this machine, as a Docker engine does: what they use, by their first process.

use std::{fs, time::SystemTime};

use cgroups_rs::fs::hierarchies;
use procfs::process::Process;

use super::{ContainerResources, ResourceStatistics, isolators};

/// What the container with this first process uses. `None` if its groups cannot be read here: it has ended, runs on another
/// machine, or in groups of version 2. `id` is a part of their name, as pids are soon another's.
pub(crate) fn usage_of(pid: i32, id: &str, resources: &ContainerResources) -> Option<ResourceStatistics> {
    if hierarchies::auto().v2() {
        return None;
    }
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let group = group_of(&groups, id)?;
    let mut statistics = ResourceStatistics::at(SystemTime::now());
    isolators::measure(group, resources, &mut statistics);
    count_network(pid, &mut statistics);
    Some(statistics)
}

/// Engines use one name in all hierarchies.
fn group_of<'a>(groups: &'a str, id: &str) -> Option<&'a str> {
    let memory = groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        controllers.split(',').any(|name| name == "memory").then_some(path)
    })?;
    (!id.is_empty() && memory.contains(id)).then(|| memory.trim_start_matches('/'))
}

/// Of its own network only: who shares the machine's would count everybody's.
fn count_network(pid: i32, into: &mut ResourceStatistics) {
    let network_of = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    if network_of(&pid.to_string()) == network_of("self") {
        return;
    }
    let Ok(interfaces) = Process::new(pid).and_then(|process| process.dev_status()) else { return };
    let outside: Vec<_> = interfaces.values().filter(|interface| interface.name != "lo").collect();
    let sum = |count: fn(&procfs::net::DeviceStatus) -> u64| Some(outside.iter().map(|it| count(it)).sum());
    into.net_rx_bytes = sum(|it| it.recv_bytes);
    into.net_rx_packets = sum(|it| it.recv_packets);
    into.net_rx_errors = sum(|it| it.recv_errs);
    into.net_rx_dropped = sum(|it| it.recv_drop);
    into.net_tx_bytes = sum(|it| it.sent_bytes);
    into.net_tx_packets = sum(|it| it.sent_packets);
    into.net_tx_errors = sum(|it| it.sent_errs);
    into.net_tx_dropped = sum(|it| it.sent_drop);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_groups_are_known_by_its_id() {
        let cgroupfs = "5:devices:/docker/abc\n4:memory:/docker/abc\n0::/\n";
        let systemd = "4:cpu,memory:/system.slice/docker-abc.scope\n";

        assert_eq!(group_of(cgroupfs, "abc"), Some("docker/abc"));
        assert_eq!(group_of(systemd, "abc"), Some("system.slice/docker-abc.scope"));
        assert_eq!(group_of(cgroupfs, "def"), None);
        assert_eq!(group_of("0::/docker/abc\n", "abc"), None);
    }
}
