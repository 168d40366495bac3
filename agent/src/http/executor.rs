//! `POST /api/v1/executor`: the calls of executors and the streams of their events.

use futures::stream;
use libactor::AskError;
use libactor::trace::Cause;
use libactor::web::http::header;
use libactor::web::{HttpRequest, HttpResponse};
use tepui_agent_core::{Connection, Input, Peer, Reply};
use tepui_proto::v1::executor::{Call, call};
use tepui_proto::wire;
use tokio::sync::mpsc;

use super::negotiate::{self, Encoding};
use super::{Site, answer};
use crate::actor::{Happened, HttpCall};
use crate::recorded::Arrival;
use crate::stream::{Client, EventStream};

pub(super) async fn serve(request: &HttpRequest, body: &[u8], site: &Site) -> Result<HttpResponse, AskError> {
    let call = match negotiate::content_type(request, "application/json or application/x-protobuf") {
        Ok(encoding) => decode(encoding, body),
        Err(refused) => return Ok(refused.answer()),
    };
    let call = match call {
        Ok(call) => call,
        Err(why) => return Ok(answer::text(400, why)),
    };
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let parent = header("traceparent").and_then(Cause::from_traceparent);
    let arrival = Arrival { size: body.len(), parent };
    if call.r#type() != call::Type::Subscribe || call.subscribe.is_none() {
        let (reply, _) = site.agent.ask(HttpCall { call, stream: None, arrival }).await?;
        return Ok(answered(reply));
    }
    let Some(encoding) = negotiate::accepted(request) else {
        let why = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
        return Ok(answer::text(406, why));
    };
    let client = Client {
        framework: call.framework_id.value.clone(),
        executor: call.executor_id.value.clone(),
        wants_causes: header("tepui-causes") == Some("yes"),
    };
    let (stream, events) = EventStream::new(encoding, client);
    match site.agent.ask(HttpCall { call, stream: Some(stream), arrival }).await? {
        (Reply::Subscribed, Some(connection)) => Ok(subscribed(site, encoding, connection, events)),
        (refusal, _) => Ok(answered(refusal)),
    }
}

fn decode(encoding: Encoding, body: &[u8]) -> Result<Call, String> {
    match encoding {
        Encoding::Json => negotiate::from_json(body),
        Encoding::Protobuf => {
            wire::decode(body).map_err(|_| "Failed to parse body into Call protobuf".into())
        }
    }
}

fn answered(reply: Reply) -> HttpResponse {
    match reply {
        Reply::Subscribed => answer::empty(200),
        Reply::Accepted => answer::empty(202),
        Reply::BadRequest(why) => answer::text(400, why),
        Reply::Forbidden(why) => answer::text(403, why),
        Reply::NotImplemented(why) => answer::text(501, why),
        Reply::Unavailable(why) => answer::text(503, why),
    }
}

/// One event is one chunk: some executors take a chunk for an event.
fn subscribed(
    site: &Site,
    encoding: Encoding,
    connection: Connection,
    events: mpsc::Receiver<bytes::Bytes>,
) -> HttpResponse {
    let ends = Ends { site: site.clone(), connection };
    let chunks = stream::unfold((events, ends), |(mut events, ends)| async move {
        let chunk = events.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), (events, ends)))
    });
    HttpResponse::Ok()
        .content_type(encoding.media_type())
        // Nobody between us may wait for more before passing it on.
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(chunks)
}

/// Tells the agent when the response is gone, whoever ended it.
struct Ends {
    site: Site,
    connection: Connection,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.site.agent.tell(Happened(Input::ExecutorGone(Peer::Http(self.connection))));
    }
}
