//! Removing what the collector found due.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

/// A path that was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    #[error("{path} is not below {root}: only what the agent made is removed")]
    Outside { path: PathBuf, root: PathBuf },
    #[error("remove {path}")]
    Remove {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

/// Removes a directory tree below `root`; one that is gone already is fine. Links inside are removed, never followed.
/// Blocks for as long as the tree is big.
pub fn remove_below(root: &Path, path: &Path) -> Result<(), RemoveError> {
    let is_below = path.strip_prefix(root).is_ok_and(|rest| {
        let mut components = rest.components();
        components.clone().next().is_some() && components.all(|part| matches!(part, Component::Normal(_)))
    });
    if !is_below {
        return Err(RemoveError::Outside { path: path.into(), root: root.into() });
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|cause| RemoveError::Remove { path: path.into(), cause }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_removed_and_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (kept, sandbox) = (root.path().join("kept"), root.path().join("sandbox"));
        fs::create_dir_all(&kept).unwrap();
        fs::create_dir_all(&sandbox).unwrap();
        fs::write(kept.join("precious"), "data").unwrap();
        std::os::unix::fs::symlink(&kept, sandbox.join("link")).unwrap();

        remove_below(root.path(), &sandbox).unwrap();

        assert!(!sandbox.exists());
        assert!(kept.join("precious").exists());
    }

    #[test]
    fn nothing_outside_the_work_directory_is_removed() {
        let root = tempfile::tempdir().unwrap();

        for path in [root.path().to_path_buf(), root.path().join("../other"), "/tmp/other".into()] {
            assert!(matches!(remove_below(root.path(), &path), Err(RemoveError::Outside { .. })), "{path:?}");
        }
    }

    #[test]
    fn what_is_gone_already_is_fine() {
        let root = tempfile::tempdir().unwrap();

        remove_below(root.path(), &root.path().join("gone")).unwrap();
    }
}
