//! Who we are: the certificate, the chain to its authority, and the key. Nothing of a key is ever printed.

use std::fs;
use std::path::Path;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls::settings::{Identity, TlsError};

pub(super) const CERT: &str = "LIBPROCESS_SSL_CERT_FILE";
pub(super) const KEY: &str = "LIBPROCESS_SSL_KEY_FILE";

pub(super) type Loaded = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub(super) fn load(identity: &Identity) -> Result<Loaded, TlsError> {
    let chain = certificates(CERT, &identity.cert_file)?;
    Ok((chain, key(&identity.key_file)?))
}

/// At least one.
pub(super) fn certificates(
    variable: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let content = |problem: String| TlsError::Content { variable, path: path.to_owned(), problem };
    let text = read(variable, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates =
        certificates.map_err(|error| content(format!("certificate that is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(content("there is no certificate (BEGIN CERTIFICATE) in it".into()));
    }
    Ok(certificates)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let content =
        |problem: &str| TlsError::Content { variable: KEY, path: path.to_owned(), problem: problem.into() };
    let text = read(KEY, path)?;
    let contains = |words: &str| text.windows(words.len()).any(|window| window == words.as_bytes());
    if contains("BEGIN ENCRYPTED PRIVATE KEY") || contains("Proc-Type: 4,ENCRYPTED") {
        return Err(content("the key has a passphrase; give one without, readable by this program alone"));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        PemError::NoItemsFound => content("there is no private key (BEGIN PRIVATE KEY) in it"),
        // Whatever else is wrong is not quoted: it would quote the key.
        _ => content("the key is not PEM"),
    })
}

fn read(variable: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|cause| TlsError::Read { variable, path: path.to_owned(), cause })
}
