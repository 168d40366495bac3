//! HTTP on a node's port: routes, bodies, streams, clients that go away, shutdown.

mod cast;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cast::{listener, node, note, soon};
use futures::Stream;
use libactor::web::{self, Bytes, Data, HttpResponse};
use libactor::{Actor, ActorRef, Handler, Message, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

struct Counter(u64);
struct Add(u64);

impl Actor for Counter {}

impl Message for Add {
    type Reply = u64;
}

impl Handler<Add> for Counter {
    fn handle(&mut self, _cx: &mut libactor::Context<Self>, Add(number): Add) -> u64 {
        self.0 += number;
        self.0
    }
}

async fn add(counter: Data<ActorRef<Counter>>, number: web::Path<u64>) -> String {
    let counted = counter.ask(Add(number.into_inner())).await;
    counted.map_or_else(|error| error.to_string(), |count| count.to_string())
}

async fn length(body: Bytes) -> String {
    body.len().to_string()
}

/// A stream that tells when it is dropped.
struct Events(mpsc::UnboundedReceiver<Bytes>, Option<oneshot::Sender<()>>);

impl Stream for Events {
    type Item = Result<Bytes, web::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|item| item.map(Ok))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.1.take().expect("dropped once").send(());
    }
}

type Stage = Arc<Mutex<Option<Events>>>;

async fn events(stage: Data<Stage>, _call: Bytes) -> HttpResponse {
    let events = stage.lock().unwrap().take().expect("subscribed once");
    HttpResponse::Ok().streaming(events)
}

struct Server {
    node: Node,
    publish: Option<mpsc::UnboundedSender<Bytes>>,
    gone: oneshot::Receiver<()>,
}

async fn server() -> Server {
    let node = Node::builder().bind().await.unwrap();
    let counter = node.spawn("counter", Counter(0));
    let (publish, published) = mpsc::unbounded_channel();
    let (tell, gone) = oneshot::channel();
    let stage: Stage = Arc::new(Mutex::new(Some(Events(published, Some(tell)))));
    node.serve(move |config| {
        config
            .app_data(Data::new(counter))
            .app_data(Data::new(stage))
            .app_data(web::PayloadConfig::new(8 << 20))
            .route("/add/{number}", web::post().to(add))
            .route("/length", web::post().to(length))
            .route("/events", web::post().to(events));
    })
    .await
    .unwrap();
    Server { node, publish: Some(publish), gone }
}

/// Reads until what was read ends like this.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    soon(async {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.unwrap();
            assert!(count > 0, "closed after {text:?}");
            text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        text
    })
    .await
}

async fn subscribe(node: &Node) -> TcpStream {
    let mut client = TcpStream::connect(node.address()).await.unwrap();
    client.write_all(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
    let head = read_until(&mut client, "\r\n\r\n").await;
    assert!(head.to_ascii_lowercase().contains("transfer-encoding: chunked"), "{head}");
    client
}

#[test]
fn calls_share_a_connection_and_reach_actors() {
    libactor::run(async {
        let Server { node, .. } = server().await;
        let mut client = TcpStream::connect(node.address()).await.unwrap();

        for count in 1..=3 {
            let call = b"POST /add/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
            client.write_all(call).await.unwrap();
            let answer = read_until(&mut client, &format!("\r\n\r\n{count}")).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        }
        node.shutdown().await;
    });
}

#[test]
fn a_request_may_come_in_pieces_and_a_body_in_chunks() {
    libactor::run(async {
        let Server { node, .. } = server().await;
        let mut client = TcpStream::connect(node.address()).await.unwrap();
        let pieces = [
            "PO",
            "ST /length HTTP/1.1\r\nHo",
            "st: x\r\nTransfer-Encoding: chunked\r\n\r",
            "\n5\r\nhel",
            "lo\r\n",
            "6\r\n world\r\n0\r\n",
            "\r\n",
        ];

        for piece in pieces {
            client.write_all(piece.as_bytes()).await.unwrap();
            // Each piece is a segment of its own, and the server sees it alone.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        read_until(&mut client, "\r\n\r\n11").await;

        client
            .write_all(b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n")
            .await
            .unwrap();
        client.write_all(&vec![b'x'; 4 << 20]).await.unwrap();
        read_until(&mut client, "\r\n\r\n4194304").await;
        node.shutdown().await;
    });
}

#[test]
fn each_item_of_a_stream_is_a_chunk_that_leaves_at_once() {
    libactor::run(async {
        let Server { node, publish, .. } = server().await;
        let publish = publish.unwrap();
        let mut client = subscribe(&node).await;

        publish.send(Bytes::from_static(b"one")).unwrap();
        assert_eq!(read_until(&mut client, "\r\n").await, "3\r\none\r\n");
        publish.send(Bytes::from_static(b"three")).unwrap();
        publish.send(Bytes::from_static(b"four")).unwrap();
        assert_eq!(read_until(&mut client, "four\r\n").await, "5\r\nthree\r\n4\r\nfour\r\n");
        drop(publish);
        assert_eq!(read_until(&mut client, "\r\n\r\n").await, "0\r\n\r\n");
        node.shutdown().await;
    });
}

#[test]
fn a_client_that_closes_an_idle_stream_is_noticed() {
    libactor::run(async {
        let Server { node, gone, publish } = server().await;
        let client = subscribe(&node).await;

        drop(client);

        soon(gone).await.unwrap();
        drop(publish);
        node.shutdown().await;
    });
}

#[test]
fn a_client_that_closes_only_its_side_of_an_idle_stream_is_noticed() {
    libactor::run(async {
        let Server { node, gone, publish } = server().await;
        let mut client = subscribe(&node).await;

        client.shutdown().await.unwrap();

        soon(gone).await.unwrap();
        drop(publish);
        node.shutdown().await;
    });
}

#[test]
fn a_client_that_resets_a_stream_is_noticed() {
    libactor::run(async {
        let Server { node, gone, publish } = server().await;
        let client = subscribe(&node).await;

        // Unread data makes the kernel reset the connection instead of closing it.
        publish.as_ref().unwrap().send(Bytes::from(vec![b'x'; 1 << 16])).unwrap();
        client.readable().await.unwrap();
        drop(client);

        soon(gone).await.unwrap();
        drop(publish);
        node.shutdown().await;
    });
}

#[test]
fn a_client_that_does_not_read_holds_back_its_own_stream_only() {
    libactor::run(async {
        let Server { node, gone, publish } = server().await;
        let publish = publish.unwrap();
        let lazy = subscribe(&node).await;
        for _ in 0..64 {
            publish.send(Bytes::from(vec![b'x'; 1 << 20])).unwrap();
        }

        let mut other = TcpStream::connect(node.address()).await.unwrap();
        other.write_all(b"POST /add/5 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        read_until(&mut other, "\r\n\r\n5").await;
        drop(lazy);

        soon(gone).await.unwrap();
        node.shutdown().await;
    });
}

#[test]
fn a_client_that_floods_behind_an_open_stream_is_cut_off() {
    libactor::run(async {
        let Server { node, gone, publish } = server().await;
        let mut client = subscribe(&node).await;

        let flood = async {
            // Ends when the server has had enough.
            while client.write_all(b"GET /__processes__ HTTP/1.1\r\nHost: x\r\n\r\n").await.is_ok() {}
        };
        soon(flood).await;

        soon(gone).await.unwrap();
        drop(publish);
        node.shutdown().await;
    });
}

#[test]
fn shutdown_is_quick_though_streams_are_open() {
    libactor::run(async {
        let Server { node, gone, publish } = server().await;
        let mut client = subscribe(&node).await;
        let begin = Instant::now();

        node.shutdown().await;

        assert!(begin.elapsed() < Duration::from_millis(900), "{:?}", begin.elapsed());
        soon(gone).await.unwrap();
        assert!(client.read_u8().await.is_err());
        assert!(TcpStream::connect(node.address()).await.is_err());
        drop(publish);
    });
}

async fn get(node: &Node, path: &str) -> (u16, String) {
    let mut client = TcpStream::connect(node.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(client.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn a_node_tells_about_its_actors_messages_and_metrics() {
    libactor::run(async {
        let node = node().await;
        let (actor, mut seen) = listener();
        let listener = node.spawn("slave(1)", actor);
        node.tell(&node.pid("me"), listener.pid(), note(300));
        seen.next().await;
        metrics::counter!("test/things_done").increment(3);

        let (status, processes) = get(&node, "/__processes__").await;
        assert_eq!((status, processes.as_str()), (200, r#"[{"id":"slave(1)","events":[]}]"#));
        let (_, trace) = get(&node, "/__trace__?limit=5").await;
        let trace: serde_json::Value = serde_json::from_str(&trace).unwrap();
        let message = &trace["messages"][0];
        assert_eq!(message["message"], "test.Note");
        assert_eq!(message["to"], listener.pid().to_string());
        assert_eq!(message["outcome"], "handled");
        assert_eq!(message["size"], 3);
        let same = get(&node, &format!("/__trace__?trace={}", message["trace"].as_str().unwrap())).await.1;
        assert!(same.contains(message["id"].as_str().unwrap()));
        let (_, text) = get(&node, "/metrics").await;
        assert!(text.contains("# TYPE test_things_done counter\ntest_things_done 3\n"), "{text}");
        let (_, snapshot) = get(&node, "/metrics/snapshot").await;
        assert!(snapshot.contains(r#""test/things_done":3.0"#), "{snapshot}");
        let (status, error) = get(&node, "/__trace__?trace=xyz").await;
        assert_eq!(
            (status, error.as_str()),
            (400, "trace: 'xyz' is not a hexadecimal number of up to 16 digits, and not zero")
        );
        assert_eq!(get(&node, "/nothing").await.0, 404);
        node.shutdown().await;
    });
}

#[test]
fn what_follows_from_one_call_is_one_trace() {
    libactor::run(async {
        let node = Node::builder().bind().await.unwrap();
        let (actor, mut seen) = listener();
        let listener = node.spawn("listener", actor);
        let (teller, to) = (node.clone(), listener.pid().clone());
        node.serve(move |config| {
            let tell_twice = move || {
                let (node, to) = (teller.clone(), to.clone());
                async move {
                    node.tell(&node.pid("http"), &to, note(1));
                    tokio::task::yield_now().await;
                    node.tell(&node.pid("http"), &to, note(2));
                    "told"
                }
            };
            config.route("/tell", web::get().to(tell_twice));
        })
        .await
        .unwrap();

        assert_eq!(get(&node, "/tell").await.0, 200);
        seen.next().await;
        seen.next().await;

        let records = node.recorder().query(&Default::default());
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].header.trace, records[1].header.trace);
        node.shutdown().await;
    });
}
