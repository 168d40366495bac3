//! Who we are at a registry: docker's `config.json`, of which nothing is ever printed.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;

/// The registry of images whose name has none, and the others of its names.
const DEFAULT_REGISTRY: &str = "https://index.docker.io/v1/";
const DEFAULT_HOST: &str = "index.docker.io";
const ITS_OTHER_HOSTS: [&str; 2] = ["docker.io", "registry-1.docker.io"];

/// The credentials of a `config.json`.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    /// Programs that would know more; none is run here.
    #[serde(default)]
    creds_store: String,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
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

    /// What of it is not heeded, for whoever wrote it.
    #[must_use]
    pub fn unheeded(&self) -> Vec<String> {
        let instead = "is not run here: put the login itself into auths";
        let store = (!self.creds_store.is_empty())
            .then(|| format!("credsStore: docker-credential-{} {instead}", self.creds_store));
        let helpers = self.cred_helpers.iter().map(|(registry, helper)| {
            format!("credHelpers: docker-credential-{helper}, for {registry}, {instead}")
        });
        store.into_iter().chain(helpers).collect()
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
        Some((first, _)) if host(first) == DEFAULT_HOST => DEFAULT_REGISTRY,
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => DEFAULT_REGISTRY,
    }
}

/// `https://registry.example:5000/v2/` is `registry.example:5000`.
fn host(registry: &str) -> &str {
    let address = registry.split_once("://").map_or(registry, |(_, address)| address);
    let host = address.split('/').next().unwrap_or_default();
    if ITS_OTHER_HOSTS.contains(&host) { DEFAULT_HOST } else { host }
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
        assert_eq!(user("docker.io/library/busybox:1"), Some("alice".into()));
        assert_eq!(user("index.docker.io/library/busybox:1"), Some("alice".into()));
        assert_eq!(user("registry.example:5000/team/app"), Some("bob".into()));
        assert_eq!(user("registry.example/team/app"), None);
        assert_eq!(config().of_image("quay.io/x/y").unwrap().identitytoken, Some("token".into()));
    }

    #[test]
    fn a_login_may_name_the_default_registry_as_images_do() {
        let config =
            DockerConfig::parse(r#"{"auths": {"docker.io": {"auth": "YWxpY2U6d29uZGVy"}}}"#).unwrap();

        let found = config.of_image("busybox").unwrap();

        assert_eq!(found.username, Some("alice".into()));
        assert_eq!(found.serveraddress, Some(DEFAULT_REGISTRY.into()));
    }

    #[test]
    fn helpers_that_are_not_run_are_named() {
        let config = r#"{"credsStore": "pass", "credHelpers": {"gcr.io": "gcloud"}, "auths": {}}"#;
        let config = DockerConfig::parse(config).unwrap();

        assert_eq!(
            config.unheeded(),
            [
                "credsStore: docker-credential-pass is not run here: put the login itself into auths",
                "credHelpers: docker-credential-gcloud, for gcr.io, is not run here: put the login itself into auths",
            ]
        );
        assert_eq!(DockerConfig::parse("{}").unwrap().unheeded(), Vec::<String>::new());
    }

    #[test]
    fn neither_errors_nor_debug_output_show_a_secret() {
        let error = DockerConfig::parse(r#"{"auths": {"x": {"auth": 5}}} secret"#).unwrap_err().to_string();

        assert!(error.starts_with("docker_config is not docker's config.json: line 1"), "{error}");
        assert!(!format!("{:?}", config()).contains("builder"));
    }
}
