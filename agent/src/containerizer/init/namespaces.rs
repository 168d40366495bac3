//! Namespaces of a container: entered by the helper's child, so that the helper stays where the agent is.

use std::{io, path::Path};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

/// Children of the caller, not the caller itself, will live in a new pid namespace; the first is its init.
pub(super) fn new_pid_namespace() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWPID).map_err(|error| format!("create a pid namespace: {error}"))
}

/// What is mounted from here on stays here; what the host unmounts disappears here too, so that containers do not
/// keep the host's file systems busy.
pub(super) fn new_mount_namespace() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| format!("create a mount namespace: {error}"))?;
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_SLAVE, nothing)
        .map_err(|error| format!("detach mounts from the host: {error}"))
}

/// A view of the caller's own pid namespace. Needs a mount namespace of its own.
pub(super) fn mount_proc() -> Result<(), String> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let proc = Path::new("/proc");
    mount(Some("proc"), proc, Some("proc"), flags, None::<&str>)
        .map_err(|error| format!("mount /proc: {error}"))
}

/// The caller is killed when its parent ends, however that happens.
pub(super) fn end_with_parent() -> io::Result<()> {
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
