//! Parts of a sum, and the same sum in another guise.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Metadata, Reservation, Resource, ResourceLimits, ResourceName, ResourceProblem, ResourceQuantities,
    Resources, Scalar, Value, validation,
};
use crate::Role;

impl Resources {
    /// The entries that satisfy a condition.
    pub fn filter(&self, mut wanted: impl FnMut(&Resource) -> bool) -> Self {
        Self { entries: self.entries.iter().filter(|entry| wanted(entry)).cloned().collect() }
    }

    /// What has this name.
    pub fn named(&self, name: &ResourceName) -> Self {
        self.filter(|entry| entry.name == *name)
    }

    /// What is an amount.
    pub fn scalars(&self) -> Self {
        self.filter(Resource::is_scalar)
    }

    /// What is kept for any role.
    pub fn reserved(&self) -> Self {
        self.filter(Resource::is_reserved)
    }

    /// What is kept for exactly this role.
    pub fn reserved_to(&self, role: &Role) -> Self {
        self.filter(|entry| entry.is_reserved_to(role))
    }

    /// What is kept for no role.
    pub fn unreserved(&self) -> Self {
        self.filter(|entry| !entry.is_reserved())
    }

    /// What the role may have: unreserved, or reserved to it or a role above it.
    pub fn allocatable_to(&self, role: &Role) -> Self {
        self.filter(|entry| entry.is_allocatable_to(role))
    }

    /// What may be taken back at any time.
    pub fn revocable(&self) -> Self {
        self.filter(Resource::is_revocable)
    }

    /// What stays until it is given back.
    pub fn non_revocable(&self) -> Self {
        self.filter(|entry| !entry.is_revocable())
    }

    /// What several tasks may have at once.
    pub fn shared(&self) -> Self {
        self.filter(Resource::is_shared)
    }

    /// What one task has at a time.
    pub fn non_shared(&self) -> Self {
        self.filter(|entry| !entry.is_shared())
    }

    /// The persistent volumes.
    pub fn persistent_volumes(&self) -> Self {
        self.filter(Resource::is_persistent_volume)
    }

    /// Marks everything as allocated to the role.
    pub fn allocate(&mut self, role: &Role) {
        self.change(|entry| entry.allocation = Some(role.clone()));
    }

    /// Takes the mark of [`Resources::allocate`] away.
    pub fn unallocate(&mut self) {
        self.change(|entry| entry.allocation = None);
    }

    /// A copy, allocated to the role.
    pub fn allocated_to(&self, role: &Role) -> Self {
        let mut copy = self.clone();
        copy.allocate(role);
        copy
    }

    /// A copy, allocated to no role.
    pub fn unallocated(&self) -> Self {
        let mut copy = self.clone();
        copy.unallocate();
        copy
    }

    /// The parts by the role they are allocated to; what is not allocated is left out.
    pub fn allocations(&self) -> BTreeMap<Role, Self> {
        self.by_role(Resource::allocation)
    }

    /// The parts by the role they are reserved to; what is unreserved is left out.
    pub fn reservations(&self) -> BTreeMap<Role, Self> {
        self.by_role(|entry| entry.reservation().map(|reservation| &reservation.role))
    }

    /// The same without reservations.
    pub fn flatten(&self) -> Self {
        self.with_metadata(|metadata| metadata.reservations.clear())
    }

    /// The same with one more reservation on each entry's stack; refused where the stack would be wrong.
    pub fn push_reservation(&self, reservation: &Reservation) -> Result<Self, ResourceProblem> {
        let pushed = self.with_metadata(|metadata| metadata.reservations.push(reservation.clone()));
        for entry in &pushed.entries {
            validation::check_stack(entry.reservations())?;
        }
        Ok(pushed)
    }

    /// The same with the last reservation of each entry's stack gone; `None` if an entry has none.
    pub fn pop_reservation(&self) -> Option<Self> {
        let all_reserved = self.entries.iter().all(Resource::is_reserved);
        all_reserved.then(|| {
            self.with_metadata(|metadata| {
                metadata.reservations.pop();
            })
        })
    }

    /// As much of the scalars as fits into the target; names that the target lacks, and what is indivisible and
    /// does not fit whole, are left out. Entries are taken in order: plain ones first.
    pub fn shrink(&self, target: &ResourceQuantities) -> Self {
        self.shrunk_by(|name| Some(target.get(name)))
    }

    /// As much of the scalars as the limits allow; names that the limits lack are unlimited.
    pub fn shrink_within(&self, limits: &ResourceLimits) -> Self {
        self.shrunk_by(|name| limits.get(name))
    }

    fn shrunk_by(&self, target: impl Fn(&ResourceName) -> Option<Scalar>) -> Self {
        let mut taken = ResourceQuantities::new();
        let mut kept = Self::new();
        for entry in self.entries.iter() {
            let Value::Scalar(amount) = entry.value else { continue };
            let room = target(&entry.name).map_or(amount, |target| target - taken.get(&entry.name));
            let fitting = amount.min(room);
            if fitting.is_zero() || (fitting < amount && entry.is_indivisible()) {
                continue;
            }
            taken.increase(&entry.name, fitting);
            kept.entries.push(Resource { value: Value::Scalar(fitting), ..entry.clone() });
        }
        kept
    }

    /// Finds what is wanted, whatever it is reserved for or allocated to, and gives back those entries as they are
    /// here: reserved ones first, so that the common pool is spared. The error is what is missing.
    ///
    /// Reservations and allocations of `wanted` itself do not matter; disks and volumes must be alike.
    pub fn find(&self, wanted: &Self) -> Result<Self, Self> {
        let bare = |resources: &Self| resources.flatten().unallocated();
        let mut missing = bare(wanted);
        let mut found = Self::new();
        let by_preference = self
            .entries
            .iter()
            .filter(|e| e.is_reserved())
            .chain(self.entries.iter().filter(|e| !e.is_reserved()));
        for entry in by_preference {
            let alike = bare(&std::iter::once(entry.clone()).collect());
            for part in missing.common(&alike) {
                missing -= &part;
                found += Resource {
                    allocation: entry.allocation.clone(),
                    metadata: entry.metadata.clone(),
                    ..part
                };
            }
        }
        if missing.is_empty() { Ok(found) } else { Err(missing) }
    }

    /// What both sums have; of indivisible entries, the whole ones.
    fn common(&self, other: &Self) -> Self {
        let rest = self - other;
        self - &rest
    }

    fn with_metadata(&self, change: impl Fn(&mut Metadata)) -> Self {
        let mut copy = self.clone();
        copy.change(|entry| {
            let mut metadata = entry.metadata_to_change();
            change(&mut metadata);
            entry.metadata = (metadata != Metadata::default()).then(|| Arc::new(metadata));
        });
        copy
    }

    /// Changes every entry, then puts the sum in order again.
    fn change(&mut self, change: impl Fn(&mut Resource)) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.iter_mut().for_each(change);
        // Entries seldom change places or become alike, as when everything is allocated to one role.
        let in_order = entries.is_sorted_by(|left, right| left < right && !left.is_like(right));
        if in_order {
            self.entries = entries;
        } else {
            *self = entries.into_iter().collect();
        }
    }

    fn by_role<'a>(&'a self, role: impl Fn(&'a Resource) -> Option<&'a Role>) -> BTreeMap<Role, Self> {
        let mut parts: BTreeMap<Role, Self> = BTreeMap::new();
        for entry in &self.entries {
            if let Some(role) = role(entry) {
                parts.entry(role.clone()).or_default().entries.push(entry.clone());
            }
        }
        parts
    }
}
