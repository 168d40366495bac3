//! Step tests: one verb in one phase, as text. Container ids are shown as C1, C2, … in the order they appear.

mod acknowledgements;
mod authentications;
mod digests;
mod drains;
mod drivers;
mod endings;
mod executors;
mod kills;
mod launches;
mod operations;
mod reconciliations;
mod reconfigurations;
mod recoveries;
mod registrations;
mod status_updates;
mod world;
