//! How a node comes to be: its address and its limits.

use std::fmt::Display;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::clock::Clock;
use crate::limits;
use crate::node::Node;
use crate::tls::{self, Tls, TlsError};

/// Connections that the kernel completes before they are accepted. It lowers this to its own limit.
const BACKLOG: i32 = 4096;

/// Makes a [`Node`]. All settings have defaults but the address.
pub struct Builder {
    listen: SocketAddr,
    advertise: Option<SocketAddr>,
    tls: Option<tls::Settings>,
    pub(crate) settings: Settings,
}

pub(crate) type BodyCheck = Box<dyn Fn(&str, &[u8]) -> Result<(), String> + Send + Sync>;

pub(crate) type BodyRenderer = Arc<dyn Fn(&str, &[u8]) -> Option<serde_json::Value> + Send + Sync>;

pub(crate) struct Settings {
    pub(crate) clock: Clock,
    pub(crate) body_check: Option<BodyCheck>,
    pub(crate) body_renderer: Option<BodyRenderer>,
    pub(crate) recorder_bytes: usize,
    pub(crate) frame_bytes: usize,
    pub(crate) outbound_bytes: usize,
    pub(crate) intake_bytes: usize,
    pub(crate) incomplete_bytes: usize,
    pub(crate) connections: usize,
    pub(crate) handshake: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) silence: Duration,
    pub(crate) tls: Option<Tls>,
    pub(crate) peer_match: bool,
}

/// Why a node could not take its address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process has it.
    #[error(
        "address {0} is in use by another process; stop that process, or choose another port (0 takes any free one)"
    )]
    InUse(SocketAddr),
    /// The system refused it: no such interface, or a privileged port.
    #[error("bind {address}")]
    Bind {
        /// What was tried.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Others cannot dial an unspecified address.
    #[error(
        "{0} stands for every interface, so others cannot be told to dial it; advertise one address as well"
    )]
    Unspecified(SocketAddr),
    /// TLS cannot be had as it was asked for.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Builder {
    pub(crate) fn new() -> Builder {
        let settings = Settings {
            clock: Clock::real(),
            body_check: None,
            body_renderer: None,
            recorder_bytes: limits::RECORDER_BYTES,
            frame_bytes: limits::FRAME_BYTES,
            outbound_bytes: limits::OUTBOUND_BYTES,
            intake_bytes: limits::INTAKE_BYTES,
            incomplete_bytes: limits::INCOMPLETE_BYTES,
            connections: limits::CONNECTIONS,
            handshake: limits::HANDSHAKE,
            heartbeat: limits::HEARTBEAT,
            silence: limits::SILENCE,
            tls: None,
            peer_match: false,
        };
        Builder { listen: SocketAddr::from(([127, 0, 0, 1], 0)), advertise: None, tls: None, settings }
    }

    /// The address to listen on. Port 0 takes any free one. `127.0.0.1:0` if not called.
    pub fn listen(mut self, address: SocketAddr) -> Builder {
        self.listen = address;
        self
    }

    /// The address that this node's pids carry, if it is not the one it listens on. Port 0 means the port listened on.
    pub fn advertise(mut self, address: Option<SocketAddr>) -> Builder {
        self.advertise = address;
        self
    }

    /// Where the node's time and its actors' timers come from. The real clock if not called.
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.settings.clock = clock;
        self
    }

    /// Checks the name and the body of each message from another node before an actor gets it: what is refused counts as
    /// malformed. Protobuf's `required` is checked here, which prost does not do.
    pub fn body_check<E: Display>(
        mut self,
        check: impl Fn(&str, &[u8]) -> Result<(), E> + Send + Sync + 'static,
    ) -> Builder {
        let check = move |name: &str, body: &[u8]| check(name, body).map_err(|error| error.to_string());
        self.settings.body_check = Some(Box::new(check));
        self
    }

    /// Memory of the flight recorder when it is full, in bytes: 64 MiB if not called, which hold the headers of the last million
    /// messages. At least 1 MiB and at most 2 GiB, or 0 for none.
    pub fn flight_recorder(mut self, bytes: usize) -> Builder {
        self.settings.recorder_bytes = bytes;
        self
    }

    /// Writes bodies as JSON for taps that ask for them: from the name of the message's type and its bytes. What must not be seen,
    /// it leaves out: this is the one place where bodies leave a node for those who look. None, or no renderer: only the size
    /// of a body is shown.
    pub fn body_renderer(
        mut self,
        render: impl Fn(&str, &[u8]) -> Option<serde_json::Value> + Send + Sync + 'static,
    ) -> Builder {
        self.settings.body_renderer = Some(Arc::new(render));
        self
    }

    /// Largest message to or from another node, in bytes. 64 MiB if not called.
    pub fn largest_frame(mut self, bytes: usize) -> Builder {
        self.settings.frame_bytes = bytes.min(u32::MAX as usize);
        self
    }

    /// What may wait to be written to one peer, in bytes, before the connection to it is given up. 128 MiB if not called.
    pub fn outbound_limit(mut self, bytes: usize) -> Builder {
        self.settings.outbound_bytes = bytes;
        self
    }

    /// What may be received from one peer and not yet handled, in bytes, before its socket is no longer read. 16 MiB if
    /// not called.
    pub fn intake_limit(mut self, bytes: usize) -> Builder {
        self.settings.intake_bytes = bytes.min(u32::MAX as usize);
        self
    }

    /// What all connections together may hold of messages that have not come in whole, in bytes, besides
    /// [4 KiB each](limits::INCOMPLETE_FREE). More than the largest frame. 256 MiB if not called.
    pub fn incomplete_limit(mut self, bytes: usize) -> Builder {
        self.settings.incomplete_bytes = bytes.min(u32::MAX as usize);
        self
    }

    /// Connections served at a time. 16,384 if not called.
    pub fn connection_limit(mut self, connections: usize) -> Builder {
        self.settings.connections = connections.max(1);
        self
    }

    /// How long a new connection may take to say what it is. 10 seconds if not called.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Builder {
        self.settings.handshake = timeout;
        self
    }

    /// How often a peer is told that this node lives, and after what silence a peer is dead. 5 and 20 seconds if not
    /// called; all nodes of a cluster should agree.
    pub fn heartbeat(mut self, interval: Duration, silence: Duration) -> Builder {
        self.settings.heartbeat = interval;
        self.settings.silence = silence;
        self
    }

    /// Believes that a message comes from an address only if it comes from the IP of that address: others are refused, nodes and programs
    /// that speak as libprocess does alike. Not where there is a translation of addresses between them. Off if not called; who is connected
    /// keeps its address from strangers in any case.
    pub fn require_peer_match(mut self, required: bool) -> Builder {
        self.settings.peer_match = required;
        self
    }

    /// TLS for everything that this node accepts and dials; none if not called.
    pub fn tls(mut self, settings: Option<tls::Settings>) -> Builder {
        self.tls = settings;
        self
    }

    /// Takes the address. Connections wait until [`Node::serve`] accepts them.
    ///
    /// # Errors
    /// The address is in use or not ours, or it is unspecified and none is advertised, or TLS cannot be had as asked.
    ///
    /// # Panics
    /// Called outside [`libactor::run`](crate::run).
    pub async fn bind(mut self) -> Result<Node, BindError> {
        self.settings.tls = self.tls.map(Tls::new).transpose()?;
        let listener = bind(self.listen)?;
        let bound = listener.local_addr().map_err(|cause| BindError::Bind { address: self.listen, cause })?;
        let mut address = self.advertise.unwrap_or(bound);
        if address.port() == 0 {
            address.set_port(bound.port());
        }
        if address.ip().is_unspecified() {
            return Err(BindError::Unspecified(address));
        }
        Ok(Node::new(address, listener, self.settings))
    }
}

/// With SO_REUSEADDR, so that a daemon that was killed gets its port back while old connections linger in the kernel.
fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // All addresses are those of both families, whatever the system thinks.
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    listen().map_err(|cause: io::Error| match cause.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse(address),
        _ => BindError::Bind { address, cause },
    })
}
