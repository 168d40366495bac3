//! Nodes on IPv6 addresses: every language of the port, and both families on one port.

use std::net::SocketAddr;

mod cast;

use cast::{Saw, Seen, listener, note, perform, served, soon};
use libactor::{Exit, Node, Pid};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn node() -> Node {
    served(Node::builder().listen("[::1]:0".parse().unwrap())).await
}

fn spawn_listener(node: &Node) -> (Pid, Seen) {
    let (actor, seen) = listener();
    (node.spawn("listener", actor).pid().clone(), seen)
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[test]
fn a_pid_of_an_ipv6_node_prints_parses_and_reaches_its_actor() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (pid, mut seen) = spawn_listener(&there);
        let port = there.address().port();
        let me = here.pid("me");

        assert_eq!(pid.to_string(), format!("listener@[::1]:{port}"));
        here.tell(&me, &pid.to_string().parse().unwrap(), note(7));

        assert_eq!(seen.next().await, Saw::Note(me, 7));
        here.shutdown().await;
        there.shutdown().await;
    });
}

#[test]
fn a_watch_of_an_ipv6_node_ends_once() {
    libactor::run(async {
        let (here, there) = (node().await, node().await);
        let (pid, _seen) = spawn_listener(&there);
        let (actor, mut saw) = listener();
        let (watcher, watched) = (here.spawn("watcher", actor), pid.clone());
        watcher.ask(perform(move |_, cx| cx.watch(&watched))).await.unwrap();
        // The watch is there before the node goes.
        here.tell(&here.pid("me"), &pid, note(1));
        let _ = soon(here.exited(&Pid::new("nobody", there.address()).unwrap())).await;

        there.shutdown().await;

        assert!(
            matches!(saw.next().await, Saw::Exited(of, Exit::Stopped | Exit::ConnectionLost) if of == pid)
        );
        assert!(saw.nothing_more());
        here.shutdown().await;
    });
}

#[test]
fn libprocess_messages_come_and_go_over_ipv6() {
    libactor::run(async {
        let here = node().await;
        let (pid, mut seen) = spawn_listener(&here);
        let theirs = TcpListener::bind("[::1]:0").await.unwrap();
        let port = theirs.local_addr().unwrap().port();
        let from = format!("driver(1)@[::1]:{port}");
        let mut stream = TcpStream::connect(here.address()).await.unwrap();
        let body = note(7).encode_to_vec();
        let head = format!(
            "POST /listener/test.Note HTTP/1.1\r\nUser-Agent: libprocess/{from}\r\nLibprocess-From: {from}\r\nConnection: Keep-Alive\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
            pid.address(),
            body.len()
        );

        stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        let saw = seen.next().await;
        // Who was heard in that wire is answered in it.
        let to: Pid = from.parse().unwrap();
        here.tell(&pid, &to, note(8));
        let (mut back, _) = soon(theirs.accept()).await.unwrap();
        let mut bytes = vec![0; 512];
        let count = soon(back.read(&mut bytes)).await.unwrap();

        assert_eq!(saw, Saw::Note(to, 7));
        let said = String::from_utf8_lossy(&bytes[..count]);
        let expected = format!(
            "POST /driver(1)/test.Note HTTP/1.1\r\nUser-Agent: libprocess/{pid}\r\nLibprocess-From: {pid}\r\nConnection: Keep-Alive\r\nHost: [::1]:{port}\r\n"
        );
        assert!(said.starts_with(&expected), "{said}");
        here.shutdown().await;
    });
}

#[test]
fn http_is_served_over_ipv6() {
    libactor::run(async {
        let here = node().await;
        let (_, _seen) = spawn_listener(&here);

        let answer = get(here.address(), "/__processes__").await;

        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains(r#""id":"listener""#), "{answer}");
        here.shutdown().await;
    });
}

#[test]
fn a_node_that_listens_on_all_addresses_is_reached_over_both_families() {
    libactor::run(async {
        let any = Node::builder().listen("[::]:0".parse().unwrap());
        let both = served(any.advertise(Some("[::1]:0".parse().unwrap()))).await;
        let (pid, mut seen) = spawn_listener(&both);
        let v4 = SocketAddr::from(([127, 0, 0, 1], both.address().port()));
        let (old, new) = (cast::node().await, node().await);

        // A node of either family reaches it by the address that its own family has for it.
        new.tell(&new.pid("new"), &pid, note(6));
        assert_eq!(seen.next().await, Saw::Note(new.pid("new"), 6));
        old.tell(&old.pid("old"), &Pid::new("listener", v4).unwrap(), note(4));
        assert_eq!(seen.next().await, Saw::Note(old.pid("old"), 4));
        for address in [v4, both.address()] {
            assert!(get(address, "/__processes__").await.starts_with("HTTP/1.1 200 OK"));
        }

        for node in [old, new, both] {
            node.shutdown().await;
        }
    });
}
