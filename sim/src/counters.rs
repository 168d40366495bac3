//! What is counted in a run.

use std::collections::BTreeMap;
use std::fmt;

/// Numbers of what happened, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<&'static str, u64>);

impl Counters {
    pub(crate) fn add(&mut self, name: &'static str) {
        self.add_many(name, 1);
    }

    pub(crate) fn add_many(&mut self, name: &'static str, number: usize) {
        *self.0.entry(name).or_default() += number as u64;
    }

    /// How often it happened.
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, number) in &self.0 {
            writeln!(f, "{number:>10}  {name}")?;
        }
        Ok(())
    }
}
