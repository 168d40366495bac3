//! The changes of the registry, as values: what is durable about agents. The shell stores the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, Role, Time};
use tepui_proto::internal;
use tepui_proto::v1::{self, DrainInfo, DrainState};

use crate::display::DrainText;
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
    /// An agent is not offered any more, and its tasks are ended.
    Drain {
        /// Which.
        agent: AgentId,
        /// How.
        config: v1::DrainConfig,
    },
    /// They have ended.
    MarkDrained(AgentId),
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

/// Where in a registry's lists its agents stand, so that a change costs the same however many there are. Belongs to one registry,
/// and goes with it from change to change.
#[derive(Clone, Debug, Default)]
pub struct Places {
    admitted: BTreeMap<String, usize>,
    unreachable: BTreeMap<String, usize>,
}

impl Places {
    /// Those of this registry.
    pub fn of(registry: &internal::Registry) -> Places {
        let admitted = registry.slaves.iter().flat_map(|slaves| &slaves.slaves);
        let away = registry.unreachable.iter().flat_map(|unreachable| &unreachable.slaves);
        Places {
            admitted: admitted
                .enumerate()
                .map(|(place, slave)| (id_of(&slave.info).to_owned(), place))
                .collect(),
            unreachable: away.enumerate().map(|(place, slave)| (slave.id.value.clone(), place)).collect(),
        }
    }
}

impl RegistryOperation {
    /// Makes the change. One that does not apply (an agent to remove that is not there) changes nothing: the core asks for
    /// changes of what it knows, so that this happens only after a store that was changed behind its back.
    pub fn apply(&self, registry: &mut internal::Registry) {
        self.apply_at(registry, &mut Places::of(registry));
    }

    /// The same for who makes many: `places` are those of this registry.
    pub fn apply_at(&self, registry: &mut internal::Registry, places: &mut Places) {
        match self {
            RegistryOperation::Recover(info) => {
                registry.master = Some(Box::new(Master { info: (**info).clone() }));
            }
            RegistryOperation::AdmitAgent(info) | RegistryOperation::UpdateAgent(info) => {
                admit(registry, places, info);
            }
            RegistryOperation::MarkUnreachable { agent, at } => {
                mark_unreachable(registry, places, agent, *at);
            }
            RegistryOperation::MarkReachable(info) => {
                let away = forget_unreachable(registry, places, id_of(info));
                let slave = admit(registry, places, info);
                if let Some(away) = away {
                    (slave.drain_info, slave.deactivated) = (away.drain_info, away.deactivated);
                }
            }
            RegistryOperation::RemoveAgent(agent) => {
                if remove(registry, places, agent.as_str()).is_some_and(|slave| slave.deactivated()) {
                    need_draining(registry);
                }
            }
            RegistryOperation::Prune(obsolete) => {
                for agent in &obsolete.unreachable {
                    forget_unreachable(registry, places, agent.as_str());
                }
                need_draining(registry);
                forget_gone(registry, &obsolete.gone.iter().map(ToString::to_string).collect());
            }
            RegistryOperation::UpdateQuota(configs) => {
                configs.iter().for_each(|config| update_quota(registry, config));
                let is_needed = !registry.quota_configs.is_empty();
                need(registry, QUOTA_V2, is_needed);
            }
            RegistryOperation::MarkGone { agent, at } => {
                remove(registry, places, agent.as_str());
                forget_unreachable(registry, places, agent.as_str());
                need_draining(registry);
                let gone = &mut registry.gone.get_or_insert_with(GoneSlaves::default).slaves;
                gone.push(GoneSlave { id: agent.to_wire(), timestamp: (*at).into() });
            }
            RegistryOperation::Deactivate(agent) => {
                change_decisions(registry, places, agent, |_, deactivated| *deactivated = Some(true));
            }
            RegistryOperation::Drain { agent, config } => {
                let info = v1::DrainInfo { state: DrainState::Draining as i32, config: *config };
                change_decisions(registry, places, agent, |drain, deactivated| {
                    (*drain, *deactivated) = (Some(info), Some(true));
                });
            }
            RegistryOperation::MarkDrained(agent) => {
                change_decisions(registry, places, agent, |drain, _| {
                    if let Some(drain) = drain {
                        drain.state = DrainState::Drained as i32;
                    }
                });
            }
            RegistryOperation::Reactivate(agent) => {
                change_decisions(registry, places, agent, |drain, deactivated| {
                    (*drain, *deactivated) = (None, None);
                });
            }
            RegistryOperation::UpdateMaintenance(maintenance) => maintenance.write(registry),
            RegistryOperation::UpdateWeights(weights) => {
                update_weights(registry, weights);
            }
        }
    }
}

/// The capability that a master needs for a registry with deactivated agents.
pub const AGENT_DRAINING: &str = "AGENT_DRAINING";

/// Changes what operators decided of an agent, wherever it is: its drain, and whether it is deactivated.
fn change_decisions(
    registry: &mut internal::Registry,
    places: &Places,
    agent: &AgentId,
    change: impl FnOnce(&mut Option<DrainInfo>, &mut Option<bool>),
) {
    let agent = agent.as_str();
    if let (Some(place), Some(slaves)) = (places.admitted.get(agent), &mut registry.slaves) {
        let slave = &mut slaves.slaves[*place];
        change(&mut slave.drain_info, &mut slave.deactivated);
    } else if let (Some(place), Some(away)) = (places.unreachable.get(agent), &mut registry.unreachable) {
        let slave = &mut away.slaves[*place];
        change(&mut slave.drain_info, &mut slave.deactivated);
    }
    need_draining(registry);
}

/// A registry with deactivated agents needs a master that knows what it means.
fn need_draining(registry: &mut internal::Registry) {
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

fn admit<'a>(
    registry: &'a mut internal::Registry,
    places: &mut Places,
    info: &v1::AgentInfo,
) -> &'a mut Slave {
    let slaves = &mut registry.slaves.get_or_insert_with(Slaves::default).slaves;
    let place = *places.admitted.entry(id_of(info).to_owned()).or_insert(slaves.len());
    if place == slaves.len() {
        slaves.push(Slave { info: info.clone(), ..Slave::default() });
    } else {
        slaves[place].info = info.clone();
    }
    &mut slaves[place]
}

fn remove(registry: &mut internal::Registry, places: &mut Places, agent: &str) -> Option<Slave> {
    let slaves = &mut registry.slaves.as_mut()?.slaves;
    take_out(slaves, &mut places.admitted, agent, |slave| id_of(&slave.info))
}

fn mark_unreachable(registry: &mut internal::Registry, places: &mut Places, agent: &AgentId, at: Time) {
    let Some(slave) = remove(registry, places, agent.as_str()) else {
        return;
    };
    let entry = UnreachableSlave {
        id: agent.to_wire(),
        timestamp: at.into(),
        drain_info: slave.drain_info,
        deactivated: slave.deactivated,
    };
    forget_unreachable(registry, places, agent.as_str());
    let unreachable = &mut registry.unreachable.get_or_insert_with(UnreachableSlaves::default).slaves;
    places.unreachable.insert(agent.to_string(), unreachable.len());
    unreachable.push(entry);
}

fn forget_unreachable(
    registry: &mut internal::Registry,
    places: &mut Places,
    agent: &str,
) -> Option<UnreachableSlave> {
    let unreachable = &mut registry.unreachable.as_mut()?.slaves;
    take_out(unreachable, &mut places.unreachable, agent, |slave| &slave.id.value)
}

/// Takes an entry out of a list; the last one takes its place.
fn take_out<T>(
    list: &mut Vec<T>,
    places: &mut BTreeMap<String, usize>,
    id: &str,
    id_of: impl Fn(&T) -> &str,
) -> Option<T> {
    let place = places.remove(id)?;
    let taken = list.swap_remove(place);
    if let Some(known) = list.get(place).and_then(|moved| places.get_mut(id_of(moved))) {
        *known = place;
    }
    Some(taken)
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
            RegistryOperation::Drain { agent, config } => write!(f, "drain {agent}{}", DrainText(config)),
            RegistryOperation::MarkDrained(agent) => write!(f, "{agent} is drained"),
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
