//! A process that the agent watches, whether it is a child of this agent or of the one before it.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use tokio::io::unix::AsyncFd;

use super::when_readable;
use crate::containerizer::runtime_dir::{PidRecord, boot_id};

/// Held by a pidfd, so that its number cannot come to mean another process.
#[derive(Debug)]
pub(crate) struct Process {
    record: PidRecord,
    handle: AsyncFd<OwnedFd>,
}

impl Process {
    /// A child that nobody has waited for yet.
    pub fn child(pid: i32) -> io::Result<Process> {
        let handle = open(pid)?;
        let record = PidRecord { pid, start: start_of(pid)?, boot: boot_id()? };
        Ok(Process { record, handle: when_readable(handle)? })
    }

    /// The recorded process, if it still runs.
    pub fn find(record: &PidRecord) -> io::Result<Option<Process>> {
        if record.boot != boot_id()? {
            return Ok(None);
        }
        let handle = match open(record.pid) {
            Ok(handle) => handle,
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Opened first: if this is the recorded process, the handle is its own.
        if start_of(record.pid).ok() != Some(record.start) {
            return Ok(None);
        }
        Ok(Some(Process { record: record.clone(), handle: when_readable(handle)? }))
    }

    pub fn pid(&self) -> i32 {
        self.record.pid
    }

    pub fn record(&self) -> &PidRecord {
        &self.record
    }

    /// Returns when the process has ended.
    pub async fn ended(&self) {
        // The kernel keeps an ended process' pidfd readable; an error means the runtime is shutting down.
        let _ = self.handle.readable().await;
    }

    /// The wait status of an ended child, reaping it; `None` for a process that is not our child.
    pub fn reap(&self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let pid = unsafe { libc::waitpid(self.record.pid, &mut status, libc::WNOHANG) };
        (pid == self.record.pid).then_some(status)
    }

    pub fn signal(&self, signal: i32) -> io::Result<()> {
        let fd = self.handle.get_ref().as_raw_fd();
        // SAFETY: the descriptor is open; no further information is passed.
        let result =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, std::ptr::null::<()>(), 0) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: on success the descriptor is new and ours alone.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

fn start_of(pid: i32) -> io::Result<u64> {
    let stat =
        procfs::process::Process::new(pid).and_then(|process| process.stat()).map_err(io::Error::other)?;
    Ok(stat.starttime)
}
