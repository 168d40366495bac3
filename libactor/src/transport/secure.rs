//! Plain or TLS: decided by the first byte of who dials us, and by the settings when we dial.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use rustls::InvalidMessage;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use crate::counters;
use crate::node::Node;
use crate::tls::Tls;
use crate::tls::names::{self, NameError};
use crate::transport::peer;
use crate::transport::socket::Socket;

/// With this byte a TLS handshake begins, and nothing else that is spoken here.
const HANDSHAKE: u8 = 0x16;

/// How long somebody who is turned away gets to read why.
const LINGER: Duration = Duration::from_secs(1);

/// Why there is no TLS with another node.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecureError {
    #[error("TLS handshake")]
    Handshake(#[source] io::Error),
    #[error(
        "the other side does not speak TLS; set LIBPROCESS_SSL_ENABLED=true there, or LIBPROCESS_SSL_SUPPORT_DOWNGRADE=true here"
    )]
    NotTls(#[source] io::Error),
    #[error("the connection ended in the TLS handshake")]
    Ended(#[source] io::Error),
    #[error("the other side is not who it should be")]
    Name(#[from] NameError),
}

/// What becomes of a connection that begins with this byte, which was not read yet. None if it is turned away: that was logged, and
/// the other side was told.
pub(crate) async fn receive(node: &Node, stream: TcpStream, first: u8, remote: SocketAddr) -> Option<Socket> {
    let tls = node.inner().settings.tls.as_ref();
    match (tls, first == HANDSHAKE) {
        (Some(tls), true) => accept(tls, stream, remote).await,
        (Some(tls), false) if !tls.settings.downgrade => {
            tracing::warn!(%remote, "connection closed: it does not speak TLS, which this node asks for");
            turn_away(
                stream,
                first,
                "this port speaks TLS only: use https, or set LIBPROCESS_SSL_ENABLED=true",
            )
            .await;
            None
        }
        (None, true) => {
            tracing::warn!(%remote, "connection closed: it speaks TLS, which is not enabled on this node");
            turn_away(stream, first, "this port does not speak TLS: use http").await;
            None
        }
        _ => Some(Socket::Plain(stream)),
    }
}

async fn accept(tls: &Tls, stream: TcpStream, remote: SocketAddr) -> Option<Socket> {
    let refused = |error: &(dyn Error + 'static)| {
        tracing::warn!(%remote, error, "connection closed: no TLS with it");
        counters::count(counters::TLS_FAILED);
    };
    let stream = match tls.acceptor.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => {
            refused(&error);
            return None;
        }
    };
    if tls.settings.require_client
        && let Err(error) = names::check(&tls.settings, stream.get_ref().1, remote.ip()).await
    {
        refused(&error);
        return None;
    }
    Some(Socket::Tls(Box::new(TlsStream::Server(stream))))
}

/// Says in plain words, and in the language in which the other side began, why nothing comes of it.
async fn turn_away(mut stream: TcpStream, first: u8, reason: &str) {
    counters::count(counters::TLS_MISMATCHED);
    let answer = if first == peer::MAGIC[0] {
        [&peer::preface()[..], &peer::refused(reason)[..]].concat()
    } else {
        let length = reason.len() + 1;
        let head =
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length:";
        format!("{head} {length}\r\n\r\n{reason}\n").into_bytes()
    };
    let end = async {
        if stream.write_all(&answer).await.is_err() || stream.shutdown().await.is_err() {
            return;
        }
        // Closing with bytes unread would reset the connection, and the answer with it.
        let mut ignored = [0; 4096];
        while stream.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
    };
    let _ = tokio::time::timeout(LINGER, end).await;
}

/// Dials, and speaks TLS if it is enabled. `tune` sees each TCP connection first.
pub(crate) async fn dial(
    node: &Node,
    to: SocketAddr,
    tune: impl Fn(&TcpStream),
) -> Result<Socket, DialSecureError> {
    let connect = async || {
        let stream = TcpStream::connect(to).await.map_err(DialSecureError::Connect)?;
        tune(&stream);
        Ok(stream)
    };
    let stream = connect().await?;
    let Some(tls) = &node.inner().settings.tls else { return Ok(Socket::Plain(stream)) };
    match initiate(tls, stream, to).await {
        Ok(socket) => Ok(socket),
        Err(SecureError::NotTls(cause) | SecureError::Ended(cause)) if tls.settings.downgrade => {
            tracing::warn!(peer = %to, error = &cause as &dyn Error, "peer speaks no TLS: dialled again without");
            Ok(Socket::Plain(connect().await?))
        }
        Err(error) => Err(DialSecureError::Secure(error)),
    }
}

/// Why a node was not reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialSecureError {
    #[error("connect")]
    Connect(#[source] io::Error),
    #[error(transparent)]
    Secure(SecureError),
}

async fn initiate(tls: &Tls, stream: TcpStream, to: SocketAddr) -> Result<Socket, SecureError> {
    let name = ServerName::IpAddress(to.ip().into());
    let stream = tls.connector.connect(name, stream).await;
    let stream = stream.map_err(failed)?;
    if tls.settings.verify_server {
        names::check(&tls.settings, stream.get_ref().1, to.ip()).await?;
    }
    Ok(Socket::Tls(Box::new(TlsStream::Client(stream))))
}

/// Told by what comes back. What is no record of TLS comes from somebody who does not speak it; an end may come from one, and
/// from one who was started anew just now. A certificate that is not trusted is something else.
fn failed(error: io::Error) -> SecureError {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match (cause, error.kind()) {
        (Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)), _) => {
            SecureError::NotTls(error)
        }
        (None, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
            SecureError::Ended(error)
        }
        _ => SecureError::Handshake(error),
    }
}

/// The first byte, which stays where it is.
pub(crate) async fn peek(stream: &TcpStream) -> io::Result<Option<u8>> {
    let mut first = [0];
    Ok((stream.peek(&mut first).await? > 0).then_some(first[0]))
}
