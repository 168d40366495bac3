//! The helper's end of the socket to the agent.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use super::spec::LaunchSpec;

pub(super) struct Control(OwnedFd);

impl Control {
    /// Moves the socket away from fd 0, so that an exec closes it, and puts `/dev/null` there.
    pub fn from_stdin() -> io::Result<Control> {
        // SAFETY: fd 0 is open (the agent gave it) and the duplicate is ours alone.
        let socket = unsafe {
            let fd = libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(fd)
        };
        replace(&File::open("/dev/null")?, 0)?;
        Ok(Control(socket))
    }

    /// The spec, or `None` if the agent went away before it had sent one.
    pub fn receive(&mut self) -> io::Result<Option<LaunchSpec>> {
        let mut text = Vec::new();
        let mut socket = File::from(self.0.try_clone()?);
        let mut chunk = [0; 4096];
        while text.last() != Some(&b'\n') {
            match socket.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(count) => text.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(serde_json::from_slice(&text)?))
    }

    /// Tells the agent why the command was not started, and ends this process.
    pub fn fail(&self, why: &str) -> ! {
        // SAFETY: the buffer is valid for its length. An agent that is gone must not become a SIGPIPE.
        unsafe {
            libc::send(self.0.as_raw_fd(), why.as_ptr().cast(), why.len(), libc::MSG_NOSIGNAL);
            libc::_exit(1)
        }
    }
}

/// Makes `target` refer to what `file` refers to, across exec.
pub(super) fn replace(file: &File, target: i32) -> io::Result<()> {
    // SAFETY: both are descriptors of this single-threaded process; whatever `target` was is meant to be closed.
    let result = unsafe { libc::dup2(file.as_raw_fd(), target) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
