//! Addresses.

/// The master's actor; a new process has the same.
pub(crate) const MASTER: &str = "master@10.0.0.1:5050";

/// The n-th machine.
pub(crate) fn ip(agent: usize) -> String {
    format!("10.1.{}.{}", agent / 250, agent % 250 + 1)
}

/// The actor of the agent there.
pub(crate) fn agent(agent: usize) -> String {
    format!("slave(1)@{}:5051", ip(agent))
}

/// Which agent has this address.
pub(crate) fn agent_at(pid: &str) -> Option<usize> {
    let ip = pid.strip_prefix("slave(1)@10.1.")?.strip_suffix(":5051")?;
    let (high, low) = ip.split_once('.')?;
    let (high, low): (usize, usize) = (high.parse().ok()?, low.parse().ok()?);
    Some(high * 250 + low - 1)
}

/// The actor of a framework's n-th scheduler process.
pub(crate) fn scheduler(framework: usize, process: u64) -> String {
    format!("scheduler@10.2.{framework}.1:{}", 7000 + process)
}

/// Which framework and process have this address.
pub(crate) fn scheduler_at(pid: &str) -> Option<(usize, u64)> {
    let address = pid.strip_prefix("scheduler@10.2.")?;
    let (framework, port) = address.split_once(".1:")?;
    Some((framework.parse().ok()?, port.parse::<u64>().ok()? - 7000))
}
