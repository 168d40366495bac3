//! What a Docker task costs beyond what the engine itself takes: `cargo xtask bench docker`.

mod by_bollard;
mod ours;

use std::process::{Command, ExitCode, Stdio};

use tepui_bench::{Benchmark, Contest, Row, Side, Target, Unit};

/// Containers that are measured in one run, one after the other, and before the clock runs.
const STARTED: usize = 20;
const WARM: usize = 3;

/// What they run: nothing that ends by itself while somebody measures.
const LINE: &str = "sleep 1000";
const CPUS: f64 = 0.1;
const MEGABYTES: u32 = 32;

fn main() -> ExitCode {
    if let Err(missing) = engine() {
        eprintln!("bench docker: {missing}; nothing was measured");
        return ExitCode::FAILURE;
    }
    let contest = Contest {
        sides: vec![
            Side::new("a Docker task: tepui", ours::launches),
            Side::new("a Docker task: the engine alone", by_bollard::starts),
        ],
        rows: vec![
            row("Docker task, from ACCEPT to TASK_RUNNING, p50", "p50", Target::AtMostAbove(10e-3)),
            row("Docker task, from ACCEPT to TASK_RUNNING, p99", "p99", Target::Shown),
        ],
    };
    tepui_bench::main(&Benchmark {
        name: "docker",
        package: "tepui-docker-bench",
        contests: vec![contest],
        roles: &[],
    })
}

fn row(what: &'static str, figure: &'static str, target: Target) -> Row {
    Row::new(what, Unit::Seconds, figure, target).beside("create + start by bollard", 1)
}

/// Each side has an engine of its own, started for it.
fn engine() -> Result<(), &'static str> {
    let mut dockerd = Command::new("dockerd");
    let found = dockerd.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        return Err("there is no Docker engine: dockerd cannot be run; install docker.io");
    }
    if !std::path::Path::new("/bin/busybox").exists() {
        return Err("there is nothing to make an image of: install busybox-static");
    }
    Ok(())
}
