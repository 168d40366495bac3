//! Reads back what an earlier life of the agent wrote.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tepui_agent_core::{Pid, Recovered, RecoveredExecutor, RecoveredFramework, RecoveredRun, RecoveredTask};
use tepui_model::ContainerId;
use tepui_proto::{Described, internal, v1};
use tracing::warn;

use super::files::{self, FileError};
use super::{assets, layout};

/// A checkpoint that cannot be read, when every one must be (`--strict`).
#[derive(Debug, thiserror::Error)]
#[error("{cause}; move that file away, or start with --no-strict to go on without it")]
pub(crate) struct ReadError {
    #[from]
    cause: FileError,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Read {
    pub recovered: Recovered,
    /// The machine was started anew since: no process of then is left.
    pub rebooted: bool,
}

/// Reads everything below `<work_dir>/meta/slaves/latest`.
pub(crate) fn read(work_dir: &Path, strict: bool) -> Result<Read, ReadError> {
    let mut reader = Reader { strict, errors: 0 };
    let boot = current_boot_id();
    let wrote = files::read_text(&layout::boot_id(work_dir))?;
    let rebooted = wrote.is_some_and(|wrote| wrote != boot);
    let latest = layout::slaves(work_dir).join(layout::LATEST);
    let info: Option<v1::AgentInfo> =
        reader.take(files::read_message(&latest.join(layout::SLAVE_INFO)))?.flatten();
    let mut recovered = Recovered::default();
    if info.is_some() {
        recovered.drain = reader.message(&latest.join(layout::DRAIN_CONFIG))?;
        recovered.frameworks = reader.frameworks(&latest)?;
    }
    recovered.info = info;
    // Even without --strict: an agent that forgot reservations would offer them to anybody.
    recovered.assets = assets::read(work_dir)?;
    recovered.errors = reader.errors;
    Ok(Read { recovered, rebooted })
}

/// Notes that everything written from now on belongs to this boot of the machine.
pub(crate) fn write_boot_id(work_dir: &Path) -> Result<(), FileError> {
    let meta = work_dir.join("meta");
    files::make_durably(&meta).map_err(files::failed("make directory", &meta))?;
    files::replace(&layout::boot_id(work_dir), current_boot_id().as_bytes())
}

fn current_boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

struct Reader {
    strict: bool,
    errors: u64,
}

impl Reader {
    /// An error is fatal, or counted and as good as nothing.
    fn take<T>(&mut self, read: Result<T, FileError>) -> Result<Option<T>, ReadError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(cause) if self.strict => Err(ReadError { cause }),
            Err(cause) => {
                warn!(%cause, "checkpoint left out of recovery");
                self.errors += 1;
                Ok(None)
            }
        }
    }

    fn message<M: Described>(&mut self, path: &Path) -> Result<Option<M>, ReadError> {
        Ok(self.take(files::read_message(path))?.flatten())
    }

    fn frameworks(&mut self, agent: &Path) -> Result<Vec<RecoveredFramework>, ReadError> {
        let mut found = Vec::new();
        for directory in self.directories(&agent.join("frameworks"))? {
            // Without its file it was never used: the agent ended while writing it.
            let Some(info) = self.message(&directory.join(layout::FRAMEWORK_INFO))? else { continue };
            let pid = self.take(files::read_text(&directory.join(layout::FRAMEWORK_PID)))?.flatten();
            let executors = self.executors(&directory)?;
            found.push(RecoveredFramework { info, pid: pid.unwrap_or_default(), executors });
        }
        Ok(found)
    }

    fn executors(&mut self, framework: &Path) -> Result<Vec<RecoveredExecutor>, ReadError> {
        let mut found = Vec::new();
        for directory in self.directories(&framework.join("executors"))? {
            let Some(info) = self.message(&directory.join(layout::EXECUTOR_INFO))? else { continue };
            let generated = directory.join(layout::EXECUTOR_GENERATED).exists();
            let runs = directory.join("runs");
            let latest = fs::read_link(runs.join(layout::LATEST)).ok();
            let latest = latest.as_ref().and_then(|target| target.file_name());
            let mut executor = RecoveredExecutor { info, generated, latest: None, older: Vec::new() };
            for run in self.directories(&runs)? {
                let name = run.file_name().unwrap_or_default();
                let Ok(container) = name.to_string_lossy().parse::<ContainerId>() else { continue };
                if Some(name) == latest {
                    executor.latest = Some(self.run(&run, container)?);
                } else {
                    executor.older.push(container);
                }
            }
            found.push(executor);
        }
        Ok(found)
    }

    fn run(&mut self, directory: &Path, container: ContainerId) -> Result<RecoveredRun, ReadError> {
        let completed = directory.join(layout::EXECUTOR_SENTINEL).exists();
        let pid = self.take(files::read_text(&directory.join("pids").join("forked.pid")))?.flatten();
        let driver = self.take(files::read_text(&directory.join("pids").join("libprocess.pid")))?.flatten();
        let mut run = RecoveredRun {
            container,
            completed,
            pid: pid.and_then(|pid| pid.trim().parse().ok()),
            driver: driver.map(|driver| Pid::new(driver.trim())),
            tasks: Vec::new(),
        };
        if completed {
            return Ok(run);
        }
        for directory in self.directories(&directory.join("tasks"))? {
            let Some(task) = self.message(&directory.join(layout::TASK_INFO))? else { continue };
            let records =
                files::read_records::<internal::StatusUpdateRecord>(&directory.join(layout::TASK_UPDATES));
            let records = self.take(records)?.unwrap_or_default();
            run.tasks.push(RecoveredTask { task, records });
        }
        Ok(run)
    }

    /// Directories in it, by name; none if it is not there. Links are not followed.
    fn directories(&mut self, path: &Path) -> Result<Vec<PathBuf>, ReadError> {
        let mut found = Vec::new();
        let entries = match fs::read_dir(path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(found),
            other => self.take(other.map_err(files::failed("list", path)))?,
        };
        for entry in entries.into_iter().flatten() {
            let Some(entry) = self.take(entry.map_err(files::failed("list", path)))? else { continue };
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }
}
