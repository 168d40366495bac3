//! Whether an agent may come back as something else than it was (`--reconfiguration_policy`).

use tepui_model::{Resource, Resources, Value};
use tepui_proto::v1::{self, AgentInfo, Attribute};

use crate::checks;

/// `--reconfiguration_policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing may change.
    Equal,
    /// Resources and attributes may be added, and grow.
    Additive,
}

/// What was changed that must not be, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Reconfiguration(pub String);

/// Compares what this agent was with what it is now to be.
///
/// # Errors
/// The first change that `policy` does not allow.
pub fn compare(policy: Policy, old: &AgentInfo, new: &AgentInfo) -> Result<(), Reconfiguration> {
    let refuse = |what: String| Err(Reconfiguration(what));
    if old.hostname != new.hostname {
        return refuse(format!("the hostname was '{}' and is now '{}'", old.hostname, new.hostname));
    }
    if old.port() != new.port() {
        return refuse(format!("the port was {} and is now {}", old.port(), new.port()));
    }
    let domain_kept = old.domain == new.domain || (policy == Policy::Additive && old.domain.is_none());
    if !domain_kept {
        return refuse("the fault domain changed".into());
    }
    let (old_total, new_total) = (total(old)?, total(new)?);
    let resources_kept = match policy {
        Policy::Equal => old_total == new_total,
        Policy::Additive => grew(&old_total, &new_total),
    };
    if !resources_kept {
        return refuse(format!("the resources were '{old_total}' and are now '{new_total}'"));
    }
    let missing =
        old.attributes.iter().find(|old| !new.attributes.iter().any(|new| is_kept(policy, old, new)));
    if let Some(attribute) = missing {
        return refuse(format!("the attribute '{}' changed or is gone", attribute.name));
    }
    if policy == Policy::Equal && old.attributes.len() != new.attributes.len() {
        return refuse("an attribute was added".into());
    }
    Ok(())
}

fn total(info: &AgentInfo) -> Result<Resources, Reconfiguration> {
    checks::resources(&info.resources).map_err(Reconfiguration)
}

/// Every old resource has a new one of the same kind that holds at least as much.
fn grew(old: &Resources, new: &Resources) -> bool {
    old.iter().all(|entry: &Resource| {
        new.contains_entry(entry) || matches!(entry.value(), Value::Scalar(_)) && new.contains_entry(entry)
    })
}

fn is_kept(policy: Policy, old: &Attribute, new: &Attribute) -> bool {
    if old.name != new.name || old.r#type != new.r#type {
        return false;
    }
    match (policy, &old.ranges, &new.ranges) {
        (Policy::Additive, Some(old), Some(new)) => covers(new, old),
        _ => old == new,
    }
}

fn covers(wide: &v1::value::Ranges, narrow: &v1::value::Ranges) -> bool {
    narrow
        .range
        .iter()
        .all(|narrow| wide.range.iter().any(|wide| wide.begin <= narrow.begin && narrow.end <= wide.end))
}
