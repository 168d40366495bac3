//! A master and its agents, each a real process with its own directory, on ports of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustls::ClientConfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::{Daemon, Surroundings};
use crate::http::Request;
use crate::leftovers;
use crate::waiting::{secs, until};

/// What an agent offers unless a test says otherwise; the recordings were made with the same.
pub const RESOURCES: &str = "cpus:4;mem:4096;disk:10000;ports:[31000-32000]";

/// How a cluster is to be started.
#[derive(Clone, Debug)]
pub struct Plan {
    pub agents: usize,
    pub master: Vec<String>,
    pub agent: Vec<String>,
    pub resources: String,
    /// Where agents keep their directories, if not beside everything else.
    pub agent_home: Option<PathBuf>,
    /// Of the master and the agents alike.
    pub surroundings: Surroundings,
}

impl Plan {
    pub fn agents(agents: usize) -> Self {
        Plan {
            agents,
            master: Vec::new(),
            agent: Vec::new(),
            resources: RESOURCES.to_owned(),
            agent_home: None,
            surroundings: Surroundings::default(),
        }
    }

    /// One more flag for the master.
    pub fn master(mut self, flag: &str) -> Self {
        self.master.push(flag.to_owned());
        self
    }

    /// One more flag for every agent.
    pub fn agent(mut self, flag: &str) -> Self {
        self.agent.push(flag.to_owned());
        self
    }

    pub fn resources(mut self, resources: &str) -> Self {
        self.resources = resources.to_owned();
        self
    }

    pub fn agent_home(mut self, directory: &Path) -> Self {
        self.agent_home = Some(directory.to_owned());
        self
    }

    /// One more variable in the environment of every daemon.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.surroundings.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The test shows every daemon this header, unless a request says otherwise.
    pub fn authorization(mut self, header: &str) -> Self {
        self.surroundings.authorization = Some(header.to_owned());
        self
    }

    /// The test speaks https to every daemon.
    pub fn https(mut self, client: Arc<ClientConfig>) -> Self {
        self.surroundings.tls = Some(client);
        self
    }

    pub fn start(self) -> Cluster {
        Cluster::start(&self)
    }
}

/// Ends everything it started, with what that left behind, when it is dropped.
pub struct Cluster {
    pub agents: Vec<Daemon>,
    pub master: Daemon,
    cgroups: String,
    directory: TempDir,
}

impl Cluster {
    /// A master and `agents` agents, all registered.
    pub fn of(agents: usize) -> Self {
        Plan::agents(agents).start()
    }

    fn start(plan: &Plan) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let cgroups = format!("tepui-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = tempfile::Builder::new()
            .prefix("tepui-test-")
            .tempdir()
            .expect("a temporary directory can be made");
        let work = |name: &str| directory.path().join(name);
        let mut arguments =
            vec![format!("--work_dir={}", work("master").display()), "--ip=127.0.0.1".to_owned()];
        arguments.extend(plan.master.iter().cloned());
        let master = Daemon::start("master", arguments, &plan.surroundings, work("master.log"));
        let mut cluster = Cluster { agents: Vec::new(), master, cgroups, directory };
        for _ in 0..plan.agents {
            cluster.add_agent(plan);
        }
        cluster.await_agents(plan.agents);
        cluster
    }

    /// Starts one more agent, without waiting for its registration.
    pub fn add_agent(&mut self, plan: &Plan) {
        let name = format!("agent-{}", self.agents.len() + 1);
        let mut arguments = vec![
            format!("--master={}", self.master.address()),
            format!(
                "--work_dir={}",
                plan.agent_home.as_deref().unwrap_or(self.directory.path()).join(&name).display()
            ),
            "--ip=127.0.0.1".to_owned(),
            format!("--resources={}", plan.resources),
            format!("--cgroups_root={}", self.cgroups),
        ];
        arguments.extend(plan.agent.iter().cloned());
        let log = self.directory.path().join(format!("{name}.log"));
        self.agents.push(Daemon::start("agent", arguments, &plan.surroundings, log));
    }

    /// Waits until exactly this many agents are active.
    #[track_caller]
    pub fn await_agents(&self, count: usize) {
        until(format!("{count} active agents"), secs(30), || {
            let answer = self.master.get("/slaves");
            // A master that has just come up says 503 until it has read its registry.
            let agents = (answer.status() == 200).then(|| answer.json())?;
            let active = agents["slaves"].as_array()?.iter().filter(|agent| agent["active"] == true).count();
            (active == count).then_some(())
        });
    }

    /// Where everything of this cluster lies; deleted with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn work_dir(&self, daemon: &str) -> PathBuf {
        self.directory.path().join(daemon)
    }

    /// The first agent.
    pub fn agent(&self) -> &Daemon {
        &self.agents[0]
    }

    /// A call of the master's operator API.
    #[track_caller]
    pub fn operator(&self, call: &str) -> Value {
        self.master.ask(&Request::json("/api/v1", json!({ "type": call }).to_string())).json()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Agents first: an executor that loses its agent for good must not be told otherwise meanwhile.
        for daemon in self.agents.iter_mut().chain([&mut self.master]) {
            if daemon.is_alive() {
                daemon.kill();
            }
        }
        leftovers::clear(self.directory.path(), &self.cgroups);
    }
}
