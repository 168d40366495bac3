//! RecordIO: how streams of messages are cut. A record is its length in decimal, a newline, and that many bytes.
//!
//! Chunks of the transport mean nothing: a record may come in pieces, and a piece may hold several records.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// The most digits a length can have: those of the largest `u64`.
const MAX_DIGITS: usize = 20;

/// Frames one record. A record must not be empty, see [`RecordError::Empty`].
pub fn encode(record: &[u8]) -> Bytes {
    let length = record.len().to_string();
    let mut framed = BytesMut::with_capacity(length.len() + 1 + record.len());
    framed.put_slice(length.as_bytes());
    framed.put_u8(b'\n');
    framed.put_slice(record);
    framed.freeze()
}

/// Why a stream is not RecordIO. There is no way to go on after an error, since the next record cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    #[error("a record's length has the byte {byte:#04x}, which is no digit")]
    NotADigit { byte: u8 },

    #[error("a record's length is missing")]
    NoLength,

    #[error("a record's length has more than {MAX_DIGITS} digits, or exceeds 64 bits")]
    LengthTooLong,

    /// Mesos never sends empty records, and its clients take them for the end.
    #[error("a record is empty")]
    Empty,

    #[error("a record of {length} bytes exceeds the limit of {limit} bytes")]
    TooLong { length: u64, limit: usize },

    #[error("the stream ends inside a record, after {buffered} of its bytes")]
    Truncated { buffered: usize },
}

/// Cuts a stream into records, as its chunks arrive.
///
/// It holds no more than one incomplete record of the allowed size and the last chunk.
#[derive(Debug)]
pub struct Decoder {
    max_record: usize,
    buffer: BytesMut,
    /// The length of the record under way, once it is known.
    length: Option<usize>,
    failed: Option<RecordError>,
}

impl Decoder {
    /// A decoder that refuses records of more than `max_record` bytes.
    pub fn new(max_record: usize) -> Decoder {
        Decoder { max_record, buffer: BytesMut::new(), length: None, failed: None }
    }

    /// Takes a chunk of the stream. Call [`Decoder::next_record`] until it answers none before the next chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(chunk);
        }
    }

    /// The next complete record, or none if more of the stream is needed.
    ///
    /// # Errors
    ///
    /// The stream is not RecordIO or a record is too long; from then on always the same error.
    pub fn next_record(&mut self) -> Result<Option<Bytes>, RecordError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = self.cut();
        if let Err(error) = &next {
            self.failed = Some(error.clone());
            self.buffer = BytesMut::new();
        }
        next
    }

    /// To be asked when the stream has ended.
    ///
    /// # Errors
    ///
    /// The stream has failed earlier, or ends inside a record.
    pub fn finish(&self) -> Result<(), RecordError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match (self.length, self.buffer.len()) {
            (None, 0) => Ok(()),
            (None, _) => Err(RecordError::Truncated { buffered: 0 }),
            (Some(_), buffered) => Err(RecordError::Truncated { buffered }),
        }
    }

    fn cut(&mut self) -> Result<Option<Bytes>, RecordError> {
        let length = match self.length {
            Some(length) => length,
            None => match self.cut_length()? {
                Some(length) => length,
                None => return Ok(None),
            },
        };
        if self.buffer.len() < length {
            self.length = Some(length);
            return Ok(None);
        }
        self.length = None;
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    fn cut_length(&mut self) -> Result<Option<usize>, RecordError> {
        let seen = &self.buffer[..self.buffer.len().min(MAX_DIGITS + 1)];
        let digits = seen.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match seen.get(digits) {
            None if digits > MAX_DIGITS => return Err(RecordError::LengthTooLong),
            None => return Ok(None),
            Some(b'\n') if digits == 0 => return Err(RecordError::NoLength),
            Some(b'\n') => {}
            Some(byte) => return Err(RecordError::NotADigit { byte: *byte }),
        }
        let text = std::str::from_utf8(&seen[..digits]).expect("digits are text");
        let length: u64 = text.parse().map_err(|_| RecordError::LengthTooLong)?;
        if length == 0 {
            return Err(RecordError::Empty);
        }
        let fits = usize::try_from(length).ok().filter(|length| *length <= self.max_record);
        let length = fits.ok_or(RecordError::TooLong { length, limit: self.max_record })?;
        self.buffer.advance(digits + 1);
        Ok(Some(length))
    }
}
