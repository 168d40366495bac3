//! Whom we trust: the authorities of a file, of a directory, or of the system.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;

use crate::tls::identity::certificates;
use crate::tls::settings::{Settings, TlsError};

const FILE: &str = "LIBPROCESS_SSL_CA_FILE";
const DIR: &str = "LIBPROCESS_SSL_CA_DIR";

/// At least one.
pub(super) fn load(settings: &Settings) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &settings.ca_file {
        for certificate in certificates(FILE, path)? {
            let content = |problem: String| TlsError::Content { variable: FILE, path: path.clone(), problem };
            roots
                .add(certificate)
                .map_err(|error| content(format!("not the certificate of an authority: {error}")))?;
        }
    }
    if let Some(path) = &settings.ca_dir {
        add_directory(&mut roots, path)?;
    }
    let mut problem = "neither is set, and the system has none".to_owned();
    if settings.ca_file.is_none() && settings.ca_dir.is_none() {
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if let Some(error) = system.errors.first() {
            problem = error.to_string();
        }
    } else if let Some(path) = &settings.ca_dir {
        problem = format!("no file in {path:?} holds one");
    }
    if roots.is_empty() { Err(TlsError::NoAuthorities(problem)) } else { Ok(Arc::new(roots)) }
}

/// All files in it that hold certificates, whatever they are called; OpenSSL looks only at those that are named by a hash.
fn add_directory(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let read = |cause| TlsError::Read { variable: DIR, path: path.to_owned(), cause };
    for entry in fs::read_dir(path).map_err(read)? {
        let file = entry.map_err(read)?.path();
        if !file.is_file() {
            continue;
        }
        match certificates(DIR, &file) {
            Ok(certificates) => {
                roots.add_parsable_certificates(certificates);
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "not an authority's file")
            }
        }
    }
    Ok(())
}
