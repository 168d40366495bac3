//! Files that are either old or new, never in between; and files that only grow.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use prost::Message;
use tepui_proto::{Described, wire};

/// What was tried on which file.
#[derive(Debug, thiserror::Error)]
#[error("{what} {path}: {cause}")]
pub(crate) struct FileError {
    pub what: &'static str,
    pub path: PathBuf,
    pub cause: io::Error,
}

pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_path_buf();
    move |cause| FileError { what, path, cause }
}

/// The largest message read back: far above any that is written, far below what would hurt. A length beyond it means that
/// the file is not ours.
const LARGEST: usize = 64 << 20;

pub(super) fn encode(message: &impl Message) -> Vec<u8> {
    let length = u32::try_from(message.encoded_len()).expect("messages are far smaller than 4 GiB");
    let mut bytes = length.to_le_bytes().to_vec();
    message.encode(&mut bytes).expect("a Vec takes everything");
    bytes
}

/// Replaces a file as a whole, making its directory.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let partial = beside(path)?;
    let written = File::create(&partial).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| fs::rename(&partial, path)).map_err(|cause| {
        // Half a file of no use; if it cannot be removed either, the next attempt overwrites it.
        let _ = fs::remove_file(&partial);
        failed("write", path)(cause)
    })
}

/// The same, and on the platter when it returns: for what must survive the machine.
pub(super) fn replace_durably(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(path);
    make_durably(directory).map_err(failed("make directory", directory))?;
    let partial = beside(path)?;
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        sync_parent(path)
    };
    write().map_err(failed("write", path))
}

/// Makes a directory and what is missing above it, on the platter when it returns.
pub(super) fn make_durably(directory: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|above| !above.exists()).collect();
    fs::create_dir_all(directory)?;
    missing.into_iter().try_for_each(sync_parent)
}

/// Makes durable that a file or directory of this name is there, or is not.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Points a link somewhere else as a whole, making its directory.
pub(super) fn link(path: &Path, target: &Path) -> Result<(), FileError> {
    let partial = beside(path)?;
    let _ = fs::remove_file(&partial);
    symlink(target, &partial).and_then(|()| fs::rename(&partial, path)).map_err(failed("link", path))
}

fn beside(path: &Path) -> Result<PathBuf, FileError> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(failed("make directory", directory))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(directory.join(format!(".{name}.partial")))
}

/// Adds to the end of a file, all or nothing.
pub(super) fn append(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(failed("make directory", directory))?;
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed("open", path))?;
    let before = file.metadata().map_err(failed("open", path))?.len();
    file.write_all(bytes).map_err(|cause| {
        // Half a record would hide those that follow it.
        let _ = file.set_len(before);
        failed("append to", path)(cause)
    })
}

/// `None` if there is no such file.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed("read", path)(cause)),
    }
}

/// The one message of a file; `None` if there is no such file.
pub(super) fn read_message<M: Described>(path: &Path) -> Result<Option<M>, FileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed("read", path)(cause)),
    };
    let (record, _) = split(&bytes).ok_or_else(|| failed("read", path)(damaged("it is cut short")))?;
    let message = wire::decode(record).map_err(|why| failed("read", path)(damaged(why)))?;
    Ok(Some(message))
}

/// All messages of a file that grows. A last record that is cut short was never answered for: it is cut off.
pub(super) fn read_records<M: Described>(path: &Path) -> Result<Vec<M>, FileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(failed("read", path)(cause)),
    };
    let (mut records, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((record, after)) = split(rest) {
        records.push(wire::decode(record).map_err(|why| failed("read", path)(damaged(why)))?);
        rest = after;
    }
    if !rest.is_empty() {
        let whole = (bytes.len() - rest.len()) as u64;
        let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(whole));
        cut.map_err(failed("repair", path))?;
    }
    Ok(records)
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    (length <= LARGEST).then(|| rest.split_at_checked(length))?
}

fn damaged(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1::TaskId;

    use super::*;

    fn id(value: &str) -> TaskId {
        TaskId { value: value.into() }
    }

    #[test]
    fn a_message_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/task.info");

        replace(&path, &encode(&id("t1"))).unwrap();
        replace_durably(&path, &encode(&id("t2"))).unwrap();

        assert_eq!(read_message::<TaskId>(&path).unwrap(), Some(id("t2")));
        assert_eq!(read_message::<TaskId>(&dir.path().join("none")).unwrap(), None);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing half-written is left");
    }

    #[test]
    fn a_record_cut_short_is_cut_off_and_the_file_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("task.updates");
        append(&path, &encode(&id("t1"))).unwrap();
        append(&path, &encode(&id("t2"))[..5]).unwrap();

        assert_eq!(read_records::<TaskId>(&path).unwrap(), [id("t1")]);
        append(&path, &encode(&id("t3"))).unwrap();

        assert_eq!(read_records::<TaskId>(&path).unwrap(), [id("t1"), id("t3")]);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("task.info");
        fs::write(&path, b"\x02\x00\x00\x00").unwrap();

        let why = read_message::<TaskId>(&path).unwrap_err().to_string();

        assert_eq!(why, format!("read {}: it is cut short", path.display()));
    }

    #[test]
    fn a_link_can_be_pointed_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latest");

        link(&path, Path::new("one")).unwrap();
        link(&path, Path::new("two")).unwrap();

        assert_eq!(fs::read_link(&path).unwrap(), Path::new("two"));
    }
}
