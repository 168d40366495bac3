//! `/reserve`, `/unreserve`, `/create-volumes` and `/destroy-volumes`, which are older than the calls of the v1 API: brought into
//! their form, and decided as they are.

use libactor::web::HttpResponse;
use tepui_proto::v1::master::{Call, call};
use tepui_proto::v1::{AgentId, Resource};

use super::body::{self, Form};
use super::routing::Route;
use super::{Site, answer, operator};

/// A form: `slaveId`, and the resources as a JSON array in the field that the path is about.
pub(super) async fn serve(body: &[u8], route: Route, principal: Option<String>, site: &Site) -> HttpResponse {
    match read(body, route) {
        Ok(call) => operator::decide(call, principal, site).await,
        Err(why) => answer::text(400, why),
    }
}

fn read(body: &[u8], route: Route) -> Result<Call, String> {
    let form = Form::read(body)?;
    let agent_id = AgentId { value: form.field("slaveId")?.to_owned() };
    let listed = |name: &str| resources(name, form.field(name)?);
    let of = |kind: call::Type| Call { r#type: Some(kind as i32), ..Call::default() };
    Ok(match route {
        Route::Reserve => {
            let source = if form.has("source") { listed("source")? } else { Vec::new() };
            let reserve = call::ReserveResources { agent_id, source, resources: listed("resources")? };
            Call { reserve_resources: Some(reserve.into()), ..of(call::Type::ReserveResources) }
        }
        Route::Unreserve => {
            let unreserve = call::UnreserveResources { agent_id, resources: listed("resources")? };
            Call { unreserve_resources: Some(unreserve.into()), ..of(call::Type::UnreserveResources) }
        }
        Route::CreateVolumes => {
            let create = call::CreateVolumes { agent_id, volumes: listed("volumes")? };
            Call { create_volumes: Some(create.into()), ..of(call::Type::CreateVolumes) }
        }
        _ => {
            let destroy = call::DestroyVolumes { agent_id, volumes: listed("volumes")? };
            Call { destroy_volumes: Some(destroy.into()), ..of(call::Type::DestroyVolumes) }
        }
    })
}

fn resources(name: &str, text: &str) -> Result<Vec<Resource>, String> {
    let failed = |why: String| format!("Error parsing '{name}' query parameter in the request body: {why}");
    body::list(text.as_bytes()).map_err(failed)
}
