//! A new master, and all agents come back at once with what runs on them. None is in its registry, so that each is written there.

use anyhow::Result;
use libactor::Worker;
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit};

use crate::crowd::Cluster;
use crate::recorded;
use crate::shape::Shape;

/// A row: its text, the side's name, the shape, Mesos' seconds and where they are from, ours at most.
type Case = (&'static str, &'static str, [usize; 5], f64, &'static str, f64);

const MEASURED: &str = "Mesos, recorded";
const PUBLISHED: &str = "Mesos 1.5, published";

const CASES: [Case; 5] = [
    (
        "failover: 20,000 agents, 100,000 tasks",
        "failover 20000/100000",
        [20_000, 1, 5, 0, 0],
        7.3,
        MEASURED,
        1.0,
    ),
    (
        "failover: 2,000 agents, 200,000 tasks",
        "failover 2000/200000",
        [2_000, 5, 20, 0, 0],
        3.0,
        MEASURED,
        1.0,
    ),
    (
        "failover: 2,000 agents, 100,000 tasks and 100,000 completed",
        "failover 2000/100000+100000",
        [2_000, 5, 10, 5, 10],
        2.8,
        MEASURED,
        0.6,
    ),
    (
        "failover: 40,000 agents, 400,000 tasks",
        "failover 40000/400000",
        [40_000, 1, 10, 0, 0],
        19.0,
        PUBLISHED,
        4.0,
    ),
    (
        "failover: 40,000 agents, 400,000 tasks and 4,000,000 completed",
        "failover 40000/400000+4000000",
        [40_000, 1, 10, 1, 100],
        137.0,
        PUBLISHED,
        5.0,
    ),
];

pub fn contests() -> Vec<Contest> {
    CASES.into_iter().map(contest).collect()
}

fn contest((what, name, numbers, mesos, source, most): Case) -> Contest {
    let peer =
        recorded::side(&format!("{name}: Mesos"), &[("took", std::time::Duration::from_secs_f64(mesos))]);
    Contest {
        sides: vec![Side::new(name, move || run(Shape::new(numbers))), peer],
        rows: vec![Row::new(what, Unit::Seconds, "took", Target::AtMost(most)).recorded(source, 1)],
    }
}

pub fn run(shape: Shape) -> Result<Figures> {
    libactor::run(async {
        let cluster = Cluster::start(|_| {}).await?;
        let worker = Worker::start();
        let took = cluster.crowd(shape, 0, &worker).return_to_the_master().await?;
        Ok(Figures::from([("took".to_owned(), took.as_secs_f64())]))
    })
}
