//! `/files/…`, LIST_FILES and READ_FILE: sandboxes and the agent's log, for those who look at them from afar.

use std::collections::BTreeMap;

use bytes::Bytes;
use libactor::web::http::header;
use libactor::web::web::Query;
use libactor::web::{HttpRequest, HttpResponse};
use tepui_daemon::Parameters;
use tepui_daemon::files::Asked;
use tepui_proto::v1;

use super::answer::Refusal;
use super::{Site, answer};

pub(super) fn parameters(request: &HttpRequest) -> Parameters {
    Query::from_query(request.query_string()).map(Query::into_inner).unwrap_or_default()
}

fn asked(parameters: &Parameters, site: &Site) -> Result<Asked, tepui_daemon::Refusal> {
    Asked::of_query(parameters, |path| site.world.shown.locate(path))
}

pub(super) async fn browse(request: &HttpRequest, site: &Site) -> Result<HttpResponse, Refusal> {
    let entries = asked(&parameters(request), site)?.browse().await?;
    Ok(answer::json(request, &entries))
}

pub(super) async fn read(request: &HttpRequest, site: &Site) -> Result<HttpResponse, Refusal> {
    let parameters = parameters(request);
    let part = asked(&parameters, site)?.read(&parameters).await?;
    Ok(answer::json(request, &part))
}

pub(super) async fn download(request: &HttpRequest, site: &Site) -> Result<HttpResponse, Refusal> {
    let asked = asked(&parameters(request), site).map_err(tepui_daemon::Refusal::of_download)?;
    let download = asked.download().await?;
    let disposition = format!("attachment; filename={}", download.name);
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .no_chunking(download.size)
        .streaming(download.chunks()))
}

pub(super) fn debug(request: &HttpRequest, site: &Site) -> HttpResponse {
    answer::json(request, &site.world.shown.all().into_iter().collect::<BTreeMap<_, _>>())
}

/// LIST_FILES.
pub(super) async fn list(site: &Site, path: &str) -> Result<Vec<v1::FileInfo>, Refusal> {
    Ok(Asked::of(path, |path| site.world.shown.locate(path))?.list().await?)
}

/// READ_FILE: the file's size and the part asked for.
pub(super) async fn read_part(
    site: &Site,
    path: &str,
    offset: u64,
    length: Option<u64>,
) -> Result<(u64, Bytes), Refusal> {
    Ok(Asked::of(path, |path| site.world.shown.locate(path))?.read_part(offset, length).await?)
}
