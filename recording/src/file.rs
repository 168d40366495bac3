//! The bytes of a recording.
//!
//! ```text
//! file    = "TEPUIREC" version:u32 record*
//! record  = kind:u8 length:u32 check:u32 content check:u64      (little endian)
//! kind    = 0 header, 1 snapshot, 2 input (time:u64, then the input), 3 end
//! ```
//!
//! The first check is over kind and length, the second over the content: damage is told from an end that is missing.

use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use tepui_model::Time;
use tepui_model::recorded::{self, hash};

const MAGIC: [u8; 8] = *b"TEPUIREC";

/// Of the file's form. Raised when this module changes.
const VERSION: u32 = 1;

/// Kind, length and their check.
const HEAD: usize = 9;

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `master` or `agent`.
    pub core: String,
    /// The actor, `name@ip:port`.
    pub actor: String,
    /// The version of tepui that recorded.
    pub build: String,
    /// When.
    pub began: Time,
}

/// One record after the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The state at the beginning.
    Snapshot(Vec<u8>),
    /// One input.
    Input {
        /// The time the core was told.
        now: Time,
        /// The input.
        bytes: Vec<u8>,
    },
    /// The last one.
    End(End),
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How many inputs came before.
    pub inputs: u64,
    /// The hash of the state after them, as the daemon had it.
    pub digest: u64,
    /// Why no more follow.
    pub why: Why,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// Somebody asked.
    Asked,
    /// It was to take so long.
    TimeIsUp,
    /// It was to grow so large.
    LargeEnough,
    /// Its reader is slower than the daemon.
    SlowReader,
}

/// Why a file is not a recording that can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file.
    #[error("read the recording")]
    Io(#[from] io::Error),
    /// Something else.
    #[error("this is not a recording of tepui: it does not begin with {:?}", "TEPUIREC")]
    Foreign,
    /// Another form.
    #[error("this recording has form {found}; this build reads form {VERSION}: use the build that recorded")]
    Version {
        /// The file's.
        found: u32,
    },
    /// Changed on its way.
    #[error(
        "record {number} is damaged: its check does not fit; fetch the file once more from where it was recorded"
    )]
    Damaged {
        /// From 0, the header.
        number: u64,
    },
    /// The records are whole, but out of order.
    #[error("record {number} should be {expected}")]
    Order {
        /// From 0, the header.
        number: u64,
        /// What it should be.
        expected: &'static str,
    },
}

/// The beginning of a file.
pub(crate) fn write_header(header: &Header) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(write_record(0, &recorded::write(header)));
    bytes
}

/// A record, or none if it is longer than a record can be (4 GiB).
pub(crate) fn write(record: &Record) -> Vec<u8> {
    match record {
        Record::Snapshot(bytes) => write_record(1, bytes),
        Record::Input { now, bytes } => {
            let mut content = now.as_nanos().to_le_bytes().to_vec();
            content.extend(bytes);
            write_record(2, &content)
        }
        Record::End(end) => write_record(3, &recorded::write(end)),
    }
}

fn write_record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("no core's state has four gigabytes");
    let mut bytes = Vec::with_capacity(HEAD + content.len() + 8);
    bytes.push(kind);
    bytes.extend(length.to_le_bytes());
    bytes.extend((hash(&bytes) as u32).to_le_bytes());
    bytes.extend(content);
    bytes.extend(hash(content).to_le_bytes());
    bytes
}

/// Reads a recording, record by record.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    /// Of the next record.
    number: u64,
    torn: bool,
}

impl<R: Read> Reader<R> {
    /// Begins; the header is what follows.
    ///
    /// # Errors
    ///
    /// It is no recording, or none of this form.
    pub fn open(mut from: R) -> Result<(Header, Reader<R>), ReadError> {
        let mut start = [0; 12];
        let read = fill(&mut from, &mut start)?;
        if read < start.len() || start[..8] != MAGIC {
            return Err(ReadError::Foreign);
        }
        let found = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
        if found != VERSION {
            return Err(ReadError::Version { found });
        }
        let mut reader = Reader { from, number: 0, torn: false };
        let expected = ReadError::Order { number: 0, expected: "the header" };
        match reader.next_raw()? {
            Some((0, content)) => match recorded::read(&content) {
                Ok(header) => Ok((header, reader)),
                Err(_) => Err(expected),
            },
            Some(_) | None => Err(expected),
        }
    }

    /// The next record; none at the end, or where the file ends in the middle of one ([`Reader::is_torn`]).
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is damaged.
    pub fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        let number = self.number;
        let Some((kind, content)) = self.next_raw()? else { return Ok(None) };
        let expected = |expected| ReadError::Order { number, expected };
        let record = match kind {
            1 if number == 1 => Record::Snapshot(content),
            2 if number > 1 => {
                let (now, bytes) =
                    content.split_first_chunk().ok_or_else(|| expected("an input with its time"))?;
                Record::Input { now: Time::from_nanos(u64::from_le_bytes(*now)), bytes: bytes.to_vec() }
            }
            3 if number > 1 => Record::End(
                recorded::read(&content).map_err(|_| expected("the end, as this build writes it"))?,
            ),
            _ if number == 1 => return Err(expected("the snapshot")),
            _ => return Err(expected("an input or the end")),
        };
        Ok(Some(record))
    }

    /// The file ended in the middle of a record, which was dropped.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    fn next_raw(&mut self) -> Result<Option<(u8, Vec<u8>)>, ReadError> {
        let damaged = ReadError::Damaged { number: self.number };
        let mut head = [0; HEAD];
        let read = fill(&mut self.from, &mut head)?;
        if read < HEAD {
            self.torn = read > 0;
            return Ok(None);
        }
        let [kind, a, b, c, d, e, f, g, h] = head;
        if hash(&head[..5]) as u32 != u32::from_le_bytes([e, f, g, h]) {
            return Err(damaged);
        }
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        // Grows with what is there, not with what is said.
        let mut content = Vec::new();
        self.from.by_ref().take(length).read_to_end(&mut content)?;
        let mut check = [0; 8];
        if content.len() as u64 != length || fill(&mut self.from, &mut check)? < check.len() {
            self.torn = true;
            return Ok(None);
        }
        if hash(&content) != u64::from_le_bytes(check) {
            return Err(damaged);
        }
        self.number += 1;
        Ok(Some((kind, content)))
    }
}

/// Reads until the buffer is full or the file ends; how much it was.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match from.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Asked => "somebody asked",
            Why::TimeIsUp => "the time was up",
            Why::LargeEnough => "it was as large as it was to be",
            Why::SlowReader => "its reader was too slow",
        })
    }
}
