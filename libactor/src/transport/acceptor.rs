//! Accepts connections and hands each to who speaks its language.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::counters;
use crate::limits::SILENT_SHARE;
use crate::node::Node;
use crate::transport::classify::{Speaker, classify};
use crate::transport::http::Http;
use crate::transport::secure;
use crate::transport::socket::Socket;
use crate::transport::stream::{Rewound, tune, tune_http};
use crate::transport::watchdog::Activity;
use crate::transport::{inbound, libprocess};

/// After an error that will not go away by itself at once, such as no more file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Acceptor {
    node: Node,
    listener: TcpListener,
    http: Http,
    connections: JoinSet<()>,
    room: Arc<Semaphore>,
    // For those who say nothing.
    silence: Arc<Semaphore>,
}

impl Acceptor {
    /// On the transport's thread.
    pub(crate) fn new(node: Node, listener: std::net::TcpListener, http: Http) -> io::Result<Acceptor> {
        let listener = TcpListener::from_std(listener)?;
        let connections = node.inner().settings.connections;
        let (room, silence) = (Semaphore::new(connections), Semaphore::new(connections / SILENT_SHARE));
        let (room, silence) = (Arc::new(room), Arc::new(silence));
        Ok(Acceptor { node, listener, http, connections: JoinSet::new(), room, silence })
    }

    /// Until the node is shut down and all connections have ended.
    pub(crate) async fn run(mut self) {
        let closing = self.node.inner().transport.closing();
        loop {
            let next = async {
                let place = self.room.clone().acquire_owned().await;
                (self.listener.accept().await, place)
            };
            tokio::select! {
                () = closing.cancelled() => break,
                Some(ended) = self.connections.join_next() => note_panic(ended),
                (accepted, place) = next => match accepted {
                    Ok((stream, remote)) => {
                        let (node, http, closing) = (self.node.clone(), self.http.clone(), closing.clone());
                        let silence = self.silence.clone().try_acquire_owned().ok();
                        let arrival = Arrival { node, http, remote, closing, silence };
                        self.connections.spawn_local(async move {
                            if let Some(conversation) = arrival.secured(stream).await {
                                conversation.serve().await;
                            }
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::error!(%error, "accept a connection");
                        counters::count(counters::ACCEPTS_FAILED);
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        while let Some(ended) = self.connections.join_next().await {
            note_panic(ended);
        }
    }
}

fn note_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's handler panicked");
        counters::count(counters::CONNECTIONS_PANICKED);
    }
}

/// A connection of which nobody knows yet who speaks on it.
pub(crate) struct Arrival {
    pub(crate) node: Node,
    pub(crate) http: Http,
    pub(crate) remote: SocketAddr,
    pub(crate) closing: CancellationToken,
    /// The right to say nothing for as long as it likes. A program of the libprocess kind links an actor by a connection on which
    /// it says nothing, for as long as it wants to know of the end; as many as there is room for are kept.
    pub(crate) silence: Option<OwnedSemaphorePermit>,
}

impl Arrival {
    /// Waits for the first byte, which tells whether TLS is spoken. None if nothing comes of it.
    async fn secured(self, stream: TcpStream) -> Option<Conversation> {
        tune(&stream);
        tune_http(&stream);
        let first = self.patiently(secure::peek(&stream)).await??;
        let handshake = self.node.inner().settings.handshake;
        let received = tokio::select! {
            received = tokio::time::timeout(handshake, secure::receive(&self.node, stream, first, self.remote)) => received,
            () = self.closing.cancelled() => return None,
        };
        let Ok(received) = received else {
            tracing::warn!(remote = %self.remote, "connection closed: no TLS handshake within the time for it");
            counters::count(counters::CONNECTIONS_HALF_OPEN);
            return None;
        };
        let (mut stream, mut seen) = (received?, BytesMut::with_capacity(4096));
        if let Socket::Tls(tls) = &mut stream {
            // What was silent before it spoke TLS may be silent inside as well.
            self.patiently(tls.read_buf(&mut seen)).await?;
        }
        Some(Conversation { arrival: self, stream, seen })
    }

    /// Waits as long as this connection may say nothing. None if it has to be closed.
    async fn patiently<T>(&self, wait: impl Future<Output = io::Result<T>>) -> Option<T> {
        let patience = async {
            match &self.silence {
                Some(_) => pending().await,
                None => tokio::time::sleep(self.node.inner().settings.handshake).await,
            }
        };
        tokio::select! {
            waited = wait => waited.ok(),
            () = patience => {
                let remote = self.remote;
                tracing::warn!(%remote, "connection closed: it says nothing, and too many others say nothing either");
                counters::count(counters::CONNECTIONS_HALF_OPEN);
                None
            }
            () = self.closing.cancelled() => None,
        }
    }
}

/// A connection that has begun to speak, and what it said.
pub(crate) struct Conversation {
    pub(crate) arrival: Arrival,
    pub(crate) stream: Socket,
    pub(crate) seen: BytesMut,
}

impl Conversation {
    async fn serve(mut self) {
        let arrival = &self.arrival;
        let (remote, handshake) = (arrival.remote, arrival.node.inner().settings.handshake);
        let classified = tokio::select! {
            classified = tokio::time::timeout(handshake, classify(&mut self.stream, &mut self.seen)) => classified,
            () = arrival.closing.cancelled() => return,
        };
        match classified {
            Err(_) => give_up_half_open(self.stream, remote, &self.seen).await,
            Ok(Err(error)) => tracing::debug!(%remote, %error, "read the first bytes of a connection"),
            Ok(Ok(Speaker::Nobody)) => tracing::debug!(%remote, "connection closed before it said anything"),
            Ok(Ok(Speaker::Libprocess)) => libprocess::inbound::run(self).await,
            Ok(Ok(Speaker::Peer)) => {
                let Conversation { arrival, stream, seen } = self;
                drop(arrival.silence);
                inbound::run(arrival.node, stream, remote, seen).await;
            }
            Ok(Ok(Speaker::Http)) => {
                let Conversation { arrival, stream, seen } = self;
                drop(arrival.silence);
                let rewound = Rewound { seen, stream, activity: Activity::default() };
                arrival.http.serve_until(rewound, remote, arrival.closing).await;
            }
        }
    }
}

async fn give_up_half_open(mut stream: Socket, remote: SocketAddr, seen: &[u8]) {
    tracing::warn!(%remote, bytes = seen.len(), "connection closed: it did not say in time what it is");
    counters::count(counters::CONNECTIONS_HALF_OPEN);
    if !seen.is_empty() {
        let answer = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = tokio::time::timeout(PAUSE, async {
            stream.write_all(answer).await?;
            stream.flush().await
        })
        .await;
    }
}
