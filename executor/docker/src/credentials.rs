//! Who we are at a registry: docker's `config.json`, of which nothing is ever printed.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;

/// The registry of images whose name has none.
const DEFAULT_REGISTRY: &str = "https://index.docker.io/v1/";

/// The credentials of a `config.json`.
#[derive(Clone, Default, Deserialize)]
pub struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// The text is not a docker configuration. It is not repeated here, as it holds passwords.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("docker_config is not docker's config.json: line {line}, column {column}")]
pub struct ConfigError {
    line: usize,
    column: usize,
}

impl DockerConfig {
    /// Reads a `config.json`.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<DockerConfig, ConfigError> {
        serde_json::from_str(text).map_err(|error| ConfigError { line: error.line(), column: error.column() })
    }

    /// The credentials for an image's registry, if there are any.
    pub(crate) fn of_image(&self, image: &str) -> Option<DockerCredentials> {
        let registry = registry_of(image);
        let auth = self.auths.iter().find(|(name, _)| host(name) == host(registry)).map(|(_, auth)| auth)?;
        let decoded = auth.auth.as_deref().and_then(decode);
        let (username, password) = match decoded {
            Some((username, password)) => (Some(username), Some(password)),
            None => (auth.username.clone(), auth.password.clone()),
        };
        Some(DockerCredentials {
            username,
            password,
            identitytoken: auth.identitytoken.clone(),
            registrytoken: auth.registrytoken.clone(),
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        })
    }
}

impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.auths.keys()).finish()
    }
}

/// A name's first part is a registry if it could not be anything else.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => DEFAULT_REGISTRY,
    }
}

/// `https://registry.example:5000/v2/` is `registry.example:5000`.
fn host(registry: &str) -> &str {
    let address = registry.split_once("://").map_or(registry, |(_, address)| address);
    address.split('/').next().unwrap_or_default()
}

fn decode(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.trim_end_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> DockerConfig {
        let auths = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "YWxpY2U6d29uZGVy"},
            "registry.example:5000": {"username": "bob", "password": "builder"},
            "https://quay.io/v2/": {"identitytoken": "token"}
        }}"#;
        DockerConfig::parse(auths).unwrap()
    }

    #[test]
    fn an_images_registry_decides_who_we_are() {
        let user = |image: &str| config().of_image(image).and_then(|found| found.username);

        assert_eq!(user("busybox"), Some("alice".into()));
        assert_eq!(user("library/busybox:1"), Some("alice".into()));
        assert_eq!(user("registry.example:5000/team/app"), Some("bob".into()));
        assert_eq!(user("registry.example/team/app"), None);
        assert_eq!(config().of_image("quay.io/x/y").unwrap().identitytoken, Some("token".into()));
    }

    #[test]
    fn neither_errors_nor_debug_output_show_a_secret() {
        let error = DockerConfig::parse(r#"{"auths": {"x": {"auth": 5}}} secret"#).unwrap_err().to_string();

        assert!(error.starts_with("docker_config is not docker's config.json: line 1"), "{error}");
        assert!(!format!("{:?}", config()).contains("builder"));
    }
}
