//! What a node dials others with, and HTTP clients theirs.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::tls::settings::{Names, Settings, TlsError};
use crate::tls::{authorities, ciphers, identity};

/// For an HTTP client: a certificate, if it is verified, must name the host of the URL, be that a name or an IP address.
///
/// # Errors
/// A file is missing or wrong, or something is asked that rustls cannot do.
pub fn http_client(settings: &Settings) -> Result<ClientConfig, TlsError> {
    let check = settings.verify_server.then_some(Check::ChainAndName);
    match config(settings, check) {
        // A task's user may not be allowed to read the key of the machine, and seldom needs it.
        Err(error @ TlsError::Read { variable: identity::CERT | identity::KEY, .. })
            if !settings.require_client =>
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "connections are made without a certificate of ours"
            );
            config(&Settings { identity: None, ..settings.clone() }, check)
        }
        made => made,
    }
}

/// For dialling nodes. In the legacy scheme [`names`](crate::tls::names) has the last word, after the handshake.
pub(super) fn of_node(settings: &Settings) -> Result<ClientConfig, TlsError> {
    let check = match settings.names {
        Names::Legacy => Check::Chain,
        Names::Openssl => Check::ChainAndName,
    };
    config(settings, settings.verify_server.then_some(check))
}

fn config(settings: &Settings, check: Option<Check>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ciphers::provider(settings)?);
    let algorithms = provider.signature_verification_algorithms;
    let check = match check {
        Some(check) => Some((check, authorities::load(settings)?)),
        None => None,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&ciphers::versions(settings)?)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { check, algorithms }));
    let mut config = match &settings.identity {
        Some(ours) => {
            let (chain, key) = identity::load(ours)?;
            config.with_client_auth_cert(chain, key).map_err(|error| ours.refused(&error))?
        }
        None => config.with_no_client_auth(),
    };
    // As libprocess: who is dialled again is verified again.
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[derive(Clone, Copy, Debug)]
enum Check {
    Chain,
    ChainAndName,
}

/// rustls' own verifier knows only all or nothing of this.
#[derive(Debug)]
struct Verifier {
    // None: as libprocess by default, whoever answers is taken for who was dialled.
    check: Option<(Check, Arc<RootCertStore>)>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some((check, roots)) = &self.check else { return Ok(ServerCertVerified::assertion()) };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        match check {
            Check::Chain => {}
            Check::ChainAndName => verify_server_name(&certificate, server_name)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
