//! Reads of the whole cluster, in the shapes of Mesos' benchmark of them; the ended tasks, which no reader of Mesos' ever sees, are in
//! the answers here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libactor::Worker;
use prost::Message as _;
use tepui_bench::{Contest, Figures, Row, Side, Target, Unit, median};
use tepui_proto::v1::master::{Call, call};

use crate::client::{Answered, Client};
use crate::crowd::Cluster;
use crate::recorded;
use crate::shape::Shape;

/// So many answers of each kind; the figures are their medians.
const ROUNDS: usize = 9;

const SMALL: Shape = Shape::new([1_000, 5, 2, 5, 2]).with_ended_tasks_shown();
const LARGE: Shape = Shape::new([10_000, 5, 2, 5, 2]).with_ended_tasks_shown();

const MESOS: &str = "Mesos, recorded";

/// The three ways to ask, by the names of their figures.
const WAYS: [&str; 3] = ["state", "protobuf", "json"];

pub fn contests() -> Vec<Contest> {
    vec![small(), large()]
}

fn small() -> Contest {
    let row =
        |what, figure, most| Row::new(what, Unit::Seconds, figure, Target::AtMost(most)).recorded(MESOS, 1);
    let shown = |what, figure| Row::new(what, Unit::Seconds, figure, Target::Shown).recorded(MESOS, 1);
    let mesos = [112, 52, 169].map(Duration::from_millis);
    Contest {
        sides: vec![
            Side::new("state small", || run(SMALL)),
            recorded::side("state small: Mesos", &with_firsts(mesos)),
        ],
        rows: vec![
            row("1,000 agents, 10,000 + 10,000 tasks: /state", "state", 0.025),
            row("1,000 agents, 10,000 + 10,000 tasks: v1 protobuf", "protobuf", 0.012),
            row("1,000 agents, 10,000 + 10,000 tasks: v1 JSON", "json", 0.035),
            row("1,000 agents, 10,000 + 10,000 tasks: first byte of /state", "state first byte", 0.005),
            row(
                "1,000 agents, 10,000 + 10,000 tasks: first byte of v1 protobuf",
                "protobuf first byte",
                0.005,
            ),
            row("1,000 agents, 10,000 + 10,000 tasks: first byte of v1 JSON", "json first byte", 0.005),
            shown("1,000 agents, 10,000 + 10,000 tasks: /state, all of it new", "state new"),
            shown("1,000 agents, 10,000 + 10,000 tasks: v1 protobuf, all of it new", "protobuf new"),
            shown("1,000 agents, 10,000 + 10,000 tasks: v1 JSON, all of it new", "json new"),
        ],
    }
}

fn large() -> Contest {
    let row =
        |what, figure, most| Row::new(what, Unit::Seconds, figure, Target::AtMost(most)).recorded(MESOS, 1);
    let shown = |what, figure| Row::new(what, Unit::Seconds, figure, Target::Shown).recorded(MESOS, 1);
    let mesos = [1_700, 910, 2_420].map(Duration::from_millis);
    Contest {
        sides: vec![
            Side::new("state large", || run(LARGE)),
            recorded::side("state large: Mesos", &with_firsts(mesos)),
        ],
        rows: vec![
            row("10,000 agents, 100,000 + 100,000 tasks: /state", "state", 0.3),
            row("10,000 agents, 100,000 + 100,000 tasks: v1 protobuf", "protobuf", 0.15),
            row("10,000 agents, 100,000 + 100,000 tasks: v1 JSON", "json", 0.4),
            shown("10,000 agents, 100,000 + 100,000 tasks: /state, all of it new", "state new"),
            shown("10,000 agents, 100,000 + 100,000 tasks: v1 protobuf, all of it new", "protobuf new"),
            shown("10,000 agents, 100,000 + 100,000 tasks: v1 JSON, all of it new", "json new"),
        ],
    }
}

/// Mesos sends nothing before it has everything, and keeps nothing.
fn with_firsts(whole: [Duration; 3]) -> Vec<(&'static str, Duration)> {
    let [state, protobuf, json] = whole;
    vec![
        ("state", state),
        ("protobuf", protobuf),
        ("json", json),
        ("state first byte", state),
        ("protobuf first byte", protobuf),
        ("json first byte", json),
        ("state new", state),
        ("protobuf new", protobuf),
        ("json new", json),
    ]
}

fn run(shape: Shape) -> Result<Figures> {
    libactor::run(async {
        let worker = Worker::start();
        let cluster = busy(shape, &worker).await?;
        let address = cluster.master.address();
        tokio::task::spawn_blocking(move || read(address)).await.context("read")?
    })
}

/// A master to which all agents have come back.
pub async fn busy(shape: Shape, worker: &Worker) -> Result<Cluster> {
    let cluster = Cluster::start(|config| {
        // All of them are to be read.
        config.core.max_completed_tasks_per_framework = 1_000_000;
    })
    .await?;
    cluster.crowd(shape, 0, worker).return_to_the_master().await?;
    // What that left to do is no part of what follows.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(cluster)
}

fn read(address: SocketAddr) -> Result<Figures> {
    let mut client = Client::new(address)?;
    let call = Call { r#type: Some(call::Type::GetState as i32), ..Call::default() }.encode_to_vec();
    let mut ask = |way: &str| -> Result<Answered> {
        let answered = match way {
            "state" => client.get("/state"),
            "protobuf" => client.call(&call, "application/x-protobuf"),
            _ => client.call(&call, "application/json"),
        }?;
        ensure!(answered.status == 200, "status {}", answered.status);
        Ok(answered)
    };
    let mut figures = Figures::new();
    for way in WAYS {
        let new = ask(way)?;
        eprintln!("{way}: {} bytes", new.length);
        figures.insert(format!("{way} new"), new.last_byte.as_secs_f64());
        let answers = (0..ROUNDS).map(|_| ask(way)).collect::<Result<Vec<_>>>()?;
        let of = |figure: fn(&Answered) -> Duration| {
            median(&mut answers.iter().map(|answer| figure(answer).as_secs_f64()).collect::<Vec<_>>())
        };
        figures.insert(way.to_owned(), of(|answer| answer.last_byte));
        figures.insert(format!("{way} first byte"), of(|answer| answer.first_byte));
    }
    Ok(figures)
}

/// How long it takes to ask `path` again and again.
pub fn times(address: SocketAddr, path: &str, rounds: usize) -> Result<Vec<Duration>> {
    let mut client = Client::new(address)?;
    let ask = |_| {
        let began = Instant::now();
        let answered = client.get(path)?;
        ensure!(answered.status == 200, "status {}", answered.status);
        Ok(began.elapsed())
    };
    (0..rounds).map(ask).collect()
}
