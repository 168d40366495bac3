//! Whether resources may be used together, beyond each being well-formed.

use std::collections::BTreeSet;

use tepui_model::{Resource, ResourceName, Resources, Role, TaskId, Value};
use tepui_proto::v1;

use super::Checked;

/// The roles that resources are allocated to, in the order they were named; what names none is the offer's.
pub fn roles_of(wire: &[v1::Resource], offered: &Role) -> Vec<String> {
    let role = |resource: &v1::Resource| {
        let own = resource.allocation_info.as_ref().and_then(|info| info.role.clone());
        own.unwrap_or_else(|| offered.to_string())
    };
    wire.iter().map(role).collect()
}

pub fn check_single_role(roles: &[String]) -> Checked {
    let Some(first) = roles.first() else { return Ok(()) };
    match roles.iter().find(|role| *role != first) {
        None => Ok(()),
        Some(other) => Err(format!(
            "The resources have multiple allocation roles ('{other}' and '{first}') but only one allocation role is allowed"
        )),
    }
}

/// What holds for every set of resources that somebody wants to use.
pub fn check(resources: &Resources) -> Checked {
    if resources.gpus().as_millis() % 1000 != 0 {
        return Err("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer".into());
    }
    for resource in resources {
        check_disk(resource).map_err(|why| format!("Invalid DiskInfo: {why}"))?;
    }
    Ok(())
}

fn check_disk(resource: &Resource) -> Checked {
    let Some(disk) = resource.disk() else { return Ok(()) };
    let Some(persistence) = &disk.persistence else {
        return match (&disk.volume, &disk.source) {
            (Some(_), _) => Err("Non-persistent volume not supported".into()),
            (None, None) => Err("DiskInfo is set but empty".into()),
            (None, Some(_)) => Ok(()),
        };
    };
    if resource.is_revocable() {
        return Err("Persistent volumes cannot be created from revocable resources".into());
    }
    if !resource.is_reserved() {
        return Err("Persistent volumes cannot be created from unreserved resources".into());
    }
    let Some(volume) = &disk.volume else {
        return Err("Expecting 'volume' to be set for persistent volume".into());
    };
    if volume.host_path.is_some() {
        return Err("Expecting 'host_path' to be unset for persistent volume".into());
    }
    // The rule of persistence ids is that of all ids that become directories.
    TaskId::parse(persistence.id.as_str())
        .map(|_| ())
        .map_err(|why| format!("Invalid persistence ID for persistent volume: {why}"))
}

pub fn check_unique_persistence(resources: &Resources) -> Checked {
    let mut seen = BTreeSet::new();
    for volume in &resources.persistent_volumes() {
        let role = volume.reservation().map(|reservation| &reservation.role);
        let Some(persistence) = volume.disk().and_then(|disk| disk.persistence.as_ref()) else { continue };
        // An entry with several copies of one volume that is not shared names it several times.
        let is_repeated = volume.copies() > 1 && !volume.is_shared();
        if is_repeated || !seen.insert((role, persistence.id.as_str())) {
            return Err(format!("Persistence ID '{}' is not unique", persistence.id));
        }
    }
    Ok(())
}

pub fn check_revocable_apart(resources: &Resources) -> Checked {
    let names = |wanted: fn(&Resource) -> bool| -> BTreeSet<&ResourceName> {
        resources.iter().filter(|resource| wanted(resource)).map(Resource::name).collect()
    };
    let (revocable, others) = (names(Resource::is_revocable), names(|resource| !resource.is_revocable()));
    match revocable.intersection(&others).next() {
        None => Ok(()),
        Some(name) => Err(format!("Cannot use both revocable and non-revocable '{name}' at the same time")),
    }
}

/// Whether two sums name the same port, or the same member of a set.
pub fn overlap(left: &Resources, right: &Resources) -> bool {
    left.iter().any(|one| {
        right.iter().any(|other| one.name() == other.name() && values_overlap(one.value(), other.value()))
    })
}

fn values_overlap(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Ranges(one), Value::Ranges(other)) => {
            one.iter().any(|(begin, end)| other.iter().any(|(first, last)| begin <= last && first <= end))
        }
        (Value::Set(one), Value::Set(other)) => one.iter().any(|member| other.contains(member)),
        _ => false,
    }
}
