//! The actor runtime: nodes, pids, actors, and the one port over which they are reached.
//!
#![doc = include_str!("../README.md")]

mod actor;
mod actor_ref;
mod addresses;
mod arrivals;
mod ask;
mod builder;
mod clock;
mod context;
mod counters;
mod deadlocks;
mod delivery;
mod envelope;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod host;
pub mod http;
mod life;
pub mod limits;
mod mailbox;
pub mod metrics;
mod node;
mod observer;
mod pid;
mod pulse;
mod registry;
mod responder;
mod routes;
mod supervision;
mod time;
pub mod tls;
pub mod top;
pub mod trace;
mod transport;
mod waits;
mod watch;
pub mod web;
mod worker;

pub use actor::{Actor, Answer, Handler, Message, Receive, Request, WireMessage};
pub use actor_ref::{ActorRef, Recipient};
pub use addresses::{requires_peer_match, without_effect};
pub use ask::AskError;
pub use builder::{BindError, Builder};
pub use clock::Clock;
pub use context::{Context, TimerHandle};
pub use envelope::Header;
pub use node::{Node, ServeError, SpawnError};
pub use pid::{ParsePidError, Pid};
pub use responder::{Deferred, Responder};
pub use routes::Routes;
pub use supervision::Restart;
pub use time::Timestamp;
pub use top::Top;
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
