//! Resources as the engine limits them, with Mesos' rules.

use bollard::models::{ContainerCreateBody, DeviceRequest, ResourcesUlimits};
use tepui_proto::v1::r_limit_info::r_limit::Type;

use super::{SpecError, Wanted};

/// Shares of one processor, and the least that the kernel takes.
const SHARES_PER_CPU: f64 = 1024.0;
const FEWEST_SHARES: i64 = 2;

/// The kernel's usual scheduling period, in microseconds, and the shortest quota of one.
const CFS_PERIOD: i64 = 100_000;
const SHORTEST_QUOTA: i64 = 1_000;

/// Mesos gives no container less.
const LEAST_MEMORY: i64 = 32 << 20;

pub(super) fn limit(body: &mut ContainerCreateBody, wanted: &Wanted<'_>) -> Result<(), SpecError> {
    let host = body.host_config.get_or_insert_default();
    if let Some(cpus) = wanted.request("cpus") {
        host.cpu_shares = Some(whole(cpus * SHARES_PER_CPU).max(FEWEST_SHARES));
        let limit = wanted.limit("cpus").or(wanted.settings.hard_cpu_limit.then_some(cpus));
        if let Some(limit) = limit {
            host.cpu_period = Some(CFS_PERIOD);
            #[expect(clippy::cast_precision_loss, reason = "a small constant")]
            let quota = whole(limit * CFS_PERIOD as f64).max(SHORTEST_QUOTA);
            host.cpu_quota = Some(if limit.is_infinite() { -1 } else { quota });
        }
    }
    if let Some(megabytes) = wanted.request("mem") {
        let request = mebibytes(megabytes);
        match wanted.limit("mem") {
            None => host.memory = Some(request),
            Some(limit) => {
                host.memory_reservation = Some(request);
                host.memory = limit.is_finite().then(|| mebibytes(limit));
            }
        }
    }
    if let Some(gpus) = wanted.request("gpus").filter(|gpus| *gpus >= 1.0) {
        host.device_requests = Some(vec![DeviceRequest {
            count: Some(whole(gpus)),
            capabilities: Some(vec![vec!["gpu".into()]]),
            ..DeviceRequest::default()
        }]);
    }
    if let Some(linux) = &wanted.container.linux_info {
        host.shm_size = linux.shm_size.map(|megabytes| i64::from(megabytes) << 20);
    }
    let rlimits = wanted.container.rlimit_info.iter().flat_map(|info| &info.rlimits);
    let ulimits: Vec<_> = rlimits.map(ulimit).collect::<Result<_, _>>()?;
    host.ulimits = (!ulimits.is_empty()).then_some(ulimits);
    Ok(())
}

impl Wanted<'_> {
    /// All there is of a resource, whoever it is reserved for.
    fn request(&self, name: &str) -> Option<f64> {
        let of_that_name = self.resources.iter().filter(|resource| resource.name == name);
        let amounts = of_that_name.filter_map(|resource| Some(resource.scalar.as_ref()?.value));
        amounts.reduce(|sum, amount| sum + amount)
    }

    fn limit(&self, name: &str) -> Option<f64> {
        self.limits.iter().find(|(limited, _)| limited == name).map(|(_, limit)| *limit)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, and no machine has that much")]
fn whole(amount: f64) -> i64 {
    amount.round() as i64
}

fn mebibytes(amount: f64) -> i64 {
    whole(amount * 1_048_576.0).max(LEAST_MEMORY)
}

/// The engine's names are setrlimit(2)'s, in small letters and without their prefix.
fn ulimit(rlimit: &tepui_proto::v1::r_limit_info::RLimit) -> Result<ResourcesUlimits, SpecError> {
    let name = match rlimit.r#type() {
        Type::Unknown => return Err(SpecError::Rlimit("a limit has no type that is known here".into())),
        Type::RlmtAs => "as",
        Type::RlmtCore => "core",
        Type::RlmtCpu => "cpu",
        Type::RlmtData => "data",
        Type::RlmtFsize => "fsize",
        Type::RlmtLocks => "locks",
        Type::RlmtMemlock => "memlock",
        Type::RlmtMsgqueue => "msgqueue",
        Type::RlmtNice => "nice",
        Type::RlmtNofile => "nofile",
        Type::RlmtNproc => "nproc",
        Type::RlmtRss => "rss",
        Type::RlmtRtprio => "rtprio",
        Type::RlmtRttime => "rttime",
        Type::RlmtSigpending => "sigpending",
        Type::RlmtStack => "stack",
    };
    let amount = |limit: Option<u64>| limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    if rlimit.soft.is_some() != rlimit.hard.is_some() {
        return Err(SpecError::Rlimit(format!("{name} needs both its limits, or neither")));
    }
    Ok(ResourcesUlimits {
        name: Some(name.into()),
        soft: Some(amount(rlimit.soft)),
        hard: Some(amount(rlimit.hard)),
    })
}
