//! One resource: a name, how much of it, and what is special about it.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DiskInfo, Reservation, ResourceName, Value};
use crate::Role;

/// One entry of [`Resources`](super::Resources).
///
/// Sorted by name, then allocation, then metadata, then value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resource {
    pub(super) name: ResourceName,
    pub(super) allocation: Option<Role>,
    /// `None` is the plain case: unreserved, nothing special.
    pub(super) metadata: Option<Arc<Metadata>>,
    pub(super) value: Value,
    /// How many copies of a shared resource; 1 for all others.
    pub(super) copies: u32,
}

/// What is special about a resource, apart from the role it is allocated to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Metadata {
    /// Reservations, outermost role first; empty if unreserved.
    pub reservations: Vec<Reservation>,
    /// Only for `disk`.
    pub disk: Option<DiskInfo>,
    /// May be taken back at any time.
    pub revocable: bool,
    /// May be given to several tasks at once; only persistent volumes.
    pub shared: bool,
    /// The resource provider it comes from.
    pub provider_id: Option<String>,
}

impl Resource {
    /// An entry with nothing special about it.
    pub fn new(name: impl Into<ResourceName>, value: Value) -> Self {
        Self { name: name.into(), allocation: None, metadata: None, value, copies: 1 }
    }

    /// The name.
    pub fn name(&self) -> &ResourceName {
        &self.name
    }

    /// How much of it.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The role it is allocated to, if it is part of an offer, task or executor.
    pub fn allocation(&self) -> Option<&Role> {
        self.allocation.as_ref()
    }

    /// How many copies of a shared resource are counted in; 1 for all others.
    pub fn copies(&self) -> u32 {
        self.copies
    }

    /// The same with other metadata.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = (metadata != Metadata::default()).then(|| Arc::new(metadata));
        self
    }

    /// The same, allocated to a role.
    pub fn allocated_to(mut self, role: Role) -> Self {
        self.allocation = Some(role);
        self
    }

    /// The same, allocated to no role.
    pub fn unallocated(mut self) -> Self {
        self.allocation = None;
        self
    }

    /// The same, counted in so many times; only shared resources have more copies than one.
    pub fn with_copies(mut self, copies: u32) -> Self {
        self.copies = if self.is_shared() { copies } else { copies.min(1) };
        self
    }

    /// What is special about it; `None` if nothing is.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }

    /// The stack of reservations, outermost role first.
    pub fn reservations(&self) -> &[Reservation] {
        self.metadata().map_or(&[], |metadata| &metadata.reservations)
    }

    /// The reservation that counts: the last of the stack.
    pub fn reservation(&self) -> Option<&Reservation> {
        self.reservations().last()
    }

    /// What is special about the disk.
    pub fn disk(&self) -> Option<&DiskInfo> {
        self.metadata().and_then(|metadata| metadata.disk.as_ref())
    }

    /// Whether it may be taken back at any time.
    pub fn is_revocable(&self) -> bool {
        self.metadata().is_some_and(|metadata| metadata.revocable)
    }

    /// Whether several tasks may have it at once.
    pub fn is_shared(&self) -> bool {
        self.metadata().is_some_and(|metadata| metadata.shared)
    }

    /// Whether it is kept for some role.
    pub fn is_reserved(&self) -> bool {
        self.reservation().is_some()
    }

    /// Whether it is kept for exactly this role.
    pub fn is_reserved_to(&self, role: &Role) -> bool {
        self.reservation().is_some_and(|reservation| reservation.role == *role)
    }

    /// Whether the role may have it: it is unreserved, or reserved to the role or one above it.
    pub fn is_allocatable_to(&self, role: &Role) -> bool {
        self.reservation().is_none_or(|reservation| role.is_within(&reservation.role))
    }

    /// Whether its reservation refines another.
    pub fn has_refined_reservation(&self) -> bool {
        self.reservations().len() > 1
    }

    /// Whether it is a persistent volume.
    pub fn is_persistent_volume(&self) -> bool {
        self.disk().is_some_and(|disk| disk.persistence.is_some())
    }

    /// Whether it is an amount.
    pub fn is_scalar(&self) -> bool {
        matches!(self.value, Value::Scalar(_))
    }

    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        self.copies == 0 || self.value.is_empty()
    }

    /// Whether it can only be taken whole.
    pub fn is_indivisible(&self) -> bool {
        self.is_shared() || self.disk().is_some_and(DiskInfo::is_indivisible)
    }

    /// Whether everything but value and copies is equal.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.kind_cmp(other) == Ordering::Equal && self.value.is_like(&other.value)
    }

    /// Order by everything but value and copies.
    pub(super) fn kind_cmp(&self, other: &Self) -> Ordering {
        self.name
            .cmp(&other.name)
            .then_with(|| self.allocation.cmp(&other.allocation))
            .then_with(|| metadata_cmp(&self.metadata, &other.metadata))
    }

    /// The metadata to change a copy of.
    pub(super) fn metadata_to_change(&self) -> Metadata {
        self.metadata().cloned().unwrap_or_default()
    }
}

/// Equal pointers, the usual case, are equal metadata.
fn metadata_cmp(left: &Option<Arc<Metadata>>, right: &Option<Arc<Metadata>>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) if Arc::ptr_eq(left, right) => Ordering::Equal,
        (left, right) => left.cmp(right),
    }
}

impl Ord for Resource {
    fn cmp(&self, other: &Self) -> Ordering {
        self.kind_cmp(other)
            .then_with(|| self.value.cmp(&other.value))
            .then_with(|| self.copies.cmp(&other.copies))
    }
}

impl PartialOrd for Resource {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Resource {}
