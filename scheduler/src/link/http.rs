//! The way over HTTP: one streaming response for events, one request per call.

use std::time::Duration;

use bytes::Bytes;
use libactor::trace::Cause;
use libactor::{ActorRef, tls};
use prost::Message as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tepui_model::{Credential, basic};
use tepui_proto::v1::scheduler::{Call, Event};
use tepui_proto::{recordio, wire};
use tokio::sync::mpsc;

use crate::Framework;
use crate::actor::{Incoming, News, SchedulerActor};

/// Streams and calls speak protobuf: the JSON API is for those without it.
const PROTOBUF: &str = "application/x-protobuf";
const STREAM_ID: &str = "Mesos-Stream-Id";
/// Redirects followed to the leading master before the attempt counts as failed.
const MAX_REDIRECTS: u32 = 5;
/// The largest event taken from a master: Mesos' masters send offers of thousands of agents in one.
const MAX_EVENT: usize = 64 << 20;
/// Asks for events that end with the ids of the message that they are; calls that follow from one say so in `traceparent`.
const CAUSES: &str = "tepui-causes";
const TRACEPARENT: &str = "traceparent";
/// Time for a call to be answered before the subscription counts as lost.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Time to reach a master before the attempt counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// Subscribes, with TLS if the master is `secure` or the environment says so, and tells `actor` what comes, each thing marked
    /// with `attempt`.
    pub(crate) fn open<F: Framework>(
        master: Master,
        subscribe: &Call,
        actor: ActorRef<SchedulerActor<F>>,
        attempt: u64,
    ) -> HttpLink {
        let (calls, waiting) = mpsc::unbounded_channel();
        let subscribe = Bytes::from(subscribe.encode_to_vec());
        let task = tokio::spawn(async move {
            let tell = |news| actor.tell(Incoming { attempt, news });
            let why = match converse(master, subscribe, waiting, &tell).await {
                Ok(()) => "the master closed the stream".to_string(),
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
    #[error("reach the master at {host}: {cause}")]
    Reach { host: String, cause: String },
    #[error("the master at {host} answered {status}: {body}")]
    Refused { host: String, status: StatusCode, body: String },
    #[error("{0}")]
    Tls(String),
    #[error("read an event: {0}")]
    Event(String),
    #[error("send {call}: {cause}")]
    Call { call: &'static str, cause: String },
}

/// A master's HTTP API.
#[derive(Clone, Debug)]
pub(crate) struct Master {
    host: String,
    secure: bool,
    /// What is shown to it. Printed as `Sensitive`.
    authorization: Option<HeaderValue>,
}

impl Master {
    pub(crate) fn new(host: &str, secure: bool, credential: Option<&Credential>) -> Master {
        // Base64 is always a header's value.
        let shown = credential.and_then(|credential| basic::authorization(credential).try_into().ok());
        let authorization = shown.map(|mut value: HeaderValue| {
            value.set_sensitive(true);
            value
        });
        Master { host: host.to_owned(), secure, authorization }
    }

    /// A call to it.
    fn post(&self, client: &Client) -> RequestBuilder {
        let request = client.post(self.url()).header(CONTENT_TYPE, PROTOBUF);
        match &self.authorization {
            Some(shown) => request.header(AUTHORIZATION, shown.clone()),
            None => request,
        }
    }

    fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}/api/v1/scheduler", self.host)
    }

    /// Where a Mesos redirect points to, `Location: //host:port/path`. Without a scheme it stays the same.
    fn redirected(&self, response: &Response) -> Option<Master> {
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        let (secure, rest) = match location.split_once("//")? {
            ("", rest) => (self.secure, rest),
            ("http:", rest) => (false, rest),
            ("https:", rest) => (true, rest),
            _ => return None,
        };
        // Whoever asked for TLS does not lose it to whoever answers.
        let host = rest.split('/').next().unwrap_or(rest).into();
        (secure || !self.secure).then(|| Master { host, secure, authorization: self.authorization.clone() })
    }
}

async fn converse(
    mut master: Master,
    subscribe: Bytes,
    waiting: mpsc::UnboundedReceiver<(Call, Cause)>,
    tell: &impl Fn(News),
) -> Result<(), ConverseError> {
    // The provider may have been installed by another part of the process: either is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = tls::from_environment().map_err(|error| ConverseError::Tls(chain(&error)))?;
    let mut client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .no_proxy();
    if let Some(settings) = tls {
        master.secure = true;
        let config = tls::http_client(&settings).map_err(|error| ConverseError::Tls(chain(&error)))?;
        client = client.tls_backend_preconfigured(config);
    }
    let client = client.build().map_err(|cause| reach(&master, &cause))?;
    let (leader, response) = open_stream(&client, master, subscribe).await?;
    let stream_id = response.headers().get(STREAM_ID).cloned();
    let calls = send_calls(&client, &leader, stream_id, waiting);
    tokio::select! {
        ended = read_events(response, tell) => ended,
        failed = calls => failed,
    }
}

/// Posts SUBSCRIBE, following redirects to the leading master.
async fn open_stream(
    client: &Client,
    mut master: Master,
    body: Bytes,
) -> Result<(Master, Response), ConverseError> {
    for _ in 0..MAX_REDIRECTS {
        let response = master
            .post(client)
            .header(ACCEPT, PROTOBUF)
            .header(CAUSES, "yes")
            .body(body.clone())
            .send()
            .await
            .map_err(|cause| reach(&master, &cause))?;
        match response.status() {
            StatusCode::OK => return Ok((master, response)),
            StatusCode::TEMPORARY_REDIRECT => match master.redirected(&response) {
                Some(leader) => master = leader,
                None => return Err(refused(master.host, response).await),
            },
            _ => return Err(refused(master.host, response).await),
        }
    }
    let cause = "redirected too often: no master agrees who leads".into();
    Err(ConverseError::Reach { host: master.host, cause })
}

fn reach(master: &Master, cause: &reqwest::Error) -> ConverseError {
    ConverseError::Reach { host: master.host.clone(), cause: chain(cause) }
}

async fn refused(host: String, response: Response) -> ConverseError {
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    ConverseError::Refused { host, status, body }
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

/// Posts calls in order, for ever. A call the master refuses is logged; one that cannot be sent ends the subscription.
async fn send_calls(
    client: &Client,
    master: &Master,
    stream_id: Option<HeaderValue>,
    mut waiting: mpsc::UnboundedReceiver<(Call, Cause)>,
) -> Result<(), ConverseError> {
    while let Some((call, cause)) = waiting.recv().await {
        let name = call.r#type().as_str_name();
        let mut request = master.post(client).timeout(CALL_TIMEOUT).body(call.encode_to_vec());
        if let Some(parent) = cause.to_traceparent() {
            request = request.header(TRACEPARENT, parent);
        }
        if let Some(id) = &stream_id {
            request = request.header(STREAM_ID, id.clone());
        }
        let sent =
            request.send().await.map_err(|cause| ConverseError::Call { call: name, cause: chain(&cause) })?;
        let status = sent.status();
        // The body is read so that the connection serves the next call too.
        let body = sent.text().await.unwrap_or_default();
        if !status.is_success() {
            tracing::warn!(call = name, %status, body, "the master refused a call");
        }
    }
    std::future::pending().await
}

/// An error with its causes: reqwest's own text names none of them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
