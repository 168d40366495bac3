//! The same failover over loopback sockets: the agents live in another process, twenty to an address.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use libactor::{Node, Pid, Worker};
use tepui_bench::{Contest, Figures, Other, Row, Side, Target, Unit};

use crate::crowd::{Cluster, Crowd};
use crate::failover;
use crate::shape::Shape;

/// The role of the process of the agents.
pub const AGENTS: &str = "agents";

const SHAPE: Shape = Shape::new([5_000, 1, 10, 0, 0]);
/// Nodes of that process: as many addresses and connections.
const NODES: usize = 250;

pub fn contest() -> Contest {
    let row = Row::new(
        "failover over loopback sockets: 5,000 agents, 50,000 tasks",
        Unit::Seconds,
        "took",
        Target::AtMost(5.0),
    );
    Contest {
        sides: vec![
            Side::new("failover over sockets", run),
            Side::new("failover 5000/50000 in process", || failover::run(SHAPE)),
        ],
        rows: vec![row.beside("in process", 1)],
    }
}

fn run() -> Result<Figures> {
    libactor::run(async {
        let cluster = Cluster::start(|_| {}).await?;
        let address = cluster.master.address().to_string();
        let took = tokio::task::spawn_blocking(move || -> Result<f64> {
            let mut agents = Other::start(AGENTS, &[&address])?;
            agents.line()?.parse().context("read how long it took")
        });
        let took = took.await.context("wait for the agents")??;
        Ok(Figures::from([("took".to_owned(), took)]))
    })
}

/// The agents: they come back, and say how many seconds it took.
pub fn play(arguments: &[String]) -> Result<()> {
    let master: SocketAddr = arguments.first().context("the master's address")?.parse()?;
    libactor::run(async {
        let master = Pid::new("master", master)?;
        let worker = Worker::start();
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            let node = Node::builder().flight_recorder(0).bind().await?;
            node.serve(|_| {}).await?;
            nodes.push(node);
        }
        let crowd = Crowd::new(SHAPE, 0, &master, |number, agent| {
            nodes[number % NODES].spawn_on(&worker, &format!("slave({number})"), move || agent)
        });
        let took = crowd.return_to_the_master().await?;
        Other::say(took.as_secs_f64());
        tokio::task::spawn_blocking(Other::wait_for_the_end).await.context("wait for the end")
    })
}
