//! A program of the libprocess kind that posts messages on one connection and waits for nothing, to one of our nodes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use libactor::{Actor, Context, Node, Pid, Receive, Routes};
use prost::Message;
use tepui_bench::{Figures, Other, rate};

use super::{Load, address, load};

/// Posted in one run, and before the clock runs.
const POSTED: u64 = 400_000;
const WARM: u64 = 40_000;
/// Written at once.
const BATCH: u64 = 256;

/// The receiving node. Says when the warm-up and when the last message has been handled.
pub fn play(_: &[String]) -> Result<()> {
    libactor::run(async {
        let node = Node::builder().bind().await?;
        node.serve(|_| {}).await?;
        node.spawn("sink", Sink(0));
        Other::say(node.address());
        tokio::task::spawn_blocking(Other::wait_for_the_end).await.context("wait for the end")
    })
}

struct Sink(u64);

impl Actor for Sink {
    fn install(routes: &mut Routes<Self>) {
        routes.message::<Load>();
    }
}

impl Receive<Load> for Sink {
    fn receive(&mut self, _cx: &mut Context<Self>, _from: &Pid, load: Load) {
        std::hint::black_box(load.payload);
        self.0 += 1;
        if self.0 == WARM || self.0 == WARM + POSTED {
            Other::say(self.0);
        }
    }
}

pub fn receive() -> Result<Figures> {
    let mut other = Other::start("libprocess receiver", &[])?;
    let receiver = address(&mut other)?;
    let mut stream = TcpStream::connect(receiver)?;
    let mut answers = stream.try_clone()?;
    // The answers are read, as libprocess reads them, and ignored.
    std::thread::spawn(move || {
        let mut ignored = vec![0; 64 << 10];
        while answers.read(&mut ignored).is_ok_and(|count| count > 0) {}
    });
    post(&mut stream, receiver, &mut other, WARM)?;
    let started = post(&mut stream, receiver, &mut other, POSTED)?;
    Ok(rate(POSTED, started.elapsed()))
}

/// Posts so many and waits until they are handled.
fn post(stream: &mut TcpStream, receiver: SocketAddr, other: &mut Other, count: u64) -> Result<Instant> {
    let batch: Vec<u8> = (0..BATCH).flat_map(|number| request(receiver, number)).collect();
    let rest: Vec<u8> = (0..count % BATCH).flat_map(|number| request(receiver, number)).collect();
    let started = Instant::now();
    for _ in 0..count / BATCH {
        stream.write_all(&batch)?;
    }
    stream.write_all(&rest)?;
    let handled: u64 = other.line()?.parse().context("read what was handled")?;
    ensure!(handled == WARM || handled == WARM + POSTED, "{handled} handled");
    Ok(started)
}

/// As libprocess writes it.
pub fn request(receiver: SocketAddr, number: u64) -> Vec<u8> {
    let sender = "bench(1)@127.0.0.1:5151";
    let body = load(number).encode_to_vec();
    let head = format!(
        "POST /sink/libactor.bench.Load HTTP/1.1\r\nUser-Agent: libprocess/{sender}\r\nLibprocess-From: {sender}\r\n\
         Connection: Keep-Alive\r\nHost: {receiver}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        body.len()
    );
    [head.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat()
}
