//! One run of an executor and the directories that belong to it (Mesos' layout).

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tepui_model::{AgentId, ContainerId, ExecutorId, FrameworkId};

/// One container of one executor: what names its sandbox and its checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Run {
    /// On which agent.
    pub agent: AgentId,
    /// Of which framework.
    pub framework: FrameworkId,
    /// Of which executor.
    pub executor: ExecutorId,
    /// This run.
    pub container: ContainerId,
}

impl Run {
    /// `<work_dir>/slaves/<agent>/frameworks/<framework>`.
    pub fn framework_dir(&self, work_dir: &Path) -> PathBuf {
        work_dir.join("slaves").join(self.agent.as_str()).join("frameworks").join(self.framework.as_str())
    }

    /// `…/executors/<executor>`.
    pub fn executor_dir(&self, work_dir: &Path) -> PathBuf {
        self.framework_dir(work_dir).join("executors").join(self.executor.as_str())
    }

    /// The sandbox: `…/runs/<container>`.
    pub fn sandbox(&self, work_dir: &Path) -> PathBuf {
        self.executor_dir(work_dir).join("runs").join(self.container.to_string())
    }

    /// The same below `<work_dir>/meta`: checkpoints of the framework.
    pub fn framework_meta(&self, work_dir: &Path) -> PathBuf {
        self.framework_dir(&work_dir.join("meta"))
    }

    /// Checkpoints of the executor.
    pub fn executor_meta(&self, work_dir: &Path) -> PathBuf {
        self.executor_dir(&work_dir.join("meta"))
    }

    /// Checkpoints of this run.
    pub fn meta(&self, work_dir: &Path) -> PathBuf {
        self.sandbox(&work_dir.join("meta"))
    }

    /// Where the pid of the container's first process is kept.
    pub fn forked_pid(&self, work_dir: &Path) -> PathBuf {
        self.meta(work_dir).join("pids").join("forked.pid")
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.framework, self.executor, self.container)
    }
}
