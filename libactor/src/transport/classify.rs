//! Who speaks on a new connection, told by its first bytes.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::limits::REQUEST_HEAD_BYTES;
use crate::transport::peer::MAGIC;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// One of our nodes.
    Peer,
    /// A client of HTTP; also whoever speaks nonsense, which HTTP answers with 400.
    Http,
    /// A program of the libprocess kind: a POST that says so in its head.
    Libprocess,
    /// Nobody: closed before it said enough.
    Nobody,
}

/// Reads until it is clear who speaks. What was read stays in `seen`.
pub(crate) async fn classify(
    stream: &mut (impl AsyncRead + Unpin),
    seen: &mut BytesMut,
) -> io::Result<Speaker> {
    let mut searched = 0;
    loop {
        if let Some(speaker) = speaker(seen, searched) {
            return Ok(speaker);
        }
        searched = seen.len();
        if stream.read_buf(seen).await? == 0 {
            return Ok(Speaker::Nobody);
        }
    }
}

/// None while more bytes are needed. Only the head of a POST is read whole: only there does its end matter, which is not among
/// the first `searched` bytes.
fn speaker(seen: &[u8], searched: usize) -> Option<Speaker> {
    const POST: &[u8] = b"POST ";
    let first = seen.first()?;
    if *first == MAGIC[0] {
        return Some(Speaker::Peer);
    }
    let start = seen.len().min(POST.len());
    if seen[..start] != POST[..start] {
        return Some(Speaker::Http);
    }
    let from = searched.saturating_sub(3);
    let end = seen[from..].windows(4).position(|window| window == b"\r\n\r\n").map(|end| from + end);
    match end {
        Some(end) if is_libprocess(&seen[..end]) => Some(Speaker::Libprocess),
        Some(_) => Some(Speaker::Http),
        None if seen.len() >= REQUEST_HEAD_BYTES => Some(Speaker::Http),
        None => None,
    }
}

fn is_libprocess(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').any(|line| {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        name.eq_ignore_ascii_case(b"Libprocess-From")
            || name.eq_ignore_ascii_case(b"User-Agent") && value.starts_with(b"libprocess/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_who_speaks() {
        let cases: [(&[u8], Option<Speaker>); 10] = [
            (b"", None),
            (b"\x93", Some(Speaker::Peer)),
            (b"GET / HTTP/1.1\r\n", Some(Speaker::Http)),
            (b"\x16\x03\x01", Some(Speaker::Http)),
            (b"PO", None),
            (b"PUT", Some(Speaker::Http)),
            (b"POST /x HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\n", None),
            (b"POST /x HTTP/1.1\r\nlibprocess-from: a@1.2.3.4:5\r\n\r\n", Some(Speaker::Libprocess)),
            (b"POST /x HTTP/1.1\r\nUser-Agent:  libprocess/a@1.2.3.4:5\r\n\r\n", Some(Speaker::Libprocess)),
            (b"POST /x HTTP/1.1\r\nUser-Agent: curl\r\n\r\nLibprocess-From: x", Some(Speaker::Http)),
        ];

        for (seen, expected) in cases {
            assert_eq!(speaker(seen, 0), expected, "{}", String::from_utf8_lossy(seen));
        }
    }
}
