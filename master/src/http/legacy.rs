//! The endpoints that are older than the v1 API. Reads answer any method, as Mesos' do.

use std::collections::BTreeMap;

use libactor::web::web::{Data, Query};
use libactor::web::{HttpRequest, HttpResponse};
use serde_json::Value;
use tepui_daemon::{Parameters, Verbosity, machine};
use tepui_master_core::OperatorCall;
use tepui_model::duration;

use super::body::Form;
use super::routing::Route;
use super::{Site, answer, operator, streamed};
use crate::activity::Activity;
use crate::encoding::JSON;
use crate::identity::{MESOS_VERSION, TEPUI_VERSION};
use crate::reads::{Answer, LegacyRead, Read, TaskFilter};

/// The page of `/tasks` unless the query says otherwise.
const TASKS_PER_PAGE: usize = 100;

/// What the query says; nothing, if it cannot be read.
pub(super) fn parameters(request: &HttpRequest) -> Parameters {
    Query::from_query(request.query_string()).map(Query::into_inner).unwrap_or_default()
}

pub(super) async fn serve(request: &HttpRequest, route: Route, site: &Site) -> HttpResponse {
    let query = parameters(request);
    let one = |name: &str| query.get(name).cloned();
    let jsonp = query.get("jsonp").map(String::as_str);
    let read = match route {
        Route::Health => return HttpResponse::Ok().finish(),
        Route::Redirect => return redirect(site),
        Route::Version => return answer::json(request, jsonp, version()),
        Route::Flags => return answer::json(request, jsonp, flags(site)),
        Route::Metrics => return metrics(request, &query, site).await,
        Route::Machine => {
            let body = Value::Object(machine::statistics()).to_string().into_bytes();
            return answer::json(request, jsonp, body);
        }
        Route::LoggingLevel => return toggle(&query, site),
        Route::State => LegacyRead::State,
        Route::StateSummary => LegacyRead::StateSummary,
        Route::Agents => LegacyRead::Agents { id: one("slave_id") },
        Route::Frameworks => LegacyRead::Frameworks { id: one("framework_id") },
        Route::Tasks => LegacyRead::Tasks(task_filter(&query)),
        Route::Roles => LegacyRead::Roles,
        Route::Scheduler
        | Route::Operator
        | Route::Teardown
        | Route::Record
        | Route::Explain
        | Route::Quota
        | Route::Weights
        | Route::MaintenanceSchedule
        | Route::MaintenanceStatus
        | Route::MachineDown
        | Route::MachineUp
        | Route::Reserve
        | Route::Unreserve
        | Route::CreateVolumes
        | Route::DestroyVolumes
        | Route::Browse
        | Route::ReadFile
        | Route::Download
        | Route::FilesDebug
        | Route::Registry
        | Route::OfferConstraints => {
            return answer::not_found();
        }
    };
    read_as_json(request, read, site).await
}

/// `/logging/toggle`: how much more than usual is logged, and for how long.
fn toggle(query: &Parameters, site: &Site) -> HttpResponse {
    match Verbosity::of_process().toggle(query, &site.clock) {
        Ok(level) => answer::text(200, level),
        Err(refused) => answer::refused(refused),
    }
}

/// What readers know, as JSON or JSONP; 304 for a client that knows it.
pub(super) async fn read_as_json(request: &HttpRequest, read: LegacyRead, site: &Site) -> HttpResponse {
    let jsonp = parameters(request).remove("jsonp");
    match site.reads.ask_since(Read::Legacy(read), streamed::known(request, site)).await {
        Some(Answer::Body(body, version)) => {
            let (content_type, body) = match jsonp {
                None => (JSON, body),
                Some(function) => ("text/javascript", body.between(format!("{function}("), ")")),
            };
            streamed::answer(request, content_type, Some(streamed::tag(version, site)), body).await
        }
        Some(Answer::Unchanged(version)) => streamed::unchanged(streamed::tag(version, site)),
        Some(Answer::Gauges(_) | Answer::Found(_)) | None => answer::recovering(),
    }
}

/// Numbers that do not read as such are as if left out: so does Mesos.
fn task_filter(query: &Parameters) -> TaskFilter {
    let number = |name: &str| query.get(name).and_then(|value| value.parse().ok());
    TaskFilter {
        framework: query.get("framework_id").cloned(),
        task: query.get("task_id").cloned(),
        limit: number("limit").unwrap_or(TASKS_PER_PAGE),
        offset: number("offset").unwrap_or(0),
        ascending: query.get("order").is_some_and(|order| order == "asc"),
    }
}

/// `Location: //host:port`, without a scheme: clients take it apart like that.
fn redirect(site: &Site) -> HttpResponse {
    let info = &site.identity.info;
    let location = format!("//{}:{}", info.hostname(), info.port);
    HttpResponse::TemporaryRedirect().insert_header(("Location", location)).finish()
}

fn version() -> Vec<u8> {
    serde_json::json!({ "version": MESOS_VERSION, "tepui_version": TEPUI_VERSION }).to_string().into_bytes()
}

fn flags(site: &Site) -> Vec<u8> {
    serde_json::json!({ "flags": site.identity.flags }).to_string().into_bytes()
}

async fn metrics(request: &HttpRequest, query: &Parameters, site: &Site) -> HttpResponse {
    // Taking a snapshot never waits, so that any timeout is kept; one that is no duration is the caller's mistake.
    if let Some(timeout) = query.get("timeout")
        && let Err(error) = duration::parse(timeout)
    {
        return answer::text(400, format!("Invalid timeout '{timeout}': {error}\n"));
    }
    let body = serde_json::to_vec(&snapshot(site).await).unwrap_or_default();
    answer::json(request, query.get("jsonp").map(String::as_str), body)
}

/// `GET /metrics`, for Prometheus.
pub(super) async fn prometheus(site: Data<Site>) -> HttpResponse {
    let text = libactor::metrics::prometheus(gauges(&site).await);
    HttpResponse::Ok().content_type(libactor::metrics::PROMETHEUS).body(text)
}

/// Every metric of the process, and the gauges.
pub(super) async fn snapshot(site: &Site) -> BTreeMap<String, f64> {
    let mut snapshot = libactor::metrics::snapshot();
    // The older names of the same counters.
    for what in ["scheduled", "completed", "canceled"] {
        let count = snapshot.get(&format!("master/slave_unreachable_{what}")).copied().unwrap_or_default();
        snapshot.insert(format!("master/slave_shutdowns_{what}"), count);
    }
    snapshot.extend(gauges(site).await);
    snapshot
}

/// What is not counted as it happens, but looked at.
async fn gauges(site: &Site) -> Vec<(String, f64)> {
    let counted = site.reads.ask(Read::Gauges).await;
    let uptime = crate::actor::wall_clock().since(site.identity.start_time);
    let elected = if counted.is_some() { 1.0 } else { 0.0 };
    let mut gauges =
        vec![("master/elected".to_owned(), elected), ("master/uptime_secs".to_owned(), uptime.as_secs_f64())];
    if let Some(Answer::Gauges(counted)) = counted {
        gauges.extend(counted.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    gauges.extend(site.activity.iter().flat_map(Activity::figures));
    gauges
}

/// `POST /teardown` with the form field `frameworkId`.
pub(super) async fn teardown(body: &[u8], principal: Option<String>, site: &Site) -> HttpResponse {
    match Form::read(body).and_then(|form| form.field("frameworkId").map(str::to_owned)) {
        Ok(framework) => operator::decide(OperatorCall::teardown(framework), principal, site).await,
        Err(why) => answer::text(400, why),
    }
}
