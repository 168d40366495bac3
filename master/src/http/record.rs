//! `/master/record`: GET records the master until its limits, its reader's end or a DELETE.

use futures::StreamExt as _;
use libactor::web::http::Method;
use libactor::web::http::header::{ALLOW, CONTENT_TYPE};
use libactor::web::{HttpRequest, HttpResponse};
use tepui_recording::{Limits, MEDIA_TYPE};

use super::{Site, answer};
use crate::recording::{EndRecording, Record};

pub(super) async fn serve(request: &HttpRequest, site: &Site) -> HttpResponse {
    match *request.method() {
        Method::GET => begin(request, site).await,
        Method::DELETE => match site.master.ask(EndRecording).await {
            Ok(()) => answer::text(202, ""),
            Err(_) => answer::recovering(),
        },
        _ => HttpResponse::MethodNotAllowed().insert_header((ALLOW, "GET, DELETE")).finish(),
    }
}

async fn begin(request: &HttpRequest, site: &Site) -> HttpResponse {
    let limits = match Limits::of_query(request.query_string()) {
        Ok(limits) => limits,
        Err(why) => return answer::text(400, why),
    };
    match site.master.ask(Record(limits)).await {
        Ok(Ok(records)) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, MEDIA_TYPE))
            .streaming(records.map(Ok::<_, std::convert::Infallible>)),
        Ok(Err(busy)) => answer::text(409, busy.to_string()),
        Err(_) => answer::recovering(),
    }
}
