//! Listing a directory.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use nix::{
    dir::Dir,
    fcntl::AtFlags,
    sys::stat::{FileStat, fstatat},
};

use super::owner::{group_name, user_name};
use super::{FilesError, Location, mode};

/// One entry, with the names Mesos gives its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct FileInfo {
    /// As it can be asked for.
    pub path: PathBuf,
    pub nlink: u64,
    pub size: u64,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// As `ls -l` prints it.
    pub mode: String,
    /// The names, or the numbers of those without.
    pub uid: String,
    pub gid: String,
}

impl Location {
    /// Entries of a directory by name; links are described, not followed.
    pub fn browse(&self) -> Result<Vec<FileInfo>, FilesError> {
        let opened = self.open()?;
        if !opened.metadata().map_err(|cause| self.failed("look at", cause))?.is_dir() {
            return Err(FilesError::BadRequest(format!("{} is not a directory", self.shown.display())));
        }
        let mut directory = Dir::from_fd(opened.into()).map_err(|cause| self.failed("list", cause.into()))?;
        let names: Vec<_> = directory.iter().flatten().map(|entry| entry.file_name().to_owned()).collect();
        let mut entries = Vec::new();
        for name in names.iter().filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
            // An entry that went away meanwhile is not there.
            if let Ok(stat) = fstatat(&directory, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
                entries.push(describe(self.shown.join(OsStr::from_bytes(name.to_bytes())), &stat));
            }
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }
}

fn describe(path: impl AsRef<Path>, stat: &FileStat) -> FileInfo {
    FileInfo {
        path: path.as_ref().into(),
        nlink: stat.st_nlink,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime: stat.st_mtime,
        mode: mode::text(stat.st_mode),
        uid: user_name(stat.st_uid),
        gid: group_name(stat.st_gid),
    }
}
