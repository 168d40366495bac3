//! The variables of libprocess: `LIBPROCESS_SSL_…`, or `SSL_…` as they were called before.

use std::env;
use std::path::PathBuf;

use crate::tls::settings::{Identity, Names, Settings};

/// What the environment says about TLS.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// None: TLS is off.
    pub settings: Option<Settings>,
    /// What the operator should know, one line each.
    pub warnings: Vec<String>,
}

/// A variable whose value cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={value}: {problem}")]
pub struct EnvironmentError {
    variable: String,
    value: String,
    problem: &'static str,
}

impl EnvironmentError {
    pub(crate) fn new(variable: &str, value: &str, problem: &'static str) -> EnvironmentError {
        EnvironmentError { variable: variable.to_owned(), value: value.to_owned(), problem }
    }
}

/// The settings in the environment of this program; what is odd about them goes to the log.
///
/// # Errors
/// A variable has a value that cannot be.
pub fn from_environment() -> Result<Option<Settings>, EnvironmentError> {
    let environment = Environment::read(|name| env::var(name).ok())?;
    for warning in &environment.warnings {
        tracing::warn!("{warning}");
    }
    Ok(environment.settings)
}

impl Environment {
    /// Reads variables with `lookup`.
    ///
    /// # Errors
    /// A variable has a value that cannot be.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Environment, EnvironmentError> {
        let mut variables = Variables { lookup, warnings: Vec::new() };
        if !variables.flag("ENABLED", false)? {
            return Ok(Environment::default());
        }
        let mut settings = variables.settings()?;
        for (name, what) in
            [("ENABLE_SSL_V3", "SSL 3"), ("ENABLE_TLS_V1_0", "TLS 1.0"), ("ENABLE_TLS_V1_1", "TLS 1.1")]
        {
            if variables.flag(name, false)? {
                variables.warn(format!("LIBPROCESS_SSL_{name}=true: {what} is not spoken by this program"));
            }
        }
        for name in ["VERIFY_DEPTH", "VERIFICATION_DEPTH"] {
            if variables.value(name).is_some_and(|(_, depth)| depth != "4") {
                variables.warn(format!(
                    "LIBPROCESS_SSL_{name} has no effect: a chain may hold as many authorities as rustls allows"
                ));
            }
        }
        // As libprocess: who asks for certificates shows that it trusts nobody without.
        settings.verify_server |= settings.require_client;
        if settings.verify_server && settings.downgrade {
            let warning = "LIBPROCESS_SSL_SUPPORT_DOWNGRADE=true: who speaks no TLS is served, and dialled, without any verification";
            variables.warn(warning.to_owned());
        }
        if settings.require_client && settings.ca_file.is_none() && settings.ca_dir.is_none() {
            let warning = "LIBPROCESS_SSL_REQUIRE_CLIENT_CERT=true without LIBPROCESS_SSL_CA_FILE or LIBPROCESS_SSL_CA_DIR: a certificate of any authority that this system trusts will do";
            variables.warn(warning.to_owned());
        }
        if settings.lets_nameless_pass() {
            let warning = "LIBPROCESS_SSL_VERIFY_SERVER_CERT=true: where an IP address has no reverse name, no name is looked for in the certificate; set LIBPROCESS_SSL_VERIFY_IPADD=true, or LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME=openssl";
            variables.warn(warning.to_owned());
        }
        Ok(Environment { settings: Some(settings), warnings: variables.warnings })
    }
}

struct Variables<L> {
    lookup: L,
    warnings: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Variables<L> {
    fn settings(&mut self) -> Result<Settings, EnvironmentError> {
        let identity = match (self.path("CERT_FILE"), self.path("KEY_FILE")) {
            (Some(cert_file), Some(key_file)) => Some(Identity { cert_file, key_file }),
            (None, None) => None,
            (Some(_), None) => {
                return Err(
                    self.missing("KEY_FILE", "the key that belongs to LIBPROCESS_SSL_CERT_FILE is missing")
                );
            }
            (None, Some(_)) => {
                return Err(self.missing(
                    "CERT_FILE",
                    "the certificate that belongs to LIBPROCESS_SSL_KEY_FILE is missing",
                ));
            }
        };
        Ok(Settings {
            identity,
            ca_file: self.path("CA_FILE"),
            ca_dir: self.path("CA_DIR"),
            downgrade: self.flag("SUPPORT_DOWNGRADE", false)?,
            verify_server: self.flag("VERIFY_SERVER_CERT", false)? | self.flag("VERIFY_CERT", false)?,
            require_client: self.flag("REQUIRE_CLIENT_CERT", false)? | self.flag("REQUIRE_CERT", false)?,
            names: self.names()?,
            verify_ip: self.flag("VERIFY_IPADD", false)?,
            ciphers: self.text("CIPHERS"),
            curves: self.text("ECDH_CURVES").or_else(|| self.text("ECDH_CURVE")),
            tls_1_2: self.flag("ENABLE_TLS_V1_2", true)?,
            tls_1_3: self.flag("ENABLE_TLS_V1_3", true)?,
        })
    }

    fn names(&mut self) -> Result<Names, EnvironmentError> {
        let Some((variable, value)) = self.value("HOSTNAME_VALIDATION_SCHEME") else {
            return Ok(Names::Legacy);
        };
        match value.as_str() {
            "legacy" => Ok(Names::Legacy),
            "openssl" => Ok(Names::Openssl),
            _ => Err(EnvironmentError { variable, value, problem: "neither legacy nor openssl" }),
        }
    }

    fn flag(&mut self, name: &str, default: bool) -> Result<bool, EnvironmentError> {
        let Some((variable, value)) = self.value(name) else { return Ok(default) };
        match value.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(EnvironmentError { variable, value, problem: "neither true (1) nor false (0)" }),
        }
    }

    fn path(&mut self, name: &str) -> Option<PathBuf> {
        let text = self.text(name)?;
        Some(PathBuf::from(text.strip_prefix("file://").unwrap_or(&text)))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.value(name).map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// The variable's full name and its value. The new spelling wins.
    fn value(&mut self, name: &str) -> Option<(String, String)> {
        let (new, old) = (format!("LIBPROCESS_SSL_{name}"), format!("SSL_{name}"));
        match ((self.lookup)(&new), (self.lookup)(&old)) {
            (Some(value), earlier) => {
                // That one is OpenSSL's too, and means something else there.
                if name != "CERT_FILE" && earlier.is_some_and(|earlier| earlier != value) {
                    self.warn(format!("{new} and {old} differ; {new} is taken"));
                }
                Some((new, value))
            }
            (None, Some(value)) => Some((old, value)),
            (None, None) => None,
        }
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    fn missing(&self, name: &str, problem: &'static str) -> EnvironmentError {
        EnvironmentError { variable: format!("LIBPROCESS_SSL_{name}"), value: String::new(), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Environment::read(lookup).map_err(|error| error.to_string())
    }

    const ON: (&str, &str) = ("LIBPROCESS_SSL_ENABLED", "true");

    #[test]
    fn nothing_counts_unless_tls_is_enabled() {
        let variables = [("LIBPROCESS_SSL_ENABLED", "0"), ("LIBPROCESS_SSL_VERIFY_CERT", "what")];

        assert!(read(&variables).unwrap().settings.is_none());
        assert!(read(&[]).unwrap().settings.is_none());
    }

    #[test]
    fn old_and_legacy_spellings_mean_the_same() {
        let new =
            read(&[ON, ("LIBPROCESS_SSL_REQUIRE_CLIENT_CERT", "true"), ("LIBPROCESS_SSL_CA_FILE", "/ca")]);
        let old = read(&[("SSL_ENABLED", "1"), ("SSL_REQUIRE_CERT", "1"), ("SSL_CA_FILE", "/ca")]);

        let settings = new.unwrap().settings.unwrap();
        assert!(settings.verify_server && settings.require_client);
        assert_eq!(Some(settings), old.unwrap().settings);
    }

    #[test]
    fn the_new_spelling_wins_and_a_difference_is_told() {
        let both = read(&[ON, ("LIBPROCESS_SSL_CA_FILE", "/new"), ("SSL_CA_FILE", "/old")]).unwrap();

        assert_eq!(both.settings.unwrap().ca_file, Some("/new".into()));
        assert_eq!(
            both.warnings,
            ["LIBPROCESS_SSL_CA_FILE and SSL_CA_FILE differ; LIBPROCESS_SSL_CA_FILE is taken"]
        );
    }

    #[test]
    fn what_cannot_be_done_is_told_by_name() {
        let warnings = read(&[
            ON,
            ("LIBPROCESS_SSL_ENABLE_TLS_V1_0", "true"),
            ("LIBPROCESS_SSL_VERIFY_DEPTH", "2"),
            ("LIBPROCESS_SSL_SUPPORT_DOWNGRADE", "true"),
            ("LIBPROCESS_SSL_VERIFY_CERT", "true"),
        ]);

        let warnings = warnings.unwrap().warnings;
        assert!(warnings[0].starts_with("LIBPROCESS_SSL_ENABLE_TLS_V1_0=true: TLS 1.0 is not spoken"));
        assert!(warnings[1].starts_with("LIBPROCESS_SSL_VERIFY_DEPTH has no effect"));
        assert!(warnings[2].starts_with("LIBPROCESS_SSL_SUPPORT_DOWNGRADE=true"));
    }

    #[test]
    fn what_verifies_less_than_it_seems_to_is_told() {
        let warnings = |variables: &[(&str, &str)]| read(variables).unwrap().warnings;
        let server = ("LIBPROCESS_SSL_VERIFY_SERVER_CERT", "true");
        let client = ("LIBPROCESS_SSL_REQUIRE_CLIENT_CERT", "true");

        assert!(warnings(&[ON, client])[0].contains("any authority that this system trusts"));
        assert!(warnings(&[ON, client, ("LIBPROCESS_SSL_CA_FILE", "/ca")]).is_empty());
        assert!(warnings(&[ON, server])[0].contains("no name is looked for in the certificate"));
        assert!(warnings(&[ON, server, ("LIBPROCESS_SSL_VERIFY_IPADD", "true")]).is_empty());
        let scheme = ("LIBPROCESS_SSL_HOSTNAME_VALIDATION_SCHEME", "openssl");
        assert!(warnings(&[ON, server, scheme]).is_empty());
    }

    #[test]
    fn values_that_cannot_be_are_refused_by_name() {
        let error = |name: &str, value: &str| read(&[ON, (name, value)]).unwrap_err();

        assert_eq!(
            error("LIBPROCESS_SSL_VERIFY_CERT", "yes"),
            "LIBPROCESS_SSL_VERIFY_CERT=yes: neither true (1) nor false (0)"
        );
        assert_eq!(
            error("SSL_HOSTNAME_VALIDATION_SCHEME", "x"),
            "SSL_HOSTNAME_VALIDATION_SCHEME=x: neither legacy nor openssl"
        );
        assert!(error("SSL_CERT_FILE", "/c").starts_with("LIBPROCESS_SSL_KEY_FILE=: the key that belongs"));
    }
}
