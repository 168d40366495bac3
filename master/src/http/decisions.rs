//! `/quota`, `/weights`, `/maintenance/…` and `/machine/…`, which are older than the calls of the v1 API: brought into their
//! form, and decided as they are.

use libactor::web::http::Method;
use libactor::web::{HttpRequest, HttpResponse};
use tepui_proto::json;
use tepui_proto::schema::Described;
use tepui_proto::v1::master::{Call, call};
use tepui_proto::v1::quota::QuotaRequest;

use super::routing::Route;
use super::{Site, answer, body, legacy, operator};
use crate::reads::LegacyRead;

pub(super) async fn serve(
    request: &HttpRequest,
    route: Route,
    path: &str,
    body: &[u8],
    principal: Option<String>,
    site: &Site,
) -> HttpResponse {
    let read = match (route, request.method()) {
        (Route::Quota, &Method::GET) => Some(LegacyRead::Quota),
        (Route::Weights, &Method::GET) => Some(LegacyRead::Weights),
        (Route::MaintenanceSchedule, &Method::GET) => Some(LegacyRead::MaintenanceSchedule),
        (Route::MaintenanceStatus, &Method::GET) => Some(LegacyRead::MaintenanceStatus),
        _ => None,
    };
    if let Some(read) = read {
        return legacy::read_as_json(request, read, site).await;
    }
    let call = match (route, request.method()) {
        (Route::Quota, &Method::POST) => set_quota(body),
        (Route::Quota, &Method::DELETE) => remove_quota(path),
        (Route::Quota, other) => return answer::not_allowed(other, "GET, POST, DELETE"),
        (Route::Weights, &Method::PUT) => update_weights(body),
        (Route::Weights, other) => return answer::not_allowed(other, "GET, PUT"),
        (Route::MaintenanceSchedule, &Method::POST) => update_schedule(body),
        (Route::MaintenanceSchedule, other) => return answer::not_allowed(other, "GET, POST"),
        (Route::MaintenanceStatus, other) => return answer::not_allowed(other, "GET"),
        (Route::MachineDown | Route::MachineUp, &Method::POST) => machines(body, route),
        (_, other) => return answer::not_allowed(other, "POST"),
    };
    match call {
        Ok(call) => operator::decide(call, principal, site).await,
        Err(why) => answer::text(400, why),
    }
}

fn parsed<M: Described>(body: &[u8], what: &str) -> Result<M, String> {
    json::from_slice(body).map_err(|why| {
        format!("Failed to parse {what} request JSON '{}': {why}", String::from_utf8_lossy(body))
    })
}

#[expect(deprecated, reason = "operators' tools still send it")]
fn set_quota(body: &[u8]) -> Result<Call, String> {
    let quota_request: QuotaRequest = parsed(body, "set quota")?;
    let call = call::SetQuota { quota_request };
    let kind = Some(call::Type::SetQuota as i32);
    Ok(Call { r#type: kind, set_quota: Some(call.into()), ..Call::default() })
}

/// The role is what follows `/quota/`, which may hold slashes itself.
#[expect(deprecated, reason = "operators' tools still send it")]
fn remove_quota(path: &str) -> Result<Call, String> {
    let tail = path.trim_start_matches('/').trim_start_matches("master/");
    let role = tail.strip_prefix("quota/").filter(|role| !role.is_empty());
    let Some(role) = role else {
        return Err(format!(
            "Failed to parse remove quota request for path '/master/{tail}': expected 3 tokens, found 2 tokens"
        ));
    };
    let kind = Some(call::Type::RemoveQuota as i32);
    let call = call::RemoveQuota { role: role.to_owned() };
    Ok(Call { r#type: kind, remove_quota: Some(call), ..Call::default() })
}

fn update_weights(body: &[u8]) -> Result<Call, String> {
    let weight_infos = body::list(body).map_err(|why| {
        format!("Failed to parse update weights request JSON '{}': {why}", String::from_utf8_lossy(body))
    })?;
    let kind = Some(call::Type::UpdateWeights as i32);
    let call = call::UpdateWeights { weight_infos };
    Ok(Call { r#type: kind, update_weights: Some(call), ..Call::default() })
}

fn update_schedule(body: &[u8]) -> Result<Call, String> {
    let call = call::UpdateMaintenanceSchedule { schedule: parsed(body, "maintenance schedule")? };
    let kind = Some(call::Type::UpdateMaintenanceSchedule as i32);
    Ok(Call { r#type: kind, update_maintenance_schedule: Some(call), ..Call::default() })
}

/// A JSON list of machines that go down, or come up.
fn machines(body: &[u8], route: Route) -> Result<Call, String> {
    let machines = body::list(body)
        .map_err(|why| format!("Failed to parse machines JSON '{}': {why}", String::from_utf8_lossy(body)))?;
    Ok(if route == Route::MachineDown {
        let kind = Some(call::Type::StartMaintenance as i32);
        let start_maintenance = Some(call::StartMaintenance { machines });
        Call { r#type: kind, start_maintenance, ..Call::default() }
    } else {
        let kind = Some(call::Type::StopMaintenance as i32);
        let stop_maintenance = Some(call::StopMaintenance { machines });
        Call { r#type: kind, stop_maintenance, ..Call::default() }
    })
}
