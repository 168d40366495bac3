//! One agent per work directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Held as long as the agent lives; the kernel lets go of it however the agent ends.
#[derive(Debug)]
pub(crate) struct WorkDirLock {
    _file: File,
}

/// Why a work directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error(
        "work directory {0} is in use by another agent{1}: stop that agent, or give this one another --work_dir"
    )]
    InUse(PathBuf, String),
    #[error("work directory {path} cannot be used: {cause}; choose a --work_dir this user may write to")]
    Unusable { path: PathBuf, cause: io::Error },
}

impl WorkDirLock {
    /// Makes the directory if need be.
    pub fn take(work_dir: &Path) -> Result<WorkDirLock, LockError> {
        let unusable = |cause| LockError::Unusable { path: work_dir.to_path_buf(), cause };
        fs::create_dir_all(work_dir.join("meta")).map_err(unusable)?;
        let path = work_dir.join("meta").join("agent.lock");
        // Not truncated before it is ours: it tells who has it.
        let opened = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = opened.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::InUse(work_dir.to_path_buf(), holder(&path)));
            }
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
        // Only for people; a full disk is no reason not to run.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(WorkDirLock { _file: file })
    }
}

fn holder(path: &Path) -> String {
    let pid = fs::read_to_string(path).unwrap_or_default();
    if pid.is_empty() { String::new() } else { format!(" (pid {pid})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_is_told_who_has_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let _first = WorkDirLock::take(dir.path()).unwrap();

        let why = WorkDirLock::take(dir.path()).unwrap_err().to_string();

        let expected = format!(
            "work directory {} is in use by another agent (pid {}): stop that agent, or give this one another --work_dir",
            dir.path().display(),
            std::process::id()
        );
        assert_eq!(why, expected);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let why = WorkDirLock::take(Path::new("/proc/none")).unwrap_err().to_string();

        assert!(why.starts_with("work directory /proc/none cannot be used: "), "{why}");
    }
}
