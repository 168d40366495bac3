//! A little collector, which takes one request and decodes it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::client::block_on;
use crate::commands::trace::fixture;

/// Takes one request and answers it; gives its head and body.
fn collector(status: &'static str) -> (String, thread::JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let served = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("a line") > 0, "the request ends early: {head}");
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().expect("a length"))
        });
        let mut body = vec![0; length.expect("a length")];
        reader.read_exact(&mut body).expect("a body");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).expect("an answer");
        (head, body)
    });
    (address, served)
}

#[test]
fn a_collector_gets_every_message_as_a_span_of_its_actor() {
    let tree = fixture::launch();
    let (address, served) = collector("200 OK");

    let sent = block_on(export(&address, &tree)).expect("an export");

    let (head, body) = served.join().expect("a request");
    let request = ExportTraceServiceRequest::decode(&body[..]).expect("an OTLP request");
    let spans: Vec<&Span> = request
        .resource_spans
        .iter()
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans)
        .collect();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert_eq!((sent, spans.len()), (tree.hops.len(), tree.hops.len()));
    assert!(spans.iter().all(|span| span.trace_id.len() == 16 && span.span_id.len() == 8));
    assert!(spans.iter().all(|span| span.end_time_unix_nano >= span.start_time_unix_nano));
    let run = spans.iter().find(|span| span.name == "RunTaskMessage").expect("a span");
    let accept = spans.iter().find(|span| span.name == "Call.ACCEPT").expect("a span");
    assert_eq!(run.parent_span_id, accept.span_id);
    assert!(run.attributes.contains(&super::text("tepui.task", "web-1")));
    let lost = spans.iter().filter(|span| span.status.is_some()).count();
    assert_eq!(lost, 1, "the update that was lost");
}

#[test]
fn a_collector_that_refuses_is_named() {
    let (address, served) = collector("503 Service Unavailable");

    let error = block_on(export(&address, &fixture::launch())).expect_err("a refusal");

    drop(served.join());
    assert_eq!(format!("{error:#}"), format!("send spans to {address}/v1/traces: 503 Service Unavailable: "));
    let odd = block_on(export("collector:4318", &fixture::launch())).expect_err("no address");
    assert!(odd.to_string().starts_with("--otlp: 'collector:4318' is no collector's address"), "{odd}");
}
