//! Answers of the readers, written while they are read: on threads that may take their time, one chunk ahead of the client.
//! Whoever does not read holds the values of its answer, and a chunk.

use std::io;

use futures::Stream;
use futures::stream::unfold;
use libactor::web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use libactor::web::http::{Method, StatusCode};
use libactor::web::{Bytes, HttpRequest, HttpResponse};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::Site;
use super::coding::{Coding, Encoder};
use crate::reads::{Body, Known};

/// The first chunk: soon there. What ends within it is sent in one piece, with its length.
const FIRST: usize = 64 << 10;

/// The others: large enough that the way between threads is small beside them.
const CHUNK: usize = 256 << 10;

/// How many answers are written at a time; the others take turns. One, so that on two processors the master has the other.
static WRITERS: Semaphore = Semaphore::const_new(1);

/// An answer that is being written.
struct Writer {
    body: Body,
    encoder: Encoder,
    ended: bool,
}

/// 200 with the body.
pub(super) async fn answer(
    request: &HttpRequest,
    content_type: &'static str,
    tag: Option<String>,
    mut body: Body,
) -> HttpResponse {
    let begun = on_a_writers_thread(move || {
        let mut first = Vec::with_capacity(FIRST + CHUNK / 16);
        let more = body.write(&mut first, FIRST);
        (body, first, more)
    });
    let Ok((body, first, more)) = begun.await else { return broken() };
    let coding = Coding::of(request, first.len());
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, content_type)).insert_header((VARY, "Accept-Encoding"));
    if let Some(tag) = tag {
        answer.insert_header((ETAG, tag));
    }
    if let Some(name) = coding.name() {
        answer.insert_header((CONTENT_ENCODING, name));
    }
    let mut encoder = coding.encoder();
    let Ok(first) = encoder.encode(first, !more) else { return broken() };
    if !more {
        return answer.body(first);
    }
    answer.streaming(chunks(first, Writer { body, encoder, ended: false }))
}

/// 304: what the client has is what there is.
pub(super) fn unchanged(tag: String) -> HttpResponse {
    HttpResponse::NotModified().insert_header((ETAG, tag)).insert_header((VARY, "Accept-Encoding")).finish()
}

/// The tag of an answer that shows a version of the cluster. A weak one: it is the same for every coding. Versions begin anew
/// with each start of a master, and so does its id.
pub(super) fn tag(version: u64, site: &Site) -> String {
    format!("W/\"{}-{version}\"", site.identity.info.id)
}

/// The versions that a client has, by `If-None-Match`.
pub(super) fn known(request: &HttpRequest, site: &Site) -> Known {
    let mut known = Known::default();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return known;
    }
    let headers = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    for tag in headers.flat_map(|value| value.split(',')).map(str::trim) {
        known.any |= tag == "*";
        let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
        let version = tag.strip_prefix(&site.identity.info.id).and_then(|rest| rest.strip_prefix('-'));
        known.versions.extend(version.and_then(|version| version.parse::<u64>().ok()));
    }
    known
}

fn broken() -> HttpResponse {
    super::answer::text(StatusCode::INTERNAL_SERVER_ERROR.as_u16(), "the answer could not be written")
}

/// Each chunk is written while the one before it is sent.
fn chunks(first: Vec<u8>, writer: Writer) -> impl Stream<Item = io::Result<Bytes>> {
    let begun = (Some(first), Some(next(writer)));
    unfold(begun, |(first, job): (Option<Vec<u8>>, Option<Job>)| async move {
        if let Some(first) = first.filter(|first| !first.is_empty()) {
            return Some((Ok(first.into()), (None, job)));
        }
        match job?.await.map_err(io::Error::other) {
            Ok((writer, Ok(Some(chunk)))) => Some((Ok(chunk.into()), (None, Some(next(writer))))),
            Ok((_, Ok(None))) => None,
            // The connection is cut, so that nobody takes the part for the whole.
            Ok((_, Err(error))) | Err(error) => Some((Err(error), (None, None))),
        }
    })
}

type Job = JoinHandle<(Writer, io::Result<Option<Vec<u8>>>)>;

fn next(mut writer: Writer) -> Job {
    on_a_writers_thread(move || {
        let chunk = writer.chunk();
        (writer, chunk)
    })
}

fn on_a_writers_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(async {
        let turn = WRITERS.acquire().await;
        let done = tokio::task::spawn_blocking(work).await;
        drop(turn);
        done.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()))
    })
}

impl Writer {
    /// The next chunk; none after the last.
    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        while !self.ended {
            let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 16);
            self.ended = !self.body.write(&mut chunk, CHUNK);
            let coded = self.encoder.encode(chunk, self.ended)?;
            if !coded.is_empty() {
                return Ok(Some(coded));
            }
        }
        Ok(None)
    }
}
