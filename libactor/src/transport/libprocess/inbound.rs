//! A connection that begins with a message in the libprocess wire: messages one after the other, until a plain request comes,
//! which the HTTP routes take over with all that follows.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::counters;
use crate::node::Node;
use crate::transport::acceptor::{Arrival, Conversation};
use crate::transport::inbound::own;
use crate::transport::libprocess::intake::Intake;
use crate::transport::libprocess::requests::{Bounds, Message, Next, RequestError, Requests};
use crate::transport::socket::Socket;
use crate::transport::stream::Rewound;
use crate::transport::watchdog::Activity;

/// How long a sender whose request was bad gets to read the answer.
const LINGER: Duration = Duration::from_secs(1);

/// How a conversation ends.
enum End {
    /// The HTTP routes go on with it.
    Plain,
    Over,
}

/// Serves the connection until it ends.
pub(crate) async fn run(conversation: Conversation) {
    let Conversation { arrival, stream, seen } = conversation;
    let Arrival { node, http, remote, closing, silence } = arrival;
    let settings = &node.inner().settings;
    let bounds = Bounds {
        body: settings.frame_bytes,
        head_time: settings.handshake,
        silence: settings.silence,
        may_link: silence.is_some(),
    };
    let mut requests = Requests::new(stream, seen, bounds, node.inner().transport.incomplete.clone());
    let ended = tokio::select! {
        ended = converse(&node, remote.ip(), &mut requests) => ended,
        () = closing.cancelled() => return,
    };
    drop(silence);
    match ended {
        Ok(End::Over) => tracing::debug!(%remote, "connection of a libprocess sender ended"),
        Ok(End::Plain) => {
            let (stream, seen) = requests.into_parts();
            let rewound = Rewound { seen, stream, activity: Activity::default() };
            http.serve_until(rewound, remote, closing).await;
        }
        Err(error) => {
            requests.flush().await;
            refuse(&node, requests.stream, remote, &error).await;
        }
    }
}

async fn converse(node: &Node, remote: IpAddr, requests: &mut Requests<Socket>) -> Result<End, RequestError> {
    let mut intake = Intake::new(node);
    let mut answers = Answers::default();
    loop {
        match requests.next().await? {
            Next::Message(message) => {
                let stays = message.head.stays;
                let arrived = deliver(requests, &mut intake, remote, message).await?;
                requests.answer(answers.text(node.clock().now().into(), arrived));
                if !stays {
                    requests.flush().await;
                    let _ = requests.stream.shutdown().await;
                    return Ok(End::Over);
                }
            }
            Next::Plain => {
                requests.flush().await;
                return Ok(End::Plain);
            }
            Next::Over => {
                requests.flush().await;
                return Ok(End::Over);
            }
        }
    }
}

async fn deliver(
    requests: &mut Requests<Socket>,
    intake: &mut Intake,
    remote: IpAddr,
    message: Message,
) -> Result<bool, RequestError> {
    let Message { bytes, head, body } = message;
    let share = match intake.try_share(body.len()) {
        Some(share) => share,
        None => {
            // While this one waits, the sender hears of those before it.
            requests.flush().await;
            intake.share(body.len()).await
        }
    };
    let (target, from) = (bytes.slice(head.target), bytes.slice(head.from));
    intake.deliver(target, from, remote, own(body), share).map_err(RequestError::Bad)
}

/// The two answers, with the date of the second in which they were made.
#[derive(Default)]
struct Answers {
    second: u64,
    accepted: Bytes,
    not_found: Bytes,
}

impl Answers {
    fn text(&mut self, now: SystemTime, arrived: bool) -> &[u8] {
        let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        if second != self.second || self.accepted.is_empty() {
            let date = httpdate::fmt_http_date(now);
            let answer = |status: &str| {
                format!("HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n").into()
            };
            *self = Answers { second, accepted: answer("202 Accepted"), not_found: answer("404 Not Found") };
        }
        if arrived { &self.accepted } else { &self.not_found }
    }
}

/// Says what is wrong, and closes. Who broke off is not told.
async fn refuse(node: &Node, mut stream: Socket, remote: SocketAddr, error: &RequestError) {
    let reason = match error {
        RequestError::Io(_) | RequestError::Cut => {
            let error: &dyn std::error::Error = error;
            return tracing::debug!(%remote, error, "libprocess sender broke off");
        }
        RequestError::Head(cause) => format!("{error}: {cause}\n"),
        RequestError::Slow(_) | RequestError::NoRoom(_) | RequestError::Bad(_) => format!("{error}\n"),
    };
    tracing::warn!(%remote, reason = reason.trim_end(), "connection of a libprocess sender closed");
    counters::count(counters::LIBPROCESS_REFUSED);
    let date = httpdate::fmt_http_date(node.clock().now().into());
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nDate: {date}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reason}",
        reason.len()
    );
    let end = async {
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.shutdown().await.is_err() {
            return;
        }
        // Closing with bytes unread would reset the connection, and the answer with it.
        let mut ignored = [0; 4096];
        while stream.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
    };
    let _ = tokio::time::timeout(LINGER, end).await;
}
