//! What an agent and a running task cost the master's process, beyond the bytes of the task's own message: the growth of resident
//! memory while agents come back, first without tasks, then with.

use anyhow::{Context as _, Result};
use libactor::Worker;
use prost::Message as _;
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit};
use tepui_model::Size;

use crate::crowd::Cluster;
use crate::recorded;
use crate::shape::Shape;

/// For a warm heap, before anything is measured.
const WARM: Shape = Shape::new([500, 5, 5, 0, 0]);
const IDLE: Shape = Shape::new([10_000, 0, 0, 0, 0]);
const BUSY: Shape = Shape::new([2_000, 5, 20, 0, 0]);

pub fn contest() -> Contest {
    let row = |what, figure, most| {
        Row::new(what, Unit::Bytes, figure, Target::AtMost(most)).recorded("its own message", 1)
    };
    let own = task_bytes();
    Contest {
        sides: vec![
            Side::new("memory", run),
            recorded::side_of("memory: messages", &[("task", own), ("agent", agent_bytes())]),
        ],
        rows: vec![
            row("memory per running task, beyond its own bytes", "task", 1_500.0),
            row("memory per agent", "agent", 4_000.0),
        ],
    }
}

fn task_bytes() -> f64 {
    Shape::new([1, 1, 1, 0, 0]).report(0).tasks[0].encoded_len() as f64
}

fn agent_bytes() -> f64 {
    Shape::new([1, 0, 0, 0, 0]).report(0).encoded_len() as f64
}

fn run() -> Result<Figures> {
    libactor::run(async {
        // The headers of messages take memory of their own until it is full.
        let cluster = Cluster::start(|config| config.flight_recorder_size = Size::bytes(0)).await?;
        let worker = Worker::start();
        let mut first = 0;
        let mut grown = Vec::new();
        for shape in [WARM, IDLE, BUSY] {
            let crowd = cluster.crowd(shape, first, &worker);
            tokio::time::sleep(SETTLE).await;
            let before = resident()?;
            crowd.return_to_the_master().await?;
            tokio::time::sleep(SETTLE).await;
            grown.push(resident()? - before);
            first += shape.agents;
        }
        let agent = grown[1] / IDLE.agents as f64;
        let tasks = (BUSY.agents * BUSY.frameworks * BUSY.tasks) as f64;
        let task = (grown[2] - agent * BUSY.agents as f64) / tasks;
        Ok(Figures::from([("agent".to_owned(), agent), ("task".to_owned(), task - task_bytes())]))
    })
}

/// Until readers, allocator and registry have taken what they were told.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(2);

/// Resident memory of this process, in bytes, without what is free already.
fn resident() -> Result<f64> {
    // SAFETY: it takes a number and gives one; the heap is locked inside.
    unsafe { libc::malloc_trim(0) };
    let status = std::fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("find VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("read VmRSS")?;
    Ok(kib * 1024.0)
}
