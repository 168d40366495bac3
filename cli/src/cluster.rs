//! A whole cluster in this process: a master and agents, each a node of its own on loopback.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

/// What cluster to start.
pub struct Plan {
    /// Where the master listens.
    pub master: SocketAddr,
    pub agents: u16,
    /// What each agent offers; else what the machine has.
    pub resources: Option<String>,
    /// Where everything is kept; else in a temporary folder that is removed at the end.
    pub work_dir: Option<PathBuf>,
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
        let master = tepui_master::start(tepui_master::Config::new(plan.master, registry)).await?;
        let mut cluster = Self { master, agents: Vec::new(), folder };
        for number in 1..=plan.agents {
            let work_dir = cluster.folder.path().join(format!("agent-{number}"));
            let mut config = tepui_agent::Config::new(cluster.master.address().to_string(), work_dir);
            config.port = 0;
            config.resources.clone_from(&plan.resources);
            cluster.agents.push(tepui_agent::start(config).await?);
        }
        Ok(cluster)
    }

    pub fn master(&self) -> SocketAddr {
        self.master.address()
    }

    pub fn agents(&self) -> impl Iterator<Item = SocketAddr> {
        self.agents.iter().map(tepui_agent::Running::address)
    }

    /// Every daemon and where it is, for people.
    pub fn addresses(&self) -> String {
        let mut text = format!("master   http://{}\n", self.master());
        for (number, address) in self.agents().enumerate() {
            let _ = writeln!(text, "agent {}  http://{}", number + 1, address);
        }
        let _ = writeln!(text, "files    {}", self.folder.path().display());
        text
    }

    /// Ends the daemons, the agents first. What they run is not ended: that is for the frameworks to say.
    pub async fn shutdown(self) -> Result<()> {
        for agent in self.agents {
            // Whatever has not ended by then ends with the process.
            let _ = tokio::time::timeout(FAREWELL, agent.shutdown()).await;
        }
        let _ = tokio::time::timeout(FAREWELL, self.master.shutdown()).await;
        if let Folder::Temporary(folder) = self.folder {
            let path = folder.path().to_owned();
            folder.close().with_context(|| format!("remove {}", path.display()))?;
        }
        Ok(())
    }
}
