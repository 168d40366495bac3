//! The head of a request: whether it is a message, for whom, from whom, and how its body comes.

use std::borrow::Cow;
use std::ops::Range;

use httparse::{Header, Request, Status};

/// Headers of one request. A message has six; a client behind proxies has some twenty.
const HEADERS: usize = 64;

/// What precedes the sender's pid in a `User-Agent`.
const AGENT: &[u8] = b"libprocess/";

/// What a request is.
#[derive(Debug)]
pub(crate) enum Parsed {
    Message(Head),
    /// One for the HTTP routes.
    Plain,
}

/// The head of a message. Ranges are of its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The path.
    pub(crate) target: Range<usize>,
    /// The sender's pid.
    pub(crate) from: Range<usize>,
    pub(crate) body: Body,
    /// Whether the sender speaks the whole protocol, and so may be linked by this connection.
    pub(crate) links: bool,
    /// Whether another request may follow.
    pub(crate) stays: bool,
    /// Whether the sender waits to be told that it may send the body.
    pub(crate) expects: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Length(usize),
    Chunked,
}

/// Why a head is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHead {
    #[error("request that is not HTTP/1: {0}")]
    Syntax(httparse::Error),
    #[error("request without a head")]
    Empty,
    #[error("content-length that is not one number")]
    Length,
    #[error("transfer-encoding other than chunked")]
    Encoding,
    #[error("both content-length and transfer-encoding")]
    Ambiguous,
    #[error("path that is not /actor/message")]
    Target,
    #[error("actor name that is not percent-encoded UTF-8")]
    Escape,
}

/// Reads a head that is complete.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, BadHead> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes).map_err(BadHead::Syntax)? {
        Status::Complete(_) => {}
        Status::Partial => return Err(BadHead::Empty),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else { return Err(BadHead::Empty) };
    let Some((from, links)) = sender(request.headers).filter(|_| method == "POST") else {
        return Ok(Parsed::Plain);
    };
    let connection = value(request.headers, "Connection").unwrap_or_default();
    let is_1_1 = request.version == Some(1);
    Ok(Parsed::Message(Head {
        target: range(bytes, target.as_bytes()),
        from: range(bytes, from),
        body: body(request.headers)?,
        links,
        stays: if is_1_1 { !lists(connection, b"close") } else { lists(connection, b"keep-alive") },
        expects: is_1_1
            && value(request.headers, "Expect").is_some_and(|value| lists(value, b"100-continue")),
    }))
}

/// The sender, and whether it speaks the whole protocol.
fn sender<'a>(headers: &[Header<'a>]) -> Option<(&'a [u8], bool)> {
    let agent = value(headers, "User-Agent").and_then(|value| value.strip_prefix(AGENT));
    match value(headers, "Libprocess-From") {
        Some(from) => Some((from, agent.is_some())),
        None => agent.map(|from| (from, true)),
    }
}

fn body(headers: &[Header<'_>]) -> Result<Body, BadHead> {
    let encodings = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("Transfer-Encoding"));
    let encodings: Vec<_> = encodings.map(|header| header.value).collect();
    let mut lengths = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("Content-Length"));
    match (&encodings[..], lengths.next()) {
        ([], None) => Ok(Body::None),
        ([], Some(first)) => match number(first.value) {
            Some(length) if lengths.all(|other| other.value == first.value) => Ok(Body::Length(length)),
            _ => Err(BadHead::Length),
        },
        ([encoding], None) if encoding.trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        (_, None) => Err(BadHead::Encoding),
        (_, Some(_)) => Err(BadHead::Ambiguous),
    }
}

/// Digits only: a sign or a list would mean different things to different readers.
fn number(text: &[u8]) -> Option<usize> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn value<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    header.map(|header| header.value.trim_ascii())
}

fn lists(value: &[u8], word: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

/// Where `part` is in `whole`.
fn range(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

/// A path as actor and message: `/slave(1)/mesos.internal.PingSlaveMessage`. The actor is empty in `/name`.
pub(crate) fn split(target: &[u8]) -> Result<(Cow<'_, str>, &str), BadHead> {
    let target = std::str::from_utf8(target).map_err(|_| BadHead::Target)?;
    let path = target.strip_prefix('/').ok_or(BadHead::Target)?;
    let (actor, name) = path.split_once('/').unwrap_or(("", path));
    if name.is_empty() {
        return Err(BadHead::Target);
    }
    Ok((unescape(actor)?, name))
}

fn unescape(text: &str) -> Result<Cow<'_, str>, BadHead> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.as_bytes().split(|byte| *byte == b'%');
    bytes.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok()).ok_or(BadHead::Escape)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| BadHead::Escape)?);
        bytes.extend_from_slice(&part[2..]);
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| BadHead::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &str) -> Result<Parsed, BadHead> {
        parse(format!("{lines}\r\n\r\n").as_bytes())
    }

    fn message(lines: &str) -> Head {
        match head(lines) {
            Ok(Parsed::Message(head)) => head,
            other => panic!("{lines}: {other:?}"),
        }
    }

    #[test]
    fn either_header_makes_a_post_a_message_and_from_is_preferred() {
        let both = "POST /a/M HTTP/1.1\r\nUser-Agent: libprocess/x@1.2.3.4:5\r\nLibprocess-From: y@1.2.3.4:5";
        let agent = "POST /a/M HTTP/1.1\r\nUser-Agent: libprocess/x@1.2.3.4:5";
        let from = "POST /a/M HTTP/1.1\r\nlibprocess-from: y@1.2.3.4:5";

        for (lines, expected, links) in
            [(both, "y@1.2.3.4:5", true), (agent, "x@1.2.3.4:5", true), (from, "y@1.2.3.4:5", false)]
        {
            let head = message(lines);
            assert_eq!((&lines[head.from], head.links, head.body), (expected, links, Body::None));
            assert_eq!(&lines[head.target], "/a/M");
        }
        assert!(matches!(head("GET /a/M HTTP/1.1\r\nLibprocess-From: y@1.2.3.4:5"), Ok(Parsed::Plain)));
        assert!(matches!(head("POST /a/M HTTP/1.1\r\nUser-Agent: curl"), Ok(Parsed::Plain)));
    }

    #[test]
    fn a_body_comes_in_one_way_only() {
        let with =
            |headers: &str| match head(&format!("POST /a/M HTTP/1.1\r\nLibprocess-From: y\r\n{headers}")) {
                Ok(Parsed::Message(head)) => Ok(head.body),
                Ok(Parsed::Plain) => panic!("not plain"),
                Err(error) => Err(error),
            };

        assert_eq!(with("Content-Length: 7"), Ok(Body::Length(7)));
        assert_eq!(with("Content-Length: 7\r\nContent-Length: 7"), Ok(Body::Length(7)));
        assert_eq!(with("Transfer-Encoding: Chunked"), Ok(Body::Chunked));
        for bad in ["-1", "+1", "1, 1", "", "99999999999999999999999"] {
            assert_eq!(with(&format!("Content-Length: {bad}")), Err(BadHead::Length), "{bad}");
        }
        assert_eq!(with("Content-Length: 7\r\nContent-Length: 8"), Err(BadHead::Length));
        assert_eq!(with("Transfer-Encoding: gzip, chunked"), Err(BadHead::Encoding));
        assert_eq!(with("Content-Length: 7\r\nTransfer-Encoding: chunked"), Err(BadHead::Ambiguous));
    }

    #[test]
    fn a_connection_stays_as_http_says() {
        let stays = |line: &str, connection: &str| {
            message(&format!("POST /a/M {line}\r\nLibprocess-From: y\r\nConnection: {connection}")).stays
        };

        assert!(stays("HTTP/1.1", "Keep-Alive") && stays("HTTP/1.1", "x"));
        assert!(!stays("HTTP/1.1", "foo, Close") && !stays("HTTP/1.0", "x"));
        assert!(stays("HTTP/1.0", "keep-alive"));
    }

    #[test]
    fn a_path_names_an_actor_and_a_message() {
        assert_eq!(split(b"/slave(1)/a.B"), Ok(("slave(1)".into(), "a.B")));
        assert_eq!(split(b"/slave%281%29/a.B"), Ok(("slave(1)".into(), "a.B")));
        assert_eq!(split(b"/PING"), Ok(("".into(), "PING")));
        assert_eq!(split(b"/a%2Fb/x/y"), Ok(("a/b".into(), "x/y")));
        for bad in ["", "/", "/a/", "http://x/a/M"] {
            assert_eq!(split(bad.as_bytes()), Err(BadHead::Target), "{bad}");
        }
        for bad in ["/a%/M", "/a%4/M", "/a%+4/M", "/%ff/M"] {
            assert_eq!(split(bad.as_bytes()), Err(BadHead::Escape), "{bad}");
        }
    }
}
