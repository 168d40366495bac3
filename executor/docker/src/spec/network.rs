//! The network of a container.

use bollard::models::{ContainerCreateBody, PortBinding};
use tepui_proto::v1;
use v1::container_info::DockerInfo;
use v1::container_info::docker_info::Network;

use super::parameters::OWN_NETWORK;
use super::{SpecError, Wanted, ports};

pub(super) fn connect(
    body: &mut ContainerCreateBody,
    wanted: &Wanted<'_>,
    docker: &DockerInfo,
) -> Result<(), SpecError> {
    if wanted.container.network_infos.len() > 1 {
        return Err(SpecError::Network("a container has one network, network_infos names more".into()));
    }
    let host = body.host_config.get_or_insert_default();
    let mode = match host.network_mode.clone() {
        // A parameter says more than the field can.
        Some(mode) => mode,
        None => mode_of(docker, wanted.container)?,
    };
    host.network_mode = Some(mode.clone());
    if let Some(hostname) = &wanted.container.hostname {
        if mode == "host" {
            return Err(SpecError::Network("a container in the host's network has the host's name".into()));
        }
        body.hostname = Some(hostname.clone());
    }
    map_ports(body, wanted, docker, &mode)?;
    file_endpoint(body, &mode)
}

fn mode_of(docker: &DockerInfo, container: &v1::ContainerInfo) -> Result<String, SpecError> {
    match docker.network() {
        Network::Host => Ok("host".into()),
        Network::Bridge => Ok("bridge".into()),
        Network::None => Ok("none".into()),
        Network::User => {
            let name = container.network_infos.first().and_then(|info| info.name.clone());
            let name = name.filter(|name| !name.is_empty());
            name.ok_or_else(|| SpecError::Network("USER needs the name of one in network_infos".into()))
        }
    }
}

fn map_ports(
    body: &mut ContainerCreateBody,
    wanted: &Wanted<'_>,
    docker: &DockerInfo,
    mode: &str,
) -> Result<(), SpecError> {
    if docker.port_mappings.is_empty() {
        return Ok(());
    }
    if mode == "host" || mode == "none" || mode.starts_with("container:") {
        return Err(SpecError::Port(format!("network {mode} has no ports of its own to map")));
    }
    for mapping in &docker.port_mappings {
        let port = mapping.host_port;
        if !wanted.owns_port(port) {
            return Err(SpecError::Port(format!("host port {port} is not among the task's ports")));
        }
        let protocol = mapping.protocol.as_deref().unwrap_or("tcp").to_ascii_lowercase();
        let inside =
            ports::exposed(&format!("{}/{protocol}", mapping.container_port)).map_err(SpecError::Port)?;
        ports::bind(body, inside, PortBinding { host_ip: None, host_port: Some(port.to_string()) });
    }
    Ok(())
}

impl Wanted<'_> {
    fn owns_port(&self, port: u32) -> bool {
        let ports = self.resources.iter().filter(|resource| resource.name == "ports");
        let mut ranges =
            ports.filter_map(|resource| resource.ranges.as_ref()).flat_map(|ranges| &ranges.range);
        ranges.any(|range| (range.begin..=range.end).contains(&u64::from(port)))
    }
}

/// Addresses and aliases belong to the network by its name.
fn file_endpoint(body: &mut ContainerCreateBody, mode: &str) -> Result<(), SpecError> {
    let endpoints = body.networking_config.as_mut().and_then(|config| config.endpoints_config.as_mut());
    let Some(endpoints) = endpoints else { return Ok(()) };
    let Some(own) = endpoints.remove(OWN_NETWORK) else { return Ok(()) };
    if ["host", "none", "bridge"].contains(&mode) {
        return Err(SpecError::Network(format!(
            "addresses and aliases need a network of one's own, not {mode}"
        )));
    }
    endpoints.insert(mode.to_owned(), own);
    Ok(())
}
