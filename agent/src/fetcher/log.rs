//! What the fetcher tells the task's owner, in the sandbox's `stderr`.

use std::{fs::File, io::Write, path::Path};

use nix::fcntl::OFlag;

use super::{FetchCause, Sandbox};
use crate::beneath;

pub(super) struct Log(File);

impl Log {
    pub fn open(sandbox: &Sandbox<'_>) -> Result<Log, FetchCause> {
        let stderr = Path::new("stderr");
        let opened = beneath::create(&sandbox.directory, stderr, OFlag::O_APPEND, sandbox.owner.as_ref());
        let failed = |cause| FetchCause::Write { action: "open", name: "stderr".into(), cause };
        Ok(Log(opened.map_err(failed)?))
    }

    /// A full disk does not stop the fetching; it will show where it matters.
    pub fn line(&self, text: &str) {
        let _ = (&self.0).write_all(format!("{text}\n").as_bytes());
    }
}
