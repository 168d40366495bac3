//! What a container with a terminal shows. The engine sends it without any marks, and bollard would gather it into lines, however
//! long; so it is read here as it comes.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Response};
use tepui_executor::plain_http;

use crate::engine::Engine;

/// Until an answer begins.
const ANSWER: Duration = Duration::from_secs(120);

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TerminalError {
    /// The engine does not want to, and will not.
    #[error("{0}")]
    Refused(String),
    /// The engine went away.
    #[error(transparent)]
    Interrupted(#[from] reqwest::Error),
}

/// Its output, piece by piece.
pub(crate) struct Terminal(Response);

impl Engine {
    /// Follows what the container shows, from this second on (0: from its start).
    pub(crate) async fn terminal(&self, name: &str, since: u64) -> Result<Terminal, TerminalError> {
        let builder = plain_http(Client::builder().no_proxy());
        let (builder, host) = match self.address().split_once("://") {
            Some(("tcp" | "http", host)) => (builder, host),
            Some((_, path)) => (builder.unix_socket(path), "docker"),
            None => (builder.unix_socket(self.address()), "docker"),
        };
        let url = format!("http://{host}/containers/{name}/logs?follow=1&stdout=1&stderr=1&since={since}");
        let answer = tokio::time::timeout(ANSWER, builder.build()?.get(url).send()).await;
        let response = answer.map_err(|_| TerminalError::Refused("the engine does not answer".into()))??;
        let status = response.status();
        if status.is_success() {
            return Ok(Terminal(response));
        }
        Err(TerminalError::Refused(format!("the engine answered {status}: {}", response.text().await?)))
    }
}

impl Terminal {
    /// The next piece; none when it has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, reqwest::Error> {
        self.0.chunk().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Answer, Fake};

    #[tokio::test]
    async fn what_is_shown_comes_at_once_without_the_end_of_a_line() {
        let fake = Fake::engine(|_, _| Answer::stream("\0 50 %", false));

        let mut terminal = fake.engine.terminal("c", 7).await.unwrap();

        assert_eq!(terminal.next().await.unwrap(), Some(Bytes::from_static(b"\0 50 %")));
        assert_eq!(fake.asked(), ["GET /containers/c/logs?follow=1&stdout=1&stderr=1&since=7"]);
    }

    #[tokio::test]
    async fn an_engine_that_shows_nothing_says_why() {
        let text = "HTTP/1.1 501 Not Implemented\r\nContent-Length: 4\r\n\r\nnone".to_owned();
        let fake = Fake::engine(move |_, _| Answer { text: text.clone(), ..Answer::json("") });

        let why = fake.engine.terminal("c", 0).await.err().map(|error| error.to_string());

        assert_eq!(why.as_deref(), Some("the engine answered 501 Not Implemented: none"));
    }
}
