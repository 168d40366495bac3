//! Amounts by name, without regard to reservations, disks or anything else.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};
use tepui_proto::v1::value;

use super::{ResourceName, Resources, Scalar, text};
use crate::value_text::{self, ValueText};

/// How much of each resource; a name that is absent has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceQuantities {
    /// Sorted by name; no zeros.
    amounts: Vec<(ResourceName, Scalar)>,
}

/// At most how much of each resource; a name that is absent is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceLimits {
    /// Sorted by name.
    limits: Vec<(ResourceName, Scalar)>,
}

/// An entry of a map in a message.
type WireAmount<'a> = (&'a String, &'a value::Scalar);

fn read_amount((name, scalar): WireAmount<'_>) -> Result<(ResourceName, Scalar), (String, f64)> {
    let amount = Scalar::from_f64(scalar.value).ok_or_else(|| (name.clone(), scalar.value))?;
    Ok((name.as_str().into(), amount))
}

impl ResourceQuantities {
    /// Nothing.
    pub const fn new() -> Self {
        Self { amounts: Vec::new() }
    }

    /// Reads `cpus:0.01;mem:32`.
    pub fn parse(flag: &str) -> Result<Self, text::InvalidResources> {
        let mut quantities = Self::new();
        for token in flag.split(';').filter(|token| !token.is_empty()) {
            let (name, value) = text::split_pair(token)?;
            match value_text::parse(value) {
                Ok(ValueText::Scalar(amount)) => quantities.increase(&name.trim().into(), amount),
                Ok(_) => return Err(text::InvalidResources::NotScalar(token.to_owned())),
                Err(why) => return Err(text::InvalidResources::value(name.trim(), value, why)),
            }
        }
        Ok(quantities)
    }

    /// Reads alternatives, `cpus:0.01|mem:32`: the form of `--min_allocatable_resources`.
    pub fn parse_alternatives(flag: &str) -> Result<Vec<Self>, text::InvalidResources> {
        flag.split('|').filter(|alternative| !alternative.trim().is_empty()).map(Self::parse).collect()
    }

    /// Reads the map of an offer filter or a quota; the error names the first amount that is negative, not a number or
    /// too large.
    pub fn from_wire<'a>(wire: impl IntoIterator<Item = WireAmount<'a>>) -> Result<Self, (String, f64)> {
        wire.into_iter().map(read_amount).collect()
    }

    /// How much of a resource there is.
    pub fn get(&self, name: &ResourceName) -> Scalar {
        self.position(name).map_or(Scalar::ZERO, |at| self.amounts[at].1)
    }

    /// Adds to one resource.
    pub fn increase(&mut self, name: &ResourceName, amount: Scalar) {
        if amount.is_zero() {
            return;
        }
        match self.position(name) {
            Ok(at) => self.amounts[at].1 += amount,
            Err(at) => self.amounts.insert(at, (name.clone(), amount)),
        }
    }

    /// Takes from one resource, as far as there is any.
    pub fn decrease(&mut self, name: &ResourceName, amount: Scalar) {
        let Ok(at) = self.position(name) else { return };
        self.amounts[at].1 -= amount;
        if self.amounts[at].1.is_zero() {
            self.amounts.remove(at);
        }
    }

    /// Whether there is nothing of anything.
    pub fn is_empty(&self) -> bool {
        self.amounts.is_empty()
    }

    /// Whether there is at least as much of everything as in the other.
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(name, amount)| self.get(name) >= amount)
    }

    /// The amounts in order of names; none is zero.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, Scalar)> {
        self.amounts.iter().map(|(name, amount)| (name, *amount))
    }

    fn position(&self, name: &ResourceName) -> Result<usize, usize> {
        self.amounts.binary_search_by(|(held, _)| held.cmp(name))
    }
}

impl AddAssign<&ResourceQuantities> for ResourceQuantities {
    fn add_assign(&mut self, other: &ResourceQuantities) {
        for (name, amount) in other.iter() {
            self.increase(name, amount);
        }
    }
}

impl SubAssign<&ResourceQuantities> for ResourceQuantities {
    /// Stops at zero.
    fn sub_assign(&mut self, other: &ResourceQuantities) {
        for (name, amount) in &mut self.amounts {
            *amount -= other.get(name);
        }
        self.amounts.retain(|(_, amount)| !amount.is_zero());
    }
}

impl Add<&ResourceQuantities> for ResourceQuantities {
    type Output = Self;

    fn add(mut self, other: &ResourceQuantities) -> Self {
        self += other;
        self
    }
}

impl Sub<&ResourceQuantities> for ResourceQuantities {
    type Output = Self;

    fn sub(mut self, other: &ResourceQuantities) -> Self {
        self -= other;
        self
    }
}

impl FromIterator<(ResourceName, Scalar)> for ResourceQuantities {
    fn from_iter<I: IntoIterator<Item = (ResourceName, Scalar)>>(amounts: I) -> Self {
        let mut quantities = Self::new();
        for (name, amount) in amounts {
            quantities.increase(&name, amount);
        }
        quantities
    }
}

impl From<&Resources> for ResourceQuantities {
    fn from(resources: &Resources) -> Self {
        resources.quantities()
    }
}

impl ResourceLimits {
    /// No limit on anything.
    pub const fn new() -> Self {
        Self { limits: Vec::new() }
    }

    /// Reads the map of a quota; as [`ResourceQuantities::from_wire`].
    pub fn from_wire<'a>(wire: impl IntoIterator<Item = WireAmount<'a>>) -> Result<Self, (String, f64)> {
        wire.into_iter().map(read_amount).collect()
    }

    /// The limit on a resource; `None` is no limit.
    pub fn get(&self, name: &ResourceName) -> Option<Scalar> {
        self.position(name).ok().map(|at| self.limits[at].1)
    }

    /// Sets the limit on a resource.
    pub fn set(&mut self, name: &ResourceName, limit: Scalar) {
        match self.position(name) {
            Ok(at) => self.limits[at].1 = limit,
            Err(at) => self.limits.insert(at, (name.clone(), limit)),
        }
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// Whether the amounts stay within the limits.
    pub fn contains(&self, quantities: &ResourceQuantities) -> bool {
        self.iter().all(|(name, limit)| quantities.get(name) <= limit)
    }

    /// The limits in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, Scalar)> {
        self.limits.iter().map(|(name, limit)| (name, *limit))
    }

    /// What the limits still leave room for once this much is used; a limit that is reached leaves zero.
    pub fn remaining(&self, used: &ResourceQuantities) -> Self {
        let limits = self.iter().map(|(name, limit)| (name.clone(), limit - used.get(name)));
        Self { limits: limits.collect() }
    }

    fn position(&self, name: &ResourceName) -> Result<usize, usize> {
        self.limits.binary_search_by(|(held, _)| held.cmp(name))
    }
}

impl FromIterator<(ResourceName, Scalar)> for ResourceLimits {
    fn from_iter<I: IntoIterator<Item = (ResourceName, Scalar)>>(all: I) -> Self {
        let mut limits = Self::new();
        for (name, limit) in all {
            limits.set(&name, limit);
        }
        limits
    }
}

impl fmt::Display for ResourceQuantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pairs(f, &self.amounts)
    }
}

impl fmt::Display for ResourceLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pairs(f, &self.limits)
    }
}

fn write_pairs(f: &mut fmt::Formatter<'_>, pairs: &[(ResourceName, Scalar)]) -> fmt::Result {
    if pairs.is_empty() {
        return f.write_str("{}");
    }
    for (n, (name, amount)) in pairs.iter().enumerate() {
        let separator = if n > 0 { "; " } else { "" };
        write!(f, "{separator}{name}:{amount}")?;
    }
    Ok(())
}
