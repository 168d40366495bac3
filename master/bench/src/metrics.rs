//! `/metrics/snapshot` of a master with many frameworks, most of them with running tasks on one agent.

use std::time::Duration;

use anyhow::{Context as _, Result};
use libactor::Worker;
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit, median};

use crate::shape::Shape;
use crate::{recorded, state};

const ROUNDS: usize = 9;
const SHAPE: Shape = Shape::new([1, 9_000, 2, 1_000, 2]);

pub fn contest() -> Contest {
    let row = Row::new("metrics with 10,000 frameworks", Unit::Seconds, "took", Target::AtMost(0.1));
    Contest {
        sides: vec![
            Side::new("metrics", run),
            recorded::side("metrics: Mesos", &[("took", Duration::from_millis(2_500))]),
        ],
        rows: vec![row.recorded("Mesos, recorded", 1)],
    }
}

fn run() -> Result<Figures> {
    libactor::run(async {
        let worker = Worker::start();
        let cluster = state::busy(SHAPE, &worker).await?;
        let address = cluster.master.address();
        let asked = tokio::task::spawn_blocking(move || state::times(address, "/metrics/snapshot", ROUNDS));
        let times = asked.await.context("ask for metrics")??;
        let mut times: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        Ok(Figures::from([("took".to_owned(), median(&mut times))]))
    })
}
