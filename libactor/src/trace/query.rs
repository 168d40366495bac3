//! The flight recorder as JSON, for `/__trace__`.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::trace::TraceId;
use crate::trace::recorder::{Query, Record};

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
        })
    }
}

#[derive(Serialize)]
pub(crate) struct Answer {
    messages: Vec<Line>,
}

/// One record. Times are seconds since the epoch.
#[derive(Serialize)]
struct Line {
    trace: String,
    id: String,
    cause: Option<String>,
    sent: String,
    from: String,
    to: String,
    name: String,
    size: usize,
    queued: f64,
    handled: Option<f64>,
    outcome: String,
}

impl Answer {
    pub(crate) fn new(records: Vec<Record>) -> Answer {
        Answer { messages: records.into_iter().map(Line::from).collect() }
    }
}

impl From<Record> for Line {
    fn from(Record { header, handled, outcome }: Record) -> Line {
        Line {
            trace: header.trace.to_string(),
            id: header.id.to_string(),
            cause: (header.cause.0 != 0).then(|| header.cause.to_string()),
            sent: header.sent.to_string(),
            from: header.from.to_string(),
            to: header.to.to_string(),
            name: header.name.into_owned(),
            size: header.size,
            queued: header.queued.as_secs_f64(),
            handled: handled.map(Timestamp::as_secs_f64),
            outcome: outcome.to_string(),
        }
    }
}
