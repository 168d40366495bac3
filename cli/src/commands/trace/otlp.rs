//! Messages as OpenTelemetry spans, sent to a collector by OTLP/HTTP in protobuf.
//!
//! The few messages are written out here: the crates for it bring a tracer, an SDK and a gRPC stack with them. Names and numbers
//! are those of opentelemetry-proto 1.x.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use prost::Message;

use super::hop::{Fate, Hop};
use super::tree::Tree;

/// How long a collector may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Spans of one request: collectors take 4 MiB by default, and a span is about 500 bytes.
const BATCH: usize = 4_000;
/// `SPAN_KIND_CONSUMER`: it handles a message that another span sent.
const CONSUMER: i32 = 5;
/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct ExportTraceServiceRequest {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<InstrumentationScope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct InstrumentationScope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(string, tag = "2")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(int64, tag = "3")]
    Integer(i64),
}

/// Sends every message of the tree to `collector`; how many there were.
pub async fn export(collector: &str, tree: &Tree) -> Result<usize> {
    let base = collector.trim_end_matches('/');
    if !base.starts_with("http://") && !base.starts_with("https://") {
        bail!("--otlp: '{collector}' is no collector's address; write one such as http://127.0.0.1:4318");
    }
    let url = if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") };
    let client = crate::client::plain_client(TIMEOUT)?;
    for hops in tree.hops.chunks(BATCH) {
        let body = request(hops).encode_to_vec();
        let sent = client.post(&url).header("Content-Type", "application/x-protobuf").body(body).send().await;
        let answer = sent.with_context(|| format!("send spans to {url}"))?;
        if !answer.status().is_success() {
            let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
            bail!("send spans to {url}: {status}: {}", text.trim());
        }
    }
    Ok(tree.hops.len())
}

/// Each actor is a service: that is what collectors group by.
fn request(hops: &[Hop]) -> ExportTraceServiceRequest {
    let mut actors: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    for hop in hops {
        actors.entry(&hop.to).or_default().push(span(hop));
    }
    let scope = InstrumentationScope { name: "tepui".into(), version: env!("CARGO_PKG_VERSION").into() };
    let of_actor = |(actor, spans): (&str, Vec<Span>)| {
        let name = actor.rsplit_once('@').map_or(actor, |(name, _)| name);
        let attributes = vec![text("service.name", name), text("service.instance.id", actor)];
        ResourceSpans {
            resource: Some(Resource { attributes }),
            scope_spans: vec![ScopeSpans { scope: Some(scope.clone()), spans }],
        }
    };
    ExportTraceServiceRequest { resource_spans: actors.into_iter().map(of_actor).collect() }
}

fn span(hop: &Hop) -> Span {
    let start = hop.start().unwrap_or_default();
    let mut attributes = vec![
        text("messaging.system", "libactor"),
        text("messaging.destination.name", &hop.to),
        text("tepui.from", &hop.from),
        text("tepui.message", &hop.message),
        text("tepui.outcome", &hop.outcome),
        KeyValue {
            key: "messaging.message.body.size".into(),
            value: Some(AnyValue {
                value: Some(Value::Integer(i64::try_from(hop.size).unwrap_or(i64::MAX))),
            }),
        },
    ];
    for (key, values) in &hop.tags {
        attributes.push(text(&format!("tepui.{key}"), &values.join(",")));
    }
    let moment = |name: &str, time: Option<u64>| Some(Event { time_unix_nano: time?, name: name.into() });
    let events = [moment("received", hop.received), moment("handling began", hop.began)];
    Span {
        trace_id: id(&hop.trace, 16),
        span_id: id(&hop.id, 8),
        parent_span_id: hop.cause.as_deref().map(|cause| id(cause, 8)).unwrap_or_default(),
        name: hop.label(),
        kind: CONSUMER,
        start_time_unix_nano: start,
        // Clocks of two nodes may differ; collectors refuse a span that ends before it starts.
        end_time_unix_nano: hop.end().unwrap_or_default().max(start),
        attributes,
        events: events.into_iter().flatten().collect(),
        status: (hop.fate() == Fate::Failed).then(|| Status { message: hop.outcome.clone(), code: ERROR }),
    }
}

/// Hexadecimal digits as bytes, with zeros before them: our trace ids are half as long as OpenTelemetry's.
fn id(digits: &str, bytes: usize) -> Vec<u8> {
    let number = u64::from_str_radix(digits, 16).unwrap_or_default().to_be_bytes();
    let mut id = vec![0; bytes - number.len()];
    id.extend(number);
    id
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(Value::String(value.into())) }) }
}

#[cfg(test)]
mod tests;
