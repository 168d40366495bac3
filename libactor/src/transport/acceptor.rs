//! Accepts connections and hands each to who speaks its language.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::counters;
use crate::limits::SILENT_SHARE;
use crate::node::Node;
use crate::transport::classify::{Speaker, classify};
use crate::transport::http::Http;
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
                        let (node, http) = (self.node.clone(), self.http.clone());
                        let (silence, closing) = (self.silence.clone(), closing.clone());
                        self.connections.spawn_local(async move {
                            if speaks(&node, &stream, remote, &silence, &closing).await {
                                serve(node, http, stream, remote, closing).await;
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

/// Waits for the first byte. A program of the libprocess kind links an actor by a connection on which it says nothing, for as
/// long as it wants to know of the end: as many as there is room for are kept, and beyond that only for the time of a handshake.
async fn speaks(
    node: &Node,
    stream: &TcpStream,
    remote: SocketAddr,
    silence: &Semaphore,
    closing: &CancellationToken,
) -> bool {
    tune(stream);
    tune_http(stream);
    let (place, mut first) = (silence.try_acquire(), [0]);
    let patience = async {
        match &place {
            Ok(_) => pending().await,
            Err(_) => tokio::time::sleep(node.inner().settings.handshake).await,
        }
    };
    tokio::select! {
        peeked = stream.peek(&mut first) => peeked.is_ok(),
        () = patience => {
            tracing::warn!(%remote, "connection closed: it says nothing, and too many others say nothing either");
            counters::count(counters::CONNECTIONS_HALF_OPEN);
            false
        }
        () = closing.cancelled() => false,
    }
}

async fn serve(
    node: Node,
    http: Http,
    mut stream: TcpStream,
    remote: SocketAddr,
    closing: CancellationToken,
) {
    let mut seen = BytesMut::with_capacity(4096);
    let classified = tokio::select! {
        classified = tokio::time::timeout(
            node.inner().settings.handshake,
            classify(&mut stream, &mut seen),
        ) => classified,
        () = closing.cancelled() => return,
    };
    match classified {
        Err(_) => give_up_half_open(stream, remote, &seen).await,
        Ok(Err(error)) => tracing::debug!(%remote, %error, "read the first bytes of a connection"),
        Ok(Ok(Speaker::Nobody)) => tracing::debug!(%remote, "connection closed before it said anything"),
        Ok(Ok(Speaker::Libprocess)) => {
            libprocess::inbound::run(node, http, stream, remote, seen, closing).await;
        }
        Ok(Ok(Speaker::Peer)) => inbound::run(node, stream, remote, seen).await,
        Ok(Ok(Speaker::Http)) => {
            let rewound = Rewound { seen, stream, activity: Activity::default() };
            http.serve_until(rewound, remote, closing).await;
        }
    }
}

async fn give_up_half_open(mut stream: TcpStream, remote: SocketAddr, seen: &[u8]) {
    tracing::warn!(%remote, bytes = seen.len(), "connection closed: it did not say in time what it is");
    counters::count(counters::CONNECTIONS_HALF_OPEN);
    if !seen.is_empty() {
        let answer = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = tokio::time::timeout(PAUSE, stream.write_all(answer)).await;
    }
}
