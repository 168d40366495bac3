//! The master's parts beside Mesos: `cargo xtask bench master`.
//!
//! Mesos is not run here: its figures are recorded ones, from its own benchmarks, whose shapes these have. So a row of fixed
//! work stands beside, which says how fast the machine is today.

mod allocator;
mod calibration;
mod recorded;

use std::process::ExitCode;

use tepui_bench::Benchmark;

fn main() -> ExitCode {
    let mut contests = vec![calibration::contest()];
    contests.extend(allocator::contests());
    tepui_bench::main(&Benchmark { name: "master", package: "tepui-master-bench", contests, roles: &[] })
}
