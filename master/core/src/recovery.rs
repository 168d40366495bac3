//! From election to serving: what the registry remembers, and what becomes of agents that do not come back.

use std::collections::BTreeMap;
use std::sync::Arc;

use tepui_allocator::Call;
use tepui_model::{AgentId, Role, Time};
use tepui_proto::internal;
use tepui_proto::v1::DrainInfo;
use tepui_proto::v1::quota::QuotaConfig;

use crate::changed::{AgentStanding, Changed};
use crate::cx::Cx;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::maintenance::Maintenance;
use crate::master::{Master, Pending, Phase};
use crate::names::Alarm;
use crate::registry::{AGENT_DRAINING, Obsolete, QUOTA_V2, RegistryOperation};
use crate::views::absent_agent;

impl Master {
    pub(crate) fn registry_recovered(&mut self, cx: &mut Cx, registry: Box<internal::Registry>) {
        assert_eq!(self.phase, Phase::Elected, "the registry is read once");
        let is_known = |needed: &str| [AGENT_DRAINING, QUOTA_V2].contains(&needed);
        let mut needed = registry.minimum_capabilities.iter();
        if let Some(needed) = needed.find(|needed| !is_known(&needed.capability)) {
            let needed = &needed.capability;
            let why = format!(
                "the registry needs the master capability {needed}, which this version lacks; start the version that \
                 wrote it, undo what needs {needed} there, and come back"
            );
            return self.abdicate(cx, why);
        }
        self.phase = Phase::Recovering;
        let leader = RegistryOperation::Recover(Box::new((*self.info).clone()));
        self.persist(cx, leader, Pending::Recover(registry));
    }

    pub(crate) fn recovered(&mut self, cx: &mut Cx, mut registry: internal::Registry) {
        self.phase = Phase::Serving;
        self.changes.push(Changed::Serving { since: cx.now });
        self.load_quota(cx, &mut registry);
        self.load_weights(cx, std::mem::take(&mut registry.weights));
        self.maintenance = Maintenance::read(&mut registry);
        self.changes.maintenance = !self.maintenance.machines.is_empty();
        self.load(registry);
        if !self.quotas.is_empty() {
            cx.push(Effect::Allocator(Call::AwaitAgents(self.agents.recovered_at_start)));
        }
        cx.log(
            Fact::info("serving")
                .with("recovered", self.agents.recovered.len())
                .with("unreachable", self.agents.unreachable.len())
                .with("gone", self.agents.gone.len()),
        );
        if !self.agents.recovered.is_empty() {
            self.arm(cx, Alarm::Recovery, self.config.agent_reregister_timeout);
        }
        self.arm(cx, Alarm::RegistryPruning, self.config.registry_gc_interval);
    }

    /// Quota as it was set, also by masters that knew guarantees only, which were limits too.
    #[expect(deprecated, reason = "an old master may have written the registry")]
    fn load_quota(&mut self, cx: &mut Cx, registry: &mut internal::Registry) {
        let old = std::mem::take(&mut registry.quotas).into_iter().map(|quota| {
            let amounts =
                quota.info.guarantee.iter().filter_map(|entry| Some((entry.name.clone(), entry.scalar?)));
            let guarantees: std::collections::BTreeMap<_, _> = amounts.collect();
            let role = quota.info.role().to_owned();
            QuotaConfig { role, limits: guarantees.clone(), guarantees }
        });
        for config in old.chain(std::mem::take(&mut registry.quota_configs)) {
            if let Ok(role) = Role::parse(&config.role) {
                self.set_quota(cx, &role, config);
            }
        }
    }

    /// What the registry says counts; the command line only as long as it says nothing.
    fn load_weights(&mut self, cx: &mut Cx, written: Vec<internal::registry::Weight>) {
        let known = written.iter().filter_map(|weight| {
            let role = Role::parse(weight.info.role()).ok()?;
            Some((role, weight.info.weight))
        });
        let known: Vec<(Role, f64)> = known.collect();
        match (known.is_empty(), self.config.weights.is_empty()) {
            (true, true) => {}
            (true, false) => self.write_weights(cx, None, self.config.weights.clone()),
            (false, are_none_given) => {
                if !are_none_given {
                    cx.log(Fact::warn("--weights is ignored: the registry has weights; use UPDATE_WEIGHTS"));
                }
                self.set_weights(cx, known);
            }
        }
    }

    fn load(&mut self, registry: internal::Registry) {
        for slave in registry.slaves.unwrap_or_default().slaves {
            let Some(Ok(id)) = slave.info.id.as_ref().map(AgentId::from_wire) else { continue };
            self.load_decisions(&id, slave.deactivated(), slave.drain_info);
            let info = Arc::new(slave.info);
            let view = absent_agent(id.clone(), Some(info.clone()), AgentStanding::Recovered);
            self.changes.push(Changed::Agent(view.into()));
            self.agents.recovered.insert(id, info);
        }
        self.agents.recovered_at_start = self.agents.recovered.len();
        for slave in registry.unreachable.unwrap_or_default().slaves {
            let Ok(id) = AgentId::from_wire(&slave.id) else { continue };
            self.load_decisions(&id, slave.deactivated(), slave.drain_info);
            let since = Time::from(&slave.timestamp);
            let view = absent_agent(id.clone(), None, AgentStanding::Unreachable { since });
            self.changes.push(Changed::Agent(view.into()));
            self.agents.unreachable.insert(id, since);
        }
        for slave in registry.gone.unwrap_or_default().slaves {
            let Ok(id) = AgentId::from_wire(&slave.id) else { continue };
            self.agents.gone.insert(id, Time::from(&slave.timestamp));
        }
    }

    fn load_decisions(&mut self, agent: &AgentId, deactivated: bool, drain: Option<DrainInfo>) {
        if deactivated {
            self.agents.deactivated.insert(agent.clone());
        }
        if let Some(drain) = drain {
            self.agents.draining.insert(agent.clone(), drain.into());
        }
    }

    /// Recovered agents had their time.
    pub(crate) fn recovery_due(&mut self, cx: &mut Cx) {
        let missing = self.agents.recovered.len();
        let percentage = 100.0 * missing as f64 / self.agents.recovered_at_start.max(1) as f64;
        if percentage > self.config.recovery_agent_removal_limit {
            let why = format!(
                "{missing} ({percentage:.0}%) of the agents in the registry did not re-register within {:?} after \
                 master failover, more than --recovery_agent_removal_limit={}% allows; find out why, or raise the limit",
                self.config.agent_reregister_timeout, self.config.recovery_agent_removal_limit
            );
            return self.abdicate(cx, why);
        }
        let late: Vec<AgentId> = self.agents.recovered.keys().cloned().collect();
        for agent in late {
            if self.agents.reregistering.contains(&agent) || self.agents.giving_up.contains(&agent) {
                continue;
            }
            cx.count("master/slave_unreachable_scheduled");
            self.agents.giving_up.insert(agent.clone());
            let operation = RegistryOperation::MarkUnreachable { agent: agent.clone(), at: cx.now };
            self.persist(cx, operation, Pending::GiveUpRecovered { agent, at: cx.now });
        }
    }

    pub(crate) fn gave_up_recovered(&mut self, cx: &mut Cx, agent: AgentId, at: Time) {
        self.agents.giving_up.remove(&agent);
        let info = self.agents.recovered.remove(&agent);
        self.agents.unreachable.insert(agent.clone(), at);
        for counter in [
            "master/slave_removals",
            "master/slave_removals/reason_unhealthy",
            "master/recovery_slave_removals",
            "master/slave_unreachable_completed",
        ] {
            cx.count(counter);
        }
        cx.log(Fact::warn("agent did not come back after master failover").with("agent", &agent));
        self.tell_agent_lost(cx, &agent);
        let view = absent_agent(agent, info, AgentStanding::Unreachable { since: at });
        self.changes.push(Changed::Agent(view.into()));
    }

    pub(crate) fn pruning_due(&mut self, cx: &mut Cx) {
        self.arm(cx, Alarm::RegistryPruning, self.config.registry_gc_interval);
        let obsolete = Obsolete {
            unreachable: self.obsolete(&self.agents.unreachable, cx.now),
            gone: self.obsolete(&self.agents.gone, cx.now),
        };
        if obsolete != Obsolete::default() {
            self.persist(cx, RegistryOperation::Prune(obsolete.clone()), Pending::Prune(obsolete));
        }
    }

    /// The entries that are too old, and of what remains the oldest that are too many.
    fn obsolete(&self, entries: &BTreeMap<AgentId, Time>, now: Time) -> Vec<AgentId> {
        let mut by_age: Vec<(Time, &AgentId)> = entries.iter().map(|(id, since)| (*since, id)).collect();
        by_age.sort();
        let excess = by_age.len().saturating_sub(self.config.registry_max_agent_count);
        let is_obsolete =
            |index: usize, since: Time| index < excess || now - since > self.config.registry_max_agent_age;
        let numbered = by_age.into_iter().enumerate();
        numbered
            .filter(|(index, (since, _))| is_obsolete(*index, *since))
            .map(|(_, (_, id))| id.clone())
            .collect()
    }

    /// An agent that came back while the registry was written is in neither list any more.
    pub(crate) fn pruned(&mut self, obsolete: &Obsolete) {
        for agent in &obsolete.unreachable {
            if self.agents.unreachable.remove(agent).is_some() {
                self.agents.forget_decisions(agent);
                self.changes.push(Changed::AgentForgotten(agent.clone()));
            }
        }
        for agent in &obsolete.gone {
            self.agents.gone.remove(agent);
        }
    }
}
