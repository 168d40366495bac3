//! Who gets what: hierarchical dominant-resource fairness as a pure state machine.
//!
//! The allocator owns the ledger: what it hands out stays handed out until it is recovered. It is told of frameworks,
//! agents and returned resources by [`Call`]s, in the order they happened, and answers with [`Allocation`]s when it
//! runs. The caller owns the clock:
//!
//! ```text
//! calls ──► call(now, …) ──► ledger changed, agents marked as candidates
//! clock ──► next_wakeup() is due ──► on_timer(now) ──► allocations: each becomes an offer
//! ```
//!
//! Calls made before the next `on_timer` share one run, so an eager caller handles its whole queue first. Besides,
//! every `allocation_interval` a run considers all agents.
//!
//! A run is coarse-grained: agents in random order; on each, roles in order of their dominant share, and frameworks
//! within a role likewise; the first that may have anything of the agent and does not filter it gets all it may have.
//!
//! An allocation can be stale when it arrives (its agent or framework has gone meanwhile). Then the receiver recovers
//! it at once; recovering from what is gone already is no error.

mod agent;
mod agents;
mod allocator;
mod attention;
mod call;
mod cycle;
mod display;
mod explain;
mod filter;
mod framework;
mod frameworks;
mod handle;
mod holdings;
mod invariants;
mod keeping;
mod maintenance;
mod mask;
mod quotas;
mod refusals;
mod roles;
mod settings;
mod sorter;

#[cfg(test)]
mod history;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use agent::AgentDescription;
pub use allocator::Allocator;
pub use call::{Allocation, Call, Held};
pub use explain::{Explanation, Reason};
pub use filter::{DEFAULT_REFUSAL, LONGEST_REFUSAL, refusal};
pub use framework::FrameworkDescription;
pub use handle::{AgentHandle, FrameworkHandle};
pub use maintenance::{InverseAnswer, InverseOffer, Unavailability};
pub use settings::{Settings, Sorting};
