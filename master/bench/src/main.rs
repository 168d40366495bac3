//! The master's parts beside Mesos: `cargo xtask bench master`.
//!
//! Mesos is not run here: its figures are recorded ones, from its own benchmarks, whose shapes these have. So a row of fixed
//! work stands beside, which says how fast the machine is today. Cycles are work of one thread, and measured as its own time,
//! so that a busy machine shows less. The other rows are of a whole master, and measured as time that passes.

mod allocator;
mod calibration;
mod client;
mod crowd;
mod failover;
mod hour;
mod launch;
mod memory;
mod metrics;
mod readers;
mod recorded;
mod shape;
mod sockets;
mod state;
mod work;

use std::process::ExitCode;

use tepui_bench::{Benchmark, Role};

fn main() -> ExitCode {
    let mut contests = vec![calibration::contest()];
    contests.extend(allocator::contests());
    contests.extend(failover::contests());
    contests.push(sockets::contest());
    contests.push(launch::contest());
    contests.extend(state::contests());
    contests.push(readers::contest());
    contests.push(metrics::contest());
    contests.push(memory::contest());
    contests.push(hour::contest());
    let roles: &[(&str, Role)] = &[(sockets::AGENTS, sockets::play)];
    tepui_bench::main(&Benchmark { name: "master", package: "tepui-master-bench", contests, roles })
}
