//! An hour of 50,000 agents, simulated: real cores of master, allocator and agents on virtual time, in one thread.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit};
use tepui_sim::{Scenario, World};

use crate::recorded;

/// What the hour may take, and as much again on a busy machine.
const LIMIT: Duration = Duration::from_secs(20 * 60);

pub fn contest() -> Contest {
    let took = Row::new(
        "50,000 agents, 200 frameworks: a virtual hour",
        Unit::Seconds,
        "took",
        Target::AtMost(600.0),
    );
    let launch = Row::new(
        "50,000 agents, 200 frameworks: launch latency in virtual time, p99",
        Unit::Seconds,
        "p99",
        Target::AtMost(1.0),
    );
    let emulated = [("took", Duration::from_secs(3600)), ("p99", Duration::from_secs(1))];
    Contest {
        sides: vec![Side::new("hour", run).long(LIMIT), recorded::side("hour: Mesos, emulated", &emulated)],
        rows: vec![
            took.recorded("Mesos' emulation, published", 1),
            launch.recorded("Mesos' emulation, published", 1),
        ],
    }
}

fn run() -> Result<Figures> {
    let began = Instant::now();
    let report = World::new(Scenario::emulated(1)).run().map_err(|broken| anyhow!("{broken}"))?;
    let took = began.elapsed().as_secs_f64();
    eprintln!("{report}");
    Ok(Figures::from([("took".to_owned(), took), ("p99".to_owned(), report.launch_p99.as_secs_f64())]))
}
