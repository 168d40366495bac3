//! Turning resources into others, as a reservation or the creation of a volume does.

use serde::{Deserialize, Serialize};

use super::Resources;

/// What an operation takes away and puts in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// Must be there.
    pub consumed: Resources,
    /// Comes instead.
    pub converted: Resources,
}

/// A conversion wants what is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{held} does not contain {wanted}")]
pub struct NotContained {
    /// What there is.
    pub held: Resources,
    /// What was to be consumed.
    pub wanted: Resources,
}

impl Resources {
    /// This sum with the consumed part replaced.
    pub fn apply(&self, conversion: &Conversion) -> Result<Self, NotContained> {
        match self.checked_sub(&conversion.consumed) {
            Some(rest) => Ok(rest + &conversion.converted),
            None => Err(NotContained { held: self.clone(), wanted: conversion.consumed.clone() }),
        }
    }
}
