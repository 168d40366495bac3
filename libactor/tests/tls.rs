//! TLS on the one port: each language inside it, and everything that can be wrong with it. Certificates are made here.

mod cast;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cast::{Saw, counter, grown, listener, note, served, soon};
use libactor::tls::{Identity, Names, Settings, http_client};
use libactor::{Exit, Node};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const FAILED: &str = "libactor/tls_handshakes_failed";
const MISMATCHED: &str = "libactor/tls_expected_and_not_spoken";

/// An authority and what it signed, in files.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        // Two of the same name would be told apart only by their signatures.
        let name = format!("authority in {}", folder.path().display());
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Authority { folder, issuer: Issuer::new(parameters, key) }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut parameters);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let file = |end: &str| self.folder.path().join(format!("{name}-{}.{end}", key.public_key_raw()[9]));
        let (cert_file, key_file) = (file("cert"), file("key"));
        std::fs::write(&cert_file, certificate.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        Identity { cert_file, key_file }
    }

    /// Of a node on loopback: both sides show certificates, which name the address.
    fn strict(&self) -> Settings {
        self.of(self.sign("127.0.0.1", |_| {}))
    }

    fn of(&self, identity: Identity) -> Settings {
        Settings {
            identity: Some(identity),
            ca_file: Some(self.ca()),
            verify_server: true,
            require_client: true,
            verify_ip: true,
            ..Settings::default()
        }
    }
}

async fn node(settings: &Settings) -> Node {
    served(Node::builder().tls(Some(settings.clone()))).await
}

/// Whether a note gets from one node to the other.
async fn reaches(here: &Node, there: &Node) -> bool {
    let (actor, mut seen) = listener();
    let receiver = there.spawn("receiver", actor);
    here.tell(&here.pid("sender"), receiver.pid(), note(1));
    let lost = soon(here.exited(receiver.pid()));
    tokio::select! {
        saw = seen.next() => { assert_eq!(saw, Saw::Note(here.pid("sender"), 1)); true }
        _ = lost => false,
    }
}

async fn handshake(settings: &Settings, node: &Node) -> io::Result<TlsStream<TcpStream>> {
    let mut config = http_client(settings).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(node.address()).await.unwrap();
    let name = ServerName::IpAddress(node.address().ip().into());
    soon(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> io::Result<String> {
    stream.write_all(b"GET /__processes__ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    stream.flush().await?;
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await?;
    Ok(answer)
}

/// What a client without TLS reads before the connection ends.
async fn ask_plainly(node: &Node, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const GET: &[u8] = b"GET /__processes__ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[test]
fn messages_and_watches_of_peers_go_through_tls() {
    libactor::run(async {
        let authority = Authority::new();
        let (here, there) = (node(&authority.strict()).await, node(&authority.strict()).await);
        let (actor, mut seen) = listener();
        let receiver = there.spawn("receiver", actor);
        let exited = here.exited(receiver.pid());

        for number in 0..10_000 {
            here.tell(&here.pid("sender"), receiver.pid(), note(number));
        }
        for number in 0..10_000 {
            assert_eq!(seen.next().await, Saw::Note(here.pid("sender"), number));
        }
        there.shutdown().await;

        assert!(matches!(soon(exited).await, Exit::Stopped | Exit::ConnectionLost));
    });
}

#[test]
fn a_watch_can_be_renewed_after_the_node_came_back() {
    libactor::run(async {
        let authority = Authority::new();
        let settings = authority.strict();
        let (here, there) = (node(&settings).await, node(&settings).await);
        let address = there.address();
        assert!(reaches(&here, &there).await);
        let exited = here.exited(&there.pid("receiver"));

        there.shutdown().await;
        soon(exited).await;
        let again = served(Node::builder().listen(address).tls(Some(settings.clone()))).await;

        soon(async { while !reaches_again(&here, &again).await {} }).await;
    });
}

/// As [`reaches`], with a name of its own each time.
async fn reaches_again(here: &Node, there: &Node) -> bool {
    let (actor, mut seen) = listener();
    let name = format!("receiver-{}", there.clock().now().as_secs_f64());
    let receiver = there.spawn(&name, actor);
    here.tell(&here.pid("sender"), receiver.pid(), note(1));
    let lost = here.exited(receiver.pid());
    tokio::select! {
        _ = seen.next() => true,
        _ = lost => false,
    }
}

#[test]
fn the_libprocess_wire_goes_through_tls() {
    libactor::run(async {
        let authority = Authority::new();
        let (here, there) = (node(&authority.strict()).await, node(&authority.strict()).await);
        here.speak_libprocess(there.address());

        assert!(reaches(&here, &there).await);
        // The answer takes the same wire.
        let (actor, mut seen) = listener();
        let back = here.spawn("back", actor);
        there.tell(&there.pid("receiver"), back.pid(), note(2));
        assert_eq!(seen.next().await, Saw::Note(there.pid("receiver"), 2));
    });
}

#[test]
fn http_goes_through_tls_and_says_so_in_the_handshake() {
    libactor::run(async {
        let authority = Authority::new();
        let settings = authority.strict();
        let node = node(&settings).await;

        let mut stream = handshake(&settings, &node).await.unwrap();

        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert!(ask(&mut stream).await.unwrap().starts_with("HTTP/1.1 200 OK"));
        assert_eq!(node.scheme(), "https");
    });
}

#[test]
fn a_node_that_cannot_be_trusted_is_not_reached() {
    libactor::run(async {
        let (ours, others) = (Authority::new(), Authority::new());
        let here = node(&ours.strict()).await;
        let expired = ours.sign("127.0.0.1", |parameters| parameters.not_after = date_time_ymd(2001, 1, 1));
        let elsewhere = ours.sign("10.9.9.9", |_| {});
        let name = |identity: Identity| Settings {
            require_client: false,
            verify_server: false,
            ..ours.of(identity)
        };
        let cases = [
            (others.strict(), "UnknownIssuer"),
            (name(expired), "Expired"),
            (name(elsewhere), "NotValidForName"),
        ];

        for (settings, problem) in cases {
            let there = node(&Settings { require_client: false, ..settings }).await;
            let before = counter("libactor/dials_failed");

            assert!(!reaches(&here, &there).await, "{problem}");
            grown("libactor/dials_failed", before).await;
            let error = handshake(&ours.strict(), &there).await.unwrap_err();
            let told = format!("{error:?}");
            assert!(told.contains(problem), "{told}");
        }
        assert!(reaches(&here, &node(&ours.strict()).await).await);
    });
}

#[test]
fn who_shows_no_certificate_or_a_wrong_one_is_refused() {
    libactor::run(async {
        let (ours, others) = (Authority::new(), Authority::new());
        let there = node(&ours.strict()).await;
        let trusting = Settings { verify_server: false, require_client: false, ..ours.strict() };
        let strangers = [
            (None, "CertificateRequired"),
            (others.strict().identity, "UnknownCA"),
            (
                Some(ours.sign("127.0.0.1", |parameters| parameters.not_after = date_time_ymd(2001, 1, 1))),
                "CertificateExpired",
            ),
        ];

        for (identity, alert) in strangers {
            let before = counter(FAILED);
            // In TLS 1.3 the client learns of it when it reads.
            let settings = Settings { identity, ..trusting.clone() };
            let told = match handshake(&settings, &there).await {
                Ok(mut stream) => ask(&mut stream).await.map(|_| ()).unwrap_err(),
                Err(error) => error,
            };

            assert!(format!("{told:?}").contains(alert), "{told:?}");
            grown(FAILED, before).await;
        }
        // One whose name is wrong has a certificate that is right: it is refused after the handshake.
        let before = counter(FAILED);
        let liar = Settings { identity: Some(ours.sign("10.9.9.9", |_| {})), ..trusting };
        let mut stream = handshake(&liar, &there).await.unwrap();
        assert!(!ask(&mut stream).await.unwrap_or_default().contains("200 OK"));
        grown(FAILED, before).await;
        assert!(reaches(&node(&ours.strict()).await, &there).await);
    });
}

#[test]
fn who_speaks_no_tls_is_told_so_in_its_own_language() {
    libactor::run(async {
        let authority = Authority::new();
        let (there, plain) = (node(&authority.strict()).await, cast::node().await);
        let before = counter(MISMATCHED);

        let answer = ask_plainly(&there, GET).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{answer}");
        assert!(answer.contains("this port speaks TLS only: use https"), "{answer}");
        let hello = ask_plainly(&there, b"\x93lactor\x02").await;
        assert!(hello.contains("this port speaks TLS only"), "{hello}");
        assert!(!reaches(&plain, &there).await);
        grown(MISMATCHED, before).await;

        let mut stream = handshake(&authority.strict(), &there).await.unwrap();
        assert!(ask(&mut stream).await.unwrap().contains("200 OK"));
    });
}

#[test]
fn who_speaks_tls_to_a_plain_port_hears_that_there_is_none() {
    libactor::run(async {
        let authority = Authority::new();
        let (plain, here) = (cast::node().await, node(&authority.strict()).await);
        let before = counter(MISMATCHED);

        let error = handshake(&authority.strict(), &plain).await.unwrap_err();
        assert!(format!("{error:?}").contains("InvalidContentType"), "{error:?}");
        assert!(!reaches(&here, &plain).await);
        grown(MISMATCHED, before + 1.0).await;

        assert!(ask_plainly(&plain, GET).await.contains("200 OK"));
    });
}

#[test]
fn with_downgrade_both_are_served_and_dialled() {
    libactor::run(async {
        let authority = Authority::new();
        let both = Settings { downgrade: true, ..authority.strict() };
        let (plain, mixed, strict) = (cast::node().await, node(&both).await, node(&authority.strict()).await);

        assert!(ask_plainly(&mixed, GET).await.contains("200 OK"));
        let mut stream = handshake(&both, &mixed).await.unwrap();
        assert!(ask(&mut stream).await.unwrap().contains("200 OK"));
        assert!(reaches(&plain, &mixed).await);
        assert!(reaches_again(&strict, &mixed).await);
        assert!(reaches(&mixed, &plain).await);
        assert!(reaches(&mixed, &strict).await);
    });
}

#[test]
fn half_a_handshake_ends_with_its_time_and_hurts_nobody() {
    libactor::run(async {
        let authority = Authority::new();
        let settings = authority.strict();
        let patience = Duration::from_millis(200);
        let there = served(Node::builder().handshake_timeout(patience).tls(Some(settings.clone()))).await;
        let before = counter("libactor/connections_half_open");
        let mut halves = Vec::new();
        for _ in 0..50 {
            let mut stream = TcpStream::connect(there.address()).await.unwrap();
            stream.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
            halves.push(stream);
        }

        assert!(reaches(&node(&settings).await, &there).await);
        for mut stream in halves {
            let ended = soon(stream.read(&mut [0; 64])).await;
            assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        }
        // Each is closed a moment before it is counted.
        grown("libactor/connections_half_open", before + 49.0).await;
    });
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    libactor::run(async {
        let authority = Authority::new();
        let strict = authority.strict();
        let identity = strict.identity.clone().unwrap();
        let refused = async |settings: Settings| {
            Node::builder().tls(Some(settings)).bind().await.unwrap_err().to_string()
        };

        let none = refused(Settings { identity: None, ..strict.clone() }).await;
        assert!(none.contains("set LIBPROCESS_SSL_CERT_FILE and LIBPROCESS_SSL_KEY_FILE"), "{none}");
        let other = authority.strict().identity.unwrap().key_file;
        let pair = refused(authority.of(Identity { key_file: other, ..identity.clone() })).await;
        assert!(pair.contains("LIBPROCESS_SSL_KEY_FILE"), "{pair}");
        let missing = refused(authority.of(Identity { key_file: "/none".into(), ..identity.clone() })).await;
        assert_eq!(missing, "read LIBPROCESS_SSL_KEY_FILE \"/none\"");
        let swapped = Identity { cert_file: identity.key_file.clone(), key_file: identity.cert_file };
        let swapped = refused(authority.of(swapped)).await;
        assert!(
            swapped.contains("there is no certificate") && !swapped.contains("BEGIN PRIVATE"),
            "{swapped}"
        );
        let nobody = refused(Settings { names: Names::Openssl, verify_ip: false, ..strict }).await;
        assert!(nobody.contains("set LIBPROCESS_SSL_VERIFY_IPADD=true"), "{nobody}");
    });
}
