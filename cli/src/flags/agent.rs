//! Every flag of `mesos-agent`.

mod containers;
mod daemon;
mod docker;
mod network;
mod security;

use super::flag::Table;
use super::logging::LOGGING;
use super::tracing::TRACING;

pub static AGENT: Table = Table {
    program: "tepui agent",
    groups: &[
        &daemon::ADDRESSES,
        &daemon::MASTER,
        &daemon::RESOURCES,
        &daemon::STATE,
        &containers::EXECUTORS,
        &containers::CONTAINERS,
        &containers::CGROUPS,
        &containers::FETCHER,
        &containers::DISK,
        &docker::IMAGES,
        &docker::DOCKER,
        &network::CONTAINER_NETWORK,
        &network::PORT_MAPPING,
        &security::SECURITY,
        &daemon::MODULES,
        &TRACING,
        &LOGGING,
    ],
};
