//! What must hold of RecordIO whatever bytes come: the same records and the same end however they are cut, and what was
//! read is written again as it came.

use tepui_proto::recordio::{Decoder, RecordError, encode};

/// Small, so that records beyond it are common.
const LARGEST: usize = 4096;

pub fn check(bytes: &[u8]) {
    let whole = read(bytes, usize::MAX);
    assert_eq!(whole, read(bytes, 1 + bytes.len() % 7), "records depend on how their bytes are cut");
    let (records, end) = whole;
    let again: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
    assert_eq!(
        read(&again, usize::MAX),
        (records, Ok(())),
        "records are not written as they are read ({end:?})"
    );
}

fn read(bytes: &[u8], piece: usize) -> (Vec<Vec<u8>>, Result<(), RecordError>) {
    let mut decoder = Decoder::new(LARGEST);
    let mut records = Vec::new();
    for chunk in bytes.chunks(piece.min(bytes.len().max(1))) {
        decoder.push(chunk);
        loop {
            match decoder.next_record() {
                Ok(Some(record)) => records.push(record.to_vec()),
                Ok(None) => break,
                Err(error) => return (records, Err(error)),
            }
        }
    }
    // How much of an unfinished record was there says `finish` only of the last piece: the kind of end is what counts.
    let end = decoder.finish().map_err(|_| RecordError::Truncated { buffered: 0 });
    (records, end)
}
