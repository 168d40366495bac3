//! Nodes in a chain, peers that behave badly, and an HTTP client to ask them about their messages.

use std::net::SocketAddr;

use libactor::{Actor, Context, Node, Pid, Receive, Routes};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Note, soon};

/// Passes notes on, and says so to the test. Each note is about the task of its number.
pub struct Relay {
    next: Option<Pid>,
    told: mpsc::UnboundedSender<Pid>,
}

impl Actor for Relay {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Note>();
    }
}

impl Receive<Note> for Relay {
    fn receive(&mut self, cx: &mut Context<Self>, _from: &Pid, note: Note) {
        // Only the last one knows what it is about: whoever asks for it must look for the trace elsewhere.
        let Some(next) = &self.next else {
            cx.tag("task", &note.number.to_string());
            let _ = self.told.send(cx.me().clone());
            return;
        };
        cx.tell(next, note);
    }
}

/// Nodes of which each is connected to the next alone.
pub struct Chain {
    pub nodes: Vec<Node>,
    pub relays: Vec<Pid>,
    pub arrived: mpsc::UnboundedReceiver<Pid>,
}

impl Chain {
    pub async fn new(length: usize) -> Chain {
        let mut nodes = Vec::new();
        for _ in 0..length {
            nodes.push(super::node().await);
        }
        Chain::of(nodes)
    }

    pub fn of(nodes: Vec<Node>) -> Chain {
        let (told, arrived) = mpsc::unbounded_channel();
        let (mut next, mut relays) = (None, Vec::new());
        for node in nodes.iter().rev() {
            let relay = node.spawn("relay", Relay { next: next.take(), told: told.clone() });
            next = Some(relay.pid().clone());
            relays.insert(0, relay.pid().clone());
        }
        Chain { nodes, relays, arrived }
    }

    /// Sends a note from the first node to the last, and waits until it is there.
    pub async fn pass(&mut self, number: u64) {
        let from = self.nodes[0].pid("client");
        self.nodes[0].tell(&from, &self.relays[0], super::note(number));
        soon(self.arrived.recv()).await.expect("the chain lives");
    }

    pub async fn shutdown(self) {
        for node in self.nodes {
            node.shutdown().await;
        }
    }
}

/// A peer that greets, and never answers anything; or goes away as soon as it is asked about traces.
pub async fn bad_peer(leaves: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let text = address.to_string();
            let hello = [&[0x0a, text.len() as u8], text.as_bytes()].concat();
            let frame = [&[0x0a, hello.len() as u8], &hello[..]].concat();
            stream.write_all(b"\x93lactor\x02").await.unwrap();
            stream.write_all(&(frame.len() as u32).to_be_bytes()).await.unwrap();
            stream.write_all(&frame).await.unwrap();
            let (mut buffer, mut read) = (vec![0; 1 << 16], Vec::new());
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                read.extend_from_slice(&buffer[..count]);
                if leaves && read.windows(14).any(|part| part == b"libactor.trace") {
                    return;
                }
            }
        }
    });
    address
}

/// Status and body.
pub async fn get(node: &Node, path: &str) -> (u16, String) {
    let (status, body) = get_bytes(node, path, "*/*").await;
    (status, String::from_utf8(body).unwrap())
}

pub async fn get_bytes(node: &Node, path: &str, accept: &str) -> (u16, Vec<u8>) {
    let mut client = TcpStream::connect(node.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon(client.read_to_end(&mut answer)).await.unwrap();
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("the end of the head");
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer.split_off(end + 4))
}

pub async fn get_json(node: &Node, path: &str) -> Value {
    let (status, body) = get(node, path).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}
