//! `tepui demo`: a cluster in this process, with a service and a batch of tasks on it, for who sees tepui for the
//! first time. Where there is a Docker engine, web servers in containers too.

mod board;
mod docker;
mod image;
mod web;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use libactor::{Node, tls};
use tepui_frameworks::{Batch, BatchEvent, BatchOutcome, Service, ServiceEvent};
use tepui_scheduler::{MasterAddress, Settings, spawn};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::board::Board;
use self::docker::Docker;
use self::web::Progress;
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
const RESOURCES: &str = "cpus:2;mem:512;disk:512";
/// Of each agent. All are on this machine, so no two of them may offer the same one, nor one that is taken.
const PORTS: usize = 4;
/// Where they are looked for.
const FIRST_OFFERED: u16 = 31_000;
const OFFERED: u16 = 1_000;
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
    let mut docker = Docker::find().await;
    let shown = show(exit, &mut signals, &mut docker).await;
    // However it ended: an image of ours is with the engine.
    if let Ok(docker) = docker
        && let Err(error) = docker.clear().await
    {
        eprintln!("the Docker engine was not left as it was: {error:#}");
    }
    shown
}

async fn show(exit: bool, signals: &mut Signals, docker: &mut Result<Docker>) -> Result<ExitCode> {
    let master = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let plan = Plan {
        master,
        agents: AGENTS,
        resources: resources()?,
        work_dir: None,
        docker: docker.as_ref().ok().map(Docker::flags),
    };
    let cluster = Cluster::start(&plan).await?;
    println!("{}", cluster.addresses());
    let docker = match docker {
        Ok(docker) => {
            docker.know(&cluster.agent_directories())?;
            Some(&*docker)
        }
        Err(why) => {
            println!("No web servers in Docker containers: {why:#}.");
            None
        }
    };

    let board = Board::new(TASKS, INSTANCES, docker.map(|_| web::SERVERS));
    let (stop, stopped) = oneshot::channel();
    let service = tokio::task::spawn_local(service(cluster.master(), board.clone(), stopped));
    let servers = docker.map(|docker| Servers::start(cluster.master(), docker.image(), &board));
    let begin = Instant::now();
    let outcome = tokio::select! {
        outcome = timeout(LIMIT, batch(cluster.master(), board.clone())) => Some(outcome),
        () = signals.end() => None,
    };
    let took = begin.elapsed();
    if let (Some(servers), Some(_)) = (&servers, &outcome) {
        tokio::select! {
            () = servers.replaced(LIMIT.saturating_sub(took)) => {}
            () = signals.end() => {}
        }
    }
    board.finish();
    let (mut summary, code) = sum_up(outcome, took);
    if let Some(servers) = &servers {
        summary = format!("{}\n{summary}", servers.sum_up());
    }

    if !exit && code == ExitCode::SUCCESS {
        println!("{summary}\n\n{}", invitation(&cluster, servers.as_ref()));
        signals.end().await;
    }
    drop(stop);
    let served = service.await;
    let web_served = match servers {
        Some(servers) => servers.stop().await,
        None => Ok(()),
    };
    cluster.shutdown().await?;
    served.context("run the service")??;
    web_served.context("run the web servers")?;
    println!("{summary}");
    Ok(code)
}

/// What the agents offer. Their ports are among those that Mesos' agents offer by default, which the kernel gives to nobody by itself:
/// others would be taken by the cluster's own connections before a task has them.
fn resources() -> Result<Vec<String>> {
    let count = usize::from(AGENTS) * PORTS;
    // Not the same ones for every demo of a machine.
    let start = u16::try_from(std::process::id() % u32::from(OFFERED)).unwrap_or_default();
    let candidates = (0..OFFERED).map(|step| FIRST_OFFERED + (start + step) % OFFERED);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    let free: Vec<u16> = candidates.filter(is_free).take(count).collect();
    ensure!(free.len() == count, "fewer than {count} of the ports from {FIRST_OFFERED} on are free");
    let of_agent = |ports: &[u16]| {
        let ranges: Vec<String> = ports.iter().map(|port| format!("{port}-{port}")).collect();
        format!("{RESOURCES};ports:[{}]", ranges.join(","))
    };
    Ok(free.chunks(PORTS).map(of_agent).collect())
}

/// The web servers while they run.
struct Servers {
    progress: watch::Receiver<Progress>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<()>>,
}

impl Servers {
    fn start(master: SocketAddr, image: &str, board: &Board) -> Servers {
        let (tell, progress) = watch::channel(Progress::default());
        let (stop, stopped) = oneshot::channel();
        let served = web::serve(master, image.to_owned(), board.clone(), tell, stopped);
        Servers { progress, stop, served: tokio::task::spawn_local(served) }
    }

    /// Ready when a second generation serves alone, or when the time is over.
    async fn replaced(&self, limit: Duration) {
        let mut progress = self.progress.clone();
        // How it ended is said by `sum_up`.
        let _ = timeout(limit, progress.wait_for(|progress| progress.replaced)).await;
    }

    fn sum_up(&self) -> String {
        let Progress { replaced, trouble, .. } = &*self.progress.borrow();
        let servers = web::SERVERS;
        match (replaced, trouble) {
            (true, _) => {
                format!("{servers} web servers in Docker containers, replaced one by one while they served")
            }
            (false, Some(why)) => {
                format!("the {servers} web servers were not replaced; the last one said: {why}")
            }
            (false, None) => format!("the {servers} web servers were not replaced"),
        }
    }

    async fn stop(self) -> Result<()> {
        drop(self.stop);
        self.served.await?
    }
}

/// What to do with a cluster that runs.
fn invitation(cluster: &Cluster, servers: Option<&Servers>) -> String {
    let tepui = std::env::args().next().unwrap_or_else(|| "tepui".to_owned());
    let (scheme, master) = (cluster.scheme(), cluster.master());
    let pages = servers.map(|servers| servers.progress.borrow().at.values().cloned().collect::<Vec<_>>());
    let pages: String = pages.unwrap_or_default().iter().map(|at| format!("\n  curl http://{at}/")).collect();
    format!(
        "The service goes on. Look around from another terminal:\n  curl {scheme}://{master}/state\n  \
         {tepui} tasks --all --master={scheme}://{master}{pages}\n\
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
