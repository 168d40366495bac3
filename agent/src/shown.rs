//! What `/files` shows, and under which names: each sandbox by its real path and by its run, and the agent's log.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tepui_agent_core::Run;

use tepui_daemon::files::{Files, FilesError, Location};

/// Clones share the table.
#[derive(Clone)]
pub(crate) struct Shown {
    work_dir: PathBuf,
    files: Arc<Mutex<Files>>,
}

impl Shown {
    pub fn new(work_dir: PathBuf) -> Shown {
        Shown { work_dir, files: Arc::default() }
    }

    /// Shows the agent's own log.
    pub fn show_log(&self, file: &Path) {
        self.files().attach("/slave/log", file);
    }

    /// Shows a run's sandbox.
    pub fn show(&self, run: &Run) {
        let sandbox = run.sandbox(&self.work_dir);
        let mut files = self.files();
        files.attach(named(run, &run.container.to_string()), sandbox.clone());
        files.attach(sandbox.clone(), sandbox);
    }

    /// The same, and as its executor's latest.
    pub fn show_latest(&self, run: &Run) {
        self.show(run);
        self.files().attach(named(run, "latest"), run.sandbox(&self.work_dir));
    }

    pub fn hide(&self, run: &Run) {
        let sandbox = run.sandbox(&self.work_dir);
        let mut files = self.files();
        files.detach(named(run, &run.container.to_string()));
        files.detach(&sandbox);
        let latest = named(run, "latest");
        if files.attached().get(&latest) == Some(&sandbox) {
            files.detach(latest);
        }
    }

    pub fn locate(&self, path: &str) -> Result<Location, FilesError> {
        self.files().locate(path)
    }

    /// Every name and what it stands for.
    pub fn all(&self) -> Vec<(String, String)> {
        let files = self.files();
        let all = files.attached().iter();
        all.map(|(name, path)| (name.display().to_string(), path.display().to_string())).collect()
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        // A table of names is whole at any time, also when its last user panicked.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(run: &Run, which: &str) -> PathBuf {
    format!("/frameworks/{}/executors/{}/runs/{which}", run.framework, run.executor).into()
}
