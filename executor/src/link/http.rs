//! The way over HTTP: one streaming response for events, one request per call.

use std::time::Duration;

use bytes::Bytes;
use libactor::trace::Cause;
use libactor::{ActorRef, tls};
use prost::Message as _;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response, StatusCode};
use tepui_proto::v1::executor::{Call, Event};
use tepui_proto::{recordio, wire};
use tokio::sync::mpsc;

use super::plain_http;
use crate::Executor;
use crate::actor::{ExecutorActor, Incoming, News};

const PROTOBUF: &str = "application/x-protobuf";
/// The largest event taken from an agent; a task group with its data is one.
const MAX_EVENT: usize = 64 << 20;
/// Asks for events that end with the ids of the message that they are; calls that follow from one say so in `traceparent`.
const CAUSES: &str = "tepui-causes";
const TRACEPARENT: &str = "traceparent";
/// Time for a call to be answered before the subscription counts as lost.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Time to reach the agent, on this very machine, before the attempt counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A subscription over HTTP. Dropping it closes the stream.
pub(crate) struct HttpLink {
    calls: mpsc::UnboundedSender<(Call, Cause)>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for HttpLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HttpLink {
    /// Subscribes at `endpoint`, with TLS if the environment enables it, and tells `actor` what comes, each thing marked with `attempt`.
    pub(crate) fn open<E: Executor>(
        endpoint: &str,
        subscribe: &Call,
        actor: ActorRef<ExecutorActor<E>>,
        attempt: u64,
    ) -> HttpLink {
        let (calls, waiting) = mpsc::unbounded_channel();
        let endpoint = endpoint.to_owned();
        let subscribe = Bytes::from(subscribe.encode_to_vec());
        let task = tokio::spawn(async move {
            let tell = |news| actor.tell(Incoming { attempt, news });
            let why = match converse(&endpoint, subscribe, waiting, &tell).await {
                Ok(()) => "the agent closed the stream".to_string(),
                Err(error) => error.to_string(),
            };
            tell(News::Lost(why));
        });
        HttpLink { calls, task }
    }

    /// Sends a call once those before it have been answered.
    pub(crate) fn send(&self, call: Call) {
        // A closed queue means the stream is lost, which the actor is about to hear.
        let _ = self.calls.send((call, Cause::current()));
    }
}

/// Why a subscription over HTTP ended.
#[derive(Debug, thiserror::Error)]
enum ConverseError {
    #[error("reach the agent at {url}: {cause}")]
    Reach { url: String, cause: String },
    #[error("the agent answered {status}: {body}")]
    Refused { status: StatusCode, body: String },
    #[error("{0}")]
    Tls(String),
    #[error("read an event: {0}")]
    Event(String),
    #[error("send {call}: {cause}")]
    Call { call: &'static str, cause: String },
}

async fn converse(
    endpoint: &str,
    subscribe: Bytes,
    waiting: mpsc::UnboundedReceiver<(Call, Cause)>,
    tell: &impl Fn(News),
) -> Result<(), ConverseError> {
    let tls = tls::from_environment().map_err(|error| ConverseError::Tls(chain(&error)))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = &format!("{scheme}://{endpoint}/api/v1/executor");
    let reach = |cause: reqwest::Error| ConverseError::Reach { url: url.to_string(), cause: chain(&cause) };
    // The provider may have been installed by another part of the process: either is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder().connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true).no_proxy();
    client = match tls {
        None => plain_http(client),
        Some(settings) => {
            let config = tls::http_client(&settings).map_err(|error| ConverseError::Tls(chain(&error)))?;
            client.tls_backend_preconfigured(config)
        }
    };
    let client = client.build().map_err(reach)?;
    let response = client
        .post(url)
        .header(CONTENT_TYPE, PROTOBUF)
        .header(ACCEPT, PROTOBUF)
        .header(CAUSES, "yes")
        .body(subscribe)
        .send()
        .await
        .map_err(reach)?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(ConverseError::Refused { status, body: response.text().await.unwrap_or_default() });
    }
    tokio::select! {
        ended = read_events(response, tell) => ended,
        failed = send_calls(&client, url, waiting) => failed,
    }
}

async fn read_events(mut response: Response, tell: &impl Fn(News)) -> Result<(), ConverseError> {
    let mut records = recordio::Decoder::new(MAX_EVENT);
    loop {
        let chunk = response.chunk().await.map_err(|cause| ConverseError::Event(chain(&cause)))?;
        let Some(chunk) = chunk else { return Ok(()) };
        records.push(&chunk);
        while let Some(record) =
            records.next_record().map_err(|cause| ConverseError::Event(cause.to_string()))?
        {
            let event =
                wire::decode::<Event>(&record).map_err(|cause| ConverseError::Event(cause.to_string()))?;
            let cause = Cause::at_end_of(&record).unwrap_or_default();
            cause.during(|| tell(News::Event(Box::new(event))));
        }
    }
}

/// Posts calls in order, for ever. A call the agent refuses ends the subscription: the next one tells again what
/// matters.
async fn send_calls(
    client: &Client,
    url: &str,
    mut waiting: mpsc::UnboundedReceiver<(Call, Cause)>,
) -> Result<(), ConverseError> {
    while let Some((call, cause)) = waiting.recv().await {
        let name = call.r#type().as_str_name();
        let mut request =
            client.post(url).header(CONTENT_TYPE, PROTOBUF).timeout(CALL_TIMEOUT).body(call.encode_to_vec());
        if let Some(parent) = cause.to_traceparent() {
            request = request.header(TRACEPARENT, parent);
        }
        let sent =
            request.send().await.map_err(|cause| ConverseError::Call { call: name, cause: chain(&cause) })?;
        let status = sent.status();
        // The body is read so that the connection serves the next call too.
        let body = sent.text().await.unwrap_or_default();
        if !status.is_success() {
            return Err(ConverseError::Call {
                call: name,
                cause: format!("the agent answered {status}: {body}"),
            });
        }
    }
    std::future::pending().await
}

/// An error with its causes: reqwest's own text names none of them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
