//! Accepts connections and hands each to who speaks its language.

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
use crate::node::Node;
use crate::transport::classify::{Speaker, classify};
use crate::transport::http::Http;
use crate::transport::stream::{Rewound, tune, tune_http};
use crate::transport::watchdog::Activity;
use crate::transport::{inbound, libprocess};

/// After an error that will not go away by itself at once, such as no more file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// What answers that are being written get to finish when the node is shut down. Streams do not finish.
const LAST_WORDS: Duration = Duration::from_millis(50);

pub(crate) struct Acceptor {
    node: Node,
    listener: TcpListener,
    http: Http,
    connections: JoinSet<()>,
    room: Arc<Semaphore>,
}

impl Acceptor {
    /// On the transport's thread.
    pub(crate) fn new(node: Node, listener: std::net::TcpListener, http: Http) -> io::Result<Acceptor> {
        let listener = TcpListener::from_std(listener)?;
        let room = Arc::new(Semaphore::new(node.inner().settings.connections));
        Ok(Acceptor { node, listener, http, connections: JoinSet::new(), room })
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
                        let connection = serve(self.node.clone(), self.http.clone(), stream, remote, closing.clone());
                        self.connections.spawn_local(async move {
                            connection.await;
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

async fn serve(
    node: Node,
    http: Http,
    mut stream: TcpStream,
    remote: SocketAddr,
    closing: CancellationToken,
) {
    tune(&stream);
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
        Ok(Ok(Speaker::Libprocess)) => libprocess::refuse(stream, remote).await,
        Ok(Ok(Speaker::Peer)) => inbound::run(node, stream, remote, seen).await,
        Ok(Ok(Speaker::Http)) => {
            tune_http(&stream);
            let closed = async {
                closing.cancelled().await;
                tokio::time::sleep(LAST_WORDS).await;
            };
            tokio::select! {
                () = http.serve(Rewound { seen, stream, activity: Activity::default() }, remote) => {}
                () = closed => {}
            }
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
