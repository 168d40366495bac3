//! One task's messages among millions of others, asked for at one of five nodes.

use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libactor::{Actor, Context, Node, Pid, Receive, Routes};
use tepui_bench::{Contest, Figures, Other, Role, Row, Side, Target, Unit, percentiles};
use tokio::sync::oneshot;

use super::get;
use crate::remote::{Load, address, load};

const NODES: usize = 5;
/// Each node's flight recorder holds so many, which is all that it can by default.
const RECORDED: u64 = 1_000_000;
/// Told and not handled, while the recorder is filled.
const WINDOW: u64 = 10_000;
/// Each task's message goes from node to node so often.
const HOPS: u64 = 25;
const TASKS: u64 = 100;
const QUESTIONS: usize = 30;

pub const ROLES: [(&str, Role); 1] = [("traced node", play)];

pub fn contest() -> Contest {
    let what = "a task's trace in a cluster of five nodes, p99";
    Contest {
        sides: vec![
            Side::new("a task's trace: five nodes", || ask("cluster")),
            Side::new("a task's trace: one of them", || ask("node")),
        ],
        rows: vec![
            Row::new(what, Unit::Seconds, "p99", Target::AtMost(1.0)).beside("the asked node's part", 1),
        ],
    }
}

/// A message on its way through the cluster.
#[derive(Clone, PartialEq, prost::Message)]
struct Travel {
    #[prost(string, tag = "1")]
    task: String,
    #[prost(uint64, tag = "2")]
    hops: u64,
    #[prost(string, repeated, tag = "3")]
    nodes: Vec<String>,
}

impl prost::Name for Travel {
    const NAME: &'static str = "Travel";
    const PACKAGE: &'static str = "libactor.bench";
}

/// Sends travellers on to the next node, and says so when one has arrived.
struct Station;

impl Actor for Station {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Travel>();
    }
}

impl Receive<Travel> for Station {
    fn receive(&mut self, cx: &mut Context<Self>, _from: &Pid, mut travel: Travel) {
        cx.tag("task", &travel.task);
        let Some(hops) = travel.hops.checked_sub(1) else { return Other::say("arrived") };
        travel.hops = hops;
        travel.nodes.rotate_left(1);
        let next = travel.nodes[0].parse().expect("nodes are addresses");
        cx.tell(&Pid::new("station", next).expect("a name"), travel);
    }
}

/// Tells itself what fills the recorder.
struct Filler {
    told: u64,
    handled: u64,
    done: Option<oneshot::Sender<()>>,
}

impl Filler {
    fn fill(&mut self, cx: &mut Context<Self>) {
        while self.told < RECORDED && self.told < self.handled + WINDOW {
            cx.tell(cx.me(), load(self.told));
            self.told += 1;
        }
    }
}

impl Actor for Filler {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Load>();
    }

    fn started(&mut self, cx: &mut Context<Self>) {
        self.fill(cx);
    }
}

impl Receive<Load> for Filler {
    fn receive(&mut self, cx: &mut Context<Self>, _from: &Pid, _load: Load) {
        self.handled += 1;
        if self.handled == RECORDED {
            let _ = self.done.take().map(|done| done.send(()));
        }
        self.fill(cx);
    }
}

/// A node with a full recorder. Told the nodes of the cluster, it sends the tasks on their way.
fn play(_: &[String]) -> Result<()> {
    libactor::run(async {
        let node = Node::builder().bind().await?;
        node.serve(|_| {}).await?;
        node.spawn("station", Station);
        let (done, is_done) = oneshot::channel();
        node.spawn("filler", Filler { told: 0, handled: 0, done: Some(done) });
        is_done.await.context("the filler ended early")?;
        Other::say(node.address());
        let lines = || std::io::stdin().lines().next();
        while let Some(line) = tokio::task::spawn_blocking(lines).await.context("read the nodes")? {
            let nodes: Vec<String> = line?.split(' ').map(str::to_owned).collect();
            for task in 0..TASKS {
                let travel = Travel { task: format!("t{task}"), hops: HOPS, nodes: nodes.clone() };
                node.tell(&node.pid("framework"), &node.pid("station"), travel);
            }
        }
        Ok(())
    })
}

fn ask(scope: &str) -> Result<Figures> {
    let mut others = (0..NODES).map(|_| Other::start("traced node", &[])).collect::<Result<Vec<_>>>()?;
    let addresses = others.iter_mut().map(address).collect::<Result<Vec<_>>>()?;
    let nodes: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    others[0].tell(&nodes.join(" "))?;
    // Each arrives where it began: the hops are a multiple of the nodes.
    for _ in 0..TASKS {
        others[0].line()?;
    }
    let mut samples: Vec<Duration> = Vec::with_capacity(QUESTIONS);
    for question in 0..QUESTIONS {
        let path = format!("/__trace__/tree?tag=task=t{question}&scope={scope}");
        let (started, mut answer) = (Instant::now(), Vec::new());
        get(addresses[0], &path)?.read_to_end(&mut answer)?;
        samples.push(started.elapsed());
        let hops = String::from_utf8_lossy(&answer).matches("\"outcome\"").count() as u64;
        ensure!(scope == "node" || hops == HOPS + 1, "{hops} hops of {}", HOPS + 1);
    }
    Ok(percentiles(&mut samples))
}
