//! An executor as far as the agent can see: it speaks HTTP. Byte by byte, because executors in the field do.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// An answer without its headers.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// The events of a subscription.
pub struct Events {
    connection: BufReader<TcpStream>,
}

pub struct Executor {
    pub agent: SocketAddr,
    pub id: &'static str,
}

impl Executor {
    pub async fn call(&self, mut call: Value) -> Answer {
        call["executor_id"] = json!({ "value": self.id });
        call["framework_id"] = json!({ "value": "f1" });
        post(self.agent, "/slave(1)/api/v1/executor", &call.to_string()).await
    }

    /// The stream, if the answer is 200.
    pub async fn subscribe(&self, tasks: Value) -> Result<Events, Answer> {
        let call = json!({
            "type": "SUBSCRIBE", "executor_id": { "value": self.id }, "framework_id": { "value": "f1" },
            "subscribe": { "unacknowledged_tasks": tasks },
        });
        let mut connection = send(self.agent, "POST", "/slave(1)/api/v1/executor", &call.to_string()).await;
        let (status, head) = read_head(&mut connection).await;
        if status == 200 {
            assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
            return Ok(Events { connection });
        }
        let body = read_body(&mut connection, &head).await;
        Err(Answer { status, body })
    }

    pub async fn update(&self, task: &str, state: &str, uuid: u8) -> Answer {
        use base64_of as encode;
        self.call(json!({ "type": "UPDATE", "update": { "status": {
            "task_id": { "value": task }, "state": state, "source": "SOURCE_EXECUTOR", "uuid": encode(&[uuid; 16]),
        }}}))
        .await
    }
}

impl Events {
    /// The next event; it is exactly one chunk.
    pub async fn next(&mut self) -> Value {
        let mut size = String::new();
        self.connection.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_else(|_| panic!("chunk size: {size:?}"));
        let mut chunk = vec![0; size + 2];
        self.connection.read_exact(&mut chunk).await.unwrap();
        let chunk = std::str::from_utf8(&chunk[..size]).unwrap();
        let (length, event) = chunk.split_once('\n').expect("a record starts with its length");
        assert_eq!(length.parse(), Ok(event.len()), "one record is one chunk");
        serde_json::from_str(event).unwrap()
    }

    pub async fn next_of(&mut self, kind: &str) -> Value {
        let event = self.next().await;
        assert_eq!(event["type"], kind, "{event}");
        event
    }
}

/// Standard base64, for sixteen bytes.
fn base64_of(bytes: &[u8; 16]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for n in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * n) & 63) as usize];
            text.push(if n <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

pub async fn get(agent: SocketAddr, path: &str) -> Answer {
    request(agent, "GET", path, "").await
}

pub async fn post(agent: SocketAddr, path: &str, body: &str) -> Answer {
    request(agent, "POST", path, body).await
}

async fn request(agent: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let mut connection = send(agent, method, path, body).await;
    let (status, head) = read_head(&mut connection).await;
    let body = read_body(&mut connection, &head).await;
    Answer { status, body }
}

async fn send(agent: SocketAddr, method: &str, path: &str, body: &str) -> BufReader<TcpStream> {
    let mut connection = TcpStream::connect(agent).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: agent\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    BufReader::new(connection)
}

async fn read_head(connection: &mut BufReader<TcpStream>) -> (u16, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(
            connection.read_line(&mut head).await.unwrap(),
            0,
            "the connection ended within the head: {head}"
        );
    }
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status: {head}")), head)
}

async fn read_body(connection: &mut BufReader<TcpStream>, head: &str) -> String {
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    connection.read_exact(&mut body).await.unwrap();
    String::from_utf8(body).unwrap()
}
