//! `POST /api/v1`, the operator API.

use futures::StreamExt as _;
use libactor::web::http::header::CONTENT_TYPE;
use libactor::web::{HttpRequest, HttpResponse};
use tepui_daemon::Verbosity;
use tepui_proto::v1;
use tepui_proto::v1::master::{Call, Response, call, response};

use super::{Site, accepted, answer, files, header_text, legacy, streamed};
use crate::actor::OperatorRequest;
use crate::encoding::Encoding;
use crate::identity::Identity;
use crate::reads::{Answer, OperatorRead, Read};

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
    if call.r#type.is_none() {
        return answer::text(400, "Failed to validate master::Call: Expecting 'type' to be present");
    }
    let Some(accepted) = accepted(request) else { return answer::not_acceptable() };
    if let Some(read) = about_entities(call.r#type()) {
        return match site.reads.ask(Read::Operator(read, accepted)).await {
            Some(Answer::Body(body, _)) => {
                streamed::answer(request, accepted.content_type(), None, body).await
            }
            Some(Answer::Unchanged(_) | Answer::Gauges(_) | Answer::Found(_)) | None => answer::recovering(),
        };
    }
    if call.r#type() == call::Type::Subscribe {
        return subscribe(accepted, site).await;
    }
    if is_decision(call.r#type()) {
        return decide(call, principal, site).await;
    }
    match about_master(&call, site).await {
        Ok(answer) => answer::encoded(request, accepted, accepted.encode(&answer)),
        Err(other) => other,
    }
}

/// The cluster's state, and a stream of what becomes of it.
async fn subscribe(accepted: Encoding, site: &Site) -> HttpResponse {
    let Some(subscription) = site.reads.subscribe(accepted).await else { return answer::recovering() };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, accepted.content_type()))
        .streaming(subscription.map(Ok::<_, std::convert::Infallible>))
}

/// Whether a call changes something, so that the core decides.
fn is_decision(kind: call::Type) -> bool {
    use call::Type;
    match kind {
        Type::Unknown
        | Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetMetrics
        | Type::GetLoggingLevel
        | Type::SetLoggingLevel
        | Type::ListFiles
        | Type::ReadFile
        | Type::GetState
        | Type::GetAgents
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetOperations
        | Type::GetTasks
        | Type::GetRoles
        | Type::GetWeights
        | Type::GetMaster
        | Type::Subscribe
        | Type::GetMaintenanceStatus
        | Type::GetMaintenanceSchedule
        | Type::GetQuota => false,
        Type::UpdateWeights
        | Type::ReserveResources
        | Type::UnreserveResources
        | Type::CreateVolumes
        | Type::DestroyVolumes
        | Type::GrowVolume
        | Type::ShrinkVolume
        | Type::UpdateMaintenanceSchedule
        | Type::StartMaintenance
        | Type::StopMaintenance
        | Type::DrainAgent
        | Type::DeactivateAgent
        | Type::ReactivateAgent
        | Type::UpdateQuota
        | Type::SetQuota
        | Type::RemoveQuota
        | Type::Teardown
        | Type::MarkAgentGone => true,
    }
}

/// Lets the core decide; its answer may come after the registry was written.
pub(super) async fn decide(call: Call, principal: Option<String>, site: &Site) -> HttpResponse {
    let Ok(answer) = site.master.ask(OperatorRequest { call, principal }).await else {
        return answer::recovering();
    };
    match answer.await {
        Ok(given) => answer::text(given.status, given.body),
        Err(_) => answer::recovering(),
    }
}

fn about_entities(kind: call::Type) -> Option<OperatorRead> {
    match kind {
        call::Type::GetState => Some(OperatorRead::State),
        call::Type::GetAgents => Some(OperatorRead::Agents),
        call::Type::GetFrameworks => Some(OperatorRead::Frameworks),
        call::Type::GetExecutors => Some(OperatorRead::Executors),
        call::Type::GetTasks => Some(OperatorRead::Tasks),
        call::Type::GetRoles => Some(OperatorRead::Roles),
        call::Type::GetWeights => Some(OperatorRead::Weights),
        call::Type::GetQuota => Some(OperatorRead::Quota),
        call::Type::GetMaintenanceSchedule => Some(OperatorRead::MaintenanceSchedule),
        call::Type::GetMaintenanceStatus => Some(OperatorRead::MaintenanceStatus),
        call::Type::GetMaster => Some(OperatorRead::Master),
        call::Type::GetOperations => Some(OperatorRead::Operations),
        _ => None,
    }
}

/// What the master says of itself; whatever is not a message is the other answer.
async fn about_master(call: &Call, site: &Site) -> Result<Response, HttpResponse> {
    let mut answer = Response::default();
    let kind = match call.r#type() {
        call::Type::GetHealth => {
            answer.get_health = Some(response::GetHealth { healthy: true });
            response::Type::GetHealth
        }
        call::Type::GetVersion => {
            answer.get_version = Some(response::GetVersion { version_info: Identity::version_info() }.into());
            response::Type::GetVersion
        }
        call::Type::GetFlags => {
            let flag = |(name, value): (&String, &String)| v1::Flag {
                name: name.clone(),
                value: Some(value.clone()),
            };
            answer.get_flags =
                Some(response::GetFlags { flags: site.identity.flags.iter().map(flag).collect() });
            response::Type::GetFlags
        }
        call::Type::GetMetrics => {
            if call.get_metrics.is_none() {
                return Err(missing("get_metrics"));
            }
            let metric = |(name, value)| v1::Metric { name, value: Some(value) };
            let metrics = legacy::snapshot(site).await.into_iter().map(metric).collect();
            answer.get_metrics = Some(response::GetMetrics { metrics });
            response::Type::GetMetrics
        }
        call::Type::SetLoggingLevel => {
            let Some(set) = &call.set_logging_level else { return Err(missing("set_logging_level")) };
            let set = Verbosity::of_process().set_by_call(set.level, &set.duration, &site.clock);
            return Err(set.map_or_else(answer::refused, |()| answer::text(200, "")));
        }
        call::Type::ListFiles => {
            let Some(list) = &call.list_files else { return Err(missing("list_files")) };
            answer = files::list(list, site).await.map_err(answer::refused)?;
            response::Type::ListFiles
        }
        call::Type::ReadFile => {
            let Some(read) = &call.read_file else { return Err(missing("read_file")) };
            answer = files::read_part(read, site).await.map_err(answer::refused)?;
            response::Type::ReadFile
        }
        call::Type::GetLoggingLevel => {
            let level = Verbosity::of_process().level();
            answer.get_logging_level = Some(response::GetLoggingLevel { level });
            response::Type::GetLoggingLevel
        }
        call::Type::Unknown => return Err(answer::text(501, "501 Not Implemented.")),
        other => {
            let name = other.as_str_name();
            return Err(answer::text(
                501,
                format!("501 Not Implemented. This version does not serve {name} yet."),
            ));
        }
    };
    answer.r#type = Some(kind as i32);
    Ok(answer)
}

fn missing(field: &str) -> HttpResponse {
    answer::text(400, format!("Failed to validate master::Call: Expecting '{field}' to be present"))
}
