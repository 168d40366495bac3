//! HTTP answers in the words and headers of Mesos' master.

use libactor::web::http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY};
use libactor::web::http::{Method, StatusCode};
use libactor::web::{HttpRequest, HttpResponse};

use super::coding::Coding;
use crate::encoding::{Encoding, JSON, Refusal};

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

/// 405 for every method but those `allowed`, which are written as in `GET, PUT`.
pub(super) fn not_allowed(method: &Method, allowed: &'static str) -> HttpResponse {
    let names = allowed.split(", ").map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let body = format!("405 Method Not Allowed. Expecting one of {{ {names} }}, but received '{method}'.");
    let mut answer = text(405, body);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
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
    answer.insert_header((CONTENT_TYPE, content_type)).insert_header((VARY, "Accept-Encoding"));
    let coding = Coding::of(request, body.len());
    if let Some(name) = coding.name() {
        answer.insert_header((CONTENT_ENCODING, name));
    }
    // Writing to memory does not fail; the plain body would be right in any case.
    answer.body(coding.encoder().encode(body, true).unwrap_or_default())
}
