//! Ten thousand connections that say nothing, and a thousand that stop in the middle: what they cost is bounded, and whoever has
//! something to say is served meanwhile.
//!
//! The crowd is another process: this test's program, started once more for the test that plays it.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

mod cast;

use cast::{Saw, listener, node, note, served, soon};
use libactor::{Actor, ActorRef, Node};

const CROWD: &str = "LIBACTOR_TEST_CROWD";
const HALVES: &str = "LIBACTOR_TEST_HALVES";

/// What a connection that says nothing may cost: its task, and its place in the tables of the runtime.
const IDLE_BYTES: usize = 12 << 10;

/// What is sent of a frame that is twice as long, and of a request in the libprocess wire.
const HALF: usize = 32 << 10;

/// What half a frame may cost: itself, in a buffer that may have doubled, and one read ahead.
const HALF_BYTES: usize = 2 * HALF + (64 << 10) + IDLE_BYTES;

struct Crowd {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Crowd {
    /// Connects so many times to `address`, and sends nothing or half of something.
    fn gather(address: SocketAddr, count: usize, halves: bool) -> Crowd {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "plays_the_crowd", "--nocapture", "--test-threads=1"]);
        command.env(CROWD, format!("{address} {count}")).stdin(Stdio::piped()).stdout(Stdio::piped());
        if halves {
            command.env(HALVES, "");
        }
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Crowd { child, said }
    }

    fn is_there(&mut self) {
        let mut lines = self.said.by_ref().map_while(Result::ok);
        assert!(
            lines.any(|line| line.contains("all there")),
            "the crowd left; is the limit of open files low?"
        );
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test of its own. Stays until its input ends, which is when its test has.
#[test]
fn plays_the_crowd() {
    let Ok(crowd) = std::env::var(CROWD) else { return };
    let (address, count) = crowd.split_once(' ').unwrap();
    let (address, count): (SocketAddr, usize) = (address.parse().unwrap(), count.parse().unwrap());
    let halves = std::env::var_os(HALVES).is_some();
    let connections: Vec<TcpStream> = (0..count)
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            if halves {
                stream.write_all(&half(number)).unwrap();
            }
            stream
        })
        .collect();
    println!("all there");
    std::io::stdout().flush().unwrap();
    std::io::stdin().lines().for_each(drop);
    drop(connections);
}

/// Half a frame of a peer, or half a message of a libprocess sender, by turns.
fn half(number: usize) -> Vec<u8> {
    let part = vec![7; HALF];
    if number.is_multiple_of(2) {
        let head = format!(
            "POST /listener/test.Note HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:9\r\nContent-Length: {}\r\n\r\n",
            2 * HALF
        );
        return [head.as_bytes(), &part].concat();
    }
    let address = format!("10.1.{}.{}:5050", number / 256, number % 256);
    let hello = [&[0x0a, address.len() as u8], address.as_bytes()].concat();
    let frame = [&[0x0a, hello.len() as u8], &hello[..]].concat();
    let (length, longer) = ((frame.len() as u32).to_be_bytes(), (2 * HALF as u32).to_be_bytes());
    [b"\x93lactor\x02", &length[..], &frame[..], &longer[..], &part].concat()
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Fails when what a crowd costs is not bounded by `each`, or when somebody else is not served.
fn costs_at_most(count: usize, halves: bool, each: usize) {
    libactor::run(async {
        // Of the silent, as many as are half of all may stay.
        let target = served(Node::builder().connection_limit(3 * count)).await;
        let decent = node().await;
        let (actor, mut seen) = listener();
        let listener: ActorRef<_> = target.spawn("listener", actor);
        serves(&decent, &listener, &mut seen).await;
        let before = resident();

        let mut crowd = Crowd::gather(target.address(), count, halves);
        crowd.is_there();
        // What was sent was read: a connection behind the crowd is served.
        serves(&decent, &listener, &mut seen).await;
        let newcomer = node().await;
        serves(&newcomer, &listener, &mut seen).await;

        let grown = resident().saturating_sub(before);
        assert!(grown <= count * each, "{} bytes for each of {count}, at most {each}", grown / count);
        assert!(!halves || grown >= count * HALF / 2, "only {grown} bytes: was it read at all?");
        newcomer.shutdown().await;
        decent.shutdown().await;
        target.shutdown().await;
    });
}

async fn serves<A: Actor>(node: &Node, listener: &ActorRef<A>, seen: &mut cast::Seen) {
    let me = node.pid("me");
    node.tell(&me, listener.pid(), note(1));
    let saw = tokio::time::timeout(Duration::from_secs(5), seen.next()).await;
    assert_eq!(saw.expect("served while there is a crowd"), Saw::Note(me, 1));
    soon(tokio::task::yield_now()).await;
}

#[test]
fn ten_thousand_connections_that_say_nothing_cost_little() {
    costs_at_most(10_000, false, IDLE_BYTES);
}

#[test]
fn a_thousand_connections_that_stop_half_way_cost_what_they_sent() {
    costs_at_most(1_000, true, HALF_BYTES);
}
