//! Making sandboxes: directories that belong to a container's user, inside a tree that belongs to the agent.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use crate::containerizer::{Identity, UserError, resolve};

/// Tasks' data is nobody else's business: owner and group only.
const MODE: u32 = 0o750;

/// A sandbox that was not made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(transparent)]
    User(#[from] UserError),
    #[error("{action} {path}")]
    Create {
        action: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

/// Creates a sandbox with its parents, gives it to `user` (`None`: the agent's own), and points `latest` beside it
/// to it. An existing sandbox is fine. Blocks.
pub fn create(path: &Path, user: Option<&str>) -> Result<(), SandboxError> {
    let failed = |action| move |cause| SandboxError::Create { action, path: path.into(), cause };
    let owner = user.map(resolve).transpose()?.flatten();
    fs::create_dir_all(path).map_err(failed("create the sandbox"))?;
    fs::set_permissions(path, PermissionsExt::from_mode(MODE)).map_err(failed("protect the sandbox"))?;
    if let Some(Identity { uid, gid, .. }) = owner {
        chown(path, Some(uid), Some(gid)).map_err(failed("give away the sandbox"))?;
    }
    point_latest(path).map_err(failed("point `latest` to"))
}

/// Replaces the link at once, so that it never leads nowhere.
fn point_latest(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let partial = parent.join(format!("latest.{}", name.display()));
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(path, &partial)?;
    fs::rename(partial, parent.join("latest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_run_is_found_by_that_name() {
        let directory = tempfile::tempdir().unwrap();
        let runs = directory.path().join("executors/e1/runs");

        create(&runs.join("c1"), None).unwrap();
        create(&runs.join("c2"), None).unwrap();
        create(&runs.join("c2"), None).unwrap();

        assert_eq!(fs::read_link(runs.join("latest")).unwrap(), runs.join("c2"));
        assert_eq!(fs::read_dir(&runs).unwrap().count(), 3);
        assert_eq!(fs::metadata(runs.join("c1")).unwrap().permissions().mode() & 0o777, 0o750);
    }

    #[test]
    fn a_path_that_cannot_be_is_named() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        let path = directory.path().join("file/sandbox");

        let error = create(&path, None).unwrap_err();

        assert_eq!(error.to_string(), format!("create the sandbox {}", path.display()));
    }
}
