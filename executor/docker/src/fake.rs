//! An engine that says what a test wants.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::engine::Engine;

/// Its answer to one request: what it sends, and when.
pub(crate) struct Answer {
    pub(crate) after: Duration,
    pub(crate) text: String,
    /// Whether it says no more. Otherwise it goes on for ever, in silence.
    pub(crate) ends: bool,
}

impl Answer {
    /// JSON.
    pub(crate) fn json(text: &str) -> Answer {
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        Answer { after: Duration::ZERO, text, ends: true }
    }

    /// The begin of a stream, or all of it.
    pub(crate) fn stream(piece: &str, ends: bool) -> Answer {
        let end = if ends { "0\r\n\r\n" } else { "" };
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let text = format!("{head}{:x}\r\n{piece}\r\n{end}", piece.len());
        Answer { after: Duration::ZERO, text, ends }
    }
}

/// Lives as long as its test.
pub(crate) struct Fake {
    pub(crate) engine: Engine,
    asked: Arc<Mutex<Vec<String>>>,
    _directory: TempDir,
}

impl Fake {
    /// `answer`: to the first line of a request without its version, and how many had come before.
    pub(crate) fn engine(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Fake {
        let directory = tempfile::tempdir().expect("a folder can be made");
        let path = directory.path().join("docker.sock");
        let listener = UnixListener::bind(&path).expect("a socket can be made");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (answer, all) = (Arc::new(answer), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), all.clone()));
            }
        });
        let engine = Engine::at(&path.display().to_string()).expect("it is there");
        Fake { engine, asked, _directory: directory }
    }

    /// The first lines of all requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

async fn serve(
    mut stream: UnixStream,
    answer: Arc<impl Fn(&str, usize) -> Answer>,
    asked: Arc<Mutex<Vec<String>>>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let line = text.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let before = {
        let mut asked = asked.lock().expect("nobody panics with it");
        asked.push(line.clone());
        asked.len() - 1
    };
    let answer = answer(&line, before);
    tokio::time::sleep(answer.after).await;
    // Who asked may have given up.
    let _ = stream.write_all(answer.text.as_bytes()).await;
    if !answer.ends {
        std::future::pending::<()>().await;
    }
}
