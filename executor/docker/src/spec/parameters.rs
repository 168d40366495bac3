//! `DockerInfo.parameters`: options of `docker run` by their long names, as the engine's API says them.
//!
//! An option that only the command line tool could honour (it reads files, or attaches a terminal) is refused by name, like one
//! that does not exist.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, DeviceRequest, EndpointIpamConfig, EndpointSettings,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, NetworkingConfig, ResourcesBlkioWeightDevice,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum, ThrottleDevice,
};
use tepui_proto::v1;

use super::value::{self, Parsed};
use super::{SpecError, mount, ports};

/// What parameters say that is not in the container's own description.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Extra {
    /// `--pull=always`: also where the image is there.
    pub(crate) always_pull: bool,
    /// `--platform`.
    pub(crate) platform: Option<String>,
}

/// Options that belong to the command line tool, and why they are not the engine's.
const OF_THE_TOOL: [(&str, &str); 12] = [
    ("name", "the container's name is how its task is found again"),
    ("rm", "the agent removes containers after --docker_remove_delay"),
    ("attach", "nobody could attach: the output is in the sandbox"),
    ("detach", "containers always run detached"),
    ("detach-keys", "containers always run detached"),
    ("sig-proxy", "containers always run detached"),
    ("cidfile", "the agent keeps the container's id"),
    ("env-file", "set the variables in the command's environment"),
    ("label-file", "use `label`"),
    ("interactive", "there is nobody at its standard input"),
    ("disable-content-trust", "content trust is the command line tool's"),
    ("quiet", "progress is in the task's status"),
];

/// Applies all parameters, in their order.
pub(super) fn apply(
    body: &mut ContainerCreateBody,
    parameters: &[v1::Parameter],
) -> Result<Extra, SpecError> {
    let mut extra = Extra::default();
    for parameter in parameters {
        let (key, text) = (parameter.key.as_str(), parameter.value.as_str());
        if let Some((_, why)) = OF_THE_TOOL.iter().find(|(name, _)| *name == key) {
            return Err(SpecError::Parameter { key: key.into(), why: format!("is not supported: {why}") });
        }
        let known = of_process(body, key, text)
            .or_else(|| of_resources(body, key, text))
            .or_else(|| of_host(body, key, text))
            .or_else(|| of_network(body, key, text))
            .or_else(|| of_health(body, key, text))
            .or_else(|| of_creation(&mut extra, key, text));
        let unknown = || Err("is no option of docker run that is known here".to_owned());
        value::of(key, known.unwrap_or_else(unknown))?;
    }
    Ok(extra)
}

type Known = Option<Parsed<()>>;

fn set<T>(slot: &mut Option<T>, value: Parsed<T>) -> Known {
    Some(value.map(|value| *slot = Some(value)))
}

fn text(slot: &mut Option<String>, value: &str) -> Known {
    set(slot, Ok(value.to_owned()))
}

fn push<T>(slot: &mut Option<Vec<T>>, value: Parsed<T>) -> Known {
    Some(value.map(|value| slot.get_or_insert_default().push(value)))
}

fn insert(slot: &mut Option<HashMap<String, String>>, (key, value): (String, String)) -> Known {
    slot.get_or_insert_default().insert(key, value);
    Some(Ok(()))
}

fn of_process(body: &mut ContainerCreateBody, key: &str, value: &str) -> Known {
    match key {
        "hostname" => text(&mut body.hostname, value),
        "domainname" => text(&mut body.domainname, value),
        "user" => text(&mut body.user, value),
        "workdir" => text(&mut body.working_dir, value),
        "entrypoint" => set(&mut body.entrypoint, Ok(vec![value.to_owned()])),
        "env" => push(&mut body.env, Ok(value.to_owned())),
        "label" => label(&mut body.labels, value),
        "tty" => set(&mut body.tty, value::boolean(value)),
        "stop-signal" => text(&mut body.stop_signal, value),
        "stop-timeout" => set(&mut body.stop_timeout, value::integer(value)),
        "expose" => push(&mut body.exposed_ports, ports::exposed(value)),
        _ => None,
    }
}

fn of_resources(body: &mut ContainerCreateBody, key: &str, value: &str) -> Known {
    let host = body.host_config.get_or_insert_default();
    match key {
        "blkio-weight" => set(&mut host.blkio_weight, value::integer(value)),
        "blkio-weight-device" => push(&mut host.blkio_weight_device, weight_of_device(value)),
        "cpu-period" => set(&mut host.cpu_period, value::integer(value)),
        "cpu-quota" => set(&mut host.cpu_quota, value::integer(value)),
        "cpu-rt-period" => set(&mut host.cpu_realtime_period, value::integer(value)),
        "cpu-rt-runtime" => set(&mut host.cpu_realtime_runtime, value::integer(value)),
        "cpu-shares" => set(&mut host.cpu_shares, value::integer(value)),
        "cpus" => set(&mut host.nano_cpus, value::nano_cpus(value)),
        "cpuset-cpus" => text(&mut host.cpuset_cpus, value),
        "cpuset-mems" => text(&mut host.cpuset_mems, value),
        "memory" => set(&mut host.memory, value::bytes(value)),
        "memory-reservation" => set(&mut host.memory_reservation, value::bytes(value)),
        "memory-swap" => set(&mut host.memory_swap, value::bytes_or_unlimited(value)),
        "memory-swappiness" => set(&mut host.memory_swappiness, value::integer(value)),
        "oom-kill-disable" => set(&mut host.oom_kill_disable, value::boolean(value)),
        "oom-score-adj" => set(&mut host.oom_score_adj, value::integer(value)),
        "pids-limit" => set(&mut host.pids_limit, value::integer(value)),
        "shm-size" => set(&mut host.shm_size, value::bytes(value)),
        "ulimit" => push(&mut host.ulimits, ulimit(value)),
        "device-read-bps" => push(&mut host.blkio_device_read_bps, throttle(value, value::bytes)),
        "device-write-bps" => push(&mut host.blkio_device_write_bps, throttle(value, value::bytes)),
        "device-read-iops" => push(&mut host.blkio_device_read_iops, throttle(value, value::integer)),
        "device-write-iops" => push(&mut host.blkio_device_write_iops, throttle(value, value::integer)),
        _ => None,
    }
}

fn of_host(body: &mut ContainerCreateBody, key: &str, value: &str) -> Known {
    if key == "volume" && !value.contains(':') {
        return push(&mut body.volumes, Ok(value.to_owned()));
    }
    let host = body.host_config.get_or_insert_default();
    match key {
        "annotation" => insert(&mut host.annotations, value::pair(value)),
        "cap-add" => push(&mut host.cap_add, Ok(value.to_owned())),
        "cap-drop" => push(&mut host.cap_drop, Ok(value.to_owned())),
        "cgroup-parent" => text(&mut host.cgroup_parent, value),
        "cgroupns" => set(&mut host.cgroupns_mode, cgroup_namespace(value)),
        "device" => push(&mut host.devices, device(value)),
        "device-cgroup-rule" => push(&mut host.device_cgroup_rules, Ok(value.to_owned())),
        "gpus" => push(&mut host.device_requests, gpus(value)),
        "group-add" => push(&mut host.group_add, Ok(value.to_owned())),
        "init" => set(&mut host.init, value::boolean(value)),
        "ipc" => text(&mut host.ipc_mode, value),
        "log-driver" => {
            host.log_config.get_or_insert_with(HostConfigLogConfig::default).typ = Some(value.to_owned());
            Some(Ok(()))
        }
        "log-opt" => insert(
            &mut host.log_config.get_or_insert_with(HostConfigLogConfig::default).config,
            value::pair(value),
        ),
        "mount" => push(&mut host.mounts, mount::parse(value)),
        "pid" => text(&mut host.pid_mode, value),
        "privileged" => set(&mut host.privileged, value::boolean(value)),
        "read-only" => set(&mut host.readonly_rootfs, value::boolean(value)),
        "restart" => set(&mut host.restart_policy, restart(value)),
        "runtime" => text(&mut host.runtime, value),
        "security-opt" => push(&mut host.security_opt, Ok(value.to_owned())),
        "storage-opt" => insert(&mut host.storage_opt, value::pair(value)),
        "sysctl" => insert(&mut host.sysctls, value::pair(value)),
        "tmpfs" => {
            let (path, options) = value.split_once(':').unwrap_or((value, ""));
            insert(&mut host.tmpfs, (path.to_owned(), options.to_owned()))
        }
        "userns" => text(&mut host.userns_mode, value),
        "uts" => text(&mut host.uts_mode, value),
        "volume" => push(&mut host.binds, Ok(value.to_owned())),
        "volume-driver" => text(&mut host.volume_driver, value),
        "volumes-from" => push(&mut host.volumes_from, Ok(value.to_owned())),
        _ => None,
    }
}

fn of_network(body: &mut ContainerCreateBody, key: &str, value: &str) -> Known {
    let host = body.host_config.get_or_insert_default();
    match key {
        "net" | "network" => text(&mut host.network_mode, value),
        "add-host" => push(&mut host.extra_hosts, Ok(value.to_owned())),
        "dns" => push(&mut host.dns, Ok(value.to_owned())),
        "dns-opt" | "dns-option" => push(&mut host.dns_options, Ok(value.to_owned())),
        "dns-search" => push(&mut host.dns_search, Ok(value.to_owned())),
        "link" => push(&mut host.links, Ok(value.to_owned())),
        "publish-all" => set(&mut host.publish_all_ports, value::boolean(value)),
        "publish" => Some(ports::publish(body, value)),
        "ip" => text(&mut ipam(body).ipv4_address, value),
        "ip6" => text(&mut ipam(body).ipv6_address, value),
        "link-local-ip" => push(&mut ipam(body).link_local_ips, Ok(value.to_owned())),
        "net-alias" | "network-alias" => push(&mut endpoint(body).aliases, Ok(value.to_owned())),
        "mac-address" => text(&mut endpoint(body).mac_address, value),
        _ => None,
    }
}

fn of_health(body: &mut ContainerCreateBody, key: &str, value: &str) -> Known {
    if !key.starts_with("health-") && key != "no-healthcheck" {
        return None;
    }
    let health = body.healthcheck.get_or_insert_default();
    match key {
        "health-cmd" => set(&mut health.test, Ok(vec!["CMD-SHELL".into(), value.to_owned()])),
        "health-interval" => set(&mut health.interval, value::nanoseconds(value)),
        "health-timeout" => set(&mut health.timeout, value::nanoseconds(value)),
        "health-start-period" => set(&mut health.start_period, value::nanoseconds(value)),
        "health-start-interval" => set(&mut health.start_interval, value::nanoseconds(value)),
        "health-retries" => set(&mut health.retries, value::integer(value)),
        "no-healthcheck" => Some(value::boolean(value).map(|off| {
            if off {
                health.test = Some(vec!["NONE".into()]);
            }
        })),
        _ => None,
    }
}

fn of_creation(extra: &mut Extra, key: &str, value: &str) -> Known {
    match key {
        "platform" => text(&mut extra.platform, value),
        "pull" => Some(match value {
            "always" | "missing" => {
                extra.always_pull = value == "always";
                Ok(())
            }
            _ => Err(format!("'{value}' is neither always nor missing")),
        }),
        _ => None,
    }
}

/// The container's place in its network. It is filed under the network's name when all is known.
pub(super) const OWN_NETWORK: &str = "";

fn endpoint(body: &mut ContainerCreateBody) -> &mut EndpointSettings {
    let networks = body.networking_config.get_or_insert_with(NetworkingConfig::default);
    networks.endpoints_config.get_or_insert_default().entry(OWN_NETWORK.to_owned()).or_default()
}

fn ipam(body: &mut ContainerCreateBody) -> &mut EndpointIpamConfig {
    endpoint(body).ipam_config.get_or_insert_default()
}

fn weight_of_device(text: &str) -> Parsed<ResourcesBlkioWeightDevice> {
    let (path, weight) = text.rsplit_once(':').ok_or_else(|| format!("'{text}' is not path:weight"))?;
    Ok(ResourcesBlkioWeightDevice { path: Some(path.to_owned()), weight: Some(value::integer(weight)?) })
}

fn throttle(text: &str, rate: fn(&str) -> Parsed<i64>) -> Parsed<ThrottleDevice> {
    let (path, limit) = text.rsplit_once(':').ok_or_else(|| format!("'{text}' is not path:rate"))?;
    Ok(ThrottleDevice { path: Some(path.to_owned()), rate: Some(rate(limit)?) })
}

/// `nofile=1024:2048`, `nproc=100`.
fn ulimit(text: &str) -> Parsed<ResourcesUlimits> {
    let (name, limits) = text.split_once('=').ok_or_else(|| format!("'{text}' is not name=soft:hard"))?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let (soft, hard) = (value::integer(soft)?, value::integer(hard)?);
    Ok(ResourcesUlimits { name: Some(name.to_owned()), soft: Some(soft), hard: Some(hard) })
}

/// `/dev/x`, `/dev/x:/dev/y`, `/dev/x:/dev/y:rwm`.
fn device(text: &str) -> Parsed<DeviceMapping> {
    let parts: Vec<&str> = text.split(':').collect();
    let (host, inside, permissions) = match parts[..] {
        [host] => (host, host, "rwm"),
        [host, rights] if rights.bytes().all(|b| b"rwm".contains(&b)) => (host, host, rights),
        [host, inside] => (host, inside, "rwm"),
        [host, inside, rights] => (host, inside, rights),
        _ => return Err(format!("'{text}' is not device:device:permissions")),
    };
    Ok(DeviceMapping {
        path_on_host: Some(host.to_owned()),
        path_in_container: Some(inside.to_owned()),
        cgroup_permissions: Some(permissions.to_owned()),
    })
}

/// `all`, `2`, `device=0`.
fn gpus(text: &str) -> Parsed<DeviceRequest> {
    let gpu = |count, device_ids| DeviceRequest {
        count,
        device_ids,
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        ..DeviceRequest::default()
    };
    match text.strip_prefix("device=") {
        Some(ids) => Ok(gpu(None, Some(ids.split(',').map(str::to_owned).collect()))),
        None if text == "all" => Ok(gpu(Some(-1), None)),
        None => Ok(gpu(Some(value::integer(text)?), None)),
    }
}

/// A container that the engine starts again would outlive its task, and be another process than the one that is watched.
fn restart(text: &str) -> Parsed<RestartPolicy> {
    if text != "no" {
        return Err(format!(
            "'{text}' is not no: a container that ends ends its task, which the framework starts again"
        ));
    }
    Ok(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None })
}

/// Ours are how containers are found again.
fn label(labels: &mut Option<HashMap<String, String>>, text: &str) -> Known {
    let (key, value) = value::pair(text);
    if key.starts_with("tepui.") {
        return Some(Err(format!(
            "'{key}' is one of the agent's own: names that begin with tepui. are taken"
        )));
    }
    insert(labels, (key, value))
}

fn cgroup_namespace(text: &str) -> Parsed<HostConfigCgroupnsModeEnum> {
    match text {
        "host" => Ok(HostConfigCgroupnsModeEnum::HOST),
        "private" => Ok(HostConfigCgroupnsModeEnum::PRIVATE),
        _ => Err(format!("'{text}' is neither host nor private")),
    }
}
