//! The master's HTTP side: from a request to a question for the master or for the readers, and back.

mod answer;
mod body;
mod coding;
mod decisions;
pub(crate) mod door;
mod durable;
mod explain;
mod files;
mod legacy;
mod operate;
mod operator;
mod routing;
mod scheduler;
mod streamed;

use std::sync::Arc;

use libactor::http::{percent_decode, read_body};
use libactor::web::http::{Method, header};
use libactor::web::{self, HttpRequest, HttpResponse};
use libactor::{ActorRef, Clock};

use tepui_daemon::files::Files;

use crate::activity::Activity;
use crate::actor::MasterActor;
use crate::allocation::Allocation;
use crate::identity::Identity;
use crate::reads::Reads;
use crate::registrar::Durable;
use routing::Route;
use tepui_model::basic::Door;

/// What handlers need. One per node.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) master: ActorRef<MasterActor>,
    pub(crate) reads: Reads,
    pub(crate) allocation: Allocation,
    pub(crate) identity: Identity,
    /// What `/files` shows.
    pub(crate) files: Arc<Files>,
    pub(crate) clock: Clock,
    pub(crate) registry: Durable,
    pub(crate) door: Door,
    pub(crate) activity: Option<Activity>,
}

/// The largest request body: a call with thousands of tasks is a few megabytes.
const MAX_BODY: usize = 64 << 20;

/// Installs the routes.
pub(crate) fn install(site: Site, config: &mut web::ServiceConfig) {
    let door = site.door.clone();
    config
        .app_data(web::Data::new(site))
        // Before what the node serves itself: who may not read the state may not read messages either.
        .service(web::resource(["/metrics", "/{own:__.*}"]).guard(door::keeps_out(door)).to(door::keep_out))
        // The node has routes of its own here, which know nothing of agents and tasks.
        .route("/metrics/snapshot", web::route().to(serve))
        .route("/metrics", web::get().to(legacy::prometheus))
        .default_service(web::to(serve));
}

async fn serve(request: HttpRequest, body: web::Payload, site: web::Data<Site>) -> HttpResponse {
    let path = match percent_decode(request.path()) {
        Some(path) => path,
        None => return answer::text(400, "the path is not percent-encoded UTF-8"),
    };
    let Some(route) = routing::find(&path) else { return answer::not_found() };
    let principal = match door::admit(&site.door, &request, route) {
        Ok(principal) => principal,
        Err(refused) => return *refused,
    };
    match route {
        Route::Scheduler
        | Route::Operator
        | Route::Teardown
        | Route::Reserve
        | Route::Unreserve
        | Route::CreateVolumes
        | Route::DestroyVolumes
            if request.method() != Method::POST =>
        {
            answer::not_allowed(request.method(), "POST")
        }
        Route::Scheduler => match read_body(&request, body, MAX_BODY).await {
            Ok(body) => scheduler::serve(&request, &body, principal, &site).await,
            Err(refused) => refused,
        },
        Route::Operator => match read_body(&request, body, MAX_BODY).await {
            Ok(body) => operator::serve(&request, &body, principal, &site).await,
            Err(refused) => refused,
        },
        Route::Teardown => match read_body(&request, body, MAX_BODY).await {
            Ok(body) => legacy::teardown(&body, principal, &site).await,
            Err(refused) => refused,
        },
        Route::Quota
        | Route::Weights
        | Route::MaintenanceSchedule
        | Route::MaintenanceStatus
        | Route::MachineDown
        | Route::MachineUp => match read_body(&request, body, MAX_BODY).await {
            Ok(body) => decisions::serve(&request, route, &path, &body, principal, &site).await,
            Err(refused) => refused,
        },
        Route::Browse | Route::ReadFile | Route::Download | Route::FilesDebug => {
            files::serve(&request, route, &site).await
        }
        Route::Registry | Route::OfferConstraints => durable::serve(&request, route, &site).await,
        Route::Explain => explain::serve(&request, &site).await,
        Route::Reserve | Route::Unreserve | Route::CreateVolumes | Route::DestroyVolumes => {
            match read_body(&request, body, MAX_BODY).await {
                Ok(body) => operate::serve(&body, route, principal, &site).await,
                Err(refused) => refused,
            }
        }
        Route::Record => {
            let answer = tepui_recording::serve(&request, &site.master).await;
            answer.unwrap_or_else(|_ended| answer::recovering())
        }
        read => legacy::serve(&request, read, &site).await,
    }
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
