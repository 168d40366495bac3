//! A connection as all three languages of the port see it: plain TCP, or TLS over it.
//!
//! An enum, not a trait object: plain connections, which carry most messages, pay one branch for the choice.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
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
    Plain(PlainWriter),
    Tls(WriteHalf<TlsStream<TcpStream>>),
}

/// The half of a plain connection that is written, by every thread. Who shares it sees to it that only one writes at a time.
#[derive(Clone)]
pub(crate) struct PlainWriter(Arc<OwnedWriteHalf>);

impl PlainWriter {
    /// Writes what the system takes at once.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    /// Once the system takes some of it.
    fn poll_try<T>(&self, cx: &mut Context<'_>, write: impl Fn() -> io::Result<T>) -> Poll<io::Result<T>> {
        loop {
            ready!(self.0.as_ref().as_ref().poll_write_ready(cx))?;
            match write() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl AsyncWrite for PlainWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_try(cx, || self.0.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_try(cx, || self.0.try_write_vectored(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(self.0.as_ref().as_ref()).shutdown(Shutdown::Write))
    }
}

impl SocketWriter {
    /// Another handle to write to it, from any thread. None if it has to be encrypted first.
    pub(crate) fn share(&self) -> Option<PlainWriter> {
        match self {
            SocketWriter::Plain(writer) => Some(writer.clone()),
            SocketWriter::Tls(_) => None,
        }
    }
}

impl Socket {
    /// For a task that reads and writes at the same time. Without a lock if it is plain.
    pub(crate) fn into_split(self) -> (SocketReader, SocketWriter) {
        match self {
            Socket::Plain(stream) => {
                let (read, write) = stream.into_split();
                (SocketReader::Plain(read), SocketWriter::Plain(PlainWriter(Arc::new(write))))
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
