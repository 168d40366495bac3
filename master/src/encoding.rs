//! The two encodings of the v1 APIs, and what requests say of them.

use tepui_proto::schema::Described;
use tepui_proto::{json, wire};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Protobuf,
}

/// `application/json`.
pub(crate) const JSON: &str = "application/json";
/// `application/x-protobuf`.
pub(crate) const PROTOBUF: &str = "application/x-protobuf";

/// Why a body is no call: a status code, and Mesos' words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Refusal {
    fn bad_request(body: impl Into<String>) -> Refusal {
        Refusal { status: 400, body: body.into() }
    }
}

impl Encoding {
    /// The encoding that a `Content-Type` names; matched to the letter, as Mesos does.
    pub(crate) fn of_content_type(header: Option<&str>) -> Result<Encoding, Refusal> {
        match header {
            None => Err(Refusal::bad_request("Expecting 'Content-Type' to be present")),
            Some(JSON) => Ok(Encoding::Json),
            Some(PROTOBUF) => Ok(Encoding::Protobuf),
            Some(_) => Err(Refusal {
                status: 415,
                body: format!("Expecting 'Content-Type' of {JSON} or {PROTOBUF}"),
            }),
        }
    }

    /// The encoding that `Accept` headers allow: JSON if they do, else protobuf if they do. None allows everything.
    pub(crate) fn of_accept<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Encoding> {
        let ranges: Vec<&str> =
            headers.into_iter().flat_map(|header| header.split(',')).map(str::trim).collect();
        let allows =
            |wanted: &str| ranges.is_empty() || ranges.iter().any(|range| range_allows(range, wanted));
        if allows(JSON) {
            Some(Encoding::Json)
        } else if allows(PROTOBUF) {
            Some(Encoding::Protobuf)
        } else {
            None
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Encoding::Json => JSON,
            Encoding::Protobuf => PROTOBUF,
        }
    }

    /// Reads a body.
    pub(crate) fn decode<M: Described>(self, body: &[u8]) -> Result<M, Refusal> {
        let name = M::NAME;
        match self {
            Encoding::Json => {
                json::from_slice(body).map_err(|error| not_json(name, body, &error.to_string()))
            }
            Encoding::Protobuf => wire::decode(body).map_err(|error| {
                Refusal::bad_request(format!("Failed to parse body into {name} protobuf: {error}"))
            }),
        }
    }

    /// Writes a message.
    pub(crate) fn encode<M: Described>(self, message: &M) -> Vec<u8> {
        match self {
            Encoding::Json => json::to_vec(message),
            Encoding::Protobuf => message.encode_to_vec(),
        }
    }
}

/// Tells text that is no JSON from JSON that is no such message, as Mesos does.
fn not_json(name: &str, body: &[u8], why: &str) -> Refusal {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    Refusal::bad_request(if is_json {
        format!("Failed to convert JSON into {name} protobuf: {why}")
    } else {
        format!("Failed to parse body into JSON: {why}")
    })
}

/// Whether one media range of an `Accept` header takes a media type; `q=0` refuses it (RFC 9110, 12.5.1).
fn range_allows(range: &str, wanted: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let refused = parts.any(|parameter| {
        parameter.strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok()).is_some_and(|q| q == 0.0)
    });
    !refused && (media == wanted || media == "*/*" || media == "application/*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_before_protobuf_and_no_accept_allows_both() {
        assert_eq!(Encoding::of_accept([]), Some(Encoding::Json));
        assert_eq!(Encoding::of_accept(["application/x-protobuf"]), Some(Encoding::Protobuf));
        assert_eq!(
            Encoding::of_accept(["application/json;q=0.1, application/x-protobuf"]),
            Some(Encoding::Json)
        );
        assert_eq!(Encoding::of_accept(["text/html", "application/*"]), Some(Encoding::Json));
        assert_eq!(Encoding::of_accept(["application/json;q=0", "*/*;q=0"]), None);
        assert_eq!(Encoding::of_accept(["text/html"]), None);
    }

    #[test]
    fn content_types_are_matched_to_the_letter() {
        let status = |header| Encoding::of_content_type(header).map_err(|refusal| refusal.status);

        assert_eq!(status(Some("application/json")), Ok(Encoding::Json));
        assert_eq!(status(Some("application/json; charset=utf-8")), Err(415));
        assert_eq!(status(Some("Application/JSON")), Err(415));
        assert_eq!(status(None), Err(400));
    }
}
