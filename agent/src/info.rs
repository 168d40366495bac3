//! What this agent is: its name, its resources, its attributes.

use std::net::SocketAddr;

use tepui_model::{
    Attributes, InvalidAttributes, InvalidResources, InvalidRole, ResourceName, Resources, Role,
};
use tepui_proto::v1;

use crate::detect::detect;
use crate::{Config, hostname};

/// What is wrong with the flags that describe the agent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InfoError {
    #[error("--default_role={role}: {why}")]
    Role { role: String, why: InvalidRole },
    #[error("--resources={text}: {why}")]
    Resources { text: String, why: InvalidResources },
    #[error("--attributes={text}: {why}")]
    Attributes { text: String, why: InvalidAttributes },
}

/// The agent's info without an id, and its hostname.
pub(crate) async fn describe(
    config: &Config,
    address: SocketAddr,
) -> Result<(v1::AgentInfo, String), InfoError> {
    let hostname = match &config.hostname {
        Some(hostname) => hostname.clone(),
        None if config.hostname_lookup => {
            // The resolver blocks; if it cannot be asked, the address is the name.
            let asked = tokio::task::spawn_blocking(move || hostname::of_address(address.ip())).await;
            asked.unwrap_or_else(|_| address.ip().to_string())
        }
        None => address.ip().to_string(),
    };
    let attributes = match &config.attributes {
        None => Vec::new(),
        Some(text) => {
            let parsed =
                Attributes::parse(text).map_err(|why| InfoError::Attributes { text: text.clone(), why })?;
            parsed.to_wire()
        }
    };
    let info = v1::AgentInfo {
        hostname: hostname.clone(),
        port: Some(i32::from(address.port())),
        resources: resources(config)?.to_wire(),
        attributes,
        ..v1::AgentInfo::default()
    };
    Ok((info, hostname))
}

/// What the operator says; cpus, mem, disk and ports are detected if he does not mention them.
fn resources(config: &Config) -> Result<Resources, InfoError> {
    let role = Role::parse(&config.default_role);
    let role = role.map_err(|why| InfoError::Role { role: config.default_role.clone(), why })?;
    let text = config.resources.clone().unwrap_or_default();
    let given = Resources::parse(&text, &role).map_err(|why| InfoError::Resources { text, why })?;
    let found = detect(&config.work_dir);
    let (first, last) = found.ports;
    let defaults = [
        ("cpus", format!("cpus:{}", found.cpus)),
        ("mem", format!("mem:{}", found.mem)),
        ("disk", format!("disk:{}", found.disk)),
        ("ports", format!("ports:[{first}-{last}]")),
    ];
    let mut all = given.clone();
    for (name, text) in defaults {
        if given.named(&ResourceName::from(name)).is_empty() {
            all += &Resources::parse(&text, &role).map_err(|why| InfoError::Resources { text, why })?;
        }
    }
    Ok(all)
}
