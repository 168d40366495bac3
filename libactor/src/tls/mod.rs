//! TLS for everything on the port of a node, and for HTTP clients that talk to nodes: rustls with ring, told what to do in the
//! words of libprocess.
//!
//! [`Settings`] are plain data, usually [`from_environment`]; a node takes them with
//! [`Builder::tls`](crate::Builder::tls), an HTTP client gets a rustls configuration from [`http_client`].

mod authorities;
mod ciphers;
mod client;
mod environment;
mod identity;
pub(crate) mod names;
mod server;
mod settings;

use std::sync::Arc;

use tokio_rustls::{TlsAcceptor, TlsConnector};

pub use client::http_client;
pub use environment::{Environment, EnvironmentError, from_environment};
pub use settings::{Identity, Names, Settings, TlsError};

/// What a node accepts and dials with.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) connector: TlsConnector,
    pub(crate) settings: Settings,
}

impl Tls {
    pub(crate) fn new(settings: Settings) -> Result<Tls, TlsError> {
        if settings.verify_server && settings.names == Names::Openssl && !settings.verify_ip {
            return Err(TlsError::NobodyReachable);
        }
        let acceptor = TlsAcceptor::from(Arc::new(server::config(&settings)?));
        let connector = TlsConnector::from(Arc::new(client::of_node(&settings)?));
        Ok(Tls { acceptor, connector, settings })
    }
}
