//! HTTP answers in the words and headers of Mesos' master.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libactor::web::http::StatusCode;
use libactor::web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use libactor::web::{HttpRequest, HttpResponse};

use crate::encoding::{Encoding, JSON, Refusal};

/// Bodies from this size on are compressed for those who ask for it, as libprocess does.
const GZIP_MINIMUM: usize = 1024;

/// A plain text, or nothing: an empty body has no content type.
pub(super) fn text(status: u16, body: impl Into<String>) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = body.into();
    let mut answer = HttpResponse::build(status);
    if !body.is_empty() {
        answer.insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"));
    }
    answer.body(body)
}

pub(super) fn refusal(refusal: Refusal) -> HttpResponse {
    text(refusal.status, refusal.body)
}

/// What files and the log refuse. Unlike others, these have a type even if they say nothing.
pub(super) fn refused(refusal: tepui_daemon::Refusal) -> HttpResponse {
    let mut answer = text(refusal.status, refusal.body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

pub(super) fn not_found() -> HttpResponse {
    text(404, "404 Not Found.")
}

/// 405 for every method but POST.
pub(super) fn not_post(request: &HttpRequest) -> HttpResponse {
    let body = format!(
        "405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{}'.",
        request.method()
    );
    let mut answer = text(405, body);
    answer.headers_mut().insert(libactor::web::http::header::ALLOW, HeaderValue::from_static("POST"));
    answer
}

/// 406.
pub(super) fn not_acceptable() -> HttpResponse {
    text(406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")
}

/// 503 until the registry has been read and written.
pub(super) fn recovering() -> HttpResponse {
    text(503, "Master has not finished recovery")
}

/// An encoded message or a legacy answer.
pub(super) fn encoded(request: &HttpRequest, encoding: Encoding, body: Vec<u8>) -> HttpResponse {
    with_type(request, encoding.content_type(), body)
}

/// Legacy JSON, as a function call for those who ask with `?jsonp=f`.
pub(super) fn json(request: &HttpRequest, jsonp: Option<&str>, body: Vec<u8>) -> HttpResponse {
    match jsonp {
        None => with_type(request, JSON, body),
        Some(function) => {
            let mut call = format!("{function}(").into_bytes();
            call.extend(body);
            call.push(b')');
            with_type(request, "text/javascript", call)
        }
    }
}

fn with_type(request: &HttpRequest, content_type: &'static str, body: Vec<u8>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, content_type));
    if body.len() < GZIP_MINIMUM || !wants_gzip(request) {
        return answer.body(body);
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    match gzip.write_all(&body).and_then(|()| gzip.finish()) {
        Ok(compressed) => answer.insert_header((CONTENT_ENCODING, "gzip")).body(compressed),
        // Writing to memory does not fail; the plain body is right in any case.
        Err(_) => answer.body(body),
    }
}

fn wants_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        matches!(parts.next(), Some("gzip" | "*")) && !parts.any(|parameter| parameter == "q=0")
    })
}
