//! The roles in use: which frameworks subscribe to them, and what those hold.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{FrameworkStanding, FrameworkView};
use tepui_model::Resources;
use tepui_proto::v1;

use super::cluster::Cluster;
use super::json::ResourceMap;

/// One role in use.
#[derive(Default)]
pub(super) struct RoleUse {
    name: String,
    frameworks: Vec<String>,
    allocated: Resources,
    offered: Resources,
}

/// The roles that have frameworks, by name.
pub(super) fn of(cluster: &Cluster) -> Vec<RoleUse> {
    let mut roles: BTreeMap<String, RoleUse> = BTreeMap::new();
    let live = cluster.frameworks().filter(|view| view.standing != FrameworkStanding::Completed);
    for view in live {
        for name in roles_of(view) {
            let role = roles.entry(name.to_string()).or_default();
            role.name = name.to_string();
            role.frameworks.push(view.id.as_str().to_string());
        }
        for (allocated, resources) in view.used.allocations() {
            roles.entry(allocated.as_str().to_string()).or_default().allocated += &resources;
        }
        for (offered, resources) in view.offered.allocations() {
            roles.entry(offered.as_str().to_string()).or_default().offered += &resources;
        }
    }
    for (name, role) in &mut roles {
        role.name.clone_from(name);
    }
    roles.into_values().collect()
}

fn roles_of(view: &FrameworkView) -> Vec<&str> {
    match view.info.roles.as_slice() {
        [] => vec![view.info.role()],
        roles => roles.iter().map(String::as_str).collect(),
    }
}

/// Every role's weight is Mesos' default until weights can be set.
const WEIGHT: f64 = 1.0;

impl RoleUse {
    /// The role as a v1 message.
    pub(super) fn message(&self) -> v1::Role {
        v1::Role {
            name: self.name.clone(),
            weight: WEIGHT,
            frameworks: self.frameworks.iter().map(|id| v1::FrameworkId { value: id.clone() }).collect(),
            resources: (&self.allocated + &self.offered).scalars().flatten().unallocated().to_wire(),
        }
    }
}

impl Serialize for RoleUse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let held = &self.allocated + &self.offered;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("weight", &WEIGHT)?;
        map.serialize_entry("quota", &Quota { role: &self.name, held: &held })?;
        map.serialize_entry("resources", &ResourceMap(&held))?;
        map.serialize_entry("allocated", &ResourceMap(&self.allocated))?;
        map.serialize_entry("offered", &ResourceMap(&self.offered))?;
        map.serialize_entry("reserved", &Quantities(&held.reserved()))?;
        map.serialize_entry("frameworks", &self.frameworks)?;
        map.end()
    }
}

/// A role's quota: none can be set in this version, so that nothing is guaranteed or limited.
struct Quota<'a> {
    role: &'a str,
    held: &'a Resources,
}

impl Serialize for Quota<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", self.role)?;
        map.serialize_entry("guarantee", &Quantities(&Resources::new()))?;
        map.serialize_entry("limit", &Quantities(&Resources::new()))?;
        map.serialize_entry("consumed", &Quantities(&self.held.non_revocable()))?;
        map.end()
    }
}

/// `{"cpus":1.0}`: only the scalars there are.
struct Quantities<'a>(&'a Resources);

impl Serialize for Quantities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let quantities = self.0.quantities();
        serializer.collect_map(quantities.iter().map(|(name, amount)| (name.as_str(), amount.as_f64())))
    }
}
