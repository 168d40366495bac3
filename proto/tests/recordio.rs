//! RecordIO: streams cut at any place, and streams that are none.

use tepui_proto::recordio::{Decoder, RecordError, encode};

/// Feeds the chunks and answers all records, or the first error.
fn decode(chunks: &[&[u8]], limit: usize) -> Result<Vec<String>, RecordError> {
    let mut decoder = Decoder::new(limit);
    let mut records = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(record) = decoder.next_record()? {
            records.push(String::from_utf8(record.to_vec()).unwrap());
        }
    }
    decoder.finish()?;
    Ok(records)
}

#[test]
fn a_record_is_its_length_a_newline_and_its_bytes() {
    assert_eq!(&encode(b"hello")[..], b"5\nhello");
    assert_eq!(&encode(&[b'x'; 1234])[..5], b"1234\n");
}

#[test]
fn records_come_out_whole_however_the_stream_is_cut() {
    let records = ["{}", "a\nb\n1\n", "0123456789ab", "ü"];
    let stream: Vec<u8> = records.iter().flat_map(|record| encode(record.as_bytes())).collect();

    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(
                decode(&chunks, 12).as_deref(),
                Ok(&records.map(String::from)[..]),
                "{first} {second}"
            );
        }
    }
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(decode(&single, 12).as_deref(), Ok(&records.map(String::from)[..]));
}

#[test]
fn a_record_may_be_as_long_as_the_limit_and_no_longer() {
    assert_eq!(decode(&[b"3\nabc"], 3), Ok(vec!["abc".to_string()]));
    assert_eq!(decode(&[b"4\n"], 3), Err(RecordError::TooLong { length: 4, limit: 3 }));
    assert_eq!(
        decode(&[b"18446744073709551615\n"], 1 << 20),
        Err(RecordError::TooLong { length: u64::MAX, limit: 1 << 20 })
    );
}

#[test]
fn what_is_no_length_is_refused() {
    assert_eq!(decode(&[b"x3\nabc"], 9), Err(RecordError::NotADigit { byte: b'x' }));
    assert_eq!(decode(&[b"-3\nabc"], 9), Err(RecordError::NotADigit { byte: b'-' }));
    assert_eq!(decode(&[b"+3\nabc"], 9), Err(RecordError::NotADigit { byte: b'+' }));
    assert_eq!(decode(&[b"3\r\nabc"], 9), Err(RecordError::NotADigit { byte: b'\r' }));
    assert_eq!(decode(&[b"3", b" "], 9), Err(RecordError::NotADigit { byte: b' ' }));
    assert_eq!(decode(&[b"\nabc"], 9), Err(RecordError::NoLength));
    assert_eq!(decode(&[b"18446744073709551616\n"], 9), Err(RecordError::LengthTooLong));
    assert_eq!(decode(&[b"000000000000000000001\nx"], 9), Err(RecordError::LengthTooLong));
    assert_eq!(decode(&[&[b'1'; 1000]], 9), Err(RecordError::LengthTooLong));
    assert_eq!(decode(&[b"0\n"], 9), Err(RecordError::Empty));
}

#[test]
fn a_stream_that_ends_inside_a_record_is_truncated() {
    assert_eq!(decode(&[b"2\nab3\nab"], 9), Err(RecordError::Truncated { buffered: 2 }));
    assert_eq!(decode(&[b"2"], 9), Err(RecordError::Truncated { buffered: 0 }));
    assert_eq!(decode(&[b"2\n"], 9), Err(RecordError::Truncated { buffered: 0 }));
    assert_eq!(decode(&[], 9), Ok(vec![]));
}

#[test]
fn a_decoder_that_has_failed_stays_failed() {
    let mut decoder = Decoder::new(9);
    decoder.push(b"1\na0\n1\nb");

    assert_eq!(decoder.next_record().unwrap().as_deref(), Some(&b"a"[..]));
    assert_eq!(decoder.next_record(), Err(RecordError::Empty));
    decoder.push(b"1\nc");
    assert_eq!(decoder.next_record(), Err(RecordError::Empty));
    assert_eq!(decoder.finish(), Err(RecordError::Empty));
}
