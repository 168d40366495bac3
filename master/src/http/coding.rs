//! Compressed bodies, for those who ask for them: gzip as libprocess has it, and deflate.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use libactor::web::HttpRequest;
use libactor::web::http::header::ACCEPT_ENCODING;

/// Bodies from this size on are compressed, as in libprocess.
const MINIMUM: usize = 1024;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    Deflate,
}

/// Compresses a body, chunk by chunk.
pub(super) enum Encoder {
    Plain,
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Coding {
    /// What a request accepts for a body of at least this length.
    pub(super) fn of(request: &HttpRequest, length: usize) -> Coding {
        if length < MINIMUM {
            return Coding::Plain;
        }
        let headers = request.headers().get_all(ACCEPT_ENCODING);
        Coding::accepted(headers.filter_map(|value| value.to_str().ok()))
    }

    /// Gzip if it is accepted, else deflate; `*` stands for what is not named (RFC 9110, 12.5.3).
    fn accepted<'a>(headers: impl Iterator<Item = &'a str> + Clone) -> Coding {
        let accepts = |name: &str| {
            let all = || headers.clone().flat_map(|header| header.split(',')).map(quality);
            let named = all().find(|(coding, _)| coding.eq_ignore_ascii_case(name));
            named.or_else(|| all().find(|(coding, _)| *coding == "*")).is_some_and(|(_, wanted)| wanted)
        };
        if accepts("gzip") {
            Coding::Gzip
        } else if accepts("deflate") {
            Coding::Deflate
        } else {
            Coding::Plain
        }
    }

    /// For `Content-Encoding`.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Coding::Plain => None,
            Coding::Gzip => Some("gzip"),
            Coding::Deflate => Some("deflate"),
        }
    }

    pub(super) fn encoder(self) -> Encoder {
        // State is repetitive: it shrinks to a tenth with the least effort.
        let effort = Compression::fast();
        match self {
            Coding::Plain => Encoder::Plain,
            Coding::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), effort)),
            Coding::Deflate => Encoder::Deflate(ZlibEncoder::new(Vec::new(), effort)),
        }
    }
}

/// A coding, and whether it is wanted at all: `q=0` refuses it.
fn quality(range: &str) -> (&str, bool) {
    let mut parts = range.split(';').map(str::trim);
    let coding = parts.next().unwrap_or_default();
    let refused = parts.any(|parameter| {
        let quality = parameter.strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok());
        quality == Some(0.0)
    });
    (coding, !refused)
}

impl Encoder {
    /// What there is to send after this chunk; it may be nothing, unless it was the last one.
    pub(super) fn encode(&mut self, chunk: Vec<u8>, is_last: bool) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Plain => Ok(chunk),
            Encoder::Gzip(encoder) => {
                encoder.write_all(&chunk)?;
                if is_last {
                    encoder.try_finish()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
            Encoder::Deflate(encoder) => {
                encoder.write_all(&chunk)?;
                if is_last {
                    encoder.try_finish()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::{GzDecoder, ZlibDecoder};

    use super::*;

    #[test]
    fn gzip_goes_before_deflate_and_zero_refuses() {
        let accepted = |header: &'static str| Coding::accepted([header].into_iter());

        assert_eq!(accepted("deflate, gzip"), Coding::Gzip);
        assert_eq!(accepted("gzip;q=0, deflate;q=0.5"), Coding::Deflate);
        assert_eq!(accepted("*"), Coding::Gzip);
        assert_eq!(accepted("*, gzip;q=0.0"), Coding::Deflate);
        assert_eq!(accepted("br, zstd, identity"), Coding::Plain);
        assert_eq!(accepted("gzip;q=0, *;q=0"), Coding::Plain);
        assert_eq!(Coding::accepted(std::iter::empty()), Coding::Plain);
    }

    #[test]
    fn chunks_that_were_compressed_are_one_body() {
        let chunks = ["one ".repeat(1000), "two ".repeat(1000), String::new()];
        let coded = |coding: Coding| {
            let mut encoder = coding.encoder();
            let last = chunks.len() - 1;
            let coded = chunks
                .iter()
                .enumerate()
                .map(|(n, chunk)| encoder.encode(chunk.clone().into_bytes(), n == last).unwrap());
            coded.collect::<Vec<_>>().concat()
        };
        let (mut by_gzip, mut by_deflate) = (String::new(), String::new());

        GzDecoder::new(&coded(Coding::Gzip)[..]).read_to_string(&mut by_gzip).unwrap();
        ZlibDecoder::new(&coded(Coding::Deflate)[..]).read_to_string(&mut by_deflate).unwrap();

        assert_eq!(by_gzip, chunks.concat());
        assert_eq!(by_deflate, chunks.concat());
        assert_eq!(coded(Coding::Plain), chunks.concat().into_bytes());
    }
}
