//! Request bodies, with a limit.

use futures::StreamExt as _;

use crate::web::http::{ConnectionType, StatusCode, header};
use crate::web::{Bytes, BytesMut, HttpRequest, HttpResponse, Payload};

/// Reads a whole body of at most `most` bytes; one that says it is larger is refused before it comes.
///
/// # Errors
/// The answer to give: 413 for a body that is too large, after which the connection is closed; 400 for one that cannot be
/// read to its end.
pub async fn read_body(request: &HttpRequest, mut body: Payload, most: usize) -> Result<Bytes, HttpResponse> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    let mut read = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|why| {
            refused(StatusCode::BAD_REQUEST, format!("Failed to read the request's body: {why}"))
        })?;
        if read.len() + chunk.len() > most {
            return Err(too_large(most));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}

/// The rest of the body is not waited for: the connection is closed.
fn too_large(most: usize) -> HttpResponse {
    let why = format!("The request's body is larger than {most} bytes");
    let mut refused = refused(StatusCode::PAYLOAD_TOO_LARGE, why);
    refused.head_mut().set_connection_type(ConnectionType::Close);
    refused
}

fn refused(status: StatusCode, why: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/plain; charset=utf-8").body(why)
}
