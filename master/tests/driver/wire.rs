//! libprocess messages as bytes, sent and received by hand.

use std::net::SocketAddr;

use libactor::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// One message: the head without its last line, and the body.
pub struct Posted {
    pub head: String,
    pub body: Vec<u8>,
}

impl Posted {
    /// The message's name without its package.
    pub fn name(&self) -> &str {
        let path = self.head.split(' ').nth(1).unwrap();
        path.rsplit(['/', '.']).next().unwrap()
    }

    pub fn sender(&self) -> Pid {
        let line = self.head.lines().find_map(|line| line.strip_prefix("Libprocess-From: "));
        line.unwrap().parse().unwrap()
    }

    /// As libprocess writes it: one chunk, or no body at all.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n\r\n", self.head).into_bytes();
        if self.head.contains("Transfer-Encoding: chunked") {
            bytes.extend(format!("{:x}\r\n", self.body.len()).bytes());
            bytes.extend(&self.body);
            bytes.extend(b"\r\n0\r\n\r\n");
        }
        bytes
    }
}

/// Where the driver is told things.
pub struct Listener {
    address: SocketAddr,
    posted: mpsc::UnboundedReceiver<Posted>,
}

impl Listener {
    pub async fn open() -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, posted) = mpsc::unbounded_channel();
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(read(stream, sender.clone()));
            }
        });
        Listener { address, posted }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn next(&mut self) -> Posted {
        self.posted.recv().await.unwrap()
    }
}

/// Reads messages until the connection ends, and answers none: nobody reads the answers.
async fn read(mut stream: TcpStream, posted: mpsc::UnboundedSender<Posted>) {
    while let Some(head) = try_head(&mut stream).await {
        let head = head.strip_suffix("\r\n\r\n").unwrap().to_owned();
        let mut body = Vec::new();
        if head.contains("Transfer-Encoding: chunked") {
            loop {
                let size = line(&mut stream).await;
                let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
                let mut chunk = vec![0; size + 2];
                stream.read_exact(&mut chunk).await.unwrap();
                body.extend(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        }
        if posted.send(Posted { head, body }).is_err() {
            return;
        }
    }
}

/// The next head, with the empty line behind it.
pub async fn head(stream: &mut TcpStream) -> String {
    try_head(stream).await.expect("the connection stands")
}

async fn try_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn line(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(line).unwrap()
}
