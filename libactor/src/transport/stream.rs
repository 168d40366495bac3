//! A connection whose first bytes were read already, and what TCP is told about connections.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::limits::HTTP_UNACKNOWLEDGED;
use crate::transport::socket::Socket;
use crate::transport::watchdog::Activity;

/// Reads `seen` first, then the connection.
pub(crate) struct Rewound {
    pub(crate) seen: BytesMut,
    pub(crate) stream: Socket,
    pub(crate) activity: Activity,
}

/// Small writes leave at once. Best effort: a connection works without it too.
pub(crate) fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
}

/// A machine that vanished is noticed, also when there is nothing to send. Peers have their own heartbeats. Best effort.
pub(crate) fn tune_http(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(HTTP_UNACKNOWLEDGED));
}

/// A program that has no heartbeats, on a machine that vanished, is noticed after about `silence`, also when there is nothing to
/// send. A program that is stopped is not: its machine answers. Best effort.
pub(crate) fn tune_libprocess(stream: &TcpStream, silence: Duration) {
    let socket = SockRef::from(stream);
    let part = (silence / 4).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new().with_time(part).with_interval(part).with_retries(3);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(silence));
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.activity.note();
        if self.seen.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, out);
        }
        let count = self.seen.len().min(out.remaining());
        out.put_slice(&self.seen[..count]);
        self.seen.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.activity.note();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
