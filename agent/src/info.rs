//! What this agent is: its name, its resources, its attributes.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use tepui_model::{Attributes, InvalidAttributes, InvalidResources, InvalidRole, Resources, Role};
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

/// What the operator says; cpus, mem, disk and ports are detected if he does not mention them. A zero is mentioned.
fn resources(config: &Config) -> Result<Resources, InfoError> {
    let role = Role::parse(&config.default_role);
    let role = role.map_err(|why| InfoError::Role { role: config.default_role.clone(), why })?;
    let text = config.resources.clone().unwrap_or_default();
    let mut all =
        Resources::parse(&text, &role).map_err(|why| InfoError::Resources { text: text.clone(), why })?;
    let mentioned = mentioned(&text);
    let found = detect(&config.work_dir);
    let (first, last) = found.ports;
    let defaults = [
        ("cpus", format!("cpus:{}", found.cpus)),
        ("mem", format!("mem:{}", found.mem)),
        ("disk", format!("disk:{}", found.disk)),
        ("ports", format!("ports:[{first}-{last}]")),
    ];
    for (name, text) in defaults {
        if !mentioned.contains(name) {
            all += &Resources::parse(&text, &role).map_err(|why| InfoError::Resources { text, why })?;
        }
    }
    Ok(all)
}

/// The names in a flag that was parsed: the sum of its resources does not hold those of which there is nothing.
fn mentioned(text: &str) -> BTreeSet<String> {
    if let Ok(serde_json::Value::Array(entries)) = serde_json::from_str(text) {
        return entries.iter().filter_map(|entry| Some(entry["name"].as_str()?.to_owned())).collect();
    }
    // `name:value` or `name(role):value`.
    let entries = text.split(';').filter_map(|entry| entry.split([':', '(']).next());
    entries.map(|name| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_that_is_mentioned_is_not_detected() {
        let json = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":2}},
            {"name":"mem","type":"SCALAR","scalar":{"value":512}},
            {"name":"disk","type":"SCALAR","scalar":{"value":0}}]"#;
        for text in ["cpus:2; mem:512;disk:0", "cpus(web):2;mem:512;disk(web):0", json] {
            let mut config = Config::new("master:5050", "/");
            config.resources = Some(text.into());

            let resources = resources(&config).unwrap();

            assert_eq!(resources.disk().as_f64(), 0.0, "{text}");
            assert_eq!(resources.cpus().as_f64(), 2.0, "{text}");
            assert!(resources.to_string().contains("ports"), "{resources}");
        }
    }
}
