//! Messages shown while they happen: filters, rates, bodies without secrets, ends.

mod cast;

use cast::cluster::{Chain, bad_peer, get, get_bytes, get_json};
use cast::{listener, node, note, served, soon};
use libactor::{Node, Pid};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A client that follows a tail.
struct Tail(BufReader<TcpStream>);

impl Tail {
    async fn open(node: &Node, query: &str) -> Tail {
        let mut stream = TcpStream::connect(node.address()).await.unwrap();
        let request = format!("GET /__trace__/tail?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Tail(BufReader::new(stream))
    }

    /// The next line of JSON; none at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            soon(self.0.read_line(&mut line)).await.unwrap();
            if line.starts_with('{') {
                return Some(serde_json::from_str(&line).unwrap());
            }
            // The chunk of length zero ends a stream.
            if line.is_empty() || line == "0\r\n" {
                return None;
            }
        }
    }

    /// The next message.
    async fn message(&mut self) -> Value {
        loop {
            let item = self.next().await.expect("the tail goes on");
            if item.get("id").is_some() {
                return item;
            }
        }
    }

    /// All items to the end: messages, how many were left out, and the last one.
    async fn rest(&mut self) -> (Vec<Value>, u64, Value) {
        let (mut messages, mut left_out, mut last) = (Vec::new(), 0, Value::Null);
        while let Some(item) = self.next().await {
            left_out += item["left_out"].as_u64().unwrap_or_default();
            if item.get("id").is_some() {
                messages.push(item);
            } else {
                last = item;
            }
        }
        (messages, left_out, last)
    }
}

/// Tells again and again, until the tail shows the first: a tap opens a moment after its client is answered.
async fn until_shown(tail: &mut Tail, mut tell: impl FnMut()) -> Value {
    let shown = tail.message();
    tokio::pin!(shown);
    loop {
        tell();
        tokio::select! {
            message = &mut shown => return message,
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
        }
    }
}

#[test]
fn a_tail_shows_what_happens_on_every_node_of_a_chain() {
    libactor::run(async {
        let mut chain = Chain::new(3).await;
        chain.pass(1).await;
        let last = chain.relays[2].to_string();
        let query = format!("scope=cluster&actor={last}&message=Note&seconds=60");
        let mut tail = Tail::open(&chain.nodes[0], &query).await;

        let (first, to, from) =
            (chain.nodes[0].clone(), chain.relays[0].clone(), chain.nodes[0].pid("client"));
        let message = until_shown(&mut tail, || first.tell(&from, &to, note(2))).await;

        assert_eq!((&message["to"], &message["outcome"]), (&json!(last), &json!("handled")));
        assert_eq!(message["node"], chain.nodes[2].address().to_string());
        assert_eq!(message["tags"], json!({"task": ["2"]}));
        assert_eq!(message.get("body"), None);
        chain.shutdown().await;
    });
}

#[test]
fn a_node_that_joins_while_somebody_watches_is_watched_too() {
    libactor::run(async {
        let mut chain = Chain::new(2).await;
        chain.pass(1).await;
        let mut tail = Tail::open(&chain.nodes[0], "scope=cluster&message=Note&actor=late&seconds=60").await;

        let (late, (actor, _seen)) = (node().await, listener());
        let listener = late.spawn("late", actor).pid().clone();
        // It is known to the far end only.
        let far = chain.nodes[1].clone();
        let message = until_shown(&mut tail, || far.tell(&far.pid("me"), &listener, note(2))).await;

        assert_eq!(message["node"], late.address().to_string());
        assert_eq!(message["outcome"], "handled");
        chain.shutdown().await;
        late.shutdown().await;
    });
}

#[test]
fn a_tail_ends_by_itself_and_says_who_took_part() {
    libactor::run(async {
        let mut chain = Chain::new(2).await;
        let peer = bad_peer(false).await;
        chain.nodes[1].tell(&chain.nodes[1].pid("me"), &Pid::new("x", peer).unwrap(), note(1));
        chain.pass(1).await;

        let mut tail = Tail::open(&chain.nodes[0], "scope=cluster&seconds=1").await;
        let (_, left_out, last) = tail.rest().await;

        assert_eq!((left_out, &last["end"]), (0, &json!("its time is over")));
        assert_eq!(last["nodes"], json!({"asked": 3, "answered": 2, "silent": [peer.to_string()]}));
        chain.shutdown().await;
    });
}

#[test]
fn above_the_rate_messages_are_left_out_and_counted() {
    libactor::run(async {
        let node = node().await;
        let (actor, mut seen) = listener();
        let listener = node.spawn("listener", actor);
        let mut tail = Tail::open(&node, "rate=5&seconds=2&message=Note").await;
        until_shown(&mut tail, || node.tell(&node.pid("me"), listener.pid(), note(1))).await;

        for number in 0..10_000 {
            node.tell(&node.pid("me"), listener.pid(), note(number));
        }
        for _ in 0..10_000 {
            seen.next().await;
        }
        let (messages, left_out, _) = tail.rest().await;

        // Two seconds touch three seconds of the clock at most.
        assert!(messages.len() < 15, "{} messages", messages.len());
        assert!(left_out >= 9_900, "{left_out} were left out");
        node.shutdown().await;
    });
}

#[test]
fn a_tail_ends_after_so_many_messages() {
    libactor::run(async {
        let node = node().await;
        let (actor, _seen) = listener();
        let listener = node.spawn("listener", actor);
        let mut tail = Tail::open(&node, "limit=3").await;
        until_shown(&mut tail, || {
            for number in 0..5 {
                node.tell(&node.pid("me"), listener.pid(), note(number));
            }
        })
        .await;

        let (messages, _, last) = tail.rest().await;

        assert_eq!((messages.len(), &last["end"]), (2, &json!("as many messages as were wanted are shown")));
        node.shutdown().await;
    });
}

fn rendered(name: &str, body: &[u8]) -> Option<Value> {
    let note = <cast::Note as prost::Message>::decode(body).ok()?;
    (name == "test.Note").then(|| json!({"number": note.number, "text": "<hidden>"}))
}

#[test]
fn bodies_are_shown_without_their_secrets_and_only_by_a_node_that_knows_them() {
    libactor::run(async {
        let here = served(Node::builder().body_renderer(rendered)).await;
        let there = node().await;
        let (one, mut seen) = listener();
        let (two, _seen) = listener();
        let (knows, does_not) = (here.spawn("knows", one), there.spawn("does_not", two));
        here.tell(&here.pid("me"), does_not.pid(), note(1));
        let secret = || cast::Note { number: 7, text: "hunter2".into() };
        let mut tail = Tail::open(&here, "scope=cluster&body=true&actor=knows").await;
        let mut other = Tail::open(&here, "scope=cluster&body=true&actor=does_not").await;

        let shown = until_shown(&mut tail, || here.tell(&here.pid("me"), knows.pid(), secret())).await;
        let remote = until_shown(&mut tail, || there.tell(&there.pid("me"), knows.pid(), secret())).await;
        let bare = until_shown(&mut other, || here.tell(&here.pid("me"), does_not.pid(), secret())).await;

        assert_eq!(shown["body"], json!({"number": 7, "text": "<hidden>"}));
        assert_eq!(remote["body"], shown["body"]);
        assert_eq!((bare.get("body"), &bare["size"]), (None, &json!(11)));
        assert!(![shown, remote, bare].iter().any(|message| message.to_string().contains("hunter2")));
        seen.next().await;
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn only_what_is_lost_is_shown_to_who_asks_for_errors() {
    libactor::run(async {
        let node = node().await;
        let (actor, _seen) = listener();
        let listener = node.spawn("listener", actor);
        let mut tail = Tail::open(&node, "errors=true").await;

        let message = until_shown(&mut tail, || {
            node.tell(&node.pid("me"), listener.pid(), note(1));
            node.tell(&node.pid("me"), &node.pid("nobody"), note(2));
        })
        .await;

        assert_eq!(
            (&message["to"], &message["outcome"]),
            (&json!(node.pid("nobody").to_string()), &json!("no such actor"))
        );
        node.shutdown().await;
    });
}

#[test]
fn a_client_that_leaves_closes_its_taps_everywhere() {
    libactor::run(async {
        let mut chain = Chain::new(2).await;
        chain.pass(1).await;
        // As many as a node may have: each must have been closed before the next.
        for _ in 0..40 {
            let mut tail = Tail::open(&chain.nodes[0], "scope=cluster&seconds=3600").await;
            let (node, to, from) =
                (chain.nodes[0].clone(), chain.relays[0].clone(), chain.nodes[0].pid("client"));
            until_shown(&mut tail, || node.tell(&from, &to, note(2))).await;
        }
        get_json(&chain.nodes[0], "/__trace__?scope=cluster").await;
        chain.shutdown().await;
    });
}

#[test]
fn there_are_only_so_many_tails_and_each_says_what_is_wrong_with_it() {
    libactor::run(async {
        let node = node().await;
        let mut tails = Vec::new();
        for _ in 0..libactor::limits::TAPS {
            let mut tail = Tail::open(&node, "seconds=60").await;
            let mut head = String::new();
            soon(tail.0.read_line(&mut head)).await.unwrap();
            assert!(head.contains(" 200 "), "{head}");
            tails.push(tail);
        }

        let refused = "16 taps are open on this node; wait until one ends";
        assert_eq!(get(&node, "/__trace__/tail").await, (503, refused.to_owned()));
        drop(tails);
        for (query, error) in [
            ("rate=0", "rate: '0' is not a whole number from 1 on"),
            ("rate=10001", "rate: 10001 is more than 10000"),
            ("seconds=3601", "seconds: 3601 is more than 3600"),
            (
                "tag=a=b",
                "unknown parameter 'tag'; /__trace__/tail knows slower_than, trace, actor, message, errors, rate, seconds, \
                 limit, scope, body",
            ),
        ] {
            assert_eq!(get(&node, &format!("/__trace__/tail?{query}")).await, (400, error.to_owned()));
        }
        node.shutdown().await;
    });
}

/// As docs/protocol/trace.md describes it to those who read it with a library of their own.
#[derive(Clone, PartialEq, prost::Message)]
struct TailItem {
    #[prost(message, optional, tag = "1")]
    message: Option<Shown>,
    #[prost(string, optional, tag = "3")]
    end: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Shown {
    #[prost(string, tag = "1")]
    node: String,
}

/// A chunked body without its chunks' lengths.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|part| part == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 2 + length + 2..];
    }
}

#[test]
fn a_tail_is_also_written_as_protobuf() {
    libactor::run(async {
        let node = node().await;
        let (actor, _seen) = listener();
        let listener = node.spawn("listener", actor);
        let path = "/__trace__/tail?limit=2&message=Note&seconds=60";
        let answer = get_bytes(&node, path, "application/x-protobuf");
        tokio::pin!(answer);

        let (status, body) = loop {
            node.tell(&node.pid("me"), listener.pid(), note(1));
            tokio::select! {
                answer = &mut answer => break answer,
                () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
            }
        };

        let (mut items, mut body) = (Vec::new(), &*unchunked(&body));
        while !body.is_empty() {
            items.push(TailItem::decode_length_delimited(&mut body).unwrap());
        }
        let nodes: Vec<String> =
            items.iter().filter_map(|item| Some(item.message.as_ref()?.node.clone())).collect();
        assert_eq!((status, nodes), (200, vec![node.address().to_string(); 2]));
        assert!(items.last().unwrap().end.is_some(), "{items:?}");
        node.shutdown().await;
    });
}
