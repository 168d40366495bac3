//! A client that reads answers as fast as they come, and notes when.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::crowd::PATIENCE;

/// One connection, used again and again.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How long an answer took.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub status: u16,
    /// Of the body.
    pub first_byte: Duration,
    pub last_byte: Duration,
    pub length: usize,
}

/// Where in a body the reader is.
#[derive(Clone, Copy)]
enum At {
    /// A body of a known length.
    Plain {
        left: usize,
    },
    /// In the line with a chunk's length.
    Length(usize),
    /// In a chunk, with the line end behind it.
    Chunk {
        left: usize,
    },
    /// In the lines behind the last chunk.
    Trailer {
        empty: bool,
    },
    End,
}

impl Client {
    pub fn new(address: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(address).context("connect to the master")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client { stream, buffer: vec![0; 1 << 20] })
    }

    pub fn get(&mut self, path: &str) -> Result<Answered> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: master\r\n\r\n"), &[])
    }

    /// A call of the operator API, in protobuf, and answered as `accept` says.
    pub fn call(&mut self, call: &[u8], accept: &str) -> Result<Answered> {
        let head = format!(
            "POST /api/v1 HTTP/1.1\r\nHost: master\r\nContent-Type: application/x-protobuf\r\nAccept: {accept}\r\n\
             Content-Length: {}\r\n\r\n",
            call.len()
        );
        self.ask(&head, call)
    }

    fn ask(&mut self, head: &str, body: &[u8]) -> Result<Answered> {
        let began = Instant::now();
        self.stream.write_all(&[head.as_bytes(), body].concat()).context("ask")?;
        let mut answer = Vec::new();
        let end = loop {
            if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            let read = self.stream.read(&mut self.buffer).context("read the head of an answer")?;
            ensure!(read > 0, "the connection ended before an answer");
            answer.extend_from_slice(&self.buffer[..read]);
        };
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("read a status")?;
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let mut at = match field("content-length:") {
            Some(length) => At::Plain { left: length.trim().parse().context("read a length")? },
            None if field("transfer-encoding:").is_some() => At::Length(0),
            None => bail!("an answer without a length"),
        };
        let (mut length, mut first_byte) = (0, None);
        at = at.take(&answer[end..], &mut length)?;
        loop {
            if length > 0 && first_byte.is_none() {
                first_byte = Some(began.elapsed());
            }
            if at.is_end() {
                let last_byte = began.elapsed();
                return Ok(Answered {
                    status,
                    first_byte: first_byte.unwrap_or(last_byte),
                    last_byte,
                    length,
                });
            }
            let read = self.stream.read(&mut self.buffer).context("read an answer")?;
            ensure!(read > 0, "the connection ended within an answer");
            at = at.take(&self.buffer[..read], &mut length)?;
        }
    }
}

impl At {
    fn is_end(self) -> bool {
        matches!(self, At::End | At::Plain { left: 0 })
    }

    /// Goes on through these bytes, counting those of the body.
    fn take(mut self, mut bytes: &[u8], length: &mut usize) -> Result<At> {
        while let Some(&first) = bytes.first() {
            let step = match &mut self {
                At::Plain { left } => {
                    ensure!(*left > 0, "an answer longer than it says");
                    let step = bytes.len().min(*left);
                    *left -= step;
                    *length += step;
                    step
                }
                At::Chunk { left } => {
                    let step = bytes.len().min(*left);
                    // The line end behind it is no part of it.
                    *length += step.min(left.saturating_sub(2));
                    *left -= step;
                    step
                }
                At::Length(size) => {
                    match first {
                        b'\r' => {}
                        b'\n' if *size == 0 => self = At::Trailer { empty: true },
                        b'\n' => self = At::Chunk { left: *size + 2 },
                        digit => {
                            let digit = (digit as char).to_digit(16).context("read a chunk's length")?;
                            *size = *size * 16 + digit as usize;
                        }
                    }
                    1
                }
                At::Trailer { empty } => {
                    match first {
                        b'\n' if *empty => self = At::End,
                        b'\n' => *empty = true,
                        b'\r' => {}
                        _ => *empty = false,
                    }
                    1
                }
                At::End => bail!("an answer longer than it says"),
            };
            bytes = &bytes[step..];
            if matches!(self, At::Chunk { left: 0 }) {
                self = At::Length(0);
            }
        }
        Ok(self)
    }
}

/// Asks until the answer is 200.
pub fn wait_for(address: SocketAddr, path: &str) -> Result<()> {
    let mut client = Client::new(address)?;
    let began = Instant::now();
    while client.get(path)?.status != 200 {
        ensure!(began.elapsed() < PATIENCE, "{path} is not served");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
