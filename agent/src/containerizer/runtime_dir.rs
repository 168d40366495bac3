//! What must outlive the agent, per container: `<runtime_dir>/containers/<id>/{pid,status}`.
//!
//! `pid` is written by the agent before the helper may go on, `status` by the helper when the command has ended.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// The runtime directory, held by one agent at a time.
#[derive(Debug)]
pub(crate) struct RuntimeDir {
    containers: PathBuf,
    /// Released by the kernel when the agent ends, however it ends.
    _lock: File,
}

/// A process that cannot be confused with a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PidRecord {
    pub pid: i32,
    /// Clock ticks since boot.
    pub start: u64,
    pub boot: String,
}

impl RuntimeDir {
    /// `WouldBlock` when another agent holds it.
    pub fn open(path: &Path) -> io::Result<RuntimeDir> {
        let containers = path.join("containers");
        fs::create_dir_all(&containers)?;
        let lock = File::create(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(RuntimeDir { containers, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub fn container(&self, id: &str) -> ContainerDir {
        ContainerDir(self.containers.join(id))
    }

    /// Ids of everything that was started from here and not yet forgotten.
    pub fn ids(&self) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.containers)? {
            ids.extend(entry?.file_name().into_string());
        }
        ids.sort();
        Ok(ids)
    }
}

/// One container's directory.
#[derive(Clone, Debug)]
pub(crate) struct ContainerDir(PathBuf);

impl ContainerDir {
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir(&self.0)
    }

    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Where the helper leaves the wait status.
    pub fn status_path(&self) -> PathBuf {
        self.0.join("status")
    }

    /// The wait status, once the command has ended.
    pub fn status(&self) -> Option<i32> {
        fs::read_to_string(self.status_path()).ok()?.trim().parse().ok()
    }

    pub fn write_pid(&self, record: &PidRecord) -> io::Result<()> {
        let PidRecord { pid, start, boot } = record;
        let (path, partial) = (self.0.join("pid"), self.0.join("pid.partial"));
        fs::write(&partial, format!("{pid} {start} {boot}\n"))?;
        fs::rename(partial, path)
    }

    pub fn pid(&self) -> Option<PidRecord> {
        let text = fs::read_to_string(self.0.join("pid")).ok()?;
        let mut words = text.split_whitespace();
        let (pid, start) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(PidRecord { pid, start, boot: words.next()?.into() })
    }
}

/// Identifies this boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_string())
}
