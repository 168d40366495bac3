//! What the caller calls agents and frameworks. Small and `Copy`; the allocator never makes one up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An agent: a slot of the caller's and how often that slot was used before, so that no two agents share a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentHandle {
    /// Where the caller keeps it.
    pub slot: u32,
    /// How often the slot was used before.
    pub generation: u32,
}

/// A framework, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameworkHandle {
    /// Where the caller keeps it.
    pub slot: u32,
    /// How often the slot was used before.
    pub generation: u32,
}

impl AgentHandle {
    /// The agent in a slot.
    pub const fn new(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }
}

impl FrameworkHandle {
    /// The framework in a slot.
    pub const fn new(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }
}

impl fmt::Display for AgentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_handle(f, "a", self.slot, self.generation)
    }
}

impl fmt::Display for FrameworkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_handle(f, "f", self.slot, self.generation)
    }
}

fn write_handle(f: &mut fmt::Formatter<'_>, letter: &str, slot: u32, generation: u32) -> fmt::Result {
    write!(f, "{letter}{slot}")?;
    if generation > 0 { write!(f, ".{generation}") } else { Ok(()) }
}
