//! `GET /explain?framework=…`: why a framework gets no offers, agent by agent. An endpoint of ours.
//!
//! Readers say which framework is meant, the allocator's thread says why, and readers write it down: the master is not asked.

use libactor::web::http::Method;
use libactor::web::{HttpRequest, HttpResponse, web::Query};
use tepui_daemon::Parameters;
use tepui_model::{ResourceQuantities, Role};

use super::{Site, answer, streamed};
use crate::encoding::JSON;
use crate::reads::{Answer, Body, Explained, FrameworkQuery, Read};

/// Roles that are answered for at once: each has a line for every agent.
const MOST_ROLES: usize = 16;

pub(super) async fn serve(request: &HttpRequest, site: &Site) -> HttpResponse {
    if request.method() != Method::GET {
        return answer::not_allowed(request.method(), "GET");
    }
    match explain(request, site).await {
        Ok(body) => streamed::answer(request, JSON, None, body).await,
        Err(refused) => refused,
    }
}

async fn explain(request: &HttpRequest, site: &Site) -> Result<Body, HttpResponse> {
    let refused = |why: String| answer::text(400, why);
    let query = Query::<Parameters>::from_query(request.query_string())
        .map_err(|error| refused(format!("the query cannot be read: {error}")))?;
    let Some(framework) = query.get("framework").filter(|name| !name.is_empty()) else {
        return Err(refused("Missing 'framework': give its id, the beginning of its id, or its name".into()));
    };
    let wanted = query.get("resources").map_or("", String::as_str);
    let wanted = ResourceQuantities::parse(wanted).map_err(|error| {
        refused(format!("'resources' must be amounts, such as cpus:2;mem:1024;ports:3: {error}"))
    })?;
    let role = query.get("role").map(|role| Role::parse(role)).transpose();
    let role = role.map_err(|error| refused(format!("'role' is no role: {error}")))?;

    let found = site.reads.ask(Read::FindFramework(FrameworkQuery { name: framework.clone(), role })).await;
    let found = match found {
        Some(Answer::Found(found)) => found.map_err(|(status, why)| answer::text(status, why))?,
        Some(Answer::Body(..) | Answer::Unchanged(_) | Answer::Gauges(_)) | None => {
            return Err(answer::recovering());
        }
    };
    if found.roles.len() > MOST_ROLES {
        let count = found.roles.len();
        return Err(refused(format!("the framework has {count} roles; give one of them as 'role'")));
    }
    let (handle, roles, amounts) = (found.handle, found.roles.clone(), wanted.clone());
    let question = move |allocator: &tepui_allocator::Allocator, now| {
        let explanations = roles.iter().map(|role| allocator.explain(now, handle, role, &amounts));
        explanations.collect::<Option<Vec<_>>>()
    };
    let Some(Some(explanations)) = site.allocation.ask(question).await else {
        return Err(answer::text(404, format!("Framework {} has ended", found.id)));
    };
    match site.reads.ask(Read::Explained(Box::new(Explained { found, wanted, explanations }))).await {
        Some(Answer::Body(body, _)) => Ok(body),
        Some(Answer::Unchanged(_) | Answer::Gauges(_) | Answer::Found(_)) | None => Err(answer::recovering()),
    }
}
