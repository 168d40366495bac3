//! How much of a resource there is.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Ranges, Scalar};

/// An amount, a set of numbers, or a set of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// An amount with three decimals.
    Scalar(Scalar),
    /// Whole numbers.
    Ranges(Ranges),
    /// Names.
    Set(BTreeSet<String>),
}

impl Value {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.is_zero(),
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Set(set) => set.is_empty(),
        }
    }

    /// Whether the two are of one type, so that they can be added.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether the other, of the same type, is part of this.
    pub(super) fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(left), Self::Scalar(right)) => left >= right,
            (Self::Ranges(left), Self::Ranges(right)) => left.contains_all(right),
            (Self::Set(left), Self::Set(right)) => left.is_superset(right),
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => false,
        }
    }

    /// Adds a value of the same type.
    pub(super) fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(left), Self::Scalar(right)) => *left += *right,
            (Self::Ranges(left), Self::Ranges(right)) => left.extend(right),
            (Self::Set(left), Self::Set(right)) => left.extend(right.iter().cloned()),
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => {
                unreachable!("values of two types never meet")
            }
        }
    }

    /// Takes a value of the same type away, as far as it is there.
    pub(super) fn subtract(&mut self, other: &Self) {
        match (self, other) {
            (Self::Scalar(left), Self::Scalar(right)) => *left -= *right,
            (Self::Ranges(left), Self::Ranges(right)) => left.subtract(right),
            (Self::Set(left), Self::Set(right)) => left.retain(|item| !right.contains(item)),
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => {
                unreachable!("values of two types never meet")
            }
        }
    }

    /// A number to compare by: the amount, or how many members.
    pub(super) fn quantity(&self) -> Scalar {
        let count =
            |count: u64| Scalar::from_millis(i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(1000));
        match self {
            Self::Scalar(scalar) => *scalar,
            Self::Ranges(ranges) => count(ranges.count()),
            Self::Set(set) => count(set.len() as u64),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => write!(f, "{scalar}"),
            Self::Ranges(ranges) => write!(f, "{ranges}"),
            Self::Set(set) => {
                write!(f, "{{{}}}", set.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    }
}
