//! Reading a cluster over HTTP, as any operator's tool would.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use libactor::tls;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::Value;
use tepui_model::{Credential, basic};

/// A daemon that has not answered by then is down, or too busy to be of use.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One daemon's endpoints.
pub struct Client {
    http: reqwest::Client,
    scheme: &'static str,
    address: String,
}

impl Client {
    /// For `HOST:PORT`; an actor's name before it does not hurt. With TLS if `https://` or `LIBPROCESS_SSL_ENABLED` says so.
    pub fn new(address: &str) -> Result<Self> {
        Self::showing(address, None)
    }

    /// The same, for a daemon that asks who comes.
    pub fn showing(address: &str, credential: Option<&Credential>) -> Result<Self> {
        // Another part of this process may have installed the provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = tls::from_environment()?;
        let secure = address.strip_prefix("https://");
        let scheme = if secure.is_some() || tls.is_some() { "https" } else { "http" };
        let plain = secure.or(address.strip_prefix("http://")).unwrap_or(address).trim_end_matches('/');
        let plain = plain.split_once('@').map_or(plain, |(_, address)| address);
        if plain.starts_with("zk://") || !plain.contains(':') {
            bail!("'{address}' is no daemon's address; write HOST:PORT");
        }
        // A proxy is for the world outside; a cluster is not there.
        let mut http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy();
        if let Some(credential) = credential {
            let shown =
                HeaderValue::from_str(&basic::authorization(credential)).context("write a credential")?;
            http = http.default_headers([(AUTHORIZATION, sensitive(shown))].into_iter().collect());
        }
        if let Some(settings) = tls {
            http = http.tls_backend_preconfigured(tls::http_client(&settings)?);
        }
        let http = http.build().context("make an HTTP client")?;
        Ok(Self { http, scheme, address: plain.to_owned() })
    }

    /// The same client, for another daemon.
    pub fn at(&self, address: &str) -> Self {
        Self { http: self.http.clone(), scheme: self.scheme, address: address.to_owned() }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The JSON that a path answers with.
    pub async fn read(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let body = self.send(path, self.http.get(self.url(path, query)?)).await?;
        serde_json::from_slice(&body)
            .with_context(|| format!("ask {} for {path}: the answer is not JSON", self.address))
    }

    /// An answer that goes on for up to `length`.
    pub async fn follow(
        &self,
        path: &str,
        query: &[(&str, &str)],
        length: Duration,
    ) -> Result<reqwest::Response> {
        let request = self.http.get(self.url(path, query)?).timeout(length);
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if !status.is_success() {
            let body = answer.text().await.unwrap_or_default();
            bail!("ask {} for {path}: {status}: {}", self.address, body.trim());
        }
        Ok(answer)
    }

    /// Posts a form.
    pub async fn submit(&self, path: &str, form: &[(&str, &str)]) -> Result<()> {
        let written = self.url(path, form)?.query().unwrap_or_default().to_owned();
        let request = self.http.post(self.url(path, &[])?).body(written);
        self.send(path, request.header("Content-Type", "application/x-www-form-urlencoded")).await.map(drop)
    }

    /// The answer of a path that takes as long as it likes.
    pub async fn stream(&self, path: &str, query: &[(&str, &str)]) -> Result<reqwest::Response> {
        let request = self.http.get(self.url(path, query)?).timeout(Duration::MAX);
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let why = answer.text().await.unwrap_or_default();
        bail!("ask {} for {path}: {status}: {}", self.address, why.trim())
    }

    /// Ends what a path began.
    pub async fn delete(&self, path: &str) -> Result<()> {
        self.send(path, self.http.delete(self.url(path, &[])?)).await.map(drop)
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url> {
        let url = format!("{}://{}{path}", self.scheme, self.address);
        Url::parse_with_params(&url, query).with_context(|| format!("'{url}' is no address"))
    }

    async fn send(&self, path: &str, request: reqwest::RequestBuilder) -> Result<Vec<u8>> {
        let asked = || format!("ask {} for {path}", self.address);
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.with_context(asked)?;
        if !status.is_success() {
            bail!("{}: {status}: {}", asked(), String::from_utf8_lossy(&body).trim());
        }
        Ok(body.to_vec())
    }

    /// The last cause alone: those before it repeat each other.
    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        anyhow::anyhow!("nothing answers at {}: {cause}; is it running, and is --master right?", self.address)
    }
}

/// A client of HTTP that goes straight to where it is sent: a proxy is for the world outside, a cluster is not there.
pub fn plain_client(timeout: Duration) -> Result<reqwest::Client> {
    // Another part of this process may have installed the provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(timeout).no_proxy().build().context("make an HTTP client")
}

/// Not to be printed.
fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// Runs a command that only asks and waits.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start a runtime")?;
    runtime.block_on(work)
}

/// The text of a field; empty where there is none.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The elements of a field; none where there is no list.
pub fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}
