//! What roles consume, and the offers that are taken back so that a new quota holds. Quota itself is enforced by the
//! allocator; the master keeps what was set, and the registry holds it.

use std::collections::BTreeMap;

use tepui_allocator::Call;
use tepui_model::{Quota, ResourceLimits, ResourceQuantities, Resources, Role};
use tepui_proto::v1::quota::QuotaConfig;

use crate::changed::Changed;
use crate::cx::Cx;
use crate::effect::Effect;
use crate::master::{Master, Pending};
use crate::names::OfferHandle;

/// A checked quota.
pub fn quota_of(config: &QuotaConfig) -> Result<Quota, (String, f64)> {
    Ok(Quota {
        guarantees: ResourceQuantities::from_wire(&config.guarantees)?,
        limits: ResourceLimits::from_wire(&config.limits)?,
    })
}

/// What counts against quota, of what is used or offered: reservations count with their agent, and what can be taken back does not.
fn counted(resources: &Resources) -> ResourceQuantities {
    resources.unreserved().non_revocable().quantities()
}

impl Master {
    /// What top level roles and all below them consume: what is unreserved, stays and is used, and all that is reserved for them.
    pub(crate) fn consumed(&self) -> BTreeMap<Role, ResourceQuantities> {
        let mut consumed: BTreeMap<Role, ResourceQuantities> = BTreeMap::new();
        for (_, framework) in self.frameworks.registered.iter() {
            for (role, resources) in framework.used.total().allocations() {
                *consumed.entry(role.top()).or_default() += &counted(&resources);
            }
        }
        for (_, agent) in self.agents.registered.iter() {
            for (role, resources) in agent.total.reservations() {
                *consumed.entry(role.top()).or_default() += &resources.quantities();
            }
        }
        consumed
    }

    fn offered_to(&self, role: &Role) -> ResourceQuantities {
        let offers = self.offers.outstanding.iter().filter(|(_, offer)| offer.role.is_within(role));
        let mut offered = ResourceQuantities::new();
        offers.for_each(|(_, offer)| offered += &counted(&offer.resources));
        offered
    }

    /// Everything non-revocable of all registered agents, also of those that are away for the moment.
    pub(crate) fn capacity(&self) -> ResourceQuantities {
        let mut capacity = ResourceQuantities::new();
        for (_, agent) in self.agents.registered.iter() {
            capacity += &agent.total.non_revocable().quantities();
        }
        capacity
    }

    /// Quota as it will be once everything is written that was asked for, and these changes after it.
    pub(crate) fn quotas_with(&self, changed: &[(Role, Quota)]) -> BTreeMap<Role, Quota> {
        let written = self.quotas.iter();
        let asked = self.pending().filter_map(|pending| match pending {
            Pending::Quota { configs, .. } => Some(configs.iter().map(|(role, config)| (role, config))),
            _ => None,
        });
        let checked = written.chain(asked.flatten());
        let mut quotas: BTreeMap<Role, Quota> = checked
            .map(|(role, config)| (role.clone(), quota_of(config).unwrap_or_default()))
            .chain(changed.iter().cloned())
            .collect();
        quotas.retain(|_, quota| !quota.is_default());
        quotas
    }

    /// From now on the role has this quota; the registry holds it. The default takes it away.
    pub(crate) fn set_quota(&mut self, cx: &mut Cx, role: &Role, config: QuotaConfig) {
        let quota = quota_of(&config).unwrap_or_default();
        let config = (!quota.is_default()).then_some(config);
        match &config {
            Some(config) => self.quotas.insert(role.clone(), config.clone()),
            None => self.quotas.remove(role),
        };
        cx.push(Effect::Allocator(Call::UpdateQuota { role: role.clone(), quota }));
        self.changes.push(Changed::Quota { role: role.clone(), config: config.map(Box::new) });
    }

    /// Takes offers back: of the role itself until its limits hold, then of others until its guarantees could be met. What is
    /// free is not counted, because the allocator may have handed it out by now; so this may take back more than it must.
    pub(crate) fn make_room_for(&mut self, cx: &mut Cx, role: &Role, consumed: ResourceQuantities) {
        let Some(quota) = self.quotas.get(role).and_then(|config| quota_of(config).ok()) else { return };
        let mut taken = consumed + &self.offered_to(role);
        let (own, others): (Vec<_>, Vec<_>) =
            self.offers_by_owner(role).into_iter().partition(|(_, mine)| *mine);
        for (offer, _) in own {
            let amounts = counted(&self.offers.outstanding[offer].resources);
            if !quota.limits.contains(&taken) && !amounts.is_empty() {
                taken -= &amounts;
                self.rescind_offer(cx, offer);
            }
        }
        for (offer, _) in others {
            let missing = quota.guarantees.clone() - &taken;
            let amounts = counted(&self.offers.outstanding[offer].resources);
            // An offer that has nothing of what is missing would go back for nothing.
            if missing.iter().any(|(name, _)| !amounts.get(name).is_zero()) {
                taken += &amounts;
                self.rescind_offer(cx, offer);
            }
        }
    }

    /// The outstanding offers, and whether each is for the role or one below it.
    fn offers_by_owner(&self, role: &Role) -> Vec<(OfferHandle, bool)> {
        let offers = self.offers.outstanding.iter();
        offers.map(|(handle, offer)| (handle, offer.role.is_within(role))).collect()
    }
}
