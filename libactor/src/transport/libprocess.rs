//! Programs that speak the libprocess wire are told apart, and told that this node does not speak it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::counters;

/// How long the sender gets to read the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Answers 501 and closes.
pub(crate) async fn refuse(mut stream: TcpStream, remote: std::net::SocketAddr) {
    tracing::warn!(%remote, "libprocess message refused: this node does not speak its wire format");
    counters::count(counters::LIBPROCESS_REFUSED);
    let reason = "Messages in the libprocess wire format are not supported by this node; use the HTTP API.\n";
    let answer = format!(
        "HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reason}",
        reason.len()
    );
    if stream.write_all(answer.as_bytes()).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    // Closing with bytes unread would reset the connection, and the answer with it.
    let drain = async {
        let mut ignored = [0; 4096];
        while stream.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
}
