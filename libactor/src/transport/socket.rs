//! A connection as all three languages of the port see it: plain TCP, or TLS over it.
//!
//! An enum, not a trait object: plain connections, which carry most messages, pay one branch for the choice.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::TlsStream;

/// What is written to it may wait inside TLS until it is flushed: whoever has nothing more to write for now flushes.
pub(crate) enum Socket {
    Plain(TcpStream),
    // Boxed: it is ten times as large.
    Tls(Box<TlsStream<TcpStream>>),
}

/// The half that is read.
pub(crate) enum SocketReader {
    Plain(OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
}

/// The half that is written.
pub(crate) enum SocketWriter {
    Plain(OwnedWriteHalf),
    Tls(WriteHalf<TlsStream<TcpStream>>),
}

impl Socket {
    /// For a task that reads and writes at the same time. Without a lock if it is plain.
    pub(crate) fn into_split(self) -> (SocketReader, SocketWriter) {
        match self {
            Socket::Plain(stream) => {
                let (read, write) = stream.into_split();
                (SocketReader::Plain(read), SocketWriter::Plain(write))
            }
            Socket::Tls(stream) => {
                let (read, write) = tokio::io::split(*stream);
                (SocketReader::Tls(read), SocketWriter::Tls(write))
            }
        }
    }
}

/// The end of a connection is its end, also when the other side did not announce it inside TLS, which many do not: all
/// three languages say how long what they send is, so that nothing can be cut off unnoticed.
fn end_is_end(read: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
    match read {
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
        read => read,
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Plain(stream) => Pin::new(stream).poll_read(cx, out),
            Socket::Tls(stream) => end_is_end(Pin::new(stream).poll_read(cx, out)),
        }
    }
}

impl AsyncRead for SocketReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            SocketReader::Plain(stream) => Pin::new(stream).poll_read(cx, out),
            SocketReader::Tls(stream) => end_is_end(Pin::new(stream).poll_read(cx, out)),
        }
    }
}

/// The same four lines for two enums of the same two variants.
macro_rules! write_through {
    ($type:ident) => {
        impl AsyncWrite for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $type::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
                    $type::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
                }
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                match self.get_mut() {
                    $type::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
                    $type::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
                }
            }

            fn is_write_vectored(&self) -> bool {
                match self {
                    $type::Plain(stream) => stream.is_write_vectored(),
                    $type::Tls(stream) => stream.is_write_vectored(),
                }
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $type::Plain(stream) => Pin::new(stream).poll_flush(cx),
                    $type::Tls(stream) => Pin::new(stream).poll_flush(cx),
                }
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() {
                    $type::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
                    $type::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
                }
            }
        }
    };
}

write_through!(Socket);
write_through!(SocketWriter);
