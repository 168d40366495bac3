//! `/files/…`, LIST_FILES and READ_FILE: the master's log, for those who look at it from afar.

use std::collections::BTreeMap;

use libactor::web::http::header;
use libactor::web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tepui_daemon::files::Asked;
use tepui_daemon::{Parameters, Refusal};
use tepui_proto::v1::master::{Response, call, response};

use super::routing::Route;
use super::{Site, answer, legacy};

pub(super) async fn serve(request: &HttpRequest, route: Route, site: &Site) -> HttpResponse {
    let parameters = legacy::parameters(request);
    let served = match route {
        Route::Browse => browse(request, &parameters, site).await,
        Route::ReadFile => read(request, &parameters, site).await,
        Route::Download => download(&parameters, site).await,
        _ => Ok(debug(request, &parameters, site)),
    };
    served.unwrap_or_else(answer::refused)
}

fn asked(parameters: &Parameters, site: &Site) -> Result<Asked, Refusal> {
    Asked::of_query(parameters, |path| site.files.locate(path))
}

async fn browse(
    request: &HttpRequest,
    parameters: &Parameters,
    site: &Site,
) -> Result<HttpResponse, Refusal> {
    let entries = asked(parameters, site)?.browse().await?;
    Ok(json(request, parameters, &entries))
}

async fn read(request: &HttpRequest, parameters: &Parameters, site: &Site) -> Result<HttpResponse, Refusal> {
    let part = asked(parameters, site)?.read(parameters).await?;
    Ok(json(request, parameters, &part))
}

async fn download(parameters: &Parameters, site: &Site) -> Result<HttpResponse, Refusal> {
    let download = asked(parameters, site).map_err(Refusal::of_download)?.download().await?;
    let disposition = format!("attachment; filename={}", download.name);
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .no_chunking(download.size)
        .streaming(download.chunks()))
}

fn debug(request: &HttpRequest, parameters: &Parameters, site: &Site) -> HttpResponse {
    let shown = site.files.attached().iter();
    let shown: BTreeMap<String, String> =
        shown.map(|(name, path)| (name.display().to_string(), path.display().to_string())).collect();
    json(request, parameters, &shown)
}

fn json(request: &HttpRequest, parameters: &Parameters, body: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(body).expect("these types have no keys that are not text");
    answer::json(request, parameters.get("jsonp").map(String::as_str), body)
}

/// LIST_FILES.
pub(super) async fn list(call: &call::ListFiles, site: &Site) -> Result<Response, Refusal> {
    let file_infos = Asked::of(&call.path, |path| site.files.locate(path))?.list().await?;
    Ok(Response { list_files: Some(response::ListFiles { file_infos }), ..Response::default() })
}

/// READ_FILE.
pub(super) async fn read_part(call: &call::ReadFile, site: &Site) -> Result<Response, Refusal> {
    let asked = Asked::of(&call.path, |path| site.files.locate(path))?;
    let (size, data) = asked.read_part(call.offset, call.length).await?;
    Ok(Response { read_file: Some(response::ReadFile { size, data }.into()), ..Response::default() })
}
