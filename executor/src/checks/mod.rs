//! Checks and health checks of a task: whether it answers, and what follows if it does not.
//!
//! Apart from any executor, because all of them check their tasks alike. What to look at is a [`Probe`], who looks is a
//! [`Prober`]: [`Native`] looks from beside the task, an executor whose tasks live elsewhere brings its own. When to look and
//! what to think of it is decided in `checker`, without a clock and without IO.
//!
//! As with Mesos: a health check that has never succeeded may fail during its grace period; after that every failure is told,
//! and `consecutive_failures` of them in a row end the task. HTTP is healthy from 200 to 399, whatever `statuses` says. What a
//! check finds is told when it changes. A task that is being killed is not looked at any more. An agent that is away changes
//! nothing: the task is checked, and what was found is told when the agent is back.

mod checker;
mod judge;
mod native;
mod output;
mod plan;
mod reports;
mod run;
#[cfg(test)]
mod tests;

pub use native::{Native, end_tree};
pub use output::Output;
pub use plan::{Plan, PlanError, Plans, Probe};
pub use reports::update;
pub use run::{Checked, Checks};

use std::pin::Pin;

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The command ended with this status.
    Exited(i32),
    /// The server answered with this HTTP status.
    Answered(u16),
    /// A TCP connection was made.
    Connected,
    /// None was made, and why.
    Unconnected(String),
}

/// Why a probe found nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blind {
    /// It could not look, or not in time: a health check has failed.
    Failed(String),
    /// Who should look is away, which says nothing about the task: it is as if nobody had looked.
    Away(String),
}

/// Looks once. Dropping it ends everything that it started.
pub type Probing = Pin<Box<dyn Future<Output = Result<Finding, Blind>> + Send>>;

/// Who looks at a task.
pub trait Prober: Send + Sync + 'static {
    /// Looks once.
    fn probe(&self, probe: &Probe) -> Probing;
}
