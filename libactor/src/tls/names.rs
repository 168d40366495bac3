//! The legacy scheme of libprocess: after the handshake, the certificate of the other side must name what a reverse lookup of its
//! IP address gives, or that address.

use std::net::IpAddr;

use rustls::CommonState;
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;

use crate::tls::settings::{Names, Settings};

/// Why a certificate that a trusted authority signed is not that of who showed it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NameError {
    #[error("it showed no certificate")]
    Missing,
    #[error("its certificate cannot be read")]
    Unreadable(#[source] rustls::Error),
    #[error(
        "nobody knows a name of {0}, and LIBPROCESS_SSL_VERIFY_IPADD is false: no certificate can be accepted from there"
    )]
    Nameless(IpAddr),
    #[error("its certificate does not name {0}")]
    Other(String),
}

/// Checks the name of the other side, which is at `ip`, if it is to be checked in this way.
pub(crate) async fn check(settings: &Settings, tls: &CommonState, ip: IpAddr) -> Result<(), NameError> {
    if settings.names != Names::Legacy {
        return Ok(());
    }
    let certificate = tls.peer_certificates().and_then(|chain| chain.first()).ok_or(NameError::Missing)?;
    let parsed = ParsedCertificate::try_from(certificate).map_err(NameError::Unreadable)?;
    let is_for = |name: ServerName<'static>| verify_server_name(&parsed, &name).is_ok();
    if settings.verify_ip && is_for(ServerName::IpAddress(ip.into())) {
        return Ok(());
    }
    let host = tokio::task::spawn_blocking(move || reverse(ip)).await.unwrap_or_default();
    let Some(host) = host else {
        // Nothing to compare with. libprocess lets that pass unless it was asked to be strict.
        return match (settings.verify_ip, settings.require_client) {
            (true, _) => Err(NameError::Other(ip.to_string())),
            (false, true) => Err(NameError::Nameless(ip)),
            (false, false) => Ok(()),
        };
    };
    if ServerName::try_from(host.clone()).is_ok_and(is_for) {
        return Ok(());
    }
    Err(NameError::Other(if settings.verify_ip { format!("{host} or {ip}") } else { host }))
}

/// What the system's resolver calls an address. Blocks.
fn reverse(ip: IpAddr) -> Option<String> {
    let host = dns_lookup::lookup_addr(&ip).ok()?;
    // Without a name it says the address.
    host.parse::<IpAddr>().is_err().then_some(host)
}
