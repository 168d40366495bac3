//! libactor beside its peers: `cargo xtask bench libactor`.

mod flood;
mod local;
mod memory;
mod pressure;
mod remote;
mod tracing;

use std::process::ExitCode;

use tepui_bench::Benchmark;

fn main() -> ExitCode {
    let mut contests = local::contests();
    contests.push(memory::contest());
    contests.push(flood::contest());
    contests.extend(remote::contests());
    contests.push(pressure::contest());
    contests.extend(tracing::contests());
    let roles = [&remote::ROLES[..], &pressure::ROLES, &tracing::ROLES].concat().leak();
    tepui_bench::main(&Benchmark { name: "libactor", package: "libactor-bench", contests, roles })
}
