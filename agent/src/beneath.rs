//! Opening files inside a directory whose content belongs to somebody else: the kernel sees to it that neither `..`
//! nor a link leads out, whatever changes meanwhile.

use std::{
    fs::File,
    io,
    os::unix::fs::{OpenOptionsExt, fchown},
    path::{Component, Path},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
    sys::stat::{Mode, mkdirat},
};

use crate::containerizer::Identity;

/// Opens an existing file or directory for reading. Links inside are followed as long as they stay inside. Never
/// waits, whatever the path turns out to be.
pub(crate) fn open(directory: &File, path: &Path) -> io::Result<File> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    open_with(directory, path, how)
}

/// Opens what the agent itself named, following links; never waits either.
pub(crate) fn open_trusted(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

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

fn open_with(directory: &File, path: &Path, how: OpenHow) -> io::Result<File> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    loop {
        match openat2(directory, path, how) {
            Ok(descriptor) => return Ok(File::from(descriptor)),
            // A rename elsewhere made the kernel unsure; it asks to be asked again.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn give(file: &File, owner: Option<&Identity>) -> io::Result<()> {
    match owner {
        Some(owner) => fchown(file, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}
