//! A whole cluster in one thread: seeded, on virtual time, with faults.
//!
//! A [`World`] runs the real cores: one master with its allocator and registry, and as many agents as its [`Scenario`]
//! says. Around them everything is simulated, in one queue of events ordered by time:
//!
//! | part | what it does |
//! |---|---|
//! | network | links with late, ordered connections; they break, or are cut for a while |
//! | registry, agents' disks | writes take their time, in order; a crash keeps some of what was under way |
//! | allocator | hears and answers late, so that every allocation may be stale |
//! | containers, executors | start, call, run tasks, tell until acknowledged; some crash, are silent, or do not end |
//! | frameworks | subscribe (actors, or over HTTP), place jobs, decline, acknowledge, kill, reconcile, fail over, end |
//!
//! Everything left to chance comes from one generator, so that a seed is a run: the [`Report`]s of two runs of the same
//! scenario are equal, down to a hash over every input and effect.
//!
//! What must hold is looked at while it runs (each core's own invariants; no task runs twice; no machine runs more than
//! it has; a framework hears of each task in order) and at its end, after a calm in which all can settle (everybody is
//! registered; every launched task has ended or lives; what lives is known; no acknowledged end of a task is lost). A
//! full look at a large cluster is expensive: [`Checks`] says how often the master and how many agents in turn are looked
//! at, each second in small scenarios.

mod chance;
mod container;
mod counters;
mod disk;
mod event;
mod fault;
mod latency;
mod ledger;
mod machine;
mod master;
mod names;
mod network;
mod queue;
mod report;
mod scenario;
mod scheduler;
mod text;
mod transcript;
mod verdict;
mod world;

pub use counters::Counters;
pub use report::{Broken, Report};
pub use scenario::{Checks, Faults, Load, Scenario};
pub use world::World;

/// The seed of a test: the environment's `TEPUI_SEED`, or `otherwise`.
pub fn seed_or(otherwise: u64) -> u64 {
    let given = std::env::var("TEPUI_SEED").ok();
    given.map_or(otherwise, |seed| seed.parse().expect("TEPUI_SEED is a number"))
}
