//! What is asked of TLS, and why it cannot be had.

use std::io;
use std::path::PathBuf;

/// What TLS does, for a node or an HTTP client. Files are PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who we are. A node needs one; a client without one can only talk to those who do not ask.
    pub identity: Option<Identity>,
    /// Certificates of the authorities that are trusted.
    pub ca_file: Option<PathBuf>,
    /// A directory of such files. With neither, the system's authorities are trusted.
    pub ca_dir: Option<PathBuf>,
    /// Who speaks no TLS is served without, and dialled without.
    pub downgrade: bool,
    /// Whoever we dial must show a certificate of a trusted authority, with its name in it. Without [`verify_ip`](Settings::verify_ip)
    /// and `require_client`, and with [`Names::Legacy`], one whose IP address has no reverse name may show any.
    pub verify_server: bool,
    /// Whoever dials us must, too.
    pub require_client: bool,
    /// How a certificate is found to be that of who shows it.
    pub names: Names,
    /// An IP address in a certificate counts as a name.
    pub verify_ip: bool,
    /// Cipher suites as OpenSSL spells them, separated by colons; all that rustls has, if absent.
    pub ciphers: Option<String>,
    /// Curves in order of preference, separated by colons.
    pub curves: Option<String>,
    /// TLS 1.2 is spoken.
    pub tls_1_2: bool,
    /// TLS 1.3 is spoken.
    pub tls_1_3: bool,
}

/// A certificate with the chain to its authority, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate first.
    pub cert_file: PathBuf,
    /// Without a passphrase: nobody is there to type it.
    pub key_file: PathBuf,
}

/// The two ways in which libprocess finds out whose a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// It names what a reverse lookup of the other's IP address gives, or that address if IP addresses count.
    Legacy,
    /// It names whom we dialled. Who dials us is not asked.
    Openssl,
}

impl Settings {
    /// Whether there are nodes in whose certificates no name is looked for, though certificates are verified.
    pub(super) fn lets_nameless_pass(&self) -> bool {
        self.verify_server && self.names == Names::Legacy && !self.verify_ip && !self.require_client
    }
}

impl Identity {
    /// What rustls says of the two together.
    pub(super) fn refused(&self, error: &rustls::Error) -> TlsError {
        let (cert, key) = (self.cert_file.clone(), self.key_file.clone());
        TlsError::Pair { cert, key, problem: error.to_string() }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            identity: None,
            ca_file: None,
            ca_dir: None,
            downgrade: false,
            verify_server: false,
            require_client: false,
            names: Names::Legacy,
            verify_ip: false,
            ciphers: None,
            curves: None,
            tls_1_2: true,
            tls_1_3: true,
        }
    }
}

/// Why TLS cannot be set up as asked. Each names the variable to look at.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A node cannot serve without a certificate.
    #[error(
        "TLS is enabled but there is no {0}; set LIBPROCESS_SSL_CERT_FILE and LIBPROCESS_SSL_KEY_FILE to PEM files"
    )]
    NoIdentity(&'static str),
    /// A file could not be read.
    #[error("read {variable} {path:?}")]
    Read {
        /// Which setting names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A file is not what its setting says.
    #[error("{variable} {path:?}: {problem}")]
    Content {
        /// Which setting names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without its content.
        problem: String,
    },
    /// Certificate and key do not fit.
    #[error(
        "the certificate LIBPROCESS_SSL_CERT_FILE {cert:?} and the key LIBPROCESS_SSL_KEY_FILE {key:?}: {problem}"
    )]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls said.
        problem: String,
    },
    /// Certificates are to be verified, and nobody is trusted.
    #[error(
        "certificates are to be verified, but no authority is trusted: {0}; set LIBPROCESS_SSL_CA_FILE or LIBPROCESS_SSL_CA_DIR"
    )]
    NoAuthorities(String),
    /// None of the ciphers or curves that are allowed is there.
    #[error("{variable}={value}: {problem}")]
    Choice {
        /// Which setting.
        variable: &'static str,
        /// Its value.
        value: String,
        /// Why that cannot be.
        problem: String,
    },
    /// Nothing is left to be spoken.
    #[error(
        "no version of TLS is enabled that this program speaks; set LIBPROCESS_SSL_ENABLE_TLS_V1_2 or LIBPROCESS_SSL_ENABLE_TLS_V1_3 to true"
    )]
    NoVersion,
    /// A combination with which no node can be dialled.
    #[error(
        "LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME=openssl accepts no certificate for an IP address while LIBPROCESS_SSL_VERIFY_IPADD is false, and nodes are dialled by their IP address; set LIBPROCESS_SSL_VERIFY_IPADD=true"
    )]
    NobodyReachable,
    /// What else rustls refuses.
    #[error("set up TLS")]
    Rustls(#[from] rustls::Error),
}
