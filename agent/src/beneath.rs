//! Making files inside a directory whose content belongs to somebody else: the kernel sees to it that neither `..`
//! nor a link leads out, whatever changes meanwhile.

use std::{
    fs::File,
    io,
    os::unix::fs::fchown,
    path::{Component, Path},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, ResolveFlag},
    sys::stat::{Mode, mkdirat},
};
pub(crate) use tepui_daemon::files::beneath::open;
use tepui_daemon::files::beneath::open_with;

use crate::containerizer::Identity;

/// Creates or opens a file for writing; with links nowhere on the way. It belongs to `owner`.
pub(crate) fn create(
    directory: &File,
    path: &Path,
    flags: OFlag,
    owner: Option<&Identity>,
) -> io::Result<File> {
    let how = OpenHow::new()
        .flags(
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | flags,
        )
        .mode(Mode::from_bits_truncate(0o644))
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    let file = open_with(directory, path, how)?;
    give(&file, owner)?;
    Ok(file)
}

/// Creates the directories of a path, none of which may be a link.
pub(crate) fn create_directories(root: &File, path: &Path, owner: Option<&Identity>) -> io::Result<()> {
    let mut directory = root.try_clone()?;
    for component in path.components() {
        let Component::Normal(name) = component else { return Err(Errno::EXDEV.into()) };
        let is_new = match mkdirat(&directory, name, Mode::from_bits_truncate(0o755)) {
            Ok(()) => true,
            Err(Errno::EEXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        directory = open_with(&directory, Path::new(name), how)?;
        if is_new {
            give(&directory, owner)?;
        }
    }
    Ok(())
}

fn give(file: &File, owner: Option<&Identity>) -> io::Result<()> {
    match owner {
        Some(owner) => fchown(file, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}
