//! Whether a framework may be what it says it is.

use std::collections::{BTreeMap, BTreeSet};

use tepui_model::{FrameworkId, ResourceQuantities, Role};
use tepui_proto::v1::offer_filters::ResourceQuantities as MinQuantities;
use tepui_proto::v1::{FrameworkInfo, framework_info::capability::Type as Capability};

use super::Checked;
use crate::config::Config;
use crate::limits::ROLES_PER_FRAMEWORK;

/// The roles of a framework, in either of the two ways they can be given.
pub fn roles(info: &FrameworkInfo) -> Result<BTreeSet<Role>, String> {
    if is_multi_role(info) {
        if has_role(info) {
            return Err(
                "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable".into()
            );
        }
        return multiple_roles(info);
    }
    if !info.roles.is_empty() {
        return Err(
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable".into()
        );
    }
    let role = Role::parse(single_role(info))
        .map_err(|why| format!("'FrameworkInfo.role' is not a valid role: {why}"))?;
    Ok(BTreeSet::from([role]))
}

fn is_multi_role(info: &FrameworkInfo) -> bool {
    info.capabilities.iter().any(|capability| capability.r#type() == Capability::MultiRole)
}

#[expect(deprecated, reason = "frameworks of one role still use the old field")]
fn has_role(info: &FrameworkInfo) -> bool {
    info.role.is_some()
}

fn single_role(info: &FrameworkInfo) -> &str {
    info.role()
}

fn multiple_roles(info: &FrameworkInfo) -> Result<BTreeSet<Role>, String> {
    if info.roles.len() > ROLES_PER_FRAMEWORK {
        return Err(format!(
            "'FrameworkInfo.roles' has {} roles, at most {ROLES_PER_FRAMEWORK} are taken",
            info.roles.len()
        ));
    }
    let mut seen = BTreeSet::new();
    let repeated: BTreeSet<&str> =
        info.roles.iter().map(String::as_str).filter(|role| !seen.insert(*role)).collect();
    if !repeated.is_empty() {
        return Err(format!("'FrameworkInfo.roles' contains duplicate items: {}", set_text(repeated)));
    }
    let parse = |role: &String| {
        Role::parse(role).map_err(|why| format!("'FrameworkInfo.roles' contains invalid role: {why}"))
    };
    info.roles.iter().map(parse).collect()
}

/// Whether the description is valid, by itself and by the operator's choices. The error comes before anything is changed.
pub fn check(info: &FrameworkInfo, config: &Config) -> Result<BTreeSet<Role>, String> {
    let roles = roles(info)?;
    check_id(info)?;
    check_offer_filters(info)?;
    check_failover_timeout(info)?;
    if let Some(allowed) = &config.roles {
        let foreign: BTreeSet<&str> =
            roles.iter().map(Role::as_str).filter(|role| !allowed.contains(*role)).collect();
        if !foreign.is_empty() {
            return Err(format!("Roles {} are not present in the master's --roles", set_text(foreign)));
        }
    }
    if info.user == "root" && !config.root_submissions {
        return Err("User 'root' is not allowed to run frameworks without --root_submissions set".into());
    }
    Ok(roles)
}

fn check_id(info: &FrameworkInfo) -> Checked {
    match &info.id {
        Some(id) if !id.value.is_empty() => {
            FrameworkId::from_wire(id).map(|_| ()).map_err(|why| why.to_string())
        }
        _ => Ok(()),
    }
}

fn check_offer_filters(info: &FrameworkInfo) -> Checked {
    let all = info.offer_filters.values().filter_map(|filters| filters.min_allocatable_resources.as_ref());
    for quantities in all.flat_map(|resources| &resources.quantities) {
        if quantities.quantities.is_empty() {
            return Err("Resource quantities must contain at least one quantity".into());
        }
        for (name, amount) in &quantities.quantities {
            let why = match amount.value {
                value if value.is_nan() => "NaN not supported",
                value if value.is_infinite() => "Infinite values not supported",
                value if value.is_subnormal() => "Subnormal values not supported",
                value if value < 0.0 => "Negative values not supported",
                _ => continue,
            };
            return Err(format!("Invalid resource quantity for '{name}': {why}"));
        }
    }
    Ok(())
}

/// A timeout must be a number of seconds whose nanoseconds fit 64 bits, as durations are counted. A negative one is none.
fn check_failover_timeout(info: &FrameworkInfo) -> Checked {
    const LONGEST_SECONDS: f64 = i64::MAX as f64 / 1e9;
    let timeout = info.failover_timeout();
    if timeout.abs() <= LONGEST_SECONDS {
        return Ok(());
    }
    let text = format!("{timeout:e}").replace('e', "e+");
    Err(format!("The framework failover_timeout ({text}) is invalid"))
}

/// Whether a framework may subscribe again as this: like [`check_update`], but one that had no principal may have got one, because
/// frameworks have to show theirs now.
pub fn check_return(old: &FrameworkInfo, new: &FrameworkInfo) -> Checked {
    if old.principal.is_none() && new.principal.is_some() {
        return check_update(old, &FrameworkInfo { principal: None, ..new.clone() });
    }
    check_update(old, new)
}

/// Whether a framework may be updated to this; what must not change is `user`, `checkpoint` and `principal`.
pub fn check_update(old: &FrameworkInfo, new: &FrameworkInfo) -> Checked {
    if old.principal != new.principal {
        // The old principal is not told: who asks may be somebody else.
        return Err("Changing framework's principal is not allowed.".into());
    }
    if old.user != new.user {
        return Err(format!(
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{}' to '{}'",
            old.user, new.user
        ));
    }
    if old.checkpoint() != new.checkpoint() {
        return Err(format!(
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{}' to '{}'",
            old.checkpoint(),
            new.checkpoint()
        ));
    }
    Ok(())
}

/// The suppressed roles, which must be among the framework's.
pub fn suppressed(roles: &BTreeSet<Role>, suppressed: &[String]) -> Result<BTreeSet<Role>, String> {
    let find = |text: &String| roles.iter().find(|role| role.as_str() == text);
    let foreign: BTreeSet<&str> =
        suppressed.iter().filter(|text| find(text).is_none()).map(String::as_str).collect();
    if !foreign.is_empty() {
        return Err(format!("Suppressed roles {} are not contained in the set of roles", set_text(foreign)));
    }
    Ok(suppressed.iter().filter_map(find).cloned().collect())
}

/// What an offer must hold at least one of, by role, for roles where the framework says so.
pub fn min_allocatable(info: &FrameworkInfo) -> Result<BTreeMap<Role, Vec<ResourceQuantities>>, String> {
    let mut all = BTreeMap::new();
    for (role, filters) in &info.offer_filters {
        let (Ok(role), Some(resources)) = (Role::parse(role), &filters.min_allocatable_resources) else {
            continue;
        };
        let read = |one: &MinQuantities| {
            ResourceQuantities::from_wire(&one.quantities).map_err(|(name, value)| {
                format!("Invalid resource quantity for '{name}': {value} is not an amount")
            })
        };
        all.insert(role, resources.quantities.iter().map(read).collect::<Result<_, _>>()?);
    }
    Ok(all)
}

/// A set as Mesos prints it.
fn set_text(items: BTreeSet<&str>) -> String {
    let items: Vec<&str> = items.into_iter().collect();
    format!("{{ {} }}", items.join(", "))
}
