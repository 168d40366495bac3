//! `/slave(1)/record`: GET records the agent until its limits, its reader's end or a DELETE.

use futures::StreamExt as _;
use libactor::AskError;
use libactor::web::http::Method;
use libactor::web::http::header::{ALLOW, CONTENT_TYPE};
use libactor::web::{HttpRequest, HttpResponse};
use tepui_recording::{Limits, MEDIA_TYPE};

use super::{Site, answer};
use crate::recording::{EndRecording, Record};

pub(super) async fn serve(request: &HttpRequest, site: &Site) -> Result<HttpResponse, AskError> {
    match *request.method() {
        Method::GET => begin(request, site).await,
        Method::DELETE => site.agent.ask(EndRecording).await.map(|()| answer::empty(202)),
        _ => Ok(HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET, DELETE")).finish()),
    }
}

async fn begin(request: &HttpRequest, site: &Site) -> Result<HttpResponse, AskError> {
    let limits = match Limits::of_query(request.query_string()) {
        Ok(limits) => limits,
        Err(why) => return Ok(answer::text(400, why)),
    };
    Ok(match site.agent.ask(Record(limits)).await? {
        Ok(records) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, MEDIA_TYPE))
            .streaming(records.map(Ok::<_, std::convert::Infallible>)),
        Err(busy) => answer::text(409, busy.to_string()),
    })
}
