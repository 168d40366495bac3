//! Deletes what belongs to runs that are over.

use std::fs;
use std::path::Path;

use tepui_agent_core::Run;
use tracing::warn;

use super::layout;

/// Deletes the checkpoints of a run, and of its executor and framework if this was their last run.
pub(super) fn checkpoints(work_dir: &Path, run: &Run) {
    remove(&run.meta(work_dir));
    up(&run.executor_meta(work_dir), "runs", &[layout::EXECUTOR_INFO, layout::EXECUTOR_GENERATED]);
    up(&run.framework_meta(work_dir), "executors", &[layout::FRAMEWORK_INFO, layout::FRAMEWORK_PID]);
}

/// The same for the sandbox's directories.
pub(crate) fn empty_parents(work_dir: &Path, run: &Run) {
    up(&run.executor_dir(work_dir), "runs", &[]);
    up(&run.framework_dir(work_dir), "executors", &[]);
}

/// Deletes `directory` if nothing is left in its `children` but a link to what is gone.
fn up(directory: &Path, children: &str, files: &[&str]) {
    let children = directory.join(children);
    let latest = children.join(layout::LATEST);
    if !latest.exists() {
        let _ = fs::remove_file(&latest);
    }
    // Fails, rightly, while there are others.
    if fs::remove_dir(&children).is_ok() {
        files.iter().for_each(|file| drop(fs::remove_file(directory.join(file))));
        let _ = fs::remove_dir(directory);
    }
}

fn remove(path: &Path) {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            warn!(path = %path.display(), %cause, "checkpoints not deleted");
        }
        _ => {}
    }
}
