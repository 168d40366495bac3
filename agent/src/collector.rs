//! Deletes sandboxes and checkpoints of runs that are over, when their age or a full disk asks for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tepui_agent_core::Run;
use tracing::{info, warn};

use crate::checkpoint::{self, Writer};
use crate::disk::{Gc, GcSettings, filesystem_usage, remove_below};
use crate::shown::Shown;

/// Clones share what is scheduled.
#[derive(Clone)]
pub(crate) struct Collector(Arc<Inner>);

struct Inner {
    work_dir: PathBuf,
    writer: Writer,
    shown: Shown,
    scheduled: Mutex<Scheduled>,
}

struct Scheduled {
    gc: Gc,
    /// What a sandbox belongs to; other directories belong to nobody.
    runs: BTreeMap<PathBuf, Run>,
    counts: Counts,
}

/// For `/metrics/snapshot`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub pending: usize,
    pub succeeded: u64,
    pub failed: u64,
    /// The age from which directories go, as of the last look at the disk.
    pub max_age: Duration,
}

impl Collector {
    pub fn new(work_dir: PathBuf, settings: GcSettings, writer: Writer, shown: Shown) -> Collector {
        let counts = Counts { max_age: settings.gc_delay, ..Counts::default() };
        let scheduled = Scheduled { gc: Gc::new(settings), runs: BTreeMap::new(), counts };
        Collector(Arc::new(Inner { work_dir, writer, shown, scheduled: Mutex::new(scheduled) }))
    }

    /// A run is over. One of an earlier life of the agent has been for as long as its sandbox was not touched.
    pub fn schedule(&self, run: Run) {
        let sandbox = run.sandbox(&self.0.work_dir);
        let since =
            fs::metadata(&sandbox).and_then(|found| found.modified()).unwrap_or_else(|_| SystemTime::now());
        let mut scheduled = self.scheduled();
        scheduled.gc.schedule(sandbox.clone(), since.max(SystemTime::UNIX_EPOCH));
        scheduled.runs.insert(sandbox, run);
    }

    /// Directories of agents that this one was before: nobody will look for them by name.
    pub fn schedule_former_agents(&self, current: Option<&str>) {
        for parent in [self.0.work_dir.join("slaves"), self.0.work_dir.join("meta").join("slaves")] {
            for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
                let is_former = entry.file_type().is_ok_and(|kind| kind.is_dir())
                    && current.is_none_or(|current| entry.file_name() != current);
                if is_former {
                    let since = entry.metadata().and_then(|found| found.modified());
                    self.scheduled().gc.schedule(entry.path(), since.unwrap_or_else(|_| SystemTime::now()));
                }
            }
        }
    }

    pub fn counts(&self) -> Counts {
        let scheduled = self.scheduled();
        Counts { pending: scheduled.gc.len(), ..scheduled.counts }
    }

    /// Deletes what is due. Blocks for as long as there is much to delete.
    pub fn run(&self) {
        let usage = match filesystem_usage(&self.0.work_dir) {
            Ok(usage) => usage,
            Err(cause) => return warn!(%cause, "disk usage not known; nothing deleted"),
        };
        let due = {
            let mut scheduled = self.scheduled();
            scheduled.counts.max_age = scheduled.gc.max_age(usage);
            scheduled.gc.due(SystemTime::now(), usage)
        };
        for path in due {
            self.remove(&path);
        }
    }

    fn remove(&self, path: &Path) {
        let removed = remove_below(&self.0.work_dir, path);
        let mut scheduled = self.scheduled();
        match removed {
            Ok(()) => {
                info!(path = %path.display(), "deleted");
                scheduled.counts.succeeded += 1;
                scheduled.gc.unschedule(path);
                if let Some(run) = scheduled.runs.remove(path) {
                    self.0.shown.hide(&run);
                    checkpoint::empty_parents(&self.0.work_dir, &run);
                    self.0.writer.collect(run);
                }
            }
            Err(why) => {
                warn!(%why, "not deleted; tried again later");
                scheduled.counts.failed += 1;
            }
        }
    }

    fn scheduled(&self) -> MutexGuard<'_, Scheduled> {
        // Whoever panicked while holding it left counts and paths that are whole at any time.
        self.0.scheduled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
