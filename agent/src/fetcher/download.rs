//! Downloading over HTTP.

use std::path::Path;

use nix::fcntl::OFlag;
use reqwest::{Client, Response};
use tokio::io::AsyncWriteExt;

use super::{FetchCause, Fetcher, Sandbox, target::Target};
use crate::beneath;

impl Fetcher {
    pub(super) async fn download(
        &self,
        uri: &str,
        target: &Target,
        sandbox: &Sandbox<'_>,
    ) -> Result<(), FetchCause> {
        let mut response = self.request(uri).await?;
        let path = Path::new(&target.name);
        let file = beneath::create(&sandbox.directory, path, OFlag::O_TRUNC, sandbox.owner.as_ref());
        let mut file = tokio::fs::File::from_std(file.map_err(target.failed("create"))?);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            file.write_all(&chunk).await.map_err(target.failed("write"))?;
        }
        file.flush().await.map_err(target.failed("write"))
    }

    async fn request(&self, uri: &str) -> Result<Response, FetchCause> {
        let client = self.client.get_or_try_init(|| self.connect()).await?;
        let response = client.get(uri).send().await.map_err(|error| self.failed(error))?;
        if !response.status().is_success() {
            return Err(FetchCause::Status(response.status().to_string()));
        }
        Ok(response)
    }

    async fn connect(&self) -> Result<Client, FetchCause> {
        let stall_timeout = self.stall_timeout;
        let built = tokio::task::spawn_blocking(move || {
            // Fails if this process has chosen a provider already, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
            Client::builder().connect_timeout(stall_timeout).read_timeout(stall_timeout).build()
        });
        let built = built.await.map_err(|error| FetchCause::Tool(error.to_string()))?;
        built.map_err(FetchCause::Download)
    }

    fn failed(&self, error: reqwest::Error) -> FetchCause {
        if error.is_timeout() {
            return FetchCause::Stalled(self.stall_timeout);
        }
        // The URI stands in the error around this one.
        FetchCause::Download(error.without_url())
    }
}
