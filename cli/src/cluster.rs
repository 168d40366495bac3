//! A whole cluster in this process: a master and agents, each a node of its own on loopback.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tepui_agent::DockerFlags;
use tokio::time::timeout;

use crate::client::{Client, list, text};
use crate::commands::agent::inherit;

/// What cluster to start.
pub struct Plan {
    /// Where the master listens.
    pub master: SocketAddr,
    pub agents: u16,
    /// What agents offer, one after the other; else what the machine has.
    pub resources: Vec<String>,
    /// Where everything is kept; else in a temporary folder that is removed at the end.
    pub work_dir: Option<PathBuf>,
    /// Agents run tasks in Docker containers too.
    pub docker: Option<DockerFlags>,
}

pub struct Cluster {
    master: tepui_master::Running,
    agents: Vec<tepui_agent::Running>,
    folder: Folder,
}

enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn path(&self) -> &std::path::Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Executors get five seconds to end before agents end them; the rest is for the agents.
const GRACE: Duration = Duration::from_secs(8);

/// How often agents are asked whether all executors are gone.
const LOOK: Duration = Duration::from_millis(50);

/// Each daemon has this long to end.
const FAREWELL: Duration = Duration::from_secs(1);

impl Cluster {
    pub async fn start(plan: &Plan) -> Result<Self> {
        let folder = match &plan.work_dir {
            Some(path) => Folder::Kept(path.clone()),
            None => Folder::Temporary(
                tempfile::Builder::new().prefix("tepui-").tempdir().context("make a folder")?,
            ),
        };
        let registry = tepui_master::RegistryStorage::File { work_dir: folder.path().join("master") };
        let tls = libactor::tls::from_environment()?;
        let mut config = tepui_master::Config::new(plan.master, registry);
        config.core.https_agents = tls.is_some();
        config.tls.clone_from(&tls);
        let master = tepui_master::start(config).await?;
        let mut cluster = Self { master, agents: Vec::new(), folder };
        for (number, work_dir) in directories(cluster.folder.path(), usize::from(plan.agents)).enumerate() {
            let mut config = tepui_agent::Config::new(cluster.master.address().to_string(), work_dir);
            config.port = 0;
            config.tls.clone_from(&tls);
            inherit(&mut config, std::env::vars_os());
            config.resources = plan.resources.get(number).cloned();
            config.docker.clone_from(&plan.docker);
            cluster.agents.push(tepui_agent::start(config).await?);
        }
        Ok(cluster)
    }

    pub fn master(&self) -> SocketAddr {
        self.master.address()
    }

    /// Where each agent keeps everything.
    pub fn agent_directories(&self) -> Vec<PathBuf> {
        directories(self.folder.path(), self.agents.len()).collect()
    }

    /// Of its URLs.
    pub fn scheme(&self) -> &'static str {
        self.master.node().scheme()
    }

    pub fn agents(&self) -> impl Iterator<Item = SocketAddr> {
        self.agents.iter().map(tepui_agent::Running::address)
    }

    /// Every daemon and where it is, for people.
    pub fn addresses(&self) -> String {
        let scheme = self.scheme();
        let mut text = format!("master   {scheme}://{}\n", self.master());
        for (number, address) in self.agents().enumerate() {
            let _ = writeln!(text, "agent {}  {scheme}://{}", number + 1, address);
        }
        let _ = writeln!(text, "files    {}", self.folder.path().display());
        text
    }

    /// Ends the frameworks with all they run, then the daemons, the agents first: nobody finds a task again whose agent
    /// has no port and maybe no folder any more.
    pub async fn shutdown(self) -> Result<()> {
        let ended = timeout(GRACE, self.end_tasks()).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("some tasks may go on: {error:#}"),
            Err(_) => tracing::error!("some tasks did not end in time"),
        }
        for agent in self.agents {
            // Whatever has not ended by then ends with the process.
            let _ = timeout(FAREWELL, agent.shutdown()).await;
        }
        let _ = timeout(FAREWELL, self.master.shutdown()).await;
        if let Folder::Temporary(folder) = self.folder {
            let path = folder.path().to_owned();
            folder.close().with_context(|| format!("remove {}", path.display()))?;
        }
        Ok(())
    }

    async fn end_tasks(&self) -> Result<()> {
        let master = Client::new(&self.master().to_string())?;
        let answer = master.read("/frameworks", &[]).await?;
        for framework in list(&answer, "frameworks") {
            tear_down(&master, text(framework, "id")).await?;
        }
        for agent in self.agents() {
            let agent = master.at(&agent.to_string());
            while has_executors(&agent.read("/state", &[]).await?) {
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }
}

/// Ends a framework, unless it has gone by itself since it was listed.
async fn tear_down(master: &Client, id: &str) -> Result<()> {
    let Err(error) = master.submit("/teardown", &[("frameworkId", id)]).await else { return Ok(()) };
    let answer = master.read("/frameworks", &[]).await?;
    let is_there = list(&answer, "frameworks").iter().any(|framework| text(framework, "id") == id);
    if is_there { Err(error) } else { Ok(()) }
}

fn directories(folder: &Path, agents: usize) -> impl Iterator<Item = PathBuf> {
    (1..=agents).map(|number| folder.join(format!("agent-{number}")))
}

fn has_executors(state: &Value) -> bool {
    list(state, "frameworks").iter().any(|framework| !list(framework, "executors").is_empty())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_framework_that_has_gone_by_itself_need_not_be_torn_down() {
        libactor::run(async {
            let plan = Plan {
                master: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                agents: 0,
                resources: Vec::new(),
                work_dir: None,
                docker: None,
            };
            let cluster = Cluster::start(&plan).await.expect("a master can be started");
            let master = Client::new(&cluster.master().to_string()).expect("it has an address");

            // Until it serves it refuses whatever it is asked.
            while master.read("/frameworks", &[]).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }

            let torn_down = tear_down(&master, "gone").await;

            assert!(torn_down.is_ok(), "{torn_down:?}");
            cluster.shutdown().await.expect("it can end");
        });
    }
}
