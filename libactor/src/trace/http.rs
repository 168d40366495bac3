//! `/__trace__` and what is beneath it, for clients of a node: JSON, or protobuf for who accepts that alone.

use std::collections::BTreeSet;

use actix_web::http::header;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::actor_ref::ActorRef;
use crate::limits::{MOST_TRACED_MESSAGES, TAPS, TRACE_QUERIES};
use crate::trace::parameters::{Extent, ParameterError, Parameters};
use crate::trace::service::{Look, Question, TraceService};
use crate::trace::stream::{Format, Stream};
use crate::trace::top::answer as answer_of_all;
use crate::trace::tree::{Root, tree};
use crate::trace::wire::{Filter, Kind, Messages, Report, Tapped, Tree};

/// Takes the questions of HTTP clients.
pub(crate) struct Desk {
    service: ActorRef<TraceService>,
    queries: Semaphore,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error("this node works on as many trace queries as it may; try again, or with a longer timeout")]
    Busy,
    #[error("{TAPS} taps are open on this node; wait until one ends")]
    Taps,
    #[error("this node is being shut down")]
    ShutDown,
}

pub(crate) fn routes(config: &mut ServiceConfig, service: ActorRef<TraceService>) {
    let desk = Data::new(Desk { service, queries: Semaphore::new(TRACE_QUERIES) });
    let at = |path: &str| web::resource(path).app_data(desk.clone());
    config
        .service(at("/__trace__").get(messages))
        .service(at("/__trace__/tree").get(whole_tree))
        .service(at("/__trace__/tail").get(follow))
        .service(at("/__trace__/top").get(top));
}

async fn messages(request: HttpRequest, desk: Data<Desk>) -> HttpResponse {
    let answer = async {
        let mut parameters = Parameters::new("/__trace__", request.query_string())?;
        let (filter, limit) = (parameters.filter()?, parameters.limit()?);
        let extent = parameters.extent()?;
        parameters.end()?;
        desk.collect(filter, limit, extent).await
    };
    written(&request, answer.await, |report| {
        let nodes = Some(report.nodes());
        Messages { messages: report.messages, nodes, left_out: report.left_out }
    })
    .await
}

async fn whole_tree(request: HttpRequest, desk: Data<Desk>) -> HttpResponse {
    let answer = async {
        let mut parameters = Parameters::new("/__trace__/tree", request.query_string())?;
        let root = parameters.root()?;
        let extent = parameters.extent()?;
        parameters.end()?;
        Ok((desk.around(&root, extent).await?, root))
    };
    written(&request, answer.await, |(report, root)| {
        let nodes = Some(report.nodes());
        Tree { hops: tree(report.messages, &root), nodes, left_out: report.left_out }
    })
    .await
}

/// What actors are busy with, and who waits for whom.
async fn top(request: HttpRequest, desk: Data<Desk>) -> HttpResponse {
    let answer = async {
        let mut parameters = Parameters::new("/__trace__/top", request.query_string())?;
        let (limit, extent) = (parameters.limit()?, parameters.extent()?);
        parameters.end()?;
        let deadline = Instant::now() + extent.budget;
        let _permit = desk.permit(deadline).await?;
        desk.ask(Kind::Top, Filter::default(), limit, extent, deadline, &Report::default()).await
    };
    written(&request, answer.await, answer_of_all).await
}

/// Messages while they happen, until the client has seen enough.
async fn follow(request: HttpRequest, desk: Data<Desk>) -> HttpResponse {
    match open_tail(&request, &desk).await {
        Ok((tapped, most)) => {
            let format = if wants_protobuf(&request) { Format::Protobuf } else { Format::Json };
            let mut response = HttpResponse::Ok();
            response.content_type(format.content_type()).streaming(Stream::new(tapped, most, format).items())
        }
        Err(refusal) => refused(&refusal),
    }
}

async fn open_tail(request: &HttpRequest, desk: &Desk) -> Result<(mpsc::Receiver<Tapped>, u64), Refusal> {
    let mut parameters = Parameters::new("/__trace__/tail", request.query_string())?;
    let (open, most) = parameters.tap()?;
    parameters.end()?;
    let tapped = desk.service.ask(Look(open)).await.map_err(|_| Refusal::ShutDown)?;
    Ok((tapped.ok_or(Refusal::Taps)?, most))
}

impl Desk {
    /// The messages that match, of everybody who is asked.
    async fn collect(&self, mut filter: Filter, limit: usize, extent: Extent) -> Result<Report, Refusal> {
        let deadline = Instant::now() + extent.budget;
        let _permit = self.permit(deadline).await?;
        let Some(tag) = filter.tag.take() else {
            return self.ask(Kind::Messages, filter, limit, extent, deadline, &Report::default()).await;
        };
        // The nodes that handled a tagged message know the tag, the others only its trace.
        let tagged = Filter { tag: Some(tag), ..Filter::default() };
        let first = self.ask(Kind::Traces, tagged, 1, extent, deadline, &Report::default()).await?;
        let of_tag = |trace: &u64| first.traces.contains(trace);
        let traces = match filter.traces.is_empty() {
            true => first.traces.clone(),
            false => filter.traces.iter().copied().filter(of_tag).collect(),
        };
        self.of_traces(Filter { traces, ..filter }, limit, extent, deadline, first).await
    }

    /// The right to be worked on.
    async fn permit(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Refusal> {
        match timeout_at(deadline, self.queries.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Refusal::Busy),
        }
    }

    /// All messages of the traces that a tree is part of.
    async fn around(&self, root: &Root, extent: Extent) -> Result<Report, Refusal> {
        match root {
            Root::Tag(tag) => {
                let filter = Filter { tag: Some(tag.clone()), ..Filter::default() };
                self.collect(filter, MOST_TRACED_MESSAGES, extent).await
            }
            Root::Message(id) => {
                let deadline = Instant::now() + extent.budget;
                let _permit = self.permit(deadline).await?;
                let filter = Filter { id: Some(*id), ..Filter::default() };
                let first = self.ask(Kind::Traces, filter, 1, extent, deadline, &Report::default()).await?;
                let filter = Filter { traces: first.traces.clone(), ..Filter::default() };
                self.of_traces(filter, MOST_TRACED_MESSAGES, extent, deadline, first).await
            }
        }
    }

    async fn of_traces(
        &self,
        filter: Filter,
        limit: usize,
        extent: Extent,
        deadline: Instant,
        first: Report,
    ) -> Result<Report, Refusal> {
        if filter.traces.is_empty() {
            return Ok(Report { traces: Vec::new(), ..first });
        }
        let mut report = self.ask(Kind::Messages, filter, limit, extent, deadline, &first).await?;
        let silent: BTreeSet<String> = report.silent.into_iter().chain(first.silent).collect();
        report.silent = silent.into_iter().filter(|node| !report.answered.contains(node)).collect();
        report.not_asked = report.not_asked.max(first.not_asked);
        Ok(report)
    }

    /// One question, of which half the time is left for another if it is the first of two.
    async fn ask(
        &self,
        kind: Kind,
        filter: Filter,
        limit: usize,
        extent: Extent,
        deadline: Instant,
        earlier: &Report,
    ) -> Result<Report, Refusal> {
        let left = deadline.saturating_duration_since(Instant::now());
        let budget = if kind == Kind::Traces { left / 2 } else { left };
        let without = earlier.silent.clone();
        let question = Question { kind, filter, limit, scope: extent.scope, budget, without };
        let answer = self.service.ask(question).await.map_err(|_| Refusal::ShutDown)?;
        answer.await.map_err(|_| Refusal::ShutDown)
    }
}

/// The answer, written away from the thread of the sockets: it may be long.
async fn written<T, A>(
    request: &HttpRequest,
    answer: Result<T, Refusal>,
    make: impl FnOnce(T) -> A + Send + 'static,
) -> HttpResponse
where
    T: Send + 'static,
    A: prost::Message + Serialize + 'static,
{
    let answer = match answer {
        Ok(answer) => answer,
        Err(refusal) => return refused(&refusal),
    };
    if wants_protobuf(request) {
        let bytes = web::block(move || make(answer).encode_to_vec()).await;
        return whole(bytes.map_err(|error| error.to_string()), PROTOBUF);
    }
    let bytes =
        web::block(move || serde_json::to_vec(&make(answer)).map_err(|error| error.to_string())).await;
    whole(bytes.map_err(|error| error.to_string()).flatten(), "application/json")
}

pub(crate) const PROTOBUF: &str = "application/x-protobuf";

fn whole(bytes: Result<Vec<u8>, String>, content_type: &'static str) -> HttpResponse {
    match bytes {
        Ok(bytes) => HttpResponse::Ok().content_type(content_type).body(bytes),
        Err(error) => {
            tracing::error!(error, "write the answer to a trace query");
            HttpResponse::InternalServerError().body(error)
        }
    }
}

fn wants_protobuf(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accepted.is_some_and(|accept| accept.trim_start().starts_with(PROTOBUF))
}

fn refused(refusal: &Refusal) -> HttpResponse {
    let mut response = match refusal {
        Refusal::Parameter(_) => HttpResponse::BadRequest(),
        Refusal::Busy | Refusal::Taps | Refusal::ShutDown => HttpResponse::ServiceUnavailable(),
    };
    response.content_type("text/plain; charset=utf-8").body(refusal.to_string())
}
