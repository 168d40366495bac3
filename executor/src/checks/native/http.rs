//! With which status a server answers a GET. Nothing of the body is read.

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::checks::Finding;
use crate::link::chain;

/// As curl follows them, which Mesos looks with.
const REDIRECTS: usize = 50;

/// Certificates are not looked at, as with Mesos: servers answer at a loopback address, for which nobody gets one.
pub(super) async fn look(url: Url) -> Result<Finding, String> {
    // The provider may have been installed by another part of the process: either is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::limited(REDIRECTS))
        .tls_danger_accept_invalid_certs(true)
        .user_agent(concat!("tepui/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("make an HTTP client: {}", chain(&error)))?;
    // Without the URL: what it asks for may be nobody's business.
    let answer = client.get(url).send().await.map_err(|error| chain(&error.without_url()))?;
    Ok(Finding::Answered(answer.status().as_u16()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request after another with these heads, each on a connection of its own.
    async fn served(heads: &'static [&'static str]) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/health?key=secret", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for head in heads {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = [0; 1024];
                let _ = stream.read(&mut read).await.unwrap();
                stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).await.unwrap();
            }
        });
        Url::parse(&url).unwrap()
    }

    #[tokio::test]
    async fn the_status_is_found_and_the_body_is_not_waited_for() {
        let url = served(&["503 Unavailable\r\nContent-Length: 1000000"]).await;

        assert_eq!(look(url).await, Ok(Finding::Answered(503)));
    }

    #[tokio::test]
    async fn redirects_are_followed() {
        let url = served(&["302 Found\r\nLocation: /there\r\nConnection: close", "204 Nothing"]).await;

        assert_eq!(look(url).await, Ok(Finding::Answered(204)));
    }

    #[tokio::test]
    async fn who_cannot_be_asked_is_no_finding_and_the_url_stays_secret() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let url = Url::parse(&format!("http://{free}/health?key=secret")).unwrap();

        let why = look(url).await.unwrap_err();

        assert!(why.contains("Connection refused") && !why.contains("secret"), "{why}");
    }
}
