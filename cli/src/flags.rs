//! Mesos' flags: every one that its master and agent have is known, so that a unit file written for Mesos needs only a
//! new program name.
//!
//! The tables ([`MASTER`], [`AGENT`]) are data; [`parse`] reads a command line and an environment against one of them
//! and knows nothing of what the flags mean; [`help`] prints one. What the values become is said in
//! `commands/master.rs` and `commands/agent.rs`.

mod agent;
mod distance;
mod flag;
mod help;
mod logging;
mod master;
mod parse;
mod parsed;
#[cfg(test)]
mod tests;
mod tracing;
mod value;

pub use agent::AGENT;
pub use flag::Table;
pub use help::help;
pub use master::MASTER;
pub use parse::parse;
pub use parsed::Parsed;
