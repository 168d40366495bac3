//! A work directory with an agent in it, and the tasks that tests run.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tepui_agent::containerizer::LauncherKind;
use tepui_agent::{Config, Running, start};
use tepui_proto::v1;

use crate::executor::Executor;
use crate::master::{AGENT, Master};

pub struct Site {
    /// Deleted with it.
    _directory: TempDir,
    pub config: Config,
}

impl Site {
    pub fn new(master: &Master) -> Site {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::new(master.address(), directory.path().join("work"));
        config.port = 0;
        config.hostname = Some("node7".into());
        config.resources = Some("cpus:4;mem:1024;disk:1024;ports:[31000-32000]".into());
        config.launcher = Some(LauncherKind::Posix);
        config.isolation = Some("posix/cpu,posix/mem".parse().unwrap());
        config.switch_user = false;
        config.registration_backoff_factor = Duration::from_millis(10);
        config.executor_shutdown_grace_period = Duration::from_millis(200);
        config.executor_reregistration_timeout = Duration::from_millis(500);
        config.container_binary = Some(env!("CARGO_BIN_EXE_tepui-container-init").into());
        Site { _directory: directory, config }
    }

    /// Starts the agent; from then on it always starts at the same address.
    pub async fn start(&mut self) -> Running {
        let running = start(self.config.clone()).await.unwrap_or_else(|why| panic!("{why}"));
        self.config.port = running.address().port();
        running
    }

    /// The sandbox of the latest run of executor `id`.
    pub fn sandbox(&self, id: &str) -> PathBuf {
        let agent = self.config.work_dir.join("slaves").join(AGENT);
        agent.join("frameworks/f1/executors").join(id).join("runs/latest")
    }

    /// The same, of its checkpoints.
    pub fn meta(&self, id: &str) -> PathBuf {
        let agent = self.config.work_dir.join("meta/slaves").join(AGENT);
        agent.join("frameworks/f1/executors").join(id).join("runs/latest")
    }
}

/// A task for an executor that runs `command`.
pub fn task(id: &str, executor: &str, command: &str) -> v1::TaskInfo {
    let command = v1::CommandInfo { value: Some(command.into()), ..Default::default() };
    let executor = v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: executor.into() },
        command: Some(Box::new(command)),
        ..Default::default()
    };
    let resources = tepui_model::Resources::parse("cpus:0.1;mem:32", &tepui_model::Role::star()).unwrap();
    v1::TaskInfo {
        name: id.into(),
        task_id: v1::TaskId { value: id.into() },
        agent_id: v1::AgentId { value: AGENT.into() },
        resources: resources.to_wire(),
        executor: Some(Box::new(executor)),
        ..Default::default()
    }
}

pub fn executor(running: &Running, id: &'static str) -> Executor {
    Executor { agent: running.address(), id }
}

/// Ends a test that waits for what never comes.
pub fn run<F: Future>(test: F) -> F::Output {
    let limit = Duration::from_secs(30);
    libactor::run(async { tokio::time::timeout(limit, test).await.expect("the test ends in time") })
}

/// Waits for something that nobody tells.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not in time: {what}");
}
