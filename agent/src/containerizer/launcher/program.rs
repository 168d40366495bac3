//! Where the launch helper's executable comes from.

use std::{fs::File, io, os::fd::AsRawFd, path::PathBuf, sync::OnceLock};

use nix::{
    fcntl::{FcntlArg, SealFlag, fcntl},
    sys::memfd::{MFdFlags, memfd_create},
};

/// The executable that runs `container init`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A sealed copy of this process's own executable, made once per process: containers can neither change it nor
    /// lose it to an upgrade.
    ThisBinary,
    /// Another executable whose `main` calls [`init::main`](crate::containerizer::init::main).
    Path(PathBuf),
}

impl Program {
    /// A path that can be executed now.
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        match self {
            Program::Path(path) => Ok(path.clone()),
            Program::ThisBinary => Ok(format!("/proc/self/fd/{}", sealed_copy()?.as_raw_fd()).into()),
        }
    }
}

fn sealed_copy() -> io::Result<&'static File> {
    static COPY: OnceLock<File> = OnceLock::new();
    if let Some(copy) = COPY.get() {
        return Ok(copy);
    }
    let copy = make_sealed_copy()?;
    Ok(COPY.get_or_init(|| copy))
}

fn make_sealed_copy() -> io::Result<File> {
    let mut copy = File::from(memfd_create(c"tepui", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?);
    io::copy(&mut File::open("/proc/self/exe")?, &mut copy)?;
    let seals =
        SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&copy, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(copy)
}
