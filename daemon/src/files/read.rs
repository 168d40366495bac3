//! Reading a part of a file, as those do who follow a growing log.

use std::{io, os::unix::fs::FileExt};

use super::{FilesError, Location};

/// Most bytes of one answer: sixteen pages, as Mesos has it. Who wants more asks again, or downloads.
pub const MAX_LENGTH: u64 = 64 * 1024;

/// A part of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Where the data starts, or the file's size if that was asked for.
    pub offset: u64,
    pub data: Vec<u8>,
}

impl Location {
    /// Up to `length` bytes from `offset` on; an offset of -1 asks for the size alone, a length of -1 (or none) for
    /// as much as one answer holds.
    pub fn read(&self, offset: i64, length: Option<i64>) -> Result<Chunk, FilesError> {
        let length = match length.unwrap_or(-1) {
            -1 => MAX_LENGTH,
            length => u64::try_from(length).map_err(|_| negative("length", length))?.min(MAX_LENGTH),
        };
        let (file, size) = self.download()?;
        if offset == -1 {
            return Ok(Chunk { offset: size, data: Vec::new() });
        }
        let offset = u64::try_from(offset).map_err(|_| negative("offset", offset))?;

        let mut data = vec![0; usize::try_from(length).unwrap_or(0)];
        let mut filled = 0;
        while filled < data.len() {
            match file.read_at(&mut data[filled..], offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // An offset beyond what the kernel can count.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
                Err(error) => return Err(self.failed("read", error)),
            }
        }
        data.truncate(filled);
        Ok(Chunk { offset, data })
    }
}

fn negative(name: &str, value: i64) -> FilesError {
    FilesError::BadRequest(format!("`{name}` must be -1 or not negative: {value}"))
}
