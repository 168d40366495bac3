//! The roles: which frameworks subscribe to them, what those hold, what is reserved, and what operators set.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::{Serialize, SerializeMap, Serializer};
use tepui_master_core::{FrameworkStanding, FrameworkView};
use tepui_model::{ResourceQuantities, Role, Scalar};
use tepui_proto::v1::quota::{QuotaConfig, QuotaInfo, QuotaStatus};
use tepui_proto::v1::{self, value};

use super::cluster::Cluster;

/// A role that something is known of, and all that it and the roles below it hold.
#[derive(Default)]
pub(super) struct RoleUse {
    name: String,
    weight: Option<f64>,
    quota: QuotaConfig,
    frameworks: Vec<String>,
    allocated: ResourceQuantities,
    /// The part of it that counts against quota by itself: what is reserved counts whether it is allocated or not.
    unreserved: ResourceQuantities,
    offered: ResourceQuantities,
    /// Of all agents.
    reserved: ResourceQuantities,
}

/// The roles that frameworks, reservations, weights or quota name, and those above them, by name. Where there is a whitelist,
/// those on it, whether anything names them or not.
pub(super) fn of(cluster: &Cluster, whitelist: Option<&BTreeSet<String>>) -> Vec<RoleUse> {
    let mut roles = known(cluster);
    if let Some(whitelist) = whitelist {
        let listed = whitelist.iter().map(String::as_str).chain(["*"]);
        let mut wanted: BTreeMap<Role, RoleUse> = BTreeMap::new();
        for role in listed.filter_map(|role| Role::parse(role).ok()) {
            for each in std::iter::once(role.clone()).chain(role.ancestors()) {
                let held = roles.remove(&each);
                wanted.entry(each).or_insert_with(|| held.unwrap_or_default());
            }
        }
        roles = wanted;
    }
    for (name, role) in &mut roles {
        role.name = name.to_string();
    }
    roles.into_values().collect()
}

fn known(cluster: &Cluster) -> BTreeMap<Role, RoleUse> {
    let mut roles: BTreeMap<Role, RoleUse> = BTreeMap::new();
    let live = cluster.frameworks().filter(|view| view.standing != FrameworkStanding::Completed);
    for view in live {
        let subscribed = of_framework(view).into_iter().filter_map(|role| Role::parse(role).ok());
        // Also roles that it left, as long as it holds something there.
        let mut its: BTreeSet<Role> = subscribed.collect();
        for (role, resources) in view.used.allocations() {
            let (all, unreserved) = (resources.amounts(), resources.unreserved().non_revocable().amounts());
            in_role_and_above(&mut roles, &role, |role| {
                role.allocated += &all;
                role.unreserved += &unreserved;
            });
            its.insert(role);
        }
        for (role, resources) in view.offered.allocations() {
            let amounts = resources.amounts();
            in_role_and_above(&mut roles, &role, |role| role.offered += &amounts);
            its.insert(role);
        }
        for role in its {
            in_role_and_above(&mut roles, &role, |_| {});
            roles.entry(role).or_default().frameworks.push(view.id.as_str().to_string());
        }
    }
    for agent in cluster.agents() {
        for (role, resources) in agent.total.reservations() {
            let amounts = resources.amounts();
            in_role_and_above(&mut roles, &role, |role| role.reserved += &amounts);
        }
    }
    for (role, weight) in &cluster.weights {
        in_role_and_above(&mut roles, role, |_| {});
        roles.entry(role.clone()).or_default().weight = Some(*weight);
    }
    for (role, config) in &cluster.quotas {
        in_role_and_above(&mut roles, role, |_| {});
        roles.entry(role.clone()).or_default().quota = config.clone();
    }
    roles
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
            resources: self.scalars(),
        }
    }

    /// The four that are scalars for sure, of what is allocated and offered.
    fn scalars(&self) -> Vec<v1::Resource> {
        let held = self.allocated.clone() + &self.offered;
        let there = ["cpus", "disk", "gpus", "mem"].map(|name| (name, held.get(&name.into())));
        let there = there.into_iter().filter(|(_, amount)| !amount.is_zero());
        there.map(|(name, amount)| scalar(name, amount)).collect()
    }
}

impl Serialize for RoleUse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let held = self.allocated.clone() + &self.offered;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("weight", &self.weight.unwrap_or(DEFAULT_WEIGHT))?;
        map.serialize_entry("quota", &Quota(self))?;
        map.serialize_entry("resources", &Quantities(&held))?;
        map.serialize_entry("allocated", &Quantities(&self.allocated))?;
        map.serialize_entry("offered", &Quantities(&self.offered))?;
        map.serialize_entry("reserved", &Quantities(&self.reserved))?;
        map.serialize_entry("frameworks", &self.frameworks)?;
        map.end()
    }
}

/// A role's quota, in the words that were there before limits had a map of their own.
struct Quota<'a>(&'a RoleUse);

impl Serialize for Quota<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RoleUse { name, quota, unreserved, reserved, .. } = self.0;
        let consumed = unreserved.clone() + reserved;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", name)?;
        map.serialize_entry("guarantee", &Amounts(&quota.guarantees))?;
        map.serialize_entry("limit", &Amounts(&quota.limits))?;
        map.serialize_entry("consumed", &Quantities(&consumed))?;
        map.end()
    }
}

/// `{"cpus":1.0,"ports":2.0}`: only what there is, in alphabetical order.
struct Quantities<'a>(&'a ResourceQuantities);

impl Serialize for Quantities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let amounts: BTreeMap<&str, f64> =
            self.0.iter().map(|(name, amount)| (name.as_str(), amount.as_f64())).collect();
        amounts.serialize(serializer)
    }
}

/// The same of a message's map.
struct Amounts<'a>(&'a BTreeMap<String, value::Scalar>);

impl Serialize for Amounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, amount)| (name, amount.value)))
    }
}

fn scalar(name: &str, amount: Scalar) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(value::Scalar { value: amount.as_f64() }),
        ..v1::Resource::default()
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
        let guarantee = amounts.iter().map(|(name, amount)| scalar(name.as_str(), amount));
        QuotaInfo { role: Some(config.role.clone()), principal: None, guarantee: guarantee.collect() }
    };
    QuotaStatus {
        infos: cluster.quotas.values().map(info).collect(),
        configs: cluster.quotas.values().cloned().collect(),
    }
}
