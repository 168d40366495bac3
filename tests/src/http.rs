//! HTTP/1.1 by hand, over a socket, with TLS if asked for: what is on the wire is what a test sees, and says.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Longer than any answer takes, except of streams, which have heartbeats every 15 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it will be written. `Host` and `Content-Length` are added unless present.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Request { method: method.to_owned(), path: path.to_owned(), ..Request::default() }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST of JSON that wants JSON back.
    pub fn json(path: &str, body: impl AsRef<[u8]>) -> Self {
        Self::new("POST", path)
            .with("Content-Type", "application/json")
            .with("Accept", "application/json")
            .body(body)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_owned();
        self
    }

    /// Everything before the body.
    pub fn head(&self, host: &str) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.path);
        let mut framed = false;
        for (name, value) in &self.headers {
            framed |=
                name.eq_ignore_ascii_case("Content-Length") || name.eq_ignore_ascii_case("Transfer-Encoding");
            head += &format!("{name}: {value}\r\n");
        }
        if !framed {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head + "\r\n"
    }
}

/// Status line and headers of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn is_chunked(&self) -> bool {
        self.header("Transfer-Encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"))
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.head.status
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics with the body if it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("status {}, not JSON ({error}): {}", self.status(), self.text()))
    }
}

/// One connection, for one request after the other.
pub struct Connection {
    address: String,
    reader: BufReader<Stream>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => stream.get_ref(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(into),
            Stream::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

impl Connection {
    pub fn open(address: &str) -> Result<Self> {
        Self::to(address, None)
    }

    /// With TLS if it is said how; the handshake happens with the first request.
    pub fn to(address: &str, tls: Option<&Arc<ClientConfig>>) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(config) => {
                let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
                let session = ClientConnection::new(Arc::clone(config), name)?;
                Stream::Tls(Box::new(StreamOwned::new(session, stream)))
            }
        };
        Ok(Connection { address: address.to_owned(), reader: BufReader::new(stream) })
    }

    /// Bytes as they are, for what `send` would never write.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.reader.get_mut().write_all(bytes)?;
        Ok(())
    }

    pub fn send(&mut self, request: &Request) -> Result<()> {
        let mut bytes = request.head(&self.address).into_bytes();
        bytes.extend_from_slice(&request.body);
        self.write(&bytes)
    }

    pub fn patience(&mut self, limit: Duration) -> Result<()> {
        Ok(self.reader.get_ref().socket().set_read_timeout(Some(limit))?)
    }

    /// A handle with which another thread may end the connection.
    pub fn handle(&self) -> Result<Handle> {
        Ok(Handle(self.reader.get_ref().socket().try_clone()?))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line).context("read from the connection")? == 0 {
            bail!("the connection ended");
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    pub fn head(&mut self) -> Result<Head> {
        let status = self.line()?;
        let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let Some(code) = code else { bail!("not a status line: {status}") };
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Head { status: code, headers });
            }
            let Some((name, value)) = line.split_once(':') else { bail!("not a header: {line}") };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// The next chunk of a chunked body; `None` is its end.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let size = self.line()?;
        let size =
            usize::from_str_radix(size.trim(), 16).with_context(|| format!("not a chunk size: {size}"))?;
        let mut data = vec![0; size];
        self.reader.read_exact(&mut data)?;
        let end = self.line()?;
        if !end.is_empty() {
            bail!("a chunk of {size} bytes is longer than it says: {end}");
        }
        Ok((size > 0).then_some(data))
    }

    pub fn body(&mut self, head: &Head) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        if head.is_chunked() {
            while let Some(chunk) = self.chunk()? {
                body.extend(chunk);
            }
        } else if let Some(length) = head.header("Content-Length") {
            body.resize(length.parse()?, 0);
            self.reader.read_exact(&mut body)?;
        }
        Ok(body)
    }

    pub fn answer(&mut self) -> Result<Answer> {
        let head = self.head()?;
        let body = self.body(&head)?;
        Ok(Answer { head, body })
    }

    /// Sends and reads; the answer to HEAD has no body, whatever its length says.
    pub fn ask(&mut self, request: &Request) -> Result<Answer> {
        self.send(request)?;
        if request.method == "HEAD" {
            return Ok(Answer { head: self.head()?, body: Vec::new() });
        }
        self.answer()
    }

    /// Whether the other side has closed, and nothing is left to read.
    pub fn ended(&mut self) -> bool {
        matches!(self.reader.fill_buf(), Ok([]))
    }
}

/// Ends a connection from another thread.
pub struct Handle(TcpStream);

impl Handle {
    pub fn close(&self) {
        // The peer may have closed before us.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// One request on a connection of its own.
pub fn ask(address: &str, request: &Request) -> Result<Answer> {
    Connection::open(address)?.ask(request)
}
