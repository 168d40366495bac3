//! `/files/…`, LIST_FILES and READ_FILE: sandboxes for those who look at them from afar.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream;
use libactor::web::http::header;
use libactor::web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tepui_proto::v1;
use tokio::io::AsyncReadExt as _;

use super::answer::Refusal;
use super::{Site, answer};
use crate::files::{Chunk, FileInfo, FilesError, Location, MAX_LENGTH};

/// What is read from the disk at a time.
const CHUNK: usize = 64 * 1024;

#[derive(Serialize)]
struct Entry {
    gid: String,
    mode: String,
    mtime: f64,
    nlink: u64,
    path: String,
    size: u64,
    uid: String,
}

#[derive(Serialize)]
struct Part {
    data: String,
    offset: u64,
}

pub(super) async fn browse(request: &HttpRequest, site: &Site) -> HttpResponse {
    let location = match locate(request, site) {
        Ok(location) => location,
        Err(refused) => return refused.answer(),
    };
    match in_the_background(move || location.browse()).await {
        Ok(entries) => answer::json(request, &entries.into_iter().map(shown).collect::<Vec<_>>()),
        // Not a directory: it has no entries.
        Err(FilesError::BadRequest(_)) => answer::json(request, &[(); 0]),
        Err(FilesError::NotFound(_)) => answer::no_such_file(),
        Err(why) => answer::text(500, crate::with_causes(&why)),
    }
}

fn shown(info: FileInfo) -> Entry {
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

pub(super) async fn read(request: &HttpRequest, site: &Site) -> HttpResponse {
    let location = match locate(request, site) {
        Ok(location) => location,
        Err(refused) => return refused.answer(),
    };
    let (offset, length) = match (number(request, "offset"), number(request, "length")) {
        (Ok(offset), Ok(length)) => (offset.unwrap_or(-1), length),
        (Err(refused), _) | (_, Err(refused)) => return refused.answer(),
    };
    match in_the_background(move || location.read(offset, length)).await {
        Ok(Chunk { offset, data }) => answer::json(request, &Part { data: text_of(data), offset }),
        Err(FilesError::BadRequest(_)) => answer::text(400, "Cannot read a directory.\n"),
        Err(FilesError::NotFound(_)) => answer::no_such_file(),
        Err(why) => answer::text(500, crate::with_causes(&why)),
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

fn number(request: &HttpRequest, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = answer::query(request, name) else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(number) if number < -1 => Err(Refusal::new(400, format!("Negative {name} provided: {number}.\n"))),
        Ok(number) => Ok(Some(number)),
        Err(_) => {
            let why = format!("Failed to parse {name}: Failed to convert '{text}' to number.\n");
            Err(Refusal::new(400, why))
        }
    }
}

pub(super) async fn download(request: &HttpRequest, site: &Site) -> HttpResponse {
    let location = match locate(request, site) {
        Ok(location) => location,
        Err(refused) if refused.status == 404 => return answer::not_found(),
        Err(refused) => return refused.answer(),
    };
    let name = location.file_name();
    let (file, size) = match in_the_background(move || location.download()).await {
        Ok(opened) => opened,
        Err(FilesError::BadRequest(_)) => return answer::text(400, "Cannot download a directory.\n"),
        Err(FilesError::NotFound(_)) => return answer::not_found(),
        Err(why) => return answer::text(500, crate::with_causes(&why)),
    };
    // What is written meanwhile is not part of this answer: its length was promised.
    let file = tokio::fs::File::from_std(file).take(size);
    let chunks = stream::unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        match file.read(&mut chunk).await {
            Ok(0) => None,
            Ok(read) => {
                chunk.truncate(read);
                Some((Ok(Bytes::from(chunk)), file))
            }
            Err(why) => Some((Err(why), file)),
        }
    });
    HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename={name}")))
        .no_chunking(size)
        .streaming(chunks)
}

pub(super) fn debug(request: &HttpRequest, site: &Site) -> HttpResponse {
    answer::json(request, &site.world.shown.all().into_iter().collect::<BTreeMap<_, _>>())
}

/// LIST_FILES.
pub(super) async fn list(site: &Site, path: &str) -> Result<Vec<v1::FileInfo>, Refusal> {
    let location = site.world.shown.locate(path).map_err(refuse)?;
    let entries = in_the_background(move || location.browse()).await.map_err(refuse)?;
    let listed = entries.into_iter().map(|info| v1::FileInfo {
        path: info.path.display().to_string(),
        nlink: i32::try_from(info.nlink).ok(),
        size: Some(info.size),
        mtime: Some(v1::TimeInfo { nanoseconds: info.mtime.saturating_mul(1_000_000_000) }),
        uid: Some(info.uid),
        gid: Some(info.gid),
        ..v1::FileInfo::default()
    });
    Ok(listed.collect())
}

/// READ_FILE: the file's size and the part asked for; all that one answer holds if no length was given.
pub(super) async fn read_part(
    site: &Site,
    path: &str,
    offset: u64,
    length: Option<u64>,
) -> Result<(u64, Bytes), Refusal> {
    let location = site.world.shown.locate(path).map_err(refuse)?;
    let offset =
        i64::try_from(offset).map_err(|_| Refusal::new(400, format!("'offset' {offset} is too large")))?;
    let length = i64::try_from(length.unwrap_or(MAX_LENGTH).min(MAX_LENGTH)).unwrap_or(-1);
    let read = in_the_background(move || {
        let size = location.read(-1, None)?.offset;
        Ok((size, location.read(offset, Some(length))?.data))
    });
    read.await.map(|(size, data)| (size, Bytes::from(data))).map_err(refuse)
}

fn refuse(why: FilesError) -> Refusal {
    match why {
        FilesError::BadRequest(why) => Refusal::new(400, why),
        FilesError::NotFound(_) => Refusal::new(404, "404 Not Found."),
        FilesError::Io { .. } => Refusal::new(500, crate::with_causes(&why)),
    }
}

fn locate(request: &HttpRequest, site: &Site) -> Result<Location, Refusal> {
    let path = answer::query(request, "path").filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| Refusal::new(400, "Expecting 'path=value' in query.\n"))?;
    site.world.shown.locate(&path).map_err(|why| match why {
        FilesError::NotFound(_) => Refusal::new(404, ""),
        FilesError::BadRequest(_) | FilesError::Io { .. } => {
            Refusal::new(400, format!("'{path}' is inaccessible.\n"))
        }
    })
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
