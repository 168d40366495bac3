//! Certificates for one test: an authority nobody else knows, and what it signed, in files.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

/// Everything for a cluster on loopback in which both sides of a connection show certificates.
pub struct Certificates {
    folder: TempDir,
    authority: Certificate,
    node: Certificate,
    key: KeyPair,
}

impl Certificates {
    /// `ca.pem`, `node.pem` and `node.key`; the node is 127.0.0.1.
    pub fn make() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "authority of one test");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let authority = parameters.self_signed(&key).expect("an authority signs itself");
        let issuer = Issuer::new(parameters, key);
        let key = KeyPair::generate().expect("a key can be made");
        let node = CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .and_then(|parameters| parameters.signed_by(&key, &issuer))
            .expect("the authority signs a node");
        let made = Certificates { folder, authority, node, key };
        for (name, text) in [
            ("ca.pem", made.authority.pem()),
            ("node.pem", made.node.pem()),
            ("node.key", made.key.serialize_pem()),
        ] {
            fs::write(made.file(name), text).expect("a temporary directory can be written");
        }
        made
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The environment of a program that shows a certificate and wants one of whoever it speaks to.
    pub fn variables(&self) -> Vec<(String, String)> {
        let file = |name: &str| self.file(name).display().to_string();
        let on = || "true".to_owned();
        [
            ("ENABLED", on()),
            ("CERT_FILE", file("node.pem")),
            ("KEY_FILE", file("node.key")),
            ("CA_FILE", file("ca.pem")),
            ("REQUIRE_CLIENT_CERT", on()),
            ("VERIFY_IPADD", on()),
        ]
        .map(|(name, value)| (format!("LIBPROCESS_SSL_{name}"), value))
        .into()
    }

    /// A command line with that environment.
    pub fn command<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.variables())
    }

    /// A client that trusts the authority and shows the node's certificate.
    pub fn client(&self) -> Arc<ClientConfig> {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let client = ClientConfig::builder()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(vec![self.node.der().clone()], key.into())
            .expect("the key belongs to the certificate");
        Arc::new(client)
    }

    /// The same, but it has nothing to show.
    pub fn client_without_certificate(&self) -> Arc<ClientConfig> {
        Arc::new(ClientConfig::builder().with_root_certificates(self.roots()).with_no_client_auth())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("the authority can be trusted");
        roots
    }
}
