//! The master's HTTP side: from a request to a question for the master or for the readers, and back.

mod answer;
mod legacy;
mod operator;
mod routing;
mod scheduler;

use futures::StreamExt as _;
use libactor::ActorRef;
use libactor::web::http::{Method, header};
use libactor::web::{self, HttpRequest, HttpResponse};

use crate::actor::MasterActor;
use crate::identity::Identity;
use crate::reads::Reads;
use routing::Route;

/// What handlers need. One per node.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) master: ActorRef<MasterActor>,
    pub(crate) reads: Reads,
    pub(crate) identity: Identity,
}

/// The largest request body: a call with thousands of tasks is a few megabytes.
const MAX_BODY: usize = 64 << 20;

/// Installs the routes.
pub(crate) fn install(site: Site, config: &mut web::ServiceConfig) {
    config
        .app_data(web::Data::new(site))
        // The node has a route of its own here, which knows nothing of agents and tasks.
        .route("/metrics/snapshot", web::route().to(serve))
        .default_service(web::to(serve));
}

async fn serve(request: HttpRequest, body: web::Payload, site: web::Data<Site>) -> HttpResponse {
    let path = match percent_decode(request.path()) {
        Some(path) => path,
        None => return answer::text(400, "the path is not percent-encoded UTF-8"),
    };
    let Some(route) = routing::find(&path) else { return answer::not_found() };
    match route {
        Route::Scheduler | Route::Operator | Route::Teardown if request.method() != Method::POST => {
            answer::not_post(&request)
        }
        Route::Scheduler => match read_body(&request, body).await {
            Ok(body) => scheduler::serve(&request, &body, &site).await,
            Err(refused) => refused,
        },
        Route::Operator => match read_body(&request, body).await {
            Ok(body) => operator::serve(&request, &body, &site).await,
            Err(refused) => refused,
        },
        Route::Teardown => match read_body(&request, body).await {
            Ok(body) => legacy::teardown(&body, &site).await,
            Err(refused) => refused,
        },
        read => legacy::serve(&request, read, &site).await,
    }
}

/// Reads a whole body; one that says it is too large is refused before it comes.
async fn read_body(request: &HttpRequest, mut body: web::Payload) -> Result<web::Bytes, HttpResponse> {
    let declared = header_text(request, header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let mut read = web::BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk
            .map_err(|error| answer::text(400, format!("Failed to read the request's body: {error}")))?;
        if read.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}

/// The rest of the body is not waited for: the connection is closed.
fn too_large() -> HttpResponse {
    let mut refused = answer::text(413, format!("The request's body is larger than {MAX_BODY} bytes"));
    refused.head_mut().set_connection_type(libactor::web::http::ConnectionType::Close);
    refused
}

/// `%28` and its like: paths hold actor ids with parentheses, which some clients encode.
fn percent_decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// A header's text, if it is there and is text.
fn header_text(request: &HttpRequest, name: impl header::AsHeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// The encoding that the request accepts.
fn accepted(request: &HttpRequest) -> Option<crate::encoding::Encoding> {
    let headers = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    crate::encoding::Encoding::of_accept(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_and_bad_ones_refused() {
        assert_eq!(percent_decode("/slave%281%29/x").as_deref(), Some("/slave(1)/x"));
        assert_eq!(percent_decode("/a%2"), None);
        assert_eq!(percent_decode("/a%zz"), None);
        assert_eq!(percent_decode("/a%ff"), None);
    }
}
