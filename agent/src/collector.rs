//! Deletes sandboxes and checkpoints of runs that are over, when their age or a full disk asks for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
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
    /// Held by the one collection that is under way.
    collecting: Mutex<()>,
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
        Collector(Arc::new(Inner {
            work_dir,
            writer,
            shown,
            scheduled: Mutex::new(scheduled),
            collecting: Mutex::default(),
        }))
    }

    /// A run has just ended: its age counts from now, also for a later life of the agent.
    pub fn schedule_ended(&self, run: Run) {
        touch(&run.sandbox(&self.0.work_dir));
        self.schedule(run);
    }

    /// A run ended in an earlier life of the agent, which touched the sandbox then.
    pub fn schedule(&self, run: Run) {
        let sandbox = run.sandbox(&self.0.work_dir);
        let mut scheduled = self.scheduled();
        scheduled.gc.schedule(sandbox.clone(), touched(&sandbox));
        scheduled.runs.insert(sandbox, run);
    }

    /// Directories of agents that this one was before: nobody will look for them by name. One that starts without being
    /// anybody makes them such, and their age counts from then.
    pub fn schedule_former_agents(&self, current: Option<&str>) {
        for parent in [self.0.work_dir.join("slaves"), self.0.work_dir.join("meta").join("slaves")] {
            for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
                let is_former = entry.file_type().is_ok_and(|kind| kind.is_dir())
                    && current.is_none_or(|current| entry.file_name() != current);
                if is_former {
                    if current.is_none() {
                        touch(&entry.path());
                    }
                    self.scheduled().gc.schedule(entry.path(), touched(&entry.path()));
                }
            }
        }
    }

    pub fn counts(&self) -> Counts {
        let scheduled = self.scheduled();
        Counts { pending: scheduled.gc.len(), ..scheduled.counts }
    }

    /// Deletes what is due. Blocks for as long as there is much to delete. Does nothing while another collection is under
    /// way: two would delete the same, and on a disk that hangs their threads would pile up.
    pub fn run(&self) {
        let _alone = match self.0.collecting.try_lock() {
            Ok(alone) => alone,
            Err(TryLockError::Poisoned(alone)) => alone.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
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

/// Makes the age of a directory count from now. Its own time tells only when something was last created in it.
fn touch(path: &Path) {
    let (now, link) = (TimeSpec::UTIME_NOW, UtimensatFlags::NoFollowSymlink);
    match utimensat(AT_FDCWD, path, &now, &now, link) {
        // The run may have ended before it had a sandbox.
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(cause) => warn!(path = %path.display(), %cause, "age of a directory not set; it may go early"),
    }
}

/// When a directory was touched. A task may have set any time; one to come would keep its sandbox for ever.
fn touched(path: &Path) -> SystemTime {
    let now = SystemTime::now();
    let modified = fs::symlink_metadata(path).and_then(|found| found.modified()).unwrap_or(now);
    modified.clamp(SystemTime::UNIX_EPOCH, now)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// A collector that keeps what is younger than a day, unless the disk is full.
    fn collector(work_dir: &Path) -> Collector {
        let settings = GcSettings { gc_delay: DAY, gc_disk_headroom: 0.0 };
        Collector::new(work_dir.into(), settings, Writer::start(work_dir.into()), Shown::new(work_dir.into()))
    }

    fn run(container: &str) -> Run {
        Run {
            agent: "S1".parse().unwrap(),
            framework: "f1".parse().unwrap(),
            executor: "e1".parse().unwrap(),
            container: container.parse().unwrap(),
        }
    }

    /// A directory that was last changed a month ago.
    fn old(path: &Path) {
        fs::create_dir_all(path).unwrap();
        File::open(path).unwrap().set_modified(SystemTime::now() - 30 * DAY).unwrap();
    }

    #[test]
    fn a_sandbox_ages_from_the_end_of_its_run() {
        let directory = tempfile::tempdir().unwrap();
        let (ended, before) = (run("c1"), run("c2"));
        let sandboxes = [&ended, &before].map(|run| run.sandbox(directory.path()));
        sandboxes.iter().for_each(|sandbox| old(sandbox));
        let collector = collector(directory.path());

        collector.schedule_ended(ended.clone());
        collector.schedule(before);
        collector.run();

        assert_eq!(sandboxes.map(|sandbox| sandbox.exists()), [true, false]);
        let next_life = self::collector(directory.path());
        next_life.schedule(ended);
        next_life.run();
        assert_eq!(next_life.counts().pending, 1);
    }

    #[test]
    fn a_former_agent_ages_from_the_start_that_made_it_one() {
        let directory = tempfile::tempdir().unwrap();
        let former = ["slaves/S1", "meta/slaves/S1"].map(|path| directory.path().join(path));
        former.iter().for_each(|path| old(path));

        for (current, pending) in [(None, 2), (Some("S2"), 2)] {
            let collector = collector(directory.path());
            collector.schedule_former_agents(current);
            collector.run();
            assert_eq!(collector.counts().pending, pending, "{current:?}");
        }

        former.iter().for_each(|path| old(path));
        let collector = collector(directory.path());
        collector.schedule_former_agents(Some("S2"));
        collector.run();
        assert_eq!(collector.counts().pending, 0);
    }

    #[test]
    fn one_collection_runs_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let due = run("c1");
        old(&due.sandbox(directory.path()));
        let collector = collector(directory.path());
        collector.schedule(due);

        let under_way = collector.0.collecting.lock().unwrap();
        collector.run();
        assert_eq!(collector.counts().pending, 1);

        drop(under_way);
        collector.run();
        assert_eq!(collector.counts().pending, 0);
    }

    #[test]
    fn a_sandbox_from_the_future_ages_from_now() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("future")).unwrap();
        let future = directory.path().join("future");
        File::open(&future).unwrap().set_modified(SystemTime::now() + 30 * DAY).unwrap();

        assert!(touched(&future) <= SystemTime::now());
    }
}
