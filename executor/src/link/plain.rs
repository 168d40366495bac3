//! HTTP without TLS.

use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::{ClientConfig, RootCertStore, crypto};

/// For a client that speaks plain HTTP and nothing else: it trusts nobody. Without this it would first read all authorities that
/// the machine trusts, which takes longer than all else at the start of an executor.
///
/// # Panics
/// Never: the provider has the usual versions of TLS.
pub fn plain_http(client: ClientBuilder) -> ClientBuilder {
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("ring has the usual versions");
    let nobody = RootCertStore::empty();
    client.tls_backend_preconfigured(config.with_root_certificates(nobody).with_no_client_auth())
}
