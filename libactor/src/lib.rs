//! The actor runtime: nodes, pids, actors, and the one port over which they are reached.
//!
#![doc = include_str!("../README.md")]

mod actor;
mod actor_ref;
mod addresses;
mod builder;
mod clock;
mod context;
mod counters;
mod delivery;
mod envelope;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod host;
pub mod http;
pub mod limits;
pub mod metrics;
mod node;
mod pid;
mod registry;
mod routes;
mod time;
pub mod tls;
pub mod trace;
mod transport;
mod watch;
pub mod web;
mod worker;

pub use actor::{Actor, Handler, Message, Receive, WireMessage};
pub use actor_ref::{ActorRef, AskError, Recipient};
pub use addresses::without_effect;
pub use builder::{BindError, Builder};
pub use clock::Clock;
pub use context::{Context, TimerHandle};
pub use envelope::Header;
pub use node::{Node, ServeError, SpawnError};
pub use pid::{ParsePidError, Pid};
pub use routes::Routes;
pub use time::Timestamp;
pub use watch::Exit;
pub use worker::Worker;

/// The code of the guide, run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../docs/howto/write-an-actor.md")]
struct Guide;

/// Runs a future, and all actors it spawns, on this thread; returns when the future is done. Daemons, examples and tests
/// have one around everything.
pub fn run<F: Future>(main: F) -> F::Output {
    let system = actix_rt::System::new();
    let output = system.block_on(main);
    // Ends the threads of nodes and workers that were not ended before.
    actix_rt::System::current().stop();
    if let Err(error) = system.run() {
        tracing::debug!(%error, "stop the actor system");
    }
    output
}
