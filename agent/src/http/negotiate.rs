//! Which encoding a request is in, and which one its answer may have.

use libactor::web::HttpRequest;
use libactor::web::http::header;

use tepui_proto::Described;
use tepui_proto::json::{self, JsonError};

use super::answer::Refusal;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Protobuf,
}

impl Encoding {
    pub fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => "application/json",
            Encoding::Protobuf => "application/x-protobuf",
        }
    }
}

/// Of the request's body. `known` completes the refusal: what this API takes.
pub(super) fn content_type(request: &HttpRequest, known: &str) -> Result<Encoding, Refusal> {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else {
        return Err(Refusal::new(400, "Expecting 'Content-Type' to be present"));
    };
    let value = value.to_str().unwrap_or_default();
    match value.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(Encoding::Json),
        "application/x-protobuf" => Ok(Encoding::Protobuf),
        _ => Err(Refusal::new(415, format!("Expecting 'Content-Type' of {known}"))),
    }
}

/// A message from JSON, or why not in Mesos' words.
pub(super) fn from_json<M: Described>(body: &[u8]) -> Result<M, String> {
    json::from_slice(body).map_err(|why| match why {
        JsonError::Value { .. } => format!("Failed to parse body into JSON: {why}"),
        JsonError::Content(_) => format!("Failed to convert JSON into Call protobuf: {why}"),
    })
}

/// Of the answer: JSON if the client does not mind.
pub(super) fn accepted(request: &HttpRequest) -> Option<Encoding> {
    let values = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    let ranges: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let allows = |wanted: &str| ranges.is_empty() || ranges.iter().any(|range| matches_range(range, wanted));
    [Encoding::Json, Encoding::Protobuf].into_iter().find(|encoding| allows(encoding.media_type()))
}

fn matches_range(range: &str, wanted: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let refused =
        parts.any(|part| matches!(part.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
    !refused && (media_type == "*/*" || media_type == "application/*" || media_type == wanted)
}

#[cfg(test)]
mod tests {
    use libactor::web::test::TestRequest;

    use super::*;

    fn of(accept: &[&str]) -> Option<Encoding> {
        let mut request = TestRequest::default();
        for value in accept {
            request = request.append_header((header::ACCEPT, *value));
        }
        accepted(&request.to_http_request())
    }

    #[test]
    fn json_is_preferred_and_nothing_means_anything() {
        assert_eq!(of(&[]), Some(Encoding::Json));
        assert_eq!(of(&["*/*"]), Some(Encoding::Json));
        assert_eq!(of(&["application/x-protobuf, application/json"]), Some(Encoding::Json));
        assert_eq!(of(&["application/x-protobuf", "application/x-protobuf"]), Some(Encoding::Protobuf));
        assert_eq!(of(&["application/json;q=0, application/x-protobuf"]), Some(Encoding::Protobuf));
        assert_eq!(of(&["text/html"]), None);
    }
}
