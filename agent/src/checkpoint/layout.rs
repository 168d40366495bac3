//! Names below a work directory; those of runs are `tepui_agent_core::Run`'s.

use std::path::{Path, PathBuf};

use tepui_agent_core::Run;
use tepui_model::TaskId;

pub(super) const SLAVE_INFO: &str = "slave.info";
pub(super) const DRAIN_CONFIG: &str = "drain.config";
pub(super) const FRAMEWORK_INFO: &str = "framework.info";
pub(super) const FRAMEWORK_PID: &str = "framework.pid";
pub(super) const EXECUTOR_INFO: &str = "executor.info";
/// Its presence says that the agent made this executor for a task.
pub(super) const EXECUTOR_GENERATED: &str = "executor.generated";
pub(super) const EXECUTOR_SENTINEL: &str = "executor.sentinel";
pub(super) const HTTP_MARKER: &str = "http.marker";
pub(super) const TASK_INFO: &str = "task.info";
pub(super) const TASK_UPDATES: &str = "task.updates";
pub(super) const LATEST: &str = "latest";

/// `<work_dir>/meta/slaves`.
pub(super) fn slaves(work_dir: &Path) -> PathBuf {
    work_dir.join("meta").join("slaves")
}

/// What the agent has beyond what its flags say; not below an agent's id, which it outlives.
pub(super) fn assets(work_dir: &Path) -> PathBuf {
    work_dir.join("meta").join("resources").join("resources_and_operations.state")
}

/// The same as it is to become.
pub(super) fn assets_target(work_dir: &Path) -> PathBuf {
    work_dir.join("meta").join("resources").join("resources_and_operations.target")
}

pub(super) fn boot_id(work_dir: &Path) -> PathBuf {
    work_dir.join("meta").join("boot_id")
}

pub(super) fn task(work_dir: &Path, run: &Run, task: &TaskId) -> PathBuf {
    run.meta(work_dir).join("tasks").join(task.as_str())
}

pub(super) fn libprocess_pid(work_dir: &Path, run: &Run) -> PathBuf {
    run.meta(work_dir).join("pids").join("libprocess.pid")
}
