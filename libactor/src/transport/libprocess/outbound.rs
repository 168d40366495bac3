//! A message as libprocess writes it, byte by byte, and what is made of the answers: nothing.

use std::fmt::Write as _;
use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::envelope::Head;
use crate::transport::frames::ReadError;

/// What the head of a message holds besides names and addresses, and the frame of its body.
const OVERHEAD: usize = 192;

/// What is read at once of answers that nobody looks at.
const ANSWERS: usize = 4 << 10;

/// The request for a message. An empty body has no headers.
pub(crate) fn request<'a>(head: impl Into<Head<'a>>, body: &[u8]) -> Bytes {
    let Head { from, to, name, .. } = head.into();
    let names = to.name().len() + name.len() + 2 * from.name().len();
    let mut bytes = BytesMut::with_capacity(OVERHEAD + names + body.len());
    bytes.put_slice(b"POST /");
    escape(to.name(), &mut bytes);
    let head = format_args!(
        "/{} HTTP/1.1\r\nUser-Agent: libprocess/{from}\r\nLibprocess-From: {from}\r\nConnection: Keep-Alive\r\nHost: {}\r\n",
        name,
        to.address(),
    );
    bytes.write_fmt(head).expect("a buffer grows");
    if body.is_empty() {
        bytes.put_slice(b"\r\n");
        return bytes.freeze();
    }
    write!(bytes, "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()).expect("a buffer grows");
    bytes.put_slice(body);
    bytes.put_slice(b"\r\n0\r\n\r\n");
    bytes.freeze()
}

/// Only what would end the path or the line: libprocess leaves parentheses as they are.
fn escape(name: &str, bytes: &mut BytesMut) {
    for byte in name.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b'?' | b'#') {
            bytes.put_u8(byte);
        } else {
            write!(bytes, "%{byte:02X}").expect("a buffer grows");
        }
    }
}

/// Until the connection ends.
pub(crate) async fn discard(read: &mut (impl AsyncRead + Unpin)) -> ReadError {
    let mut ignored = [0; ANSWERS];
    loop {
        match read.read(&mut ignored).await {
            Ok(0) => return ReadError::Closed,
            Ok(_) => {}
            Err(error) => return io::Error::into(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Header;
    use crate::pid::Pid;
    use crate::trace::{HybridTime, MessageId, TraceId};

    fn header(to: &str, name: &'static str) -> Header {
        Header {
            from: "slave-observer(1)@127.0.0.1:5150".parse::<Pid>().unwrap(),
            to: to.parse().unwrap(),
            name: name.into(),
            size: 0,
            trace: TraceId(1),
            id: MessageId(1),
            cause: MessageId(0),
            logical: HybridTime(0),
        }
    }

    #[test]
    fn a_message_is_written_as_libprocess_writes_it() {
        let header = header("slave(1)@127.0.0.1:5151", "mesos.internal.PingSlaveMessage");
        let head = "POST /slave(1)/mesos.internal.PingSlaveMessage HTTP/1.1\r\n\
            User-Agent: libprocess/slave-observer(1)@127.0.0.1:5150\r\n\
            Libprocess-From: slave-observer(1)@127.0.0.1:5150\r\n\
            Connection: Keep-Alive\r\n\
            Host: 127.0.0.1:5151\r\n";

        let empty = request(&header, b"");
        let small = request(&header, b"\x08\x00");
        let large = request(&header, &[7; 0xabc]);

        assert_eq!(empty, format!("{head}\r\n"));
        assert_eq!(small, format!("{head}Transfer-Encoding: chunked\r\n\r\n2\r\n\x08\x00\r\n0\r\n\r\n"));
        assert!(large.starts_with(format!("{head}Transfer-Encoding: chunked\r\n\r\nabc\r\n").as_bytes()));
    }

    #[test]
    fn a_name_that_would_end_the_path_is_escaped() {
        let bytes = request(&header("a?b#c%d(é)@1.2.3.4:5", "M"), b"");

        assert!(bytes.starts_with(b"POST /a%3Fb%23c%25d(%C3%A9)/M HTTP/1.1\r\n"), "{bytes:?}");
    }
}
