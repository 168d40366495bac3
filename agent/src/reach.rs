//! Whether users of tasks reach the program of the command executor: a build below somebody's private folder runs well
//! as root and fails every task of anybody else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use tracing::warn;

use crate::Config;

/// Execute for a file, pass through for a folder.
const BY_OTHERS: u32 = 0o001;

/// Says so at start where tasks will be run as users that cannot execute the executor.
pub(crate) fn warn_if_out_of_reach(config: &Config, executor: &Path) {
    if !geteuid().is_root() || !config.switch_user {
        return;
    }
    if let Some(barred) = barred(executor) {
        warn!(
            executor = %executor.display(),
            barred = %barred.display(),
            "command tasks of other users than root will fail: others may not execute or pass through this path; \
             install the program where all may, such as /usr/local/bin, or chmod o+x the path"
        );
    }
}

/// The part of the path that others may not execute or pass through, the program itself before its folders.
fn barred(program: &Path) -> Option<PathBuf> {
    let program = fs::canonicalize(program).ok()?;
    let is_barred =
        |part: &&Path| fs::metadata(part).is_ok_and(|found| found.permissions().mode() & BY_OTHERS == 0);
    program.ancestors().find(is_barred).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bars_others_from_the_executor_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let program = root.join("tepui");
        let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(&program, "").unwrap();

        allow(&root, 0o755);
        allow(&program, 0o700);
        assert_eq!(barred(&program).as_ref(), Some(&program));

        allow(&root, 0o700);
        allow(&program, 0o755);
        assert_eq!(barred(&program).as_ref(), Some(&root));

        allow(&root, 0o711);
        assert!(barred(&program).is_none_or(|part| root.starts_with(&part) && part != root));
        assert_eq!(barred(&root.join("gone")), None);
    }
}
