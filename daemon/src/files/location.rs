//! A path that was found in the table: opened without ever leaving what was attached.

use std::{fs::File, io, path::PathBuf};

use super::{FilesError, beneath};

/// Where a shown path leads. Its methods block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The path as it was asked for.
    pub(super) shown: PathBuf,
    /// What the attached name stands for.
    pub(super) root: PathBuf,
    /// Below it.
    pub(super) rest: PathBuf,
}

impl Location {
    /// The name for a download.
    pub fn file_name(&self) -> String {
        self.shown.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Opens a regular file to send all of it; with its size.
    pub fn download(&self) -> Result<(File, u64), FilesError> {
        let file = self.open()?;
        let metadata = file.metadata().map_err(|cause| self.failed("look at", cause))?;
        if !metadata.is_file() {
            return Err(FilesError::BadRequest(format!("{} is not a regular file", self.shown.display())));
        }
        Ok((file, metadata.len()))
    }

    /// What is attached is the daemon's, and may be a link such as `latest`; what lies below belongs to a task.
    pub(super) fn open(&self) -> Result<File, FilesError> {
        let opened = if self.rest.as_os_str().is_empty() {
            beneath::open_trusted(&self.root)
        } else {
            beneath::open_trusted(&self.root).and_then(|root| beneath::open(&root, &self.rest))
        };
        opened.map_err(|cause| self.failed("open", cause))
    }

    pub(super) fn failed(&self, action: &'static str, cause: io::Error) -> FilesError {
        // A link that leads out, or in circles, shows nothing.
        let is_hidden = matches!(cause.raw_os_error(), Some(libc::EXDEV | libc::ELOOP | libc::ENOTDIR));
        if is_hidden || cause.kind() == io::ErrorKind::NotFound {
            return FilesError::NotFound(self.shown.clone());
        }
        FilesError::Io { action, path: self.shown.clone(), cause }
    }
}
