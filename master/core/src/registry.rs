//! The changes of the registry, as values: what is durable about agents. The shell stores the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, Role, Time};
use tepui_proto::{internal, v1};

use crate::maintenance::Maintenance;
use crate::quotas::quota_of;
use internal::registry::{
    GoneSlave, GoneSlaves, Master, MinimumCapability, Slave, Slaves, UnreachableSlave, UnreachableSlaves,
    Weight,
};

/// One change of the registry.
#[derive(Clone, Debug, PartialEq)]
pub enum RegistryOperation {
    /// Write down which master leads.
    Recover(Box<v1::MasterInfo>),
    /// A new agent is admitted.
    AdmitAgent(Box<v1::AgentInfo>),
    /// An admitted agent describes itself anew.
    UpdateAgent(Box<v1::AgentInfo>),
    /// An agent is given up, but welcome back.
    MarkUnreachable {
        /// Which.
        agent: AgentId,
        /// Since when.
        at: Time,
    },
    /// An agent is back, even if it is not known any more.
    MarkReachable(Box<v1::AgentInfo>),
    /// An agent left for good.
    RemoveAgent(AgentId),
    /// Old entries are dropped.
    Prune(Obsolete),
    /// Roles get these quotas; the default takes a role's quota away.
    UpdateQuota(Vec<v1::quota::QuotaConfig>),
    /// An agent is declared dead.
    MarkGone {
        /// Which.
        agent: AgentId,
        /// Since when.
        at: Time,
    },
    /// An agent is not offered any more.
    Deactivate(AgentId),
    /// An agent is offered again.
    Reactivate(AgentId),
    /// The schedule of maintenance and its machines are these.
    UpdateMaintenance(Box<Maintenance>),
    /// Roles weigh this much.
    UpdateWeights(Vec<(Role, f64)>),
}

/// Agents that are so long away that nobody will ask for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obsolete {
    /// Unreachable agents to forget.
    pub unreachable: Vec<AgentId>,
    /// Gone agents to forget.
    pub gone: Vec<AgentId>,
}

impl RegistryOperation {
    /// Makes the change. One that does not apply (an agent to remove that is not there) changes nothing: the core asks for
    /// changes of what it knows, so that this happens only after a store that was changed behind its back.
    pub fn apply(&self, registry: &mut internal::Registry) {
        match self {
            RegistryOperation::Recover(info) => {
                registry.master = Some(Box::new(Master { info: (**info).clone() }));
            }
            RegistryOperation::AdmitAgent(info) | RegistryOperation::UpdateAgent(info) => {
                admit(registry, info);
            }
            RegistryOperation::MarkUnreachable { agent, at } => mark_unreachable(registry, agent, *at),
            RegistryOperation::MarkReachable(info) => {
                let id = info.id.as_ref().map_or("", |id| &id.value);
                let deactivated = is_deactivated(registry, id);
                forget_unreachable(registry, &BTreeSet::from([id.to_owned()]));
                admit(registry, info);
                set_deactivated(registry, id, deactivated);
            }
            RegistryOperation::RemoveAgent(agent) => {
                remove(registry, agent.as_str());
            }
            RegistryOperation::Prune(obsolete) => {
                let texts = |ids: &[AgentId]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
                forget_unreachable(registry, &texts(&obsolete.unreachable));
                forget_gone(registry, &texts(&obsolete.gone));
            }
            RegistryOperation::UpdateQuota(configs) => {
                configs.iter().for_each(|config| update_quota(registry, config));
                let is_needed = !registry.quota_configs.is_empty();
                need(registry, QUOTA_V2, is_needed);
            }
            RegistryOperation::MarkGone { agent, at } => {
                remove(registry, agent.as_str());
                forget_unreachable(registry, &BTreeSet::from([agent.to_string()]));
                let gone = &mut registry.gone.get_or_insert_with(GoneSlaves::default).slaves;
                gone.push(GoneSlave { id: agent.to_wire(), timestamp: (*at).into() });
            }
            RegistryOperation::Deactivate(agent) => set_deactivated(registry, agent.as_str(), true),
            RegistryOperation::Reactivate(agent) => set_deactivated(registry, agent.as_str(), false),
            RegistryOperation::UpdateMaintenance(maintenance) => maintenance.write(registry),
            RegistryOperation::UpdateWeights(weights) => {
                update_weights(registry, weights);
            }
        }
    }
}

/// The capability that a master needs for a registry with deactivated agents.
pub const AGENT_DRAINING: &str = "AGENT_DRAINING";

fn is_deactivated(registry: &internal::Registry, agent: &str) -> bool {
    let admitted = registry.slaves.iter().flat_map(|slaves| &slaves.slaves);
    let away = registry.unreachable.iter().flat_map(|unreachable| &unreachable.slaves);
    admitted.filter(|slave| id_of(&slave.info) == agent).any(|slave| slave.deactivated())
        || away.filter(|slave| slave.id.value == agent).any(|slave| slave.deactivated())
}

/// Notes it of an agent, wherever it is. A registry with such agents needs a master that knows what it means.
fn set_deactivated(registry: &mut internal::Registry, agent: &str, deactivated: bool) {
    let flag = deactivated.then_some(true);
    let admitted = registry.slaves.iter_mut().flat_map(|slaves| &mut slaves.slaves);
    admitted.filter(|slave| id_of(&slave.info) == agent).for_each(|slave| slave.deactivated = flag);
    let away = registry.unreachable.iter_mut().flat_map(|unreachable| &mut unreachable.slaves);
    away.filter(|slave| slave.id.value == agent).for_each(|slave| slave.deactivated = flag);
    let admitted = registry.slaves.iter().flat_map(|slaves| &slaves.slaves);
    let away = registry.unreachable.iter().flat_map(|unreachable| &unreachable.slaves);
    let is_needed = admitted.into_iter().any(|slave| slave.deactivated())
        || away.into_iter().any(|slave| slave.deactivated());
    need(registry, AGENT_DRAINING, is_needed);
}

/// The capability that a master needs for a registry with quota.
pub const QUOTA_V2: &str = "QUOTA_V2";

/// Says whether a master must have the capability to go on from this registry.
fn need(registry: &mut internal::Registry, capability: &str, is_needed: bool) {
    let all = &mut registry.minimum_capabilities;
    all.retain(|there| there.capability != capability);
    if is_needed {
        all.push(MinimumCapability { capability: capability.to_owned() });
    }
}

#[expect(deprecated, reason = "quota that an old master wrote is replaced by what is written here")]
fn update_quota(registry: &mut internal::Registry, config: &v1::quota::QuotaConfig) {
    registry.quotas.retain(|old| old.info.role() != config.role);
    registry.quota_configs.retain(|old| old.role != config.role);
    // Zeros guarantee nothing, and are no limits.
    if quota_of(config).is_ok_and(|quota| !quota.is_default()) {
        registry.quota_configs.push(config.clone());
    }
}

fn update_weights(registry: &mut internal::Registry, weights: &[(Role, f64)]) {
    let mut all: BTreeMap<String, Weight> =
        registry.weights.drain(..).map(|weight| (weight.info.role().to_owned(), weight)).collect();
    for (role, weight) in weights {
        let info = v1::WeightInfo { weight: *weight, role: Some(role.to_string()) };
        all.insert(role.to_string(), Weight { info });
    }
    registry.weights = all.into_values().collect();
}

fn admit(registry: &mut internal::Registry, info: &v1::AgentInfo) {
    let slaves = &mut registry.slaves.get_or_insert_with(Slaves::default).slaves;
    match slaves.iter_mut().find(|slave| slave.info.id == info.id) {
        Some(slave) => slave.info = info.clone(),
        None => slaves.push(Slave { info: info.clone(), ..Slave::default() }),
    }
}

fn remove(registry: &mut internal::Registry, agent: &str) -> Option<Slave> {
    let slaves = &mut registry.slaves.as_mut()?.slaves;
    let index = slaves.iter().position(|slave| id_of(&slave.info) == agent)?;
    Some(slaves.remove(index))
}

fn mark_unreachable(registry: &mut internal::Registry, agent: &AgentId, at: Time) {
    let Some(slave) = remove(registry, agent.as_str()) else {
        return;
    };
    let entry = UnreachableSlave {
        id: agent.to_wire(),
        timestamp: at.into(),
        drain_info: slave.drain_info,
        deactivated: slave.deactivated,
    };
    registry.unreachable.get_or_insert_with(UnreachableSlaves::default).slaves.push(entry);
}

fn forget_unreachable(registry: &mut internal::Registry, agents: &BTreeSet<String>) {
    if let Some(unreachable) = &mut registry.unreachable {
        unreachable.slaves.retain(|slave| !agents.contains(&slave.id.value));
    }
}

fn forget_gone(registry: &mut internal::Registry, agents: &BTreeSet<String>) {
    if let Some(gone) = &mut registry.gone {
        gone.slaves.retain(|slave| !agents.contains(&slave.id.value));
    }
}

fn id_of(info: &v1::AgentInfo) -> &str {
    info.id.as_ref().map_or("", |id| id.value.as_str())
}

impl fmt::Display for RegistryOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegistryOperation::Recover(info) => write!(f, "master is {}", info.id),
            RegistryOperation::AdmitAgent(info) => write!(f, "admit {}", id_of(info)),
            RegistryOperation::UpdateAgent(info) => write!(f, "update {}", id_of(info)),
            RegistryOperation::MarkUnreachable { agent, at } => {
                write!(f, "{agent} is unreachable since {at}")
            }
            RegistryOperation::MarkReachable(info) => write!(f, "{} is reachable", id_of(info)),
            RegistryOperation::RemoveAgent(agent) => write!(f, "remove {agent}"),
            RegistryOperation::Prune(Obsolete { unreachable, gone }) => {
                write!(f, "forget {} unreachable and {} gone agents", unreachable.len(), gone.len())
            }
            RegistryOperation::UpdateQuota(configs) => {
                f.write_str("quota")?;
                configs.iter().try_for_each(|config| write!(f, " of {}", config.role))
            }
            RegistryOperation::MarkGone { agent, at } => write!(f, "{agent} is gone since {at}"),
            RegistryOperation::Deactivate(agent) => write!(f, "{agent} is deactivated"),
            RegistryOperation::Reactivate(agent) => write!(f, "{agent} is active again"),
            RegistryOperation::UpdateMaintenance(maintenance) => {
                f.write_str("maintenance")?;
                let machines = &maintenance.machines;
                machines.iter().try_for_each(|(machine, plan)| write!(f, " {machine} {:?}", plan.mode))
            }
            RegistryOperation::UpdateWeights(weights) => {
                f.write_str("weights")?;
                weights.iter().try_for_each(|(role, weight)| write!(f, " {role}={weight}"))
            }
        }
    }
}
