//! Principals and their secrets, as the files of `--credentials` and `--credential` hold them.
//!
//! A secret is never printed, compared in the open, or quoted by an error.

use std::collections::BTreeMap;
use std::fmt;

use tepui_proto::{json, v1};
use thiserror::Error;

/// A principal that can show who it is.
#[derive(Clone)]
pub struct Credential {
    /// Its name.
    pub principal: String,
    secret: String,
}

/// Who can show to be whom.
#[derive(Clone, Default)]
pub struct Credentials {
    secrets: BTreeMap<String, String>,
}

/// Why a text holds no credentials. It quotes nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidCredentials {
    /// Neither of the two forms.
    #[error(
        "not credentials: write JSON such as {{\"credentials\": [{{\"principal\": \"p\", \"secret\": \"s\"}}]}}, or a line \
         'PRINCIPAL SECRET' for each"
    )]
    Form,
    /// The same for a single one.
    #[error(
        "no credential: write JSON such as {{\"principal\": \"p\", \"secret\": \"s\"}}, or one line 'PRINCIPAL SECRET'"
    )]
    Single,
    /// A principal that nobody could be.
    #[error("the principal of credential {0} is empty or holds white space; name it otherwise")]
    Principal(usize),
    /// A principal without a secret could be anybody.
    #[error("principal '{0}' has no secret; give it one")]
    NoSecret(String),
    /// One of its two secrets would be ignored.
    #[error("principal '{0}' stands there twice; keep one")]
    Twice(String),
}

impl Credential {
    /// A principal and its secret.
    pub fn new(principal: impl Into<String>, secret: impl Into<String>) -> Credential {
        Credential { principal: principal.into(), secret: secret.into() }
    }

    /// Reads the file of an agent's `--credential`.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn parse(text: &str) -> Result<Credential, InvalidCredentials> {
        let credential: v1::Credential = match json::from_slice(text.as_bytes()) {
            Ok(credential) => credential,
            Err(_) => line(text.trim()).ok_or(InvalidCredentials::Single)?,
        };
        checked(1, credential)
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl Credentials {
    /// Reads the file of a master's `--credentials`.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub fn parse(text: &str) -> Result<Credentials, InvalidCredentials> {
        let parsed = json::from_slice::<v1::Credentials>(text.as_bytes());
        let lines = || text.lines().map(str::trim).filter(|each| !each.is_empty()).map(line).collect();
        let all: Option<Vec<v1::Credential>> = match parsed {
            Ok(credentials) => Some(credentials.credentials),
            Err(_) => lines(),
        };
        all.ok_or(InvalidCredentials::Form)?
            .into_iter()
            .enumerate()
            .map(|(at, one)| checked(at + 1, one))
            .try_fold(Credentials::default(), |mut credentials, credential| {
                let Credential { principal, secret } = credential?;
                match credentials.secrets.insert(principal.clone(), secret) {
                    None => Ok(credentials),
                    Some(_) => Err(InvalidCredentials::Twice(principal)),
                }
            })
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    pub(crate) fn secret(&self, principal: &str) -> Option<&str> {
        self.secrets.get(principal).map(String::as_str)
    }
}

/// `PRINCIPAL SECRET`, the older form.
fn line(text: &str) -> Option<v1::Credential> {
    let (principal, secret) = text.split_once(char::is_whitespace)?;
    let secret = secret.trim_start();
    let is_one = !secret.contains(char::is_whitespace) && !text.starts_with(['{', '[']);
    is_one.then(|| v1::Credential { principal: principal.into(), secret: Some(secret.into()) })
}

fn checked(number: usize, credential: v1::Credential) -> Result<Credential, InvalidCredentials> {
    let v1::Credential { principal, secret } = credential;
    if principal.is_empty() || principal.contains(char::is_whitespace) {
        return Err(InvalidCredentials::Principal(number));
    }
    match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => Ok(Credential { principal, secret }),
        None => Err(InvalidCredentials::NoSecret(principal)),
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("principal", &self.principal).finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str =
        r#"{"credentials": [{"principal": "a", "secret": "one"}, {"principal": "b", "secret": "two"}]}"#;

    #[test]
    fn both_forms_of_mesos_are_read() {
        for text in [JSON, "a one\n\n  b two\n"] {
            let credentials = Credentials::parse(text).unwrap();

            assert_eq!(credentials.secret("a"), Some("one"));
            assert_eq!(credentials.secret("b"), Some("two"));
            assert_eq!(credentials.secret("c"), None);
        }
        for text in [r#"{"principal": "a", "secret": "one"}"#, "a one\n"] {
            let credential = Credential::parse(text).unwrap();
            assert_eq!((credential.principal.as_str(), credential.secret()), ("a", "one"));
        }
    }

    #[test]
    fn nothing_prints_a_secret() {
        let credentials = Credentials::parse(JSON).unwrap();

        assert_eq!(format!("{credentials:?}"), r#"{"a", "b"}"#);
        assert_eq!(format!("{:?}", Credential::new("a", "one")), r#"Credential { principal: "a", .. }"#);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        let why = |text| Credentials::parse(text).unwrap_err();

        assert_eq!(why("hush"), InvalidCredentials::Form);
        assert_eq!(why(r#"{"credentials": [{"principal": "a", "secret": "hush""#), InvalidCredentials::Form);
        assert_eq!(why("a hush hush"), InvalidCredentials::Form);
        assert_eq!(
            why(r#"{"credentials": [{"principal": "", "secret": "x"}]}"#),
            InvalidCredentials::Principal(1)
        );
        assert_eq!(why(r#"{"credentials": [{"principal": "a"}]}"#), InvalidCredentials::NoSecret("a".into()));
        assert_eq!(why("a x\na y"), InvalidCredentials::Twice("a".into()));
        assert_eq!(Credential::parse("a").unwrap_err(), InvalidCredentials::Single);
        assert!(!why(r#"{"credentials": "hush"}"#).to_string().contains("hush"));
    }
}
