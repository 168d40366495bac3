//! What is asked of files, by their virtual paths, and what Mesos says to it.

use std::error::Error;
use std::fs::File;
use std::io;

use bytes::Bytes;
use futures::{Stream, stream};
use serde::Serialize;
use tepui_proto::v1;
use tokio::io::AsyncReadExt as _;

use super::{Chunk, FileInfo, FilesError, Location, MAX_LENGTH};
use crate::{Parameters, Refusal};

/// What is read from the disk at a time.
const CHUNK: usize = 64 * 1024;

/// Where a path of a request leads.
#[derive(Debug)]
pub struct Asked(Location);

/// What is below a directory, as `/files/browse` says it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    gid: String,
    mode: String,
    mtime: f64,
    nlink: u64,
    path: String,
    size: u64,
    uid: String,
}

/// A part of a file, as `/files/read` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    data: String,
    offset: u64,
}

/// A whole file.
#[derive(Debug)]
pub struct Download {
    /// Of the file, without its directory.
    pub name: String,
    /// What is written meanwhile is not part of it: its length is promised.
    pub size: u64,
    file: File,
}

impl Refusal {
    /// The same for a download, which is not there in the server's own words.
    #[must_use]
    pub fn of_download(self) -> Refusal {
        if self.status == 404 { Refusal::new(404, "404 Not Found.") } else { self }
    }
}

fn unreadable(why: &FilesError) -> Refusal {
    let mut text = why.to_string();
    let mut cause = why.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    Refusal::new(500, text)
}

impl Asked {
    /// What the `path` among the parameters of a request leads to, where `locate` says so.
    ///
    /// # Errors
    /// It is missing, or leads nowhere.
    pub fn of_query(
        parameters: &Parameters,
        locate: impl FnOnce(&str) -> Result<Location, FilesError>,
    ) -> Result<Asked, Refusal> {
        let path = parameters.get("path").filter(|path| !path.is_empty());
        let path = path.ok_or_else(|| Refusal::new(400, "Expecting 'path=value' in query.\n"))?;
        Asked::of(path, locate)
    }

    /// What the path of a call leads to.
    ///
    /// # Errors
    /// It leads nowhere.
    pub fn of(
        path: &str,
        locate: impl FnOnce(&str) -> Result<Location, FilesError>,
    ) -> Result<Asked, Refusal> {
        match locate(path) {
            Ok(location) => Ok(Asked(location)),
            Err(FilesError::NotFound(_)) => Err(Refusal::new(404, "")),
            Err(FilesError::BadRequest(_) | FilesError::Io { .. }) => {
                Err(Refusal::new(400, format!("'{path}' is inaccessible.\n")))
            }
        }
    }

    /// What is below it; nothing, if it is no directory.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub async fn browse(self) -> Result<Vec<Entry>, Refusal> {
        Ok(self.entries().await?.into_iter().map(Entry::from).collect())
    }

    /// The same for LIST_FILES.
    ///
    /// # Errors
    /// As above.
    pub async fn list(self) -> Result<Vec<v1::FileInfo>, Refusal> {
        Ok(self.entries().await?.into_iter().map(listed).collect())
    }

    async fn entries(self) -> Result<Vec<FileInfo>, Refusal> {
        match in_the_background(move || self.0.browse()).await {
            Ok(entries) => Ok(entries),
            Err(FilesError::BadRequest(_)) => Ok(Vec::new()),
            Err(FilesError::NotFound(_)) => Err(Refusal::new(404, "")),
            Err(why) => Err(unreadable(&why)),
        }
    }

    /// The part of a file that `offset` and `length` among the parameters ask for. Without an offset, or with -1, only its size.
    ///
    /// # Errors
    /// They are no numbers, or the file cannot be read.
    pub async fn read(self, parameters: &Parameters) -> Result<Part, Refusal> {
        let (offset, length) = (number(parameters, "offset")?.unwrap_or(-1), number(parameters, "length")?);
        let read = in_the_background(move || self.0.read(offset, length)).await;
        let Chunk { offset, data } = read.map_err(not_read)?;
        Ok(Part { data: text_of(data), offset })
    }

    /// The size of a file, and the part that READ_FILE asks for; all that one answer holds if no length was given.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn read_part(self, offset: u64, length: Option<u64>) -> Result<(u64, Bytes), Refusal> {
        let offset = i64::try_from(offset)
            .map_err(|_| Refusal::new(400, format!("'offset' {offset} is too large")))?;
        let length = i64::try_from(length.unwrap_or(MAX_LENGTH).min(MAX_LENGTH)).unwrap_or(-1);
        let read = in_the_background(move || {
            let size = self.0.read(-1, None)?.offset;
            Ok((size, self.0.read(offset, Some(length))?.data))
        });
        read.await.map(|(size, data)| (size, Bytes::from(data))).map_err(not_read)
    }

    /// All of a file.
    ///
    /// # Errors
    /// It is not there, or is none.
    pub async fn download(self) -> Result<Download, Refusal> {
        let name = self.0.file_name();
        match in_the_background(move || self.0.download()).await {
            Ok((file, size)) => Ok(Download { name, size, file }),
            Err(FilesError::BadRequest(_)) => Err(Refusal::new(400, "Cannot download a directory.\n")),
            Err(FilesError::NotFound(_)) => Err(Refusal::new(404, "").of_download()),
            Err(why) => Err(unreadable(&why)),
        }
    }
}

impl Download {
    /// Its bytes, as they are read.
    pub fn chunks(self) -> impl Stream<Item = io::Result<Bytes>> {
        let file = tokio::fs::File::from_std(self.file).take(self.size);
        stream::unfold(file, |mut file| async move {
            let mut chunk = vec![0; CHUNK];
            match file.read(&mut chunk).await {
                Ok(0) => None,
                Ok(read) => {
                    chunk.truncate(read);
                    Some((Ok(Bytes::from(chunk)), file))
                }
                Err(why) => Some((Err(why), file)),
            }
        })
    }
}

impl From<FileInfo> for Entry {
    fn from(info: FileInfo) -> Entry {
        Entry {
            gid: info.gid,
            mode: info.mode,
            mtime: info.mtime as f64,
            nlink: info.nlink,
            path: info.path.display().to_string(),
            size: info.size,
            uid: info.uid,
        }
    }
}

fn listed(info: FileInfo) -> v1::FileInfo {
    v1::FileInfo {
        path: info.path.display().to_string(),
        nlink: i32::try_from(info.nlink).ok(),
        size: Some(info.size),
        mtime: Some(v1::TimeInfo { nanoseconds: info.mtime.saturating_mul(1_000_000_000) }),
        uid: Some(info.uid),
        gid: Some(info.gid),
        ..v1::FileInfo::default()
    }
}

fn not_read(why: FilesError) -> Refusal {
    match why {
        FilesError::BadRequest(_) => Refusal::new(400, "Cannot read a directory.\n"),
        FilesError::NotFound(_) => Refusal::new(404, ""),
        FilesError::Io { .. } => unreadable(&why),
    }
}

/// The data of an answer is text. A character cut in two by the end of the part is left to the next part.
fn text_of(mut data: Vec<u8>) -> String {
    if let Err(why) = std::str::from_utf8(&data)
        && why.error_len().is_none()
        && why.valid_up_to() > 0
    {
        data.truncate(why.valid_up_to());
    }
    String::from_utf8_lossy(&data).into_owned()
}

fn number(parameters: &Parameters, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = parameters.get(name) else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(number) if number < -1 => Err(Refusal::new(400, format!("Negative {name} provided: {number}.\n"))),
        Ok(number) => Ok(Some(number)),
        Err(_) => {
            let why = format!("Failed to parse {name}: Failed to convert '{text}' to number.\n");
            Err(Refusal::new(400, why))
        }
    }
}

/// Files are read where nobody waits for the disk.
async fn in_the_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(why) => Err(FilesError::BadRequest(why.to_string())),
    }
}
