//! What it costs to look at messages: while they are followed, and when one task's are asked for in a cluster.

mod cluster;
mod tap;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};
use tepui_bench::Contest;

pub use cluster::ROLES;

pub fn contests() -> Vec<Contest> {
    vec![tap::contest(), cluster::contest()]
}

/// Sends a request that ends its connection.
fn get(node: SocketAddr, path: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(node)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    ensure!(status.ends_with(b"200"), "{path} was answered {}", String::from_utf8_lossy(&status));
    Ok(stream)
}
