//! What a node answers a TLS handshake with.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};

use crate::tls::settings::{Settings, TlsError};
use crate::tls::{authorities, ciphers, identity};

/// What is spoken inside. Who insists on HTTP/2 alone is refused in the handshake.
const HTTP_1_1: &[u8] = b"http/1.1";

pub(super) fn config(settings: &Settings) -> Result<ServerConfig, TlsError> {
    let ours = settings.identity.as_ref().ok_or(TlsError::NoIdentity("certificate and key"))?;
    let (chain, key) = identity::load(ours)?;
    let provider = Arc::new(ciphers::provider(settings)?);
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&ciphers::versions(settings)?)?;
    let config = if settings.require_client {
        let roots = authorities::load(settings)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
        config
            .with_client_cert_verifier(verifier.map_err(|error| TlsError::NoAuthorities(error.to_string()))?)
    } else {
        config.with_no_client_auth()
    };
    let mut config = config.with_single_cert(chain, key).map_err(|error| ours.refused(&error))?;
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    // As libprocess: who reconnects is verified again.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
