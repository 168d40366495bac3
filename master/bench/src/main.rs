//! The master's parts beside Mesos: `cargo xtask bench master`.
//!
//! Mesos is not run here: its figures are recorded ones, from its own benchmarks, whose shapes these have. So a row of fixed
//! work stands beside, which says how fast the machine is today. Cycles are work of one thread, and measured as its own time,
//! so that a busy machine shows less.

mod allocator;
mod calibration;
mod recorded;
mod work;

use std::process::ExitCode;

use tepui_bench::Benchmark;

fn main() -> ExitCode {
    let mut contests = vec![calibration::contest()];
    contests.extend(allocator::contests());
    tepui_bench::main(&Benchmark { name: "master", package: "tepui-master-bench", contests, roles: &[] })
}
