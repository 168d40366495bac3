//! Removing what the collector found due.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io,
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    path::{Component, Path, PathBuf},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{OFlag, renameat},
    sys::stat::Mode,
    unistd::{UnlinkatFlags, unlinkat},
};

/// How often one removal looks at its tree again, each time for one level or more. A tree deeper than this, or one into
/// which somebody still writes, is an error: what is left goes the next time.
const LOOKS: usize = 100_000;

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
/// Blocks for as long as the tree is big, and takes a handful of descriptors however deep it is.
pub fn remove_below(root: &Path, path: &Path) -> Result<(), RemoveError> {
    let is_below = path.strip_prefix(root).is_ok_and(|rest| {
        let mut components = rest.components();
        components.clone().next().is_some() && components.all(|part| matches!(part, Component::Normal(_)))
    });
    if !is_below {
        return Err(RemoveError::Outside { path: path.into(), root: root.into() });
    }
    remove_tree(path).map_err(|cause| RemoveError::Remove { path: path.into(), cause })
}

/// What is left of an entry after a try to remove it.
enum Left {
    Nothing,
    /// A directory with something in it.
    Directory,
}

fn remove_tree(path: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let name = CString::new(name.as_bytes())?;
    let parent = match File::options().read(true).custom_flags(libc::O_DIRECTORY).open(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        parent => parent?,
    };
    for _ in 0..LOOKS {
        match remove(&parent, &name)? {
            Left::Nothing => return Ok(()),
            Left::Directory => empty(&parent, &name)?,
        }
    }
    Err(Errno::ENOTEMPTY.into())
}

/// Removes what is in a directory, as it is found in one look. Of a directory in it, its own full directories move up
/// here and are found by the next look: so no tree is too deep to be walked. All is done in open directories, never by
/// path, and a link is never opened: nobody who moves things meanwhile can lead outside.
fn empty(parent: &File, name: &CStr) -> io::Result<()> {
    let Some(top) = open(parent, name)? else { return Ok(()) };
    for entry in open_entries(&top)?.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if is_dots(name) || matches!(remove(&top, name)?, Left::Nothing) {
            continue;
        }
        let Some(inner) = open(&top, name)? else { continue };
        for entry in open_entries(&inner)?.iter() {
            let entry = entry?;
            let name = entry.file_name();
            if !is_dots(name) && matches!(remove(&inner, name)?, Left::Directory) {
                let elsewhere = format!(".removed-{:032x}", rand::random::<u128>());
                renameat(&inner, name, &top, elsewhere.as_str())?;
            }
        }
        remove(&top, name)?;
    }
    Ok(())
}

fn remove(directory: impl AsFd, name: &CStr) -> io::Result<Left> {
    match unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(Left::Nothing),
        Err(Errno::EISDIR) => {}
        Err(error) => return Err(error.into()),
    }
    match unlinkat(&directory, name, UnlinkatFlags::RemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(Left::Nothing),
        Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(Left::Directory),
        Err(error) => Err(error.into()),
    }
}

/// A directory; `None` if it went away or became something else, which the next look finds out.
fn open(directory: &File, name: &CStr) -> io::Result<Option<File>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match nix::fcntl::openat(directory, name, flags, Mode::empty()) {
        Ok(opened) => Ok(Some(File::from(opened))),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn open_entries(directory: &File) -> io::Result<Dir> {
    Ok(Dir::from_fd(directory.try_clone()?.into())?)
}

fn is_dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use nix::sys::{
        resource::{Resource, setrlimit},
        stat::mkdirat,
    };

    use super::*;

    /// Set in the process that may open few files.
    const FEW_FILES: &str = "TEPUI_TEST_FEW_FILES";
    const RWX: Mode = Mode::S_IRWXU;

    /// Directories in directories, each with an empty one beside the next.
    fn dig(root: &Path, levels: usize) {
        let mut directory = File::open(root).unwrap();
        for _ in 0..levels {
            mkdirat(&directory, c"beside", RWX).unwrap();
            mkdirat(&directory, c"deeper", RWX).unwrap();
            directory = open(&directory, c"deeper").unwrap().unwrap();
        }
    }

    /// How many files may be open is asked of the process: this needs one of its own.
    #[test]
    fn no_tree_is_too_deep() {
        if std::env::var_os(FEW_FILES).is_none() {
            let this = ["disk::remove::tests::no_tree_is_too_deep", "--exact"];
            let mut again = Command::new(std::env::current_exe().unwrap());
            return assert!(again.args(this).env(FEW_FILES, "1").status().unwrap().success());
        }
        let root = tempfile::tempdir().unwrap();
        let sandbox = root.path().join("sandbox");
        fs::create_dir(&sandbox).unwrap();
        dig(&sandbox, 5_000);
        setrlimit(Resource::RLIMIT_NOFILE, 64, 64).unwrap();

        remove_below(root.path(), &sandbox).unwrap();

        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_wide_tree_goes_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let sandbox = root.path().join("sandbox");
        for at in 0..300 {
            let directory = sandbox.join(format!("{}/{}/{at}", at % 3, at % 30));
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("file"), "data").unwrap();
        }

        remove_below(root.path(), &sandbox).unwrap();

        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

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
