//! Messages among plain requests: a connection that began with one is served by the HTTP routes, in whose order they are taken.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{Error, HttpRequest, HttpResponse};
use futures::StreamExt as _;
use futures::future::Either;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::counters;
use crate::node::Node;
use crate::transport::gathering::{Room, time_for};
use crate::transport::inbound::own;
use crate::transport::libprocess::intake::Intake;

/// All connections of HTTP clients share what may wait in mailboxes: each of them waits for its answer anyway.
#[derive(Clone)]
pub(crate) struct Posted {
    intake: Rc<RefCell<Intake>>,
    largest: usize,
    silence: Duration,
    incomplete: Arc<Semaphore>,
}

impl Posted {
    pub(crate) fn new(node: &Node) -> Posted {
        let (settings, incomplete) = (&node.inner().settings, node.inner().transport.incomplete.clone());
        let (largest, silence) = (settings.frame_bytes, settings.silence);
        Posted { intake: Rc::new(RefCell::new(Intake::new(node))), largest, silence, incomplete }
    }

    /// Delivers a message, or passes a plain request on.
    pub(crate) fn take_or<S>(
        self,
        request: ServiceRequest,
        service: &S,
    ) -> impl Future<Output = Result<ServiceResponse<BoxBody>, Error>> + use<S>
    where
        S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    {
        let Some(from) = sender(&request) else { return Either::Left(service.call(request)) };
        Either::Right(async move {
            let mut request = request;
            let payload = request.extract::<Payload>().await?;
            let answer = self.take(request.request(), from, payload).await;
            Ok(request.into_response(answer))
        })
    }

    /// Within the budget and the time that all half messages have.
    async fn body(&self, mut payload: Payload) -> Result<Bytes, String> {
        let (mut room, began) = (Room::new(self.incomplete.clone()), Instant::now());
        let mut body = BytesMut::new();
        loop {
            let within = time_for(body.len(), self.silence);
            let until = (began + within).min(Instant::now() + self.silence);
            let next = tokio::time::timeout_at(until, payload.next()).await;
            let Some(next) = next.map_err(|_| format!("body that was not complete after {within:?}"))? else {
                return Ok(body.freeze());
            };
            let piece = next.map_err(|error| format!("body: {error}"))?;
            let length = body.len() + piece.len();
            if length > self.largest {
                return Err(format!("body of more than {} bytes", self.largest));
            }
            room.hold(length, self.silence).await.map_err(|error| format!("body: {error}"))?;
            body.extend_from_slice(&piece);
        }
    }

    async fn take(self, request: &HttpRequest, from: Bytes, payload: Payload) -> HttpResponse {
        let body = match self.body(payload).await {
            Ok(body) => body,
            Err(reason) => return refused(reason),
        };
        let Some(remote) = request.peer_addr() else { return refused("nobody's connection".to_owned()) };
        let target = Bytes::copy_from_slice(request.path().as_bytes());
        // Waits outside the borrow: others wait here too.
        let share = self.intake.borrow().share(body.len());
        let share = share.await;
        match self.intake.borrow_mut().deliver(target, from, remote.ip(), own(body), share) {
            Ok(true) => HttpResponse::Accepted().finish(),
            Ok(false) => HttpResponse::NotFound().finish(),
            Err(reason) => refused(reason),
        }
    }
}

fn refused(reason: String) -> HttpResponse {
    tracing::warn!(reason, "libprocess message among http requests refused");
    counters::count(counters::LIBPROCESS_REFUSED);
    HttpResponse::BadRequest().content_type("text/plain").body(format!("bad request: {reason}\n"))
}

/// None for a plain request.
fn sender(request: &ServiceRequest) -> Option<Bytes> {
    if request.method() != Method::POST {
        return None;
    }
    let headers = request.headers();
    let from = headers.get("Libprocess-From").map(|value| value.as_bytes());
    let agent = || headers.get("User-Agent").and_then(|value| value.as_bytes().strip_prefix(b"libprocess/"));
    from.or_else(agent).map(|from| Bytes::copy_from_slice(from.trim_ascii()))
}
