//! The roles: which frameworks subscribe to them, what those hold, what is reserved, and what operators set.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{FrameworkStanding, FrameworkView};
use tepui_model::{ResourceQuantities, Resources, Role};
use tepui_proto::v1::quota::{QuotaConfig, QuotaInfo, QuotaStatus};
use tepui_proto::v1::{self, value};

use super::cluster::Cluster;
use super::json::ResourceMap;

/// A role that something is known of, and all that it and the roles below it hold.
#[derive(Default)]
pub(super) struct RoleUse {
    name: String,
    weight: Option<f64>,
    quota: QuotaConfig,
    frameworks: Vec<String>,
    allocated: Resources,
    offered: Resources,
    /// Of all agents.
    reserved: ResourceQuantities,
}

/// The roles that frameworks, reservations, weights or quota name, and those above them, by name.
pub(super) fn of(cluster: &Cluster) -> Vec<RoleUse> {
    let mut roles: BTreeMap<Role, RoleUse> = BTreeMap::new();
    let live = cluster.frameworks().filter(|view| view.standing != FrameworkStanding::Completed);
    for view in live {
        for role in of_framework(view).into_iter().filter_map(|role| Role::parse(role).ok()) {
            in_role_and_above(&mut roles, &role, |_| {});
            roles.entry(role).or_default().frameworks.push(view.id.as_str().to_string());
        }
        for (role, resources) in view.used.allocations() {
            in_role_and_above(&mut roles, &role, |role| role.allocated += &resources);
        }
        for (role, resources) in view.offered.allocations() {
            in_role_and_above(&mut roles, &role, |role| role.offered += &resources);
        }
    }
    for agent in cluster.agents() {
        for (role, resources) in agent.total.reservations() {
            in_role_and_above(&mut roles, &role, |role| role.reserved += &resources.quantities());
        }
    }
    for (role, weight) in &cluster.weights {
        in_role_and_above(&mut roles, role, |_| {});
        roles.entry(role.clone()).or_default().weight = Some(*weight);
    }
    for (role, config) in &cluster.quotas {
        roles.entry(role.clone()).or_default().quota = config.clone();
    }
    for (name, role) in &mut roles {
        role.name = name.to_string();
    }
    roles.into_values().collect()
}

fn in_role_and_above(roles: &mut BTreeMap<Role, RoleUse>, role: &Role, mut change: impl FnMut(&mut RoleUse)) {
    for each in std::iter::once(role.clone()).chain(role.ancestors()) {
        change(roles.entry(each).or_default());
    }
}

/// The roles that a framework is subscribed to.
pub(super) fn of_framework(view: &FrameworkView) -> Vec<&str> {
    match view.info.roles.as_slice() {
        [] => vec![view.info.role()],
        roles => roles.iter().map(String::as_str).collect(),
    }
}

/// What a role weighs that was given no weight.
const DEFAULT_WEIGHT: f64 = 1.0;

impl RoleUse {
    /// The role as a v1 message.
    pub(super) fn message(&self) -> v1::Role {
        v1::Role {
            name: self.name.clone(),
            weight: self.weight.unwrap_or(DEFAULT_WEIGHT),
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
        map.serialize_entry("weight", &self.weight.unwrap_or(DEFAULT_WEIGHT))?;
        map.serialize_entry("quota", &Quota(self))?;
        map.serialize_entry("resources", &ResourceMap(&held))?;
        map.serialize_entry("allocated", &ResourceMap(&self.allocated))?;
        map.serialize_entry("offered", &ResourceMap(&self.offered))?;
        map.serialize_entry("reserved", &Quantities(&self.reserved))?;
        map.serialize_entry("frameworks", &self.frameworks)?;
        map.end()
    }
}

/// A role's quota, in the words that were there before limits had a map of their own.
struct Quota<'a>(&'a RoleUse);

impl Serialize for Quota<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RoleUse { name, quota, allocated, reserved, .. } = self.0;
        let consumed = allocated.unreserved().non_revocable().quantities() + reserved;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", name)?;
        map.serialize_entry("guarantee", &Amounts(&quota.guarantees))?;
        map.serialize_entry("limit", &Amounts(&quota.limits))?;
        map.serialize_entry("consumed", &Quantities(&consumed))?;
        map.end()
    }
}

/// `{"cpus":1.0}`: only the scalars there are.
struct Quantities<'a>(&'a ResourceQuantities);

impl Serialize for Quantities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, amount)| (name.as_str(), amount.as_f64())))
    }
}

/// The same of a message's map.
struct Amounts<'a>(&'a BTreeMap<String, value::Scalar>);

impl Serialize for Amounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, amount)| (name, amount.value)))
    }
}

/// The weights that were set.
pub(super) fn weights(cluster: &Cluster) -> Vec<v1::WeightInfo> {
    let weights = cluster.weights.iter();
    weights.map(|(role, weight)| v1::WeightInfo { weight: *weight, role: Some(role.to_string()) }).collect()
}

/// The quotas that were set, also in the words of those who know guarantees only.
#[expect(deprecated, reason = "operators' tools still read them")]
pub(super) fn quota(cluster: &Cluster) -> QuotaStatus {
    let info = |config: &QuotaConfig| {
        let amounts: ResourceQuantities =
            ResourceQuantities::from_wire(&config.guarantees).unwrap_or_default();
        let guarantee = amounts.iter().map(|(name, amount)| v1::Resource {
            name: name.to_string(),
            r#type: v1::value::Type::Scalar as i32,
            scalar: Some(value::Scalar { value: amount.as_f64() }),
            ..v1::Resource::default()
        });
        QuotaInfo { role: Some(config.role.clone()), principal: None, guarantee: guarantee.collect() }
    };
    QuotaStatus {
        infos: cluster.quotas.values().map(info).collect(),
        configs: cluster.quotas.values().cloned().collect(),
    }
}
