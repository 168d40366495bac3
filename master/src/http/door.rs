//! Who may ask for what over HTTP: each route belongs to a realm, and a closed realm asks for a principal and its secret.

use libactor::web::guard::{self, Guard};
use libactor::web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use libactor::web::{HttpRequest, HttpResponse};
use tepui_model::basic::{Challenge, Door};

use super::routing::Route;

/// What only reads.
pub const READ_ONLY: &str = "mesos-master-readonly";
/// What changes something, or may.
pub const READ_WRITE: &str = "mesos-master-readwrite";
/// The API of schedulers.
pub const SCHEDULER: &str = "mesos-master-scheduler";

/// Who comes with a request for a route: a principal, if the route's realm is closed; the error is the answer to give.
pub(super) fn admit(
    door: &Door,
    request: &HttpRequest,
    route: Route,
) -> Result<Option<String>, Box<HttpResponse>> {
    match realm(route) {
        Some(realm) => {
            enter(door, realm, request.headers()).map_err(|challenge| Box::new(refused(challenge)))
        }
        None => Ok(None),
    }
}

/// Lets those past who may not read, on routes that the node itself serves.
pub(super) fn keeps_out(door: Door) -> impl Guard {
    guard::fn_guard(move |context| enter(&door, READ_ONLY, context.head().headers()).is_err())
}

/// The answer to those whom [`keeps_out`] let past.
pub(super) async fn keep_out() -> HttpResponse {
    refused(Challenge(format!("Basic realm=\"{READ_ONLY}\"")))
}

fn enter(door: &Door, realm: &str, headers: &HeaderMap) -> Result<Option<String>, Challenge> {
    door.admit(realm, headers.get(AUTHORIZATION).map(HeaderValue::as_bytes))
}

fn refused(Challenge(challenge): Challenge) -> HttpResponse {
    let mut answer = HttpResponse::Unauthorized();
    answer.insert_header((WWW_AUTHENTICATE, challenge));
    answer.insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"));
    answer.body("401 Unauthorized.")
}

/// None for what anybody may ask.
fn realm(route: Route) -> Option<&'static str> {
    match route {
        Route::Health | Route::Redirect | Route::Version => None,
        Route::Scheduler => Some(SCHEDULER),
        Route::Flags
        | Route::State
        | Route::StateSummary
        | Route::Agents
        | Route::Frameworks
        | Route::Tasks
        | Route::Roles
        | Route::MaintenanceStatus
        | Route::Explain
        | Route::Browse
        | Route::ReadFile
        | Route::Download
        | Route::FilesDebug
        | Route::Machine
        | Route::Registry
        | Route::OfferConstraints
        | Route::Metrics => Some(READ_ONLY),
        Route::Operator
        | Route::Record
        | Route::LoggingLevel
        | Route::Quota
        | Route::MaintenanceSchedule
        | Route::MachineDown
        | Route::MachineUp
        | Route::Weights
        | Route::Teardown
        | Route::Reserve
        | Route::Unreserve
        | Route::CreateVolumes
        | Route::DestroyVolumes => Some(READ_WRITE),
    }
}
