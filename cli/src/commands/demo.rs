//! `tepui demo`: a cluster in this process, with a service and a batch of tasks on it, for who sees tepui for the
//! first time.

mod board;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use libactor::{Node, tls};
use tepui_frameworks::{Batch, BatchEvent, BatchOutcome, Service, ServiceEvent};
use tepui_scheduler::{MasterAddress, Settings, spawn};
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::board::Board;
use crate::cluster::{Cluster, Plan};
use crate::logging;
use crate::signals::Signals;

#[derive(Args)]
pub struct Arguments {
    /// End after the batch, with status 0 only if every task finished
    #[arg(long)]
    exit: bool,
}

/// Small enough that the batch takes some rounds of offers, large enough that it does not take long.
const AGENTS: u16 = 3;
const RESOURCES: &str = "cpus:2;mem:512;disk:512;ports:[31000-31100]";
const TASKS: u32 = 20;
const TASK: &str = "echo \"hello from $(hostname)\"; sleep 1";
const INSTANCES: usize = 2;
const SERVICE: &str = "while true; do date; sleep 5; done";

/// The batch takes about ten seconds; after this something is wrong and the demo says so.
const LIMIT: Duration = Duration::from_secs(35);

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    logging::start_quietly()?;
    libactor::run(demonstrate(arguments.exit))
}

async fn demonstrate(exit: bool) -> Result<ExitCode> {
    let mut signals = Signals::catch()?;
    let master = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let plan = Plan { master, agents: AGENTS, resources: Some(RESOURCES.to_owned()), work_dir: None };
    let cluster = Cluster::start(&plan).await?;
    println!("{}", cluster.addresses());

    let board = Board::new(TASKS, INSTANCES);
    let (stop, stopped) = oneshot::channel();
    let service = tokio::task::spawn_local(service(cluster.master(), board.clone(), stopped));
    let begin = Instant::now();
    let outcome = tokio::select! {
        outcome = timeout(LIMIT, batch(cluster.master(), board.clone())) => Some(outcome),
        () = signals.end() => None,
    };
    board.finish();
    let (summary, code) = sum_up(outcome, begin.elapsed());

    if !exit && code == ExitCode::SUCCESS {
        println!("{summary}\n\n{}", invitation(cluster.scheme(), cluster.master()));
        signals.end().await;
    }
    drop(stop);
    let served = service.await;
    cluster.shutdown().await?;
    served.context("run the service")??;
    println!("{summary}");
    Ok(code)
}

/// What to do with a cluster that runs.
fn invitation(scheme: &str, master: SocketAddr) -> String {
    let tepui = std::env::args().next().unwrap_or_else(|| "tepui".to_owned());
    format!(
        "The service goes on. Look around from another terminal:\n  curl {scheme}://{master}/state\n  \
         {tepui} tasks --all --master={scheme}://{master}\n\
         Ctrl-C ends the cluster."
    )
}

type Outcome = Result<Result<BatchOutcome>, tokio::time::error::Elapsed>;

/// The last line, and the demo's status.
fn sum_up(outcome: Option<Outcome>, took: Duration) -> (String, ExitCode) {
    let took = took.as_secs_f64();
    match outcome {
        None => ("interrupted".to_owned(), ExitCode::FAILURE),
        Some(Err(_)) => {
            (format!("the batch of {TASKS} tasks did not end within {took:.0} s"), ExitCode::FAILURE)
        }
        Some(Ok(Err(error))) => (format!("the batch failed: {error:#}"), ExitCode::FAILURE),
        Some(Ok(Ok(BatchOutcome { finished, failed }))) => {
            let failures: String = failed.iter().map(|failure| format!("{failure}\n")).collect();
            let code = if finished == TASKS { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            (format!("{failures}{finished} of {TASKS} tasks finished in {took:.1} s"), code)
        }
    }
}

/// Runs the batch to its end, over the HTTP API.
async fn batch(master: SocketAddr, board: Board) -> Result<BatchOutcome> {
    let watch = move |event| match event {
        BatchEvent::Task { id, state, ended } => board.batch(&id, state, ended),
        BatchEvent::Subscribed(_) | BatchEvent::Misfit(_) => {}
    };
    let batch = Batch::new(TASK, TASKS, "cpus:0.5;mem:32".parse()?, watch);
    let node = node().await?;
    let settings = Settings::new("batch", MasterAddress::from(master));
    let ended = spawn(&node, settings, batch).await;
    node.shutdown().await;
    Ok(ended?.outcome().clone())
}

/// Keeps the service running until it is stopped, by actor messages.
async fn service(master: SocketAddr, board: Board, stopped: oneshot::Receiver<()>) -> Result<()> {
    let watch = move |event| {
        if let ServiceEvent::Instance { id, state, .. } = event {
            board.service(&id, state);
        }
    };
    // Each demo has a cluster of its own, so no earlier task can have the same id.
    let service = Service::new("service", SERVICE, INSTANCES, "cpus:0.1;mem:32".parse()?, 0, watch);
    let node = node().await?;
    // Without a failover timeout, the master ends the service when its node is gone.
    let settings =
        Settings::new("service", format!("master@{master}").parse()?).failover_timeout(Duration::ZERO);
    let ended = tokio::select! {
        ended = spawn(&node, settings, service) => ended.map(drop),
        _ = stopped => Ok(()),
    };
    node.shutdown().await;
    Ok(ended?)
}

async fn node() -> Result<Node> {
    let node = Node::builder().tls(tls::from_environment()?).bind().await?;
    node.serve(|_| {}).await?;
    Ok(node)
}
