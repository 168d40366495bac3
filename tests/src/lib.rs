//! End to end: real processes, real sockets, real third-party clients.
//!
//! The library starts clusters of the real `tepui` binary and speaks to them byte by byte; the tests in `tests/`
//! say what a newcomer, a third-party client and an operator may rely on. Nothing here depends on our other crates:
//! a mistake shared by server and test would go unseen.
//!
//! The binary is the one beside the test (`cargo build -p tepui` makes it; `cargo xtask test` does so by itself).

pub mod binary;
pub mod certificates;
pub mod checks;
pub mod clients;
pub mod cluster;
pub mod daemon;
pub mod docker;
pub mod engine;
pub mod framework;
pub mod http;
pub mod json;
pub mod leftovers;
pub mod operator;
pub mod ports;
pub mod recording;
pub mod registry;
pub mod shape;
pub mod tracing;
pub mod waiting;
