//! `POST /api/v1/scheduler`.

use futures::StreamExt as _;
use libactor::trace::Cause;
use libactor::web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use libactor::web::{HttpRequest, HttpResponse};
use tepui_proto::v1::scheduler::Call;

use super::{Site, accepted, answer, header_text};
use crate::actor::{HttpCall, Outcome};
use crate::encoding::Encoding;
use crate::recorded::Arrival;

const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");
/// The message that a call follows from, as W3C trace context says it.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `yes` of a SUBSCRIBE: each event is to end with the ids that a `traceparent` needs.
const CAUSES: HeaderName = HeaderName::from_static("tepui-causes");

pub(super) async fn serve(
    request: &HttpRequest,
    body: &[u8],
    principal: Option<String>,
    site: &Site,
) -> HttpResponse {
    let encoding = match Encoding::of_content_type(header_text(request, CONTENT_TYPE)) {
        Ok(encoding) => encoding,
        Err(refused) => return answer::refusal(refused),
    };
    let call: Call = match encoding.decode(body) {
        Ok(call) => call,
        Err(refused) => return answer::refusal(refused),
    };
    let arrival = Arrival {
        size: body.len(),
        parent: header_text(request, TRACEPARENT).and_then(Cause::from_traceparent),
        wants_causes: header_text(request, CAUSES) == Some("yes"),
    };
    let stream_id = header_text(request, STREAM_ID).map(str::to_string);
    let call = HttpCall { call, accepted: accepted(request), stream_id, principal, arrival };
    match site.master.ask(call).await {
        Ok(Outcome::Answer(given)) => answer::text(given.status, given.body),
        Ok(Outcome::Stream(stream)) => {
            let mut response = HttpResponse::Ok();
            response.insert_header((CONTENT_TYPE, stream.encoding().content_type()));
            match HeaderValue::from_str(stream.id()) {
                Ok(id) => response.insert_header((STREAM_ID, id)),
                Err(_) => return answer::text(500, "a stream id of ours is no header value"),
            };
            response.streaming(stream.map(Ok::<_, std::convert::Infallible>))
        }
        Err(_) => answer::recovering(),
    }
}
