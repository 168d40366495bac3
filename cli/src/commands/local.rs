//! `tepui local`: a master and some agents in one process, until Ctrl-C.

use std::iter::repeat_n;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::cluster::{Cluster, Plan};
use crate::logging;
use crate::signals::Signals;

#[derive(Args)]
pub struct Arguments {
    /// How many agents
    #[arg(long, default_value_t = 1, alias = "num_slaves", alias = "num-slaves")]
    agents: u16,
    /// Where the cluster keeps everything; a temporary folder, removed at the end, unless set
    #[arg(long, alias = "work_dir", env = "MESOS_WORK_DIR")]
    work_dir: Option<PathBuf>,
    /// The master's port; 0 takes a free one. Agents always do
    #[arg(long, default_value_t = 5050, env = "MESOS_PORT")]
    port: u16,
    /// What each agent offers; what the machine has, unless set
    #[arg(long, env = "MESOS_RESOURCES")]
    resources: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    logging::start_quietly()?;
    libactor::run(async {
        let mut signals = Signals::catch()?;
        let plan = Plan {
            master: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
            agents: arguments.agents,
            resources: repeat_n(arguments.resources.clone(), usize::from(arguments.agents))
                .flatten()
                .collect(),
            work_dir: arguments.work_dir.clone(),
            docker: None,
        };
        let cluster = Cluster::start(&plan).await?;
        print!("{}", cluster.addresses());
        signals.end().await;
        cluster.shutdown().await?;
        Ok(ExitCode::SUCCESS)
    })
}
