//! Basic authentication over HTTP (RFC 7617), and which of a daemon's realms ask for it.
//!
//! The name and the secret travel in the clear: it keeps out who knows no secret, and only TLS keeps it from whoever listens.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use crate::credentials::{Credential, Credentials};

/// What a closed realm asks of whoever comes, as the header `WWW-Authenticate` says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(pub String);

/// Which realms are closed, and who may enter them. Everything is open by default.
#[derive(Clone, Debug, Default)]
pub struct Door {
    closed: BTreeSet<&'static str>,
    credentials: Credentials,
}

impl Door {
    /// Open but for these realms.
    pub fn closing(realms: impl IntoIterator<Item = &'static str>, credentials: Credentials) -> Door {
        Door { closed: realms.into_iter().collect(), credentials }
    }

    /// Who comes to a realm with this `Authorization` header; in an open one nobody is asked, and what they say is not looked at.
    ///
    /// # Errors
    /// It is closed to them.
    pub fn admit(&self, realm: &str, authorization: Option<&[u8]>) -> Result<Option<String>, Challenge> {
        if !self.closed.contains(realm) {
            return Ok(None);
        }
        match authorization.and_then(|header| verified(&self.credentials, header)) {
            Some(principal) => Ok(Some(principal)),
            None => Err(Challenge(format!("Basic realm=\"{realm}\""))),
        }
    }
}

/// The `Authorization` header of whoever has a credential.
pub fn authorization(credential: &Credential) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", credential.principal, credential.secret())))
}

/// Who an `Authorization` header shows, if it knows the secret. An unknown principal takes as long as a wrong secret.
fn verified(credentials: &Credentials, header: &[u8]) -> Option<String> {
    let (scheme, encoded) = header.split_first_chunk::<6>()?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim_ascii()).ok()?).ok()?;
    let (principal, given) = decoded.split_once(':')?;
    let secret = credentials.secret(principal);
    let fits = same(secret.unwrap_or_default(), given);
    (fits && secret.is_some()).then(|| principal.to_owned())
}

/// Compares digests, which takes as long for all: where two secrets differ does not show.
fn same(secret: &str, given: &str) -> bool {
    digest(secret).verify_slice(&digest(given).finalize().into_bytes()).is_ok()
}

fn digest(text: &str) -> Hmac<Md5> {
    let mut digest = Hmac::<Md5>::new_from_slice(b"secrets").expect("a key may have any length");
    digest.update(text.as_bytes());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        Door::closing(["writing"], Credentials::parse("ann hush\nbob b:ob").unwrap())
    }

    fn comes(principal: &str, secret: &str) -> Result<Option<String>, Challenge> {
        let header = authorization(&Credential::new(principal, secret));
        door().admit("writing", Some(header.as_bytes()))
    }

    #[test]
    fn who_knows_the_secret_enters_a_closed_realm() {
        assert_eq!(comes("ann", "hush"), Ok(Some("ann".into())));
        assert_eq!(comes("bob", "b:ob"), Ok(Some("bob".into())));
        // The example of the RFC, section 2, with another letter case of the scheme.
        let aladdin = Credentials::parse("Aladdin open-sesame").unwrap();
        let header = b"bAsIc QWxhZGRpbjpvcGVuLXNlc2FtZQ==";
        assert_eq!(verified(&aladdin, header).as_deref(), Some("Aladdin"));
    }

    #[test]
    fn nobody_else_does_and_is_told_what_is_asked() {
        let challenge = Err(Challenge("Basic realm=\"writing\"".into()));

        for (principal, secret) in
            [("ann", "hash"), ("ann", ""), ("ann", "hush\0"), ("eve", "hush"), ("", "")]
        {
            assert_eq!(comes(principal, secret), challenge, "{principal}:{secret}");
        }
        for header in
            [&b""[..], b"Basic", b"Basic ", b"Basic !", b"Bearer YW5uOmh1c2g=", b"Basic YW5u", b"\xff"]
        {
            assert_eq!(door().admit("writing", Some(header)), challenge, "{}", header.escape_ascii());
        }
        assert_eq!(door().admit("writing", None), challenge);
    }

    #[test]
    fn an_open_realm_asks_nobody() {
        assert_eq!(door().admit("reading", None), Ok(None));
        assert_eq!(door().admit("reading", Some(b"Basic YW5uOmh1c2g=")), Ok(None));
        assert_eq!(Door::default().admit("writing", None), Ok(None));
        assert!(!format!("{:?}", door()).contains("hush"));
    }
}
