//! Ports of a container and of its host.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, PortBinding};

use super::value::{self, Parsed};

/// `80`, `80/udp`: as the engine names a container's port.
pub(super) fn exposed(text: &str) -> Parsed<String> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let port: u16 = value::integer(port)?;
    match protocol {
        "tcp" | "udp" | "sctp" => Ok(format!("{port}/{protocol}")),
        _ => Err(format!("'{protocol}' is not tcp, udp or sctp")),
    }
}

/// `[ip:][host port]:container port[/protocol]`.
pub(super) fn publish(body: &mut ContainerCreateBody, text: &str) -> Parsed<()> {
    let (rest, inside) = match text.rsplit_once(':') {
        Some((rest, inside)) => (Some(rest), inside),
        None => (None, text),
    };
    let (address, port) = match rest.and_then(|rest| rest.rsplit_once(':')) {
        Some((address, port)) => (Some(address.trim_matches(['[', ']']).to_owned()), port),
        None => (None, rest.unwrap_or_default()),
    };
    let port: Option<u16> = (!port.is_empty()).then(|| value::integer(port)).transpose()?;
    bind(
        body,
        exposed(inside)?,
        PortBinding { host_ip: address, host_port: port.map(|port| port.to_string()) },
    );
    Ok(())
}

/// Makes a port of the container reachable by one of its host.
pub(super) fn bind(body: &mut ContainerCreateBody, inside: String, outside: PortBinding) {
    let exposed = body.exposed_ports.get_or_insert_default();
    if !exposed.contains(&inside) {
        exposed.push(inside.clone());
    }
    let host = body.host_config.get_or_insert_default();
    let bindings: &mut HashMap<_, _> = host.port_bindings.get_or_insert_default();
    bindings.entry(inside).or_insert_with(|| Some(Vec::new())).get_or_insert_default().push(outside);
}
