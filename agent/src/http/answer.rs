//! Making of HTTP answers, in the words of Mesos where clients read them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libactor::web::http::{StatusCode, header};
use libactor::web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// Smaller bodies are not worth compressing; libprocess' number.
const GZIP_FROM: usize = 1024;

/// Why a request is not served, in plain text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub body: String,
}

impl Refusal {
    pub fn new(status: u16, body: impl Into<String>) -> Refusal {
        Refusal { status, body: body.into() }
    }

    pub fn answer(self) -> HttpResponse {
        text(self.status, self.body)
    }
}

impl From<tepui_daemon::Refusal> for Refusal {
    fn from(refusal: tepui_daemon::Refusal) -> Refusal {
        Refusal { status: refusal.status, body: refusal.body }
    }
}

pub(super) fn text(status: u16, body: impl Into<String>) -> HttpResponse {
    let status = StatusCode::from_u16(status).expect("we send only known statuses");
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(body.into())
}

/// Nobody is there any more who could say it.
pub(super) fn ending() -> HttpResponse {
    text(503, "The agent is shutting down")
}

pub(super) fn empty(status: u16) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status).expect("we send only known statuses")).finish()
}

pub(super) fn not_found() -> HttpResponse {
    text(404, "404 Not Found.")
}

pub(super) fn not_post(request: &HttpRequest) -> HttpResponse {
    let received = request.method();
    let body = format!("405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{received}'.");
    let mut answer = text(405, body);
    answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    answer
}

/// JSON, or JSONP if the query asks for it.
pub(super) fn json(request: &HttpRequest, body: &impl Serialize) -> HttpResponse {
    let body = match serde_json::to_vec(body) {
        Ok(body) => body,
        Err(why) => return text(500, format!("Failed to write the answer: {why}")),
    };
    match query(request, "jsonp") {
        None => bytes(request, "application/json", body),
        Some(function) => {
            let wrapped = [function.as_bytes(), b"(", &body, b")"].concat();
            bytes(request, "text/javascript", wrapped)
        }
    }
}

/// A whole body, compressed if it is worth it and the client can read it.
pub(super) fn bytes(request: &HttpRequest, content_type: &str, body: Vec<u8>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.content_type(content_type);
    if body.len() < GZIP_FROM || !accepts_gzip(request) {
        return answer.body(body);
    }
    let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
    let compressed = compressed.write_all(&body).and_then(|()| compressed.finish());
    match compressed {
        Ok(compressed) => answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(compressed),
        Err(why) => text(500, format!("Failed to compress the answer: {why}")),
    }
}

fn accepts_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*")
            && !parts.any(|part| part.replace(' ', "") == "q=0")
    })
}

/// A parameter of the query, decoded.
pub(super) fn query(request: &HttpRequest, name: &str) -> Option<String> {
    let raw = request.query_string().split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    })?;
    libactor::http::percent_decode(&raw.replace('+', " "))
}
