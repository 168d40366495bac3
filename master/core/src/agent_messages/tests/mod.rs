//! Step tests of the agents' messages and lives, as text.

mod executors;
mod leaving;
mod pings;
mod recovery;
mod register;
mod reregister;
mod status_update;
