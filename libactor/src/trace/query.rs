//! The flight recorder as JSON, for `/__trace__`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::trace::{Query, Record, TraceId};

/// Records that one answer holds unless the caller asks for another number.
const DEFAULT_LIMIT: usize = 1000;

/// `?trace=00c0ffee00c0ffee&tag=task=t1&limit=100`, each optional.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Parameters {
    trace: Option<String>,
    tag: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ParseQueryError {
    #[error("trace '{0}' is not a hexadecimal number of up to 16 digits")]
    Trace(String),
    #[error("tag '{0}' is not of the form key=value")]
    Tag(String),
}

impl Parameters {
    pub(crate) fn query(self) -> Result<Query, ParseQueryError> {
        let trace = self.trace.map(|text| match u64::from_str_radix(&text, 16) {
            Ok(trace) => Ok(TraceId(trace)),
            Err(_) => Err(ParseQueryError::Trace(text)),
        });
        let tag = self.tag.map(|text| match text.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(ParseQueryError::Tag(text)),
        });
        Ok(Query {
            trace: trace.transpose()?,
            tag: tag.transpose()?,
            limit: Some(self.limit.unwrap_or(DEFAULT_LIMIT)),
            ..Query::default()
        })
    }
}

#[derive(Serialize)]
pub(crate) struct Answer {
    messages: Vec<Line>,
}

/// One record. Times are nanoseconds since the epoch.
#[derive(Serialize)]
struct Line {
    node: String,
    trace: String,
    id: String,
    cause: Option<String>,
    from: String,
    to: String,
    message: String,
    size: usize,
    logical: String,
    sent: Option<u64>,
    received: Option<u64>,
    began: Option<u64>,
    ended: Option<u64>,
    outcome: &'static str,
    tags: BTreeMap<String, Vec<String>>,
}

impl Answer {
    pub(crate) fn new(node: SocketAddr, records: Vec<Record>) -> Answer {
        let node = node.to_string();
        Answer { messages: records.into_iter().map(|record| Line::new(node.clone(), record)).collect() }
    }
}

impl Line {
    fn new(node: String, record: Record) -> Line {
        let header = record.header;
        let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in record.tags {
            tags.entry(key).or_default().push(value);
        }
        Line {
            node,
            trace: header.trace.to_string(),
            id: header.id.to_string(),
            cause: (header.cause.0 != 0).then(|| header.cause.to_string()),
            from: header.from.to_string(),
            to: header.to.to_string(),
            message: header.name.into_owned(),
            size: header.size,
            logical: header.logical.to_string(),
            sent: record.sent.map(Timestamp::as_nanos),
            received: record.received.map(Timestamp::as_nanos),
            began: record.began.map(Timestamp::as_nanos),
            ended: record.ended.map(Timestamp::as_nanos),
            outcome: record.outcome.text(),
            tags,
        }
    }
}
