//! Roles under small numbers: those that have frameworks, and the top-level roles to which quota applies.

use std::collections::{BTreeMap, BTreeSet};

use tepui_model::{Quota, Resource, ResourceQuantities, Resources, Role, Value};

use crate::keeping::Arena;
use crate::mask::Mask;
use crate::sorter::Sorter;
use crate::{FrameworkHandle, Sorting};

/// A role that has frameworks: subscribed to it, or holding something in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RoleId(u32);

/// A top-level role that has frameworks at or below it, or quota, or consumes some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopId(u32);

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) role: Role,
    pub(crate) top: TopId,
    /// Its frameworks.
    pub(crate) sorter: Sorter<FrameworkHandle>,
}

/// A top-level role and everything below it.
#[derive(Clone, Debug)]
pub(crate) struct Top {
    pub(crate) role: Role,
    pub(crate) quota: Quota,
    /// Unreserved scalars that its frameworks hold, offered or used, without revocable ones.
    pub(crate) held: ResourceQuantities,
    /// Scalars that agents keep for it, held or not.
    pub(crate) reserved: ResourceQuantities,
    /// `held` and `reserved`: what counts against the quota.
    pub(crate) consumed: ResourceQuantities,
    /// The names whose limits are reached.
    pub(crate) spent: Mask,
    /// What the guarantees exceed the consumption by.
    pub(crate) unsatisfied: ResourceQuantities,
    /// Set when an offer was cut for a limit or for the headroom: less consumption may then mean more offers.
    pub(crate) pinched: bool,
    /// Roles with frameworks at or below it.
    pub(crate) members: BTreeSet<RoleId>,
}

/// All of both.
#[derive(Clone, Debug)]
pub(crate) struct Roles {
    by_name: BTreeMap<Role, RoleId>,
    members: Arena<Member>,
    tops_by_name: BTreeMap<Role, TopId>,
    tops: Arena<Top>,
}

/// Whether a resource counts against quota when it is held, and is held back as headroom when it is not.
pub(crate) fn is_quota_counted(entry: &Resource) -> bool {
    entry.is_scalar() && !entry.is_reserved() && !entry.is_revocable()
}

impl Roles {
    pub(crate) const fn new() -> Self {
        Self {
            by_name: BTreeMap::new(),
            members: Arena::new(),
            tops_by_name: BTreeMap::new(),
            tops: Arena::new(),
        }
    }

    pub(crate) fn find(&self, role: &Role) -> Option<RoleId> {
        self.by_name.get(role).copied()
    }

    pub(crate) fn member(&self, id: RoleId) -> &Member {
        &self.members[id.0]
    }

    pub(crate) fn member_mut(&mut self, id: RoleId) -> &mut Member {
        &mut self.members[id.0]
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (RoleId, &Member)> {
        self.members.iter().map(|(id, member)| (RoleId(id), member))
    }

    pub(crate) fn top(&self, id: TopId) -> &Top {
        &self.tops[id.0]
    }

    pub(crate) fn top_mut(&mut self, id: TopId) -> &mut Top {
        &mut self.tops[id.0]
    }

    /// The top-level role of one with frameworks.
    pub(crate) fn top_of(&self, id: RoleId) -> &Top {
        &self.tops[self.members[id.0].top.0]
    }

    pub(crate) fn top_of_mut(&mut self, id: RoleId) -> &mut Top {
        &mut self.tops[self.members[id.0].top.0]
    }

    #[cfg(test)]
    pub(crate) fn find_top(&self, role: &Role) -> Option<&Top> {
        self.tops_by_name.get(role).map(|id| &self.tops[id.0])
    }

    pub(crate) fn tops(&self) -> impl Iterator<Item = &Top> {
        self.tops.iter().map(|(_, top)| top)
    }

    /// The number of a role that gets its first framework.
    pub(crate) fn add(&mut self, role: &Role, sorting: Sorting) -> RoleId {
        let top = self.find_or_add_top(&role.top());
        let member = Member { role: role.clone(), top, sorter: Sorter::new(sorting) };
        let id = RoleId(self.members.insert(member));
        self.top_mut(top).members.insert(id);
        self.by_name.insert(role.clone(), id);
        id
    }

    /// A role that lost its last framework.
    pub(crate) fn remove(&mut self, id: RoleId) {
        let member = self.members.remove(id.0);
        self.by_name.remove(&member.role);
        self.top_mut(member.top).members.remove(&id);
        self.forget_top_if_idle(member.top);
    }

    pub(crate) fn find_or_add_top(&mut self, role: &Role) -> TopId {
        if let Some(id) = self.tops_by_name.get(role) {
            return *id;
        }
        let id = TopId(self.tops.insert(Top::new(role.clone())));
        self.tops_by_name.insert(role.clone(), id);
        id
    }

    pub(crate) fn forget_top_if_idle(&mut self, id: TopId) {
        let top = self.top(id);
        if top.members.is_empty() && top.quota.is_default() && top.consumed.is_empty() {
            let top = self.tops.remove(id.0);
            self.tops_by_name.remove(&top.role);
        }
    }

    /// The reservations of an agent changed. Gives the roles that have less of them.
    pub(crate) fn change_reserved(&mut self, before: &Resources, after: &Resources) -> BTreeSet<TopId> {
        let mut freed = BTreeSet::new();
        for (entry, comes) in each(before, false).chain(each(after, true)) {
            let (Some(reservation), Value::Scalar(amount)) = (entry.reservation(), entry.value()) else {
                continue;
            };
            let id = self.find_or_add_top(&reservation.role.top());
            let top = self.top_mut(id);
            if comes {
                top.reserved.increase(entry.name(), *amount);
                top.consumed.increase(entry.name(), *amount);
            } else {
                top.reserved.decrease(entry.name(), *amount);
                top.consumed.decrease(entry.name(), *amount);
                freed.insert(id);
            }
            top.refresh();
        }
        freed
    }
}

fn each(resources: &Resources, comes: bool) -> impl Iterator<Item = (&Resource, bool)> {
    resources.iter().map(move |entry| (entry, comes))
}

impl Top {
    fn new(role: Role) -> Self {
        Self {
            role,
            quota: Quota::default(),
            held: ResourceQuantities::new(),
            reserved: ResourceQuantities::new(),
            consumed: ResourceQuantities::new(),
            spent: Mask::NOTHING,
            unsatisfied: ResourceQuantities::new(),
            pinched: false,
            members: BTreeSet::new(),
        }
    }

    pub(crate) fn hold(&mut self, resources: &Resources) {
        for entry in resources.iter().filter(|entry| is_quota_counted(entry)) {
            let Value::Scalar(amount) = *entry.value() else { continue };
            self.held.increase(entry.name(), amount);
            self.consumed.increase(entry.name(), amount);
        }
        self.refresh();
    }

    pub(crate) fn release(&mut self, resources: &Resources) {
        for entry in resources.iter().filter(|entry| is_quota_counted(entry)) {
            let Value::Scalar(amount) = *entry.value() else { continue };
            self.held.decrease(entry.name(), amount);
            self.consumed.decrease(entry.name(), amount);
        }
        self.refresh();
    }

    pub(crate) fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
        self.refresh();
    }

    /// Counts anew what follows from quota and consumption.
    fn refresh(&mut self) {
        if self.quota.is_default() {
            self.spent = Mask::NOTHING;
            self.unsatisfied = ResourceQuantities::new();
            return;
        }
        let limits = self.quota.limits.iter();
        let spent = limits.filter(|(name, limit)| self.consumed.get(name) >= *limit);
        self.spent = spent.map(|(name, _)| Mask::of(name)).fold(Mask::NOTHING, Mask::and);
        self.unsatisfied = self.quota.guarantees.clone() - &self.consumed;
    }
}
