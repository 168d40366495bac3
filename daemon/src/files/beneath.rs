//! Opening files inside a directory whose content belongs to somebody else: the kernel sees to it that neither `..`
//! nor a link leads out, whatever changes meanwhile.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

/// Opens an existing file or directory for reading. Links inside are followed as long as they stay inside. Never
/// waits, whatever the path turns out to be.
///
/// # Errors
/// The kernel's: among them `EXDEV` where the path leads out.
pub fn open(directory: &File, path: &Path) -> io::Result<File> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    open_with(directory, path, how)
}

/// Opens what the daemon itself named, following links; never waits either.
///
/// # Errors
/// The kernel's.
pub fn open_trusted(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Opens a path as `how` says.
///
/// # Errors
/// The kernel's.
pub fn open_with(directory: &File, path: &Path, how: OpenHow) -> io::Result<File> {
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
