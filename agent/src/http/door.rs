//! Who may ask for what over HTTP: each route belongs to a realm, and a closed realm asks for a principal and its secret.

use libactor::web::guard::{self, Guard};
use libactor::web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use libactor::web::{HttpRequest, HttpResponse};
use tepui_model::basic::{Challenge, Door};

use super::answer;
use super::routing::Route;

/// What only reads.
pub const READ_ONLY: &str = "mesos-agent-readonly";
/// What changes something, or may.
pub const READ_WRITE: &str = "mesos-agent-readwrite";

/// The answer to a request for a route whose realm is closed to whoever sends it.
pub(super) fn refusal(door: &Door, request: &HttpRequest, route: Route) -> Option<HttpResponse> {
    enter(door, realm(route)?, request.headers()).err().map(refused)
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
    let mut answer = answer::text(401, "401 Unauthorized.");
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    answer
}

/// None for what anybody may ask. Executors show nothing yet: their containers are known to the agent.
fn realm(route: Route) -> Option<&'static str> {
    match route {
        Route::Health | Route::Version | Route::Executor => None,
        Route::State
        | Route::Flags
        | Route::Containers
        | Route::Statistics
        | Route::Metrics
        | Route::Browse
        | Route::Read
        | Route::Download
        | Route::FilesDebug
        | Route::Machine => Some(READ_ONLY),
        Route::Operator | Route::Record | Route::LoggingLevel => Some(READ_WRITE),
    }
}
