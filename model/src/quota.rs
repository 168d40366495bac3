//! Quota: what a role is sure to get, and what it never gets more of.

use std::fmt;

use crate::{ResourceLimits, ResourceQuantities};

/// The quota of a top-level role; it holds for the role and everything below it together. The default guarantees nothing
/// and limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quota {
    /// Kept free for the role as long as it consumes less.
    pub guarantees: ResourceQuantities,
    /// Not exceeded by offers.
    pub limits: ResourceLimits,
}

impl Quota {
    /// Whether nothing is guaranteed and nothing limited, as for a role without quota.
    pub fn is_default(&self) -> bool {
        self.guarantees.is_empty() && self.limits.is_empty()
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "guarantees {}, limits {}", self.guarantees, self.limits)
    }
}
